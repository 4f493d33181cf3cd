using Iscsi.Protocol;
using Microsoft.Extensions.Logging;

namespace Iscsi.Initiator;

/// <summary>Log messages of the initiator: 3000 to 3099.</summary>
internal static partial class InitiatorLog
{
    [LoggerMessage(3000, LogLevel.Information,
        "Logged in to {Target}: MaxBurstLength {MaxBurstLength}, FirstBurstLength {FirstBurstLength}, MaxRecvDataSegmentLength {MaxRecvDataSegmentLength}")]
    public static partial void LoggedIn(ILogger logger, string target, int maxBurstLength, int firstBurstLength, int maxRecvDataSegmentLength);

    [LoggerMessage(3001, LogLevel.Information, "Session with {Target} ended ({Reason}): {Message}")]
    public static partial void Closed(ILogger logger, string target, ConnectionEndReason reason, string message);

    [LoggerMessage(3002, LogLevel.Warning, "Session with {Target} was lost ({Reason}): {Message}")]
    public static partial void Lost(ILogger logger, string target, ConnectionEndReason reason, string message);

    [LoggerMessage(3003, LogLevel.Information, "{Target} rejected a PDU: {Reason}")]
    public static partial void Rejected(ILogger logger, string target, RejectReason reason);

    [LoggerMessage(3004, LogLevel.Information, "{Target} sent an asynchronous message: {Event} ({Parameter1}, {Parameter2}, {Parameter3})")]
    public static partial void AsyncMessage(ILogger logger, string target, AsyncEvent @event, int parameter1, int parameter2, int parameter3);

    [LoggerMessage(3005, LogLevel.Error, "A fault of ours in the session with {Target}")]
    public static partial void Fault(ILogger logger, Exception exception, string target);

    [LoggerMessage(3006, LogLevel.Information, "The capacity of {Disk} changed to {BlockCount} blocks of {BlockSize} bytes")]
    public static partial void CapacityChanged(ILogger logger, string disk, long blockCount, int blockSize);

    [LoggerMessage(3007, LogLevel.Warning, "The capacity of {Disk} changed, and can't be read: {Message}")]
    public static partial void CapacityUnknown(ILogger logger, string disk, string message);
}
