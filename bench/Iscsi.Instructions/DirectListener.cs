using System.Net;
using System.Threading.Tasks.Sources;
using Iscsi.Transport;

namespace Iscsi.Instructions;

/// <summary>Accepts on the thread of the one who connects, where others hand over to the thread pool.</summary>
internal sealed class DirectListener : ITransportListener, IValueTaskSource<ITransportConnection?>
{
    private ManualResetValueTaskSourceCore<ITransportConnection?> _accept;
    private bool _isWaiting;

    public EndPoint LocalEndPoint { get; } = new InMemoryEndPoint("direct");

    public ValueTask<ITransportConnection?> AcceptAsync(CancellationToken cancellationToken = default)
    {
        _accept.Reset();
        _isWaiting = true;
        return new ValueTask<ITransportConnection?>(this, _accept.Version);
    }

    /// <summary>The next connection.</summary>
    public void Offer(ITransportConnection? connection)
    {
        if (!_isWaiting) throw new InvalidOperationException("Nobody accepts.");
        _isWaiting = false;
        _accept.SetResult(connection);
    }

    public ValueTask DisposeAsync()
    {
        if (_isWaiting) Offer(null);
        return ValueTask.CompletedTask;
    }

    ITransportConnection? IValueTaskSource<ITransportConnection?>.GetResult(short token) => _accept.GetResult(token);

    ValueTaskSourceStatus IValueTaskSource<ITransportConnection?>.GetStatus(short token) => _accept.GetStatus(token);

    void IValueTaskSource<ITransportConnection?>.OnCompleted(
        Action<object?> continuation, object? state, short token, ValueTaskSourceOnCompletedFlags flags) =>
        _accept.OnCompleted(continuation, state, token, flags);
}
