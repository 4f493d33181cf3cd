using System.Collections.Concurrent;
using System.Net;
using Iscsi.Protocol;
using Microsoft.Extensions.Logging;

namespace Iscsi.Target.Tests.Raw;

/// <summary>Keeps what the target logs, with the values it was logged with.</summary>
internal sealed class LogCapture : ILoggerFactory, ILogger
{
    private readonly ConcurrentQueue<Entry> _entries = new();
    private readonly ConcurrentDictionary<IPEndPoint, int> _since = new();

    public IEnumerable<Entry> Entries => _entries;

    /// <summary>Faults of ours: none is ever right.</summary>
    public IEnumerable<Entry> Faults => _entries.Where(e => e.Id is 1900 or 1901 or 1002);

    public int Count => _entries.Count;

    /// <summary>A new connection comes from this address: what was logged before is about one that had the same port.</summary>
    public void StartAt(IPEndPoint remote, int count) => _since[remote] = count;

    /// <summary>Why the connection from this address ended; null while it lives.</summary>
    public ConnectionEndReason? EndOf(IPEndPoint remote) =>
        Find(1101, remote) is { } entry ? (ConnectionEndReason)entry.Values["Reason"]!
        : Find(1102, remote) is not null ? ConnectionEndReason.LoginRefused
        : null;

    public LoginStatus? RefusalOf(IPEndPoint remote) => (LoginStatus?)Find(1102, remote)?.Values["Status"];

    public ILogger CreateLogger(string categoryName) => this;

    public void AddProvider(ILoggerProvider provider) => throw new NotSupportedException();

    public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter)
    {
        var values = (state as IEnumerable<KeyValuePair<string, object?>> ?? []).ToDictionary(v => v.Key, v => v.Value);
        _entries.Enqueue(new Entry(eventId.Id, formatter(state, exception), values, exception));
    }

    public bool IsEnabled(LogLevel logLevel) => true;

    public IDisposable? BeginScope<TState>(TState state)
        where TState : notnull => null;

    public void Dispose()
    {
    }

    private Entry? Find(int id, IPEndPoint remote) => _entries.Skip(_since.GetValueOrDefault(remote)).FirstOrDefault(e => e.Id == id && remote.Equals(e.Values["Remote"]));

    internal sealed record Entry(int Id, string Text, Dictionary<string, object?> Values, Exception? Exception)
    {
        public override string ToString() => $"{Id} {Text} {Exception}";
    }
}
