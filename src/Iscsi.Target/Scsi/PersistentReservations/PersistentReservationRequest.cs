using System.Collections.Immutable;

namespace Iscsi.Target.Scsi.PersistentReservations;

/// <summary>Service actions of PERSISTENT RESERVE OUT (SPC-4).</summary>
internal enum PersistentReserveOutAction : byte
{
    /// <summary>REGISTER.</summary>
    Register = 0x00,

    /// <summary>RESERVE.</summary>
    Reserve = 0x01,

    /// <summary>RELEASE.</summary>
    Release = 0x02,

    /// <summary>CLEAR.</summary>
    Clear = 0x03,

    /// <summary>PREEMPT.</summary>
    Preempt = 0x04,

    /// <summary>PREEMPT AND ABORT.</summary>
    PreemptAndAbort = 0x05,

    /// <summary>REGISTER AND IGNORE EXISTING KEY.</summary>
    RegisterAndIgnoreExistingKey = 0x06,

    /// <summary>REGISTER AND MOVE.</summary>
    RegisterAndMove = 0x07,
}

/// <summary>A PERSISTENT RESERVE OUT command with its parameter list.</summary>
internal sealed record PersistentReservationRequest
{
    /// <summary>SERVICE ACTION.</summary>
    public required PersistentReserveOutAction Action { get; init; }

    /// <summary>SCOPE; only 0, the logical unit, exists.</summary>
    public byte Scope { get; init; }

    /// <summary>TYPE as received.</summary>
    public byte Type { get; init; }

    /// <summary>RESERVATION KEY.</summary>
    public ulong Key { get; init; }

    /// <summary>SERVICE ACTION RESERVATION KEY.</summary>
    public ulong ServiceActionKey { get; init; }

    /// <summary>SPEC_I_PT.</summary>
    public bool SpecifiesInitiatorPorts { get; init; }

    /// <summary>ALL_TG_PT.</summary>
    public bool AllTargetPorts { get; init; }

    /// <summary>APTPL.</summary>
    public bool ActivatesPersistence { get; init; }

    /// <summary>UNREG, of REGISTER AND MOVE.</summary>
    public bool Unregisters { get; init; }

    /// <summary>RELATIVE TARGET PORT IDENTIFIER, of REGISTER AND MOVE.</summary>
    public ushort TargetPort { get; init; }

    /// <summary>The TransportIDs with SPEC_I_PT, the one of REGISTER AND MOVE.</summary>
    public ImmutableArray<IscsiTransportId> TransportIds { get; init; } = [];
}
