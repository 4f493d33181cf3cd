using System.Buffers.Binary;
using System.Runtime.CompilerServices;
using System.Security.Cryptography;
using System.Text;
using Iscsi.Storage;
using Iscsi.Target.Memory;
using Iscsi.Target.Scsi.AsymmetricAccess;
using Iscsi.Target.Scsi.Copy;
using Iscsi.Target.Scsi.Media;
using Iscsi.Target.Scsi.PersistentReservations;
using Iscsi.Target.State;

namespace Iscsi.Target.Scsi;

/// <summary>
/// A block device under a LUN: identity, state, and what its device can do. Shared by all sessions of its target.
/// </summary>
internal sealed partial class LogicalUnit
{
    /// <summary>T10 VENDOR IDENTIFICATION.</summary>
    public const string Vendor = "ISCSINET";

    /// <summary>PRODUCT IDENTIFICATION.</summary>
    public const string Product = "VIRTUAL-DISK";

    private const ulong NaaLocallyAssigned = 0x3;

    private readonly TimeProvider _clock;
    private readonly long _startedAt;
    private volatile bool _isWriteProtected;
    private bool _hasLeft;
    private volatile bool _isWriteErrorLatched;
    private long _knownBlockCount;
    private Action<IBlockDevice>? _onInfoChanged;

    internal LogicalUnit(
        int index,
        ushort number,
        IBlockDevice device,
        string targetName,
        ScsiLimits limits,
        LunOptions options,
        TimeProvider clock,
        TargetPortGroups portGroups)
    {
        PortGroups = portGroups;
        Reservations = new UnitReservations(
            new PersistentReservationLimits { MaxFullStatusBytes = limits.AllAtOnceBytes, TargetPorts = portGroups.Tags },
            options.ReservationsPath is null ? null : new PersistentReservationFile(new ReplaceableFile(options.ReservationsPath)));
        State = new UnitState(options.StatePath is null ? null : new ReplaceableFile(options.StatePath));
        Index = index;
        Number = number;
        Device = device;
        Shortcuts = device as IBlockDeviceShortcuts;
        TargetName = targetName;
        Limits = limits;
        _isWriteProtected = options.IsReadOnly;
        IsRemovable = options.IsRemovable;
        Medium = new UnitMedium(this);
        // The target name is part of it, so that equal paths behind two targets do not look like two paths to one disk.
        var hash = SHA256.HashData(Encoding.UTF8.GetBytes($"{targetName}\n{options.SerialNumber ?? device.Info.Identity}"));
        _clock = clock;
        _startedAt = clock.GetTimestamp();
        Modes = new UnitModePages(this, options);
        Exceptions = new InformationalExceptions(this);
        Timestamp = new UnitTimestamp(clock);
        RodTokens = new UnitRodTokens(clock);
        Space = new UnitSpace(this, clock);
        SerialNumber = options.SerialNumber ?? Convert.ToHexStringLower(hash.AsSpan(0, 10));
        NaaIdentifier = (BinaryPrimitives.ReadUInt64BigEndian(hash) >> 4) | (NaaLocallyAssigned << 60);
    }

    /// <summary>Position in the tables of the target; never reused.</summary>
    public int Index { get; }

    /// <summary>The LUN, 0 to 16383.</summary>
    public ushort Number { get; }

    /// <summary>The storage.</summary>
    public IBlockDevice Device { get; }

    /// <summary>What the storage does beside its Store level; null: nothing.</summary>
    public IBlockDeviceShortcuts? Shortcuts { get; }

    /// <summary>What the device is now.</summary>
    public BlockDeviceInfo Info => Device.Info;

    /// <summary>iSCSI name of the target.</summary>
    public string TargetName { get; }

    /// <summary>Bounds of commands.</summary>
    public ScsiLimits Limits { get; }

    /// <summary>PRODUCT SERIAL NUMBER: at most 20 printable ASCII characters, the same after a restart.</summary>
    public string SerialNumber { get; }

    /// <summary>NAA designator of type 3h, locally assigned (SPC-4).</summary>
    public ulong NaaIdentifier { get; }

    /// <summary>Which requests to the device exclude each other.</summary>
    public RangeLock Ranges { get; } = new();

    /// <summary>What READ BUFFER and WRITE BUFFER work on.</summary>
    public LogicalUnitBuffer Buffer { get; } = new();

    /// <summary>The third-party copies that its copy manager knows.</summary>
    public UnitCopies Copies { get; } = new();

    /// <summary>The ROD tokens that stand for its blocks.</summary>
    public UnitRodTokens RodTokens { get; }

    /// <summary>Who has reserved it, and who is registered.</summary>
    public UnitReservations Reservations { get; }

    /// <summary>What it remembers over a restart beside its reservations.</summary>
    public UnitState State { get; }

    /// <summary>The target port groups it is reached through, and their asymmetric access states.</summary>
    public TargetPortGroups PortGroups { get; }

    /// <summary>The Store level of its device; null when it needs none.</summary>
    public StoreLane? Lane { get; init; }

    /// <summary>Whether it has left its target: a copy that was about to ask it for something must not.</summary>
    public bool HasLeft
    {
        get => Volatile.Read(ref _hasLeft);
        private set => Volatile.Write(ref _hasLeft, value);
    }

    /// <summary>Whether writes are refused: by the device, or by who serves it.</summary>
    public bool IsReadOnly => _isWriteProtected || Info.IsReadOnly;

    /// <summary>Whether who serves it refuses writes.</summary>
    public bool IsWriteProtected
    {
        get => _isWriteProtected;
        set => _isWriteProtected = value;
    }

    /// <summary>RMB: the medium can be ejected and loaded.</summary>
    public bool IsRemovable { get; }

    /// <summary>Whether the medium can be reached: operations on all of it, ejection, power conditions.</summary>
    public UnitMedium Medium { get; }

    /// <summary>Stopped by START STOP UNIT: media access is NOT READY until it is started.</summary>
    public bool IsStopped
    {
        get => Medium.IsStopped;
        set => Medium.IsStopped = value;
    }

    /// <summary>
    /// A flush failed. The kernel may have dropped the pages that were not written, so that a later flush would succeed over lost
    /// data: writes and flushes are refused until the device is opened again.
    /// </summary>
    public bool IsWriteErrorLatched => _isWriteErrorLatched;

    /// <summary>Remembers a failed flush.</summary>
    public void LatchWriteError() => _isWriteErrorLatched = true;

    /// <summary>Flushes the device, and remembers a failure.</summary>
    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder))]
    public async ValueTask FlushAsync(CancellationToken cancellationToken)
    {
        try
        {
            await Device.FlushAsync(cancellationToken).ConfigureAwait(false);
        }
        catch (Exception e) when (e is not OperationCanceledException)
        {
            LatchWriteError();
            throw;
        }
    }

    /// <summary>
    /// The logical unit is reset (SAM-5, logical unit reset; a hard reset resets every one): it is started, and what was reserved by RESERVE
    /// is free, mode pages have their saved values again. Tasks and unit attentions are the task engine's.
    /// </summary>
    public void OnReset()
    {
        Medium.OnReset();
        Reservations.OnReset();
        Copies.OnReset();
        Modes.Reset();
    }

    /// <summary>Tells the nexuses of a map when the device is resized, for as long as both live.</summary>
    internal void Watch(LogicalUnitMap map)
    {
        _knownBlockCount = Info.BlockCount;
        _onInfoChanged = device =>
        {
            var blockCount = device.Info.BlockCount;
            if (Interlocked.Exchange(ref _knownBlockCount, blockCount) != blockCount)
                map.Raise(this, UnitAttention.CapacityDataHasChanged);
        };
        Device.InfoChanged += _onInfoChanged;
        // It may have been resized between the two lines above.
        _onInfoChanged(Device);
    }

    /// <summary>Stops watching: the unit leaves its target.</summary>
    internal void Unwatch()
    {
        HasLeft = true;
        Device.InfoChanged -= _onInfoChanged;
    }
}
