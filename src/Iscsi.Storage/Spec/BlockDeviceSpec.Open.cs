namespace Iscsi.Storage;

/// <content>Opening.</content>
public sealed partial record BlockDeviceSpec
{
    /// <summary>Opens the disk.</summary>
    /// <param name="cancellationToken">Given up before anything is touched.</param>
    /// <returns>The device, which the caller disposes.</returns>
    /// <exception cref="BlockDeviceException">It can't be opened; an existing file has another size than the one
    /// given.</exception>
    /// <exception cref="NotSupportedException">An iSCSI disk: the initiator opens those.</exception>
    /// <exception cref="ArgumentException">A value of this description is not possible.</exception>
    /// <exception cref="InvalidOperationException">A memory or null disk has no size.</exception>
    public async Task<IBlockDevice> OpenAsync(CancellationToken cancellationToken = default)
    {
        var blockSize = BlockSize ?? 512;
        switch (Kind)
        {
            case BlockDeviceKind.File:
                return await OpenFileAsync(blockSize, cancellationToken).ConfigureAwait(false);
            case BlockDeviceKind.Iscsi:
                throw new NotSupportedException($"{Location} is a disk of another target, which the initiator opens.");
        }
        if (SizeBytes is not { } size) throw new InvalidOperationException($"{Location} needs a size.");
        IBlockDevice device = Kind == BlockDeviceKind.Memory ? new MemoryBlockDevice(size, blockSize) : new NullBlockDevice(size, blockSize);
        return IsReadOnly ? new ReadOnlyBlockDevice(device) : device;
    }

    private async Task<FileBlockDevice> OpenFileAsync(int blockSize, CancellationToken cancellationToken)
    {
        var options = new FileBlockDeviceOptions
        {
            CreateWithLength = IsReadOnly ? null : SizeBytes,
            BlockSize = blockSize,
            IsReadOnly = IsReadOnly,
            WriteThrough = WriteThrough,
            Direct = Direct,
            FullyProvisioned = Thick,
        };
        var device = await FileBlockDevice.OpenAsync(Location, options, cancellationToken).ConfigureAwait(false);
        if (SizeBytes is not { } size || size == device.Info.LengthBytes) return device;
        var message = $"{device.Path} has {device.Info.LengthBytes} bytes and not the {size} ({ByteSize.Format(size)}) that size asks for. " +
            $"Leave size out to serve it as it is, or change its length: truncate -s {size}.";
        await device.DisposeAsync().ConfigureAwait(false);
        throw new BlockDeviceException(BlockDeviceError.InvalidSize, message);
    }
}
