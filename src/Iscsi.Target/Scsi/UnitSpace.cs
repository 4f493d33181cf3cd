using System.Numerics;
using Iscsi.Protocol.Scsi;
using Iscsi.Storage;

namespace Iscsi.Target.Scsi;

// Each threshold, seen by the samples that come every ScsiLimits.SpaceInterval (SBC-3, threshold notifications):
//
//      disabled ──(MODE SELECT)──▶ armed ──(at or past the count: unit attention)──▶ tripped
//                                    ▲                                                  │
//                                    └──────────────(back beyond the count)─────────────┘

/// <summary>The space below a thin logical unit, and the soft thresholds that initiators set on it (SBC-3).</summary>
/// <param name="unit">The logical unit.</param>
/// <param name="clock">Its clock.</param>
internal sealed class UnitSpace(LogicalUnit unit, TimeProvider clock)
{
    private const int ThresholdSetBytes = 1 << 20;

    private readonly Lock _lock = new();
    private long _sampledAt;
    private bool _wasSampled;
    private bool _isSampling;
    private bool _isUrgent;
    private bool _availableTripped;
    private bool _usedTripped;
    private volatile int _trippedOffset;

    /// <summary>Whether the device says how much space there is. A resource that can't be counted has no threshold and no log page.</summary>
    public bool IsKnown => ScsiCapabilities.CanUnmap(unit) && unit.Info.ReportsSpace && unit.Device is IBlockDeviceSpace;

    /// <summary>
    /// THRESHOLD EXPONENT: blocks of a threshold set as a power of two. 1 MiB, or what a very large disk needs to be counted in 32 bits.
    /// </summary>
    public static byte ThresholdExponent(BlockDeviceInfo info)
    {
        var exponent = BitOperations.Log2((uint)(ThresholdSetBytes / info.BlockSize));
        while (info.BlockCount >> exponent > uint.MaxValue) exponent++;
        return (byte)exponent;
    }

    /// <summary>Bytes of a threshold set.</summary>
    public static long ThresholdSetBytesOf(BlockDeviceInfo info) => (long)info.BlockSize << ThresholdExponent(info);

    /// <summary>Offset in the mode page of the descriptor whose threshold was reached last.</summary>
    public int TrippedDescriptorOffset => _trippedOffset;

    /// <summary>Threshold sets, rounded down: what is not a whole set can't be relied on.</summary>
    public uint Available(BlockDeviceSpace space) => Sets(space.AvailableBytes, roundsUp: false);

    /// <summary>Threshold sets, rounded up.</summary>
    public uint Used(BlockDeviceSpace space) => Sets(space.AllocatedBytes, roundsUp: true);

    /// <summary>The space now.</summary>
    public ValueTask<BlockDeviceSpace> QueryAsync(CancellationToken cancellationToken) =>
        ((IBlockDeviceSpace)unit.Device).GetSpaceAsync(cancellationToken);

    /// <summary>The device has run out of space: the next tick looks at once.</summary>
    public void OnNoSpace()
    {
        lock (_lock) _isUrgent = true;
    }

    /// <summary>The heartbeat. Starts a sample where a threshold is set and it is time; never waits.</summary>
    /// <returns>The sample, when one has started; it does not throw.</returns>
    public Task Tick(LogicalUnitMap map)
    {
        var page = unit.Modes.Provisioning;
        if (page.Available is null && page.Used is null) return Task.CompletedTask;
        lock (_lock)
        {
            if (_isSampling || !IsKnown) return Task.CompletedTask;
            var now = clock.GetTimestamp();
            if (_wasSampled && !_isUrgent && clock.GetElapsedTime(_sampledAt, now) < unit.Limits.SpaceInterval) return Task.CompletedTask;
            _isSampling = _wasSampled = true;
            _isUrgent = false;
            _sampledAt = now;
        }
        return SampleAsync(map);
    }

    /// <summary>Compares a sample with the thresholds.</summary>
    /// <returns>Whether one was reached.</returns>
    public bool Compare(BlockDeviceSpace space)
    {
        var page = unit.Modes.Provisioning;
        var available = space.AvailableBytes is not null && page.Available is { } low && Available(space) <= low;
        var used = space.AllocatedBytes is not null && page.Used is { } high && Used(space) >= high;
        lock (_lock)
        {
            var isReached = (available && !_availableTripped) || (used && !_usedTripped);
            if (used && !_usedTripped) _trippedOffset = LogicalBlockProvisioningModePage.UsedAt;
            if (available && !_availableTripped) _trippedOffset = LogicalBlockProvisioningModePage.AvailableAt;
            _availableTripped = available;
            _usedTripped = used;
            return isReached;
        }
    }

    private async Task SampleAsync(LogicalUnitMap map)
    {
        try
        {
            if (!Compare(await QueryAsync(CancellationToken.None).ConfigureAwait(false))) return;
            if (unit.Modes.Provisioning.SingleInitiator) map.RaiseForOne(unit, UnitAttention.ThinProvisioningSoftThresholdReached);
            else map.Raise(unit, UnitAttention.ThinProvisioningSoftThresholdReached);
        }
        catch (Exception e) when (e is IOException or ObjectDisposedException)
        {
            // What can't be told now is asked for again in a while. The device's own calls say what is wrong with it.
        }
        finally
        {
            lock (_lock) _isSampling = false;
        }
    }

    private uint Sets(long? bytes, bool roundsUp)
    {
        var size = ThresholdSetBytesOf(unit.Info);
        return (uint)Math.Min(((bytes ?? 0) + (roundsUp ? size - 1 : 0)) / size, uint.MaxValue);
    }
}
