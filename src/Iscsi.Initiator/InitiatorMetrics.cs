using System.Diagnostics.Metrics;
using Iscsi.Protocol;

namespace Iscsi.Initiator;

/// <summary>Meter <c>Iscsi.Initiator</c>. Every measurement is one check when nobody listens.</summary>
internal static class InitiatorMetrics
{
    private static readonly Meter s_meter = new("Iscsi.Initiator");

    private static readonly UpDownCounter<int> s_sessions = s_meter.CreateUpDownCounter<int>(
        "iscsi.initiator.sessions", "{session}", "Sessions that are open.");

    private static readonly Counter<long> s_ended = s_meter.CreateCounter<long>(
        "iscsi.initiator.sessions.ended", "{session}", "Sessions that ended, by end_reason.");

    private static readonly Counter<long> s_commands = s_meter.CreateCounter<long>(
        "iscsi.initiator.commands", "{command}", "SCSI commands that ended, by status; repetitions count.");

    private static readonly Counter<long> s_bytes = s_meter.CreateCounter<long>(
        "iscsi.initiator.io", "By", "Data that commands transferred, by direction.");

    private static readonly KeyValuePair<string, object?> s_read = new("direction", "read");
    private static readonly KeyValuePair<string, object?> s_write = new("direction", "write");

    // Boxed once: a tag takes an object.
    private static readonly object?[] s_statusNames = [.. Enumerable.Range(0, 256).Select(static value => ((ScsiStatus)value).ToString())];

    public static void SessionOpened() => s_sessions.Add(1);

    public static void SessionEnded(ConnectionEndReason reason)
    {
        s_sessions.Add(-1);
        if (s_ended.Enabled) s_ended.Add(1, new KeyValuePair<string, object?>("end_reason", reason.ToString()));
    }

    public static void CommandEnded(ScsiStatus status, long transferredBytes, bool isWrite)
    {
        if (s_commands.Enabled) s_commands.Add(1, new KeyValuePair<string, object?>("status", s_statusNames[(byte)status]));
        if (transferredBytes > 0 && s_bytes.Enabled) s_bytes.Add(transferredBytes, isWrite ? s_write : s_read);
    }
}
