namespace Iscsi.Target;

/// <summary>What a LUN is beside its device.</summary>
public sealed record LunOptions
{
    private readonly string? _reservationsPath;
    private readonly string? _statePath;

    /// <summary>What clients see as its serial number: 1 to 20 printable ASCII characters. Default null: derived from target name and the device's identity.</summary>
    public string? SerialNumber { get; init; }

    /// <summary>
    /// Whether clients see a removable medium (SPC-4, RMB), which they can eject, load, and keep from being ejected: a drive for images
    /// that are changed. An ejected medium is back after a restart. Default false.
    /// </summary>
    public bool IsRemovable { get; init; }

    /// <summary>
    /// A file for persistent reservations that an initiator wants to survive a restart (SPC-4, APTPL): created when the first one asks,
    /// replaced as a whole and made durable at every change. It belongs to the disk: put it beside it, and copy or delete it with it.
    /// Default null: reservations end with the server, and the target says so (PTPL_C zero). <see cref="IscsiTargetBuilder.Build"/> reads
    /// it, and throws <see cref="InvalidDataException"/> when it is damaged: what it says about who may write must not be guessed.
    /// </summary>
    public string? ReservationsPath
    {
        get => _reservationsPath;
        init => _reservationsPath = value is null ? null : Path.GetFullPath(value);
    }

    /// <summary>
    /// Refuses writes, whatever the device can do. Default false. It can be changed while the LUN is served: <see cref="ServedLun.IsReadOnly"/>.
    /// </summary>
    public bool IsReadOnly { get; init; }

    /// <summary>
    /// A file for what initiators save in the disk itself, as its mode pages (SPC-4, saved values), and for a sanitize or format operation that a
    /// restart interrupts: created when the first thing is saved, replaced as a whole and made durable at every change. It belongs to the
    /// disk as <see cref="ReservationsPath"/> does. Default null: nothing is saveable, and the target says so.
    /// </summary>
    public string? StatePath
    {
        get => _statePath;
        init => _statePath = value is null ? null : Path.GetFullPath(value);
    }

    /// <summary>
    /// Bytes that the file system below must have left; when it has no more than that, every initiator is told by a unit attention
    /// condition (SBC-3, thin provisioning soft threshold, 38/07). Rounded up to whole threshold sets of 1 MiB. An initiator may set
    /// another threshold, which then counts. Default null: no threshold until an initiator sets one. Without effect for a device that can't
    /// tell its space or can't unmap.
    /// </summary>
    public long? LowSpaceBytes { get; init; }
}
