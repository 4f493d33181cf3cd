using System.Diagnostics.Metrics;
using Iscsi.Protocol;

namespace Iscsi.Target.Diagnostics;

/// <summary>Meter <c>Iscsi.Target</c>.</summary>
internal sealed class TargetMetrics : IDisposable
{
    private readonly Meter _meter = new("Iscsi.Target");
    private readonly UpDownCounter<int> _sessions;
    private readonly Counter<long> _accepted;
    private readonly Counter<long> _ended;
    private readonly Counter<long> _ignored;
    private readonly Counter<long> _drained;
    private readonly Counter<long> _deviceErrors;

    public TargetMetrics()
    {
        _sessions = _meter.CreateUpDownCounter<int>("iscsi.target.sessions", "{session}", "Sessions that are open.");
        _accepted = _meter.CreateCounter<long>("iscsi.target.connections.accepted", "{connection}", "Connections accepted.");
        _ended = _meter.CreateCounter<long>("iscsi.target.connections.ended", "{connection}", "Connections ended, by reason.");
        _ignored = _meter.CreateCounter<long>("iscsi.target.commands.ignored", "{command}", "Requests outside the command window, ignored.");
        _drained = _meter.CreateCounter<long>("iscsi.target.drained", "By", "Bytes received that had no place.");
        _deviceErrors = _meter.CreateCounter<long>("iscsi.target.device.errors", "{error}", "Requests that a device failed.");
    }

    public void SessionOpened() => _sessions.Add(1);

    public void SessionClosed() => _sessions.Add(-1);

    public void ConnectionAccepted() => _accepted.Add(1);

    public void ConnectionEnded(ConnectionEndReason reason)
    {
        if (_ended.Enabled) _ended.Add(1, new KeyValuePair<string, object?>("reason", reason.ToString()));
    }

    public void CommandIgnored() => _ignored.Add(1);

    public void Drained(int byteCount) => _drained.Add(byteCount);

    public void DeviceError() => _deviceErrors.Add(1);

    public void Dispose() => _meter.Dispose();
}
