using Iscsi.Initiator;

namespace Iscsi.Hosting;

/// <summary>Opens sessions with the application's options, and logs the open ones out when the host stops.</summary>
public sealed class IscsiInitiatorFactory
{
    private readonly Lock _lock = new();
    private readonly List<WeakReference<IscsiSession>> _sessions = [];
    private bool _isStopped;

    internal IscsiInitiatorFactory(IscsiInitiatorOptions options) => Options = options;

    /// <summary>The options of every session.</summary>
    public IscsiInitiatorOptions Options { get; }

    /// <summary>Connects to the target of a URL and logs in, as <see cref="IscsiInitiator.ConnectAsync(string, IscsiInitiatorOptions?, CancellationToken)"/>.</summary>
    /// <param name="url"><c>iscsi://[user[%secret]@]host[:port]/iqn[/lun]</c>.</param>
    /// <param name="configure">Changes the options of this session; null keeps those of the application.</param>
    /// <param name="cancellationToken">Gives up.</param>
    /// <returns>The session, which the caller may dispose before the host stops.</returns>
    /// <exception cref="InvalidOperationException">The host has stopped.</exception>
    public async Task<IscsiSession> ConnectAsync(
        string url, Func<IscsiInitiatorOptions, IscsiInitiatorOptions>? configure = null, CancellationToken cancellationToken = default)
    {
        ThrowIfStopped();
        var options = configure is null ? Options : configure(Options);
        var session = await IscsiInitiator.ConnectAsync(url, options, cancellationToken).ConfigureAwait(false);
        if (TryTrack(session)) return session;
        await session.DisposeAsync().ConfigureAwait(false);
        throw Stopped();
    }

    /// <summary>Asks a portal which targets it serves.</summary>
    /// <param name="portal"><c>host[:port]</c>, or a URL.</param>
    /// <param name="cancellationToken">Gives up.</param>
    public Task<IReadOnlyList<DiscoveredTarget>> DiscoverAsync(string portal, CancellationToken cancellationToken = default) =>
        IscsiInitiator.DiscoverAsync(portal, Options, cancellationToken);

    /// <summary>Logs out the sessions that are still open.</summary>
    internal async Task LogoutAsync(CancellationToken cancellationToken)
    {
        List<IscsiSession> open;
        lock (_lock)
        {
            _isStopped = true;
            open = [.. Alive()];
            _sessions.Clear();
        }

        // Together: each may wait for its target as long as the options allow.
        await Task.WhenAll(open.Select(session => session.DisposeAsync().AsTask())).WaitAsync(cancellationToken).ConfigureAwait(false);
    }

    /// <summary>Remembers a session without keeping one alive that its user forgot.</summary>
    private bool TryTrack(IscsiSession session)
    {
        lock (_lock)
        {
            if (_isStopped) return false;
            _sessions.RemoveAll(reference => !reference.TryGetTarget(out _));
            _sessions.Add(new WeakReference<IscsiSession>(session));
            return true;
        }
    }

    private IEnumerable<IscsiSession> Alive()
    {
        foreach (var reference in _sessions)
            if (reference.TryGetTarget(out var session))
                yield return session;
    }

    private void ThrowIfStopped()
    {
        lock (_lock)
        {
            if (_isStopped) throw Stopped();
        }
    }

    private static InvalidOperationException Stopped() => new("The host has stopped: no session is opened any more.");
}
