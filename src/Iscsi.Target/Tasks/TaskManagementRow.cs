using Iscsi.Protocol;
using Iscsi.Target.Scsi;
using Iscsi.Target.Sessions;

namespace Iscsi.Target.Tasks;

/// <summary>A task management function that is served.</summary>
internal sealed class TaskManagementRow
{
    /// <summary>The function.</summary>
    public required TaskManagementFunction Function { get; init; }

    /// <summary>What it is addressed to.</summary>
    public required TaskManagementScope Scope { get; init; }

    /// <summary>The iSCSIProtocolLevel from which on the function exists: 1 for RFC 7143, 2 for RFC 7144.</summary>
    public int ProtocolLevel { get; init; } = 1;

    /// <summary>Its bit in the first two bytes of the REPORT SUPPORTED TASK MANAGEMENT FUNCTIONS parameter data (SPC-4).</summary>
    public required ushort SupportBit { get; init; }

    /// <summary>Carries it out, and answers. The logical unit is there for those that are addressed to one.</summary>
    public required Action<TargetSession, TargetTask, LogicalUnit?> Run { get; init; }
}
