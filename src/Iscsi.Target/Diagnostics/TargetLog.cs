using System.Net;
using Iscsi.Protocol;
using Iscsi.Target.Scsi.AsymmetricAccess;
using Microsoft.Extensions.Logging;

namespace Iscsi.Target.Diagnostics;

/// <summary>
/// Events of the target, 1000 to 1999. A peer's mistake is information; a warning is something an operator can act on; an error is ours.
/// Never a secret, never payload.
/// </summary>
internal static partial class TargetLog
{
    [LoggerMessage(1000, LogLevel.Information, "Started with {BudgetBytes} bytes of data memory for {MaxSessions} sessions")]
    public static partial void Started(ILogger logger, long budgetBytes, int maxSessions);

    [LoggerMessage(1001, LogLevel.Information, "Stopped")]
    public static partial void Stopped(ILogger logger);

    [LoggerMessage(1002, LogLevel.Warning, "{Count} sessions did not end: a device still holds their requests")]
    public static partial void StuckSessions(ILogger logger, int count);

    [LoggerMessage(1003, LogLevel.Warning, "{Portal} takes no connections for {Seconds} s: {Error} (is the limit of open files, ulimit -n, too low?)")]
    public static partial void AcceptFailed(ILogger logger, EndPoint? portal, double seconds, string error);

    [LoggerMessage(1100, LogLevel.Information, "{InitiatorName} opened session {Tsih} to {Target} from {Remote}")]
    public static partial void SessionOpened(ILogger logger, string initiatorName, ushort tsih, string target, EndPoint? remote);

    [LoggerMessage(1101, LogLevel.Information, "Connection of {InitiatorName} from {Remote} ended: {Reason}")]
    public static partial void ConnectionEnded(ILogger logger, EndPoint? remote, string? initiatorName, ConnectionEndReason reason);

    [LoggerMessage(1102, LogLevel.Information, "Login of {InitiatorName} from {Remote} refused: {StatusClass:x2}/{StatusDetail:x2} {Status}")]
    public static partial void LoginRefused(
        ILogger logger, EndPoint? remote, string? initiatorName, byte statusClass, byte statusDetail, LoginStatus status);

    [LoggerMessage(1103, LogLevel.Information, "Session of {InitiatorName} did not start: {Reason}")]
    public static partial void SessionNotStarted(ILogger logger, string initiatorName, ConnectionEndReason reason);

    [LoggerMessage(1104, LogLevel.Information, "Session {Tsih} of {InitiatorName} is told that the server stops")]
    public static partial void SessionStopping(ILogger logger, string initiatorName, ushort tsih);

    [LoggerMessage(1200, LogLevel.Information, "Rejected a {Opcode} of {InitiatorName}: {Fault}")]
    public static partial void Rejected(ILogger logger, string initiatorName, Opcode opcode, PduFault fault);

    [LoggerMessage(1201, LogLevel.Information, "{InitiatorName}: {Function} on LUN {Lun:x16}, task {ReferencedTaskTag:x8}")]
    public static partial void TaskManagement(
        ILogger logger, string initiatorName, TaskManagementFunction function, ulong lun, uint referencedTaskTag);

    [LoggerMessage(1300, LogLevel.Warning, "The device of {Target} LUN {Lun} failed a request of {InitiatorName}: {Error}")]
    public static partial void DeviceError(ILogger logger, string target, int lun, string initiatorName, string error);

    [LoggerMessage(1301, LogLevel.Warning, "Persistent reservations could not be written to {Path}, so the change was refused: {Error}")]
    public static partial void ReservationsNotSaved(ILogger logger, string path, string error);

    [LoggerMessage(1310, LogLevel.Information, "{Target} LUN {Lun}: {Operation} goes on where it was interrupted")]
    public static partial void MediumOperationResumed(ILogger logger, string target, int lun, string operation);

    [LoggerMessage(1311, LogLevel.Information, "{Target} LUN {Lun}: {Operation} is done")]
    public static partial void MediumOperationDone(ILogger logger, string target, int lun, string operation);

    [LoggerMessage(1312, LogLevel.Warning, "{Target} LUN {Lun}: {Operation} has failed, and the medium is not served: {Error}")]
    public static partial void MediumOperationFailed(ILogger logger, string target, int lun, string operation, string error);

    [LoggerMessage(1400, LogLevel.Information, "{Target} serves {Device} under LUN {Lun}")]
    public static partial void LunAdded(ILogger logger, string target, int lun, string device);

    [LoggerMessage(1401, LogLevel.Information, "LUN {Lun} of {Target} is removed")]
    public static partial void LunRemoved(ILogger logger, string target, int lun);

    [LoggerMessage(1402, LogLevel.Information, "Target {Target} is served")]
    public static partial void TargetAdded(ILogger logger, string target);

    [LoggerMessage(1403, LogLevel.Information, "Target {Target} is removed: its sessions end")]
    public static partial void TargetRemoved(ILogger logger, string target);

    [LoggerMessage(1404, LogLevel.Information, "{Target} has other access rules for later logins")]
    public static partial void AccessChanged(ILogger logger, string target);

    [LoggerMessage(1405, LogLevel.Information, "LUN {Lun} of {Target} is {Access} from now on")]
    public static partial void WriteProtectionChanged(ILogger logger, string target, int lun, string access);

    [LoggerMessage(1406, LogLevel.Information, "Portal group {Group} of {Target} is {State} from now on ({Reason})")]
    public static partial void AccessStateChanged(ILogger logger, string target, int group, AsymmetricAccessState state, AccessStateReason reason);

    [LoggerMessage(1900, LogLevel.Error, "Session {Tsih} of {InitiatorName} ended by a fault of ours")]
    public static partial void SessionFault(ILogger logger, string initiatorName, ushort tsih, Exception exception);

    [LoggerMessage(1901, LogLevel.Error, "The login from {Remote} ended by a fault of ours")]
    public static partial void LoginFault(ILogger logger, EndPoint? remote, Exception exception);
}
