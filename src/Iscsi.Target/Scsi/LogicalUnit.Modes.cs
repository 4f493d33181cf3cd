using Iscsi.Protocol.Scsi;

namespace Iscsi.Target.Scsi;

// What initiators set and read beside the blocks: mode pages, logs, names, the clock, self-tests, thresholds.
internal sealed partial class LogicalUnit
{
    /// <summary>Its mode pages.</summary>
    public UnitModePages Modes { get; }

    /// <summary>The control mode page as it is now.</summary>
    public ControlModePage Control => Modes.Control;

    /// <summary>The caching mode page as it is now.</summary>
    public CachingModePage Caching => Modes.Caching;

    /// <summary>Whether the device has a cache that an initiator has switched off: every write is to be durable before its status.</summary>
    public bool WritesThrough => !Caching.WriteCacheEnabled && Info.HasVolatileWriteCache;

    /// <summary>What it says about failures to come.</summary>
    public InformationalExceptions Exceptions { get; }

    /// <summary>Results of its self-tests.</summary>
    public SelfTestLog SelfTests { get; } = new();

    /// <summary>Hours since the server took it up.</summary>
    public ushort PowerOnHours => (ushort)Math.Min(_clock.GetElapsedTime(_startedAt).TotalHours, ushort.MaxValue);

    /// <summary>The clock that initiators read and set.</summary>
    public UnitTimestamp Timestamp { get; }

    /// <summary>The space below it, and the thresholds on it.</summary>
    public UnitSpace Space { get; }

    /// <summary>Counters of nexuses that have ended. Under the lock of its map.</summary>
    public UnitStatistics EndedStatistics { get; set; }

    /// <summary>What the counters were when they were reset. Under the lock of its map.</summary>
    public UnitStatistics StatisticsBase { get; set; }

    /// <summary>The heartbeat: what is to be looked at once in a while. Never waits.</summary>
    public void Tick(LogicalUnitMap map)
    {
        _ = Space.Tick(map);
        Exceptions.Tell(map);
    }

    /// <summary>The sense data that report a unit attention condition.</summary>
    public SenseData SenseOf(UnitAttention one) => one switch
    {
        // SBC-3, threshold notifications: which threshold it was, as the offset of its descriptor in the mode page.
        UnitAttention.ThinProvisioningSoftThresholdReached =>
            new SenseData(SenseKey.UnitAttention, one.Sense()) { Information = (ulong)Space.TrippedDescriptorOffset },
        UnitAttention.InformationalException => new SenseData(SenseKey.UnitAttention, Exceptions.Condition),
        _ => new SenseData(SenseKey.UnitAttention, one.Sense()),
    };
}
