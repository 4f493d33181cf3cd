using System.Collections.Immutable;
using Iscsi.Protocol.Scsi;

namespace Iscsi.Target.Scsi.PersistentReservations;

/// <summary>What a PERSISTENT RESERVE OUT comes to: a refusal, or a new state with its consequences.</summary>
internal sealed record PersistentReservationDecision
{
    /// <summary>RESERVATION CONFLICT.</summary>
    public static PersistentReservationDecision Conflict { get; } = new() { IsConflict = true };

    /// <summary>Whether the status is RESERVATION CONFLICT.</summary>
    public bool IsConflict { get; private init; }

    /// <summary>The sense of CHECK CONDITION; null: the status is another one.</summary>
    public SenseData? Sense { get; private init; }

    /// <summary>The state after the command, for GOOD; the same object when nothing changes.</summary>
    public PersistentReservationState? State { get; init; }

    /// <summary>Unit attention conditions to establish.</summary>
    public ImmutableArray<(NexusName Nexus, UnitAttention Condition)> Attentions { get; init; } = [];

    /// <summary>Nexuses whose tasks are to be aborted before the status.</summary>
    public ImmutableArray<NexusName> Aborted { get; init; } = [];

    /// <summary>CHECK CONDITION.</summary>
    public static PersistentReservationDecision Fail(SenseData sense) => new() { Sense = sense };

    /// <summary>05/26/00 with a pointer into the parameter list.</summary>
    public static PersistentReservationDecision InvalidParameter(int offsetBytes, int? bit = null) =>
        Fail(new SenseData(SenseKey.IllegalRequest, AdditionalSense.InvalidFieldInParameterList)
        {
            Field = new FieldPointer(InCdb: false, (ushort)offsetBytes, (byte?)bit),
        });

    /// <summary>05/24/00 with a pointer into the CDB.</summary>
    public static PersistentReservationDecision InvalidField(int offsetBytes, int bit) =>
        Fail(new SenseData(SenseKey.IllegalRequest, AdditionalSense.InvalidFieldInCdb)
        {
            Field = new FieldPointer(InCdb: true, (ushort)offsetBytes, (byte)bit),
        });
}
