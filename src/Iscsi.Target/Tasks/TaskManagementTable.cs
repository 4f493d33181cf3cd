using Iscsi.Protocol;
using Iscsi.Target.Sessions;

namespace Iscsi.Target.Tasks;

/// <summary>
/// The one table of task management functions: what is dispatched, and what REPORT SUPPORTED TASK MANAGEMENT FUNCTIONS tells. CLEAR ACA
/// is not in it because there is no ACA (NORMACA zero), TASK REASSIGN because there is no other connection to move a task to (ERL 0).
/// </summary>
internal static class TaskManagementTable
{
    /// <summary>The functions.</summary>
    public static ReadOnlySpan<TaskManagementRow> Rows => AllRows;

    private static readonly TaskManagementRow[] AllRows =
    [
        new()
        {
            Function = TaskManagementFunction.AbortTask,
            Scope = TaskManagementScope.Task,
            SupportBit = 0x8000, // ATS
            Run = static (session, function, _) => session.AbortTask(function),
        },
        new()
        {
            Function = TaskManagementFunction.AbortTaskSet,
            Scope = TaskManagementScope.Unit,
            SupportBit = 0x4000, // ATSS
            Run = static (session, function, unit) => session.AbortTaskSet(function, unit!),
        },
        new()
        {
            // The Control mode page says a task set a nexus (TST = 001b): clearing it is aborting it.
            Function = TaskManagementFunction.ClearTaskSet,
            Scope = TaskManagementScope.Unit,
            SupportBit = 0x1000, // CTSS
            Run = static (session, function, unit) => session.AbortTaskSet(function, unit!),
        },
        new()
        {
            Function = TaskManagementFunction.LogicalUnitReset,
            Scope = TaskManagementScope.Unit,
            SupportBit = 0x0800, // LURS
            Run = static (session, function, unit) => session.ResetUnit(function, unit!),
        },
        new()
        {
            Function = TaskManagementFunction.TargetWarmReset,
            Scope = TaskManagementScope.Target,
            SupportBit = 0x0200, // TRS
            Run = static (session, function, _) => session.ResetTarget(function),
        },
        new()
        {
            Function = TaskManagementFunction.TargetColdReset,
            Scope = TaskManagementScope.Target,
            SupportBit = 0x0200, // TRS
            Run = static (session, function, _) => session.ResetTarget(function),
        },
        new()
        {
            Function = TaskManagementFunction.QueryTask,
            Scope = TaskManagementScope.Unit,
            ProtocolLevel = 2,
            SupportBit = 0x0400, // QTS
            Run = static (session, function, unit) => session.QueryTask(function, unit!),
        },
        new()
        {
            Function = TaskManagementFunction.QueryTaskSet,
            Scope = TaskManagementScope.Unit,
            ProtocolLevel = 2,
            SupportBit = 0x0002, // QTSS
            Run = static (session, function, unit) => session.QueryTaskSet(function, unit!),
        },
        new()
        {
            Function = TaskManagementFunction.NexusReset,
            Scope = TaskManagementScope.Nexus,
            ProtocolLevel = 2,
            SupportBit = 0x0001, // ITNRS
            Run = static (session, function, _) => session.ResetNexus(function),
        },
        new()
        {
            Function = TaskManagementFunction.QueryAsynchronousEvent,
            Scope = TaskManagementScope.Unit,
            ProtocolLevel = 2,
            SupportBit = 0x0004, // QAES
            Run = static (session, function, unit) => session.QueryAsynchronousEvent(function, unit!),
        },
    ];

    /// <summary>The row of a function; null: it does not exist for a session of this iSCSIProtocolLevel.</summary>
    public static TaskManagementRow? Find(TaskManagementFunction function, int protocolLevel)
    {
        foreach (var row in AllRows)
            if (row.Function == function && row.ProtocolLevel <= protocolLevel) return row;
        return null;
    }

    /// <summary>The support bits of all functions of an iSCSIProtocolLevel.</summary>
    public static ushort SupportBits(int protocolLevel)
    {
        var bits = 0;
        foreach (var row in AllRows)
            if (row.ProtocolLevel <= protocolLevel) bits |= row.SupportBit;
        return (ushort)bits;
    }
}
