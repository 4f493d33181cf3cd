namespace Iscsi.Storage;

/// <content>Changing size while it is served.</content>
public sealed partial class FileBlockDevice
{
    /// <summary>
    /// Takes over the length that the file has now; when it changed, replaces <see cref="Info"/> and raises
    /// <see cref="InfoChanged"/>.
    /// </summary>
    /// <param name="cancellationToken">Given up before the file is looked at.</param>
    /// <returns>Whether it changed.</returns>
    /// <exception cref="BlockDeviceException">The new length is zero or no multiple of the block size; the device stays as it
    /// was.</exception>
    public Task<bool> RefreshAsync(CancellationToken cancellationToken = default) => ResizeAsync(null, cancellationToken);

    /// <summary>
    /// Changes the length of the file and of the device. New blocks are zeroes; blocks behind a smaller length are lost.
    /// </summary>
    /// <remarks>Before it is made smaller, writes to what is cut off must have ended: one that runs meanwhile makes the file
    /// longer again.</remarks>
    /// <param name="newLengthBytes">A positive multiple of the block size.</param>
    /// <param name="cancellationToken">Given up before the file is changed.</param>
    /// <exception cref="ArgumentOutOfRangeException">The length is not possible.</exception>
    /// <exception cref="BlockDeviceException">Read-only, a block device, or no space.</exception>
    public Task ResizeAsync(long newLengthBytes, CancellationToken cancellationToken = default)
    {
        BlockDeviceChecks.CheckLength(newLengthBytes, Info.BlockSize, nameof(newLengthBytes));
        BlockDeviceChecks.CheckWritable(Info);
        return ResizeAsync((long?)newLengthBytes, cancellationToken);
    }

    private async Task<bool> ResizeAsync(long? newLengthBytes, CancellationToken cancellationToken)
    {
        _gate.Enter(this);
        try
        {
            await _resizing.WaitAsync(cancellationToken).ConfigureAwait(false);
            try
            {
                if (!await Task.Run(() => Resize(newLengthBytes), cancellationToken).ConfigureAwait(false)) return false;
            }
            finally
            {
                _resizing.Release();
            }
        }
        finally
        {
            _gate.Leave();
        }
        // Outside, so that a handler may call whatever it likes.
        InfoChanged?.Invoke(this);
        return true;
    }

    private bool Resize(long? newLengthBytes)
    {
        if (newLengthBytes is { } length) _backend.SetLength(length);
        var lengthBytes = _backend.GetLength();
        var info = Info;
        if (lengthBytes == info.LengthBytes) return false;
        if (lengthBytes == 0 || lengthBytes % info.BlockSize != 0) throw FileErrors.InvalidSize(Path, lengthBytes, info.BlockSize);
        Volatile.Write(ref _info, _backend.Describe(lengthBytes));
        _backend.OnLengthChanged(lengthBytes);
        return true;
    }
}
