using Iscsi.Target.Scsi.PersistentReservations;

namespace Iscsi.Target.Scsi;

/// <summary>
/// One I_T nexus: an iSCSI session seen from the SCSI layer (RFC 7143, 4.4). Holds the unit attention conditions of each logical
/// unit. They are raised by any thread and consumed by the session's owner.
/// </summary>
internal sealed partial class ScsiNexus
{
    private readonly Lock _lock = new();
    private UnitAttention[] _pending = [];
    private int _pendingUnits;

    /// <summary>Creates a nexus. It takes part once it is attached to a <see cref="LogicalUnitMap"/>.</summary>
    /// <param name="initiatorName">iSCSI name of the initiator.</param>
    /// <param name="initiatorSessionId">ISID, 48 bits.</param>
    /// <param name="targetPortGroupTag">The portal group: it is the SCSI target port (the portals of one group are one
    /// target port).</param>
    public ScsiNexus(string initiatorName, ulong initiatorSessionId, ushort targetPortGroupTag)
    {
        Name = new NexusName(initiatorName, initiatorSessionId, targetPortGroupTag);
        InitiatorName = initiatorName;
        InitiatorSessionId = initiatorSessionId;
        TargetPortGroupTag = targetPortGroupTag;
    }

    /// <summary>What registrations are kept under; a later session of the same ports has an equal one.</summary>
    public NexusName Name { get; }

    /// <summary>iSCSI name of the initiator.</summary>
    public string InitiatorName { get; }

    /// <summary>ISID, 48 bits.</summary>
    public ulong InitiatorSessionId { get; }

    /// <summary>The portal group tag, which is also the relative target port identifier; 1 or more.</summary>
    public ushort TargetPortGroupTag { get; }

    /// <summary>iSCSIProtocolLevel of the session: 2 and more has what RFC 7144 adds. Default 1.</summary>
    public int ProtocolLevel { get; set; } = 1;

    /// <summary>Whether any logical unit has something to report; a hint read without a lock on every command.</summary>
    public bool HasUnitAttention => Volatile.Read(ref _pendingUnits) != 0;

    /// <summary>Establishes conditions for a logical unit.</summary>
    public void Raise(LogicalUnit unit, UnitAttention conditions)
    {
        lock (_lock)
        {
            if (conditions == UnitAttention.None) return;
            if (unit.Index >= _pending.Length) Array.Resize(ref _pending, unit.Index + 1);
            ref var set = ref _pending[unit.Index];
            if (set == UnitAttention.None) Volatile.Write(ref _pendingUnits, _pendingUnits + 1);
            set = set.With(conditions);
        }
    }

    /// <summary>The conditions of a logical unit.</summary>
    public UnitAttention Pending(LogicalUnit unit)
    {
        if (!HasUnitAttention) return UnitAttention.None;
        lock (_lock) return unit.Index < _pending.Length ? _pending[unit.Index] : UnitAttention.None;
    }

    /// <summary>Ends conditions of a logical unit.</summary>
    public void Clear(LogicalUnit unit, UnitAttention conditions)
    {
        lock (_lock)
        {
            if (unit.Index < _pending.Length) ClearAt(unit.Index, conditions);
        }
    }

    /// <summary>Ends conditions of every logical unit.</summary>
    public void ClearAll(UnitAttention conditions)
    {
        lock (_lock)
        {
            for (var i = 0; i < _pending.Length; i++) ClearAt(i, conditions);
        }
    }

    private void ClearAt(int index, UnitAttention conditions)
    {
        ref var set = ref _pending[index];
        if (set == UnitAttention.None) return;
        set &= ~conditions;
        if (set == UnitAttention.None) Volatile.Write(ref _pendingUnits, _pendingUnits - 1);
    }
}
