using Iscsi.Protocol;

namespace Iscsi.Initiator;

/// <content>Logout, loss, disposal.</content>
public sealed partial class IscsiSession
{
    private readonly TaskCompletionSource _quiet = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly TaskCompletionSource _drained = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private TaskCompletionSource? _logout;
    private ControlRequest? _logoutRequest;
    private string? _logoutCause;
    private long _logoutDueAt;
    private string? _endMessage;
    private Exception? _endCause;
    private bool _isQuiet;
    private int _disposed;

    /// <summary>Ends the session in order: no new calls are taken, pending ones end, then the target is told.</summary>
    /// <param name="cancellationToken">Stops waiting; the session goes on ending.</param>
    /// <exception cref="IscsiException">The session had ended otherwise, or did so meanwhile.</exception>
    public async Task LogoutAsync(CancellationToken cancellationToken = default)
    {
        ObjectDisposedException.ThrowIf(Volatile.Read(ref _disposed) != 0, this);
        await LogoutCoreAsync(Timeout.InfiniteTimeSpan, cancellationToken).ConfigureAwait(false);
    }

    /// <summary>Logs out, if that was not done, and closes the connection. Calls that are still pending after <see cref="IscsiInitiatorOptions.LogoutTimeout"/> fail.</summary>
    public async ValueTask DisposeAsync()
    {
        if (Interlocked.Exchange(ref _disposed, 1) != 0)
        {
            await _drained.Task.ConfigureAwait(false);
            return;
        }
        using (var timeout = new CancellationTokenSource(_options.LogoutTimeout, _options.Clock))
        {
            try
            {
                await LogoutCoreAsync(_options.LogoutTimeout, timeout.Token).ConfigureAwait(false);
            }
            catch (Exception exception) when (exception is IscsiException or OperationCanceledException)
            {
                // It is being closed all the same.
            }
        }
        await RunAsync(() => End(ConnectionEndReason.Closed, "it was closed")).ConfigureAwait(false);
        await _quiet.Task.ConfigureAwait(false);
        await _connection.Transport.DisposeAsync().ConfigureAwait(false);
        await RunAsync(TellDrained).ConfigureAwait(false);
        await _drained.Task.ConfigureAwait(false);
        await _timer!.DisposeAsync().ConfigureAwait(false);
        await RunAsync(_memory.Dispose).ConfigureAwait(false);
    }

    private async Task LogoutCoreAsync(TimeSpan limit, CancellationToken cancellationToken)
    {
        Task? logout = null;
        await RunAsync(() =>
        {
            BeginLogout("it is being logged out", limit);
            logout = _logout?.Task;
        }).ConfigureAwait(false);
        if (logout is null) throw EndedException();
        await logout.WaitAsync(cancellationToken).ConfigureAwait(false);
    }

    // From here on no call is taken. The request leaves when none is pending, or when the time is up.
    private void BeginLogout(string cause, TimeSpan limit)
    {
        if (_channel.HasEnded) return;
        _logoutCause ??= cause;
        _logout ??= new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        if (limit == Timeout.InfiniteTimeSpan) return;
        var dueAt = _options.Clock.GetTimestamp() + Ticks(limit);
        if (_logoutDueAt == 0 || dueAt < _logoutDueAt) _logoutDueAt = dueAt;
        Arm(_logoutDueAt);
    }

    private void ContinueLogout()
    {
        if (_logout is null || _logoutRequest is not null) return;
        if (_openCalls > 0 && (_logoutDueAt == 0 || _options.Clock.GetTimestamp() < _logoutDueAt)) return;
        _logoutRequest = new ControlRequest(ControlKind.Logout);
        Send(_logoutRequest);
    }

    private void OnLogoutResponse(LogoutResponsePdu pdu)
    {
        if (TakeControl(pdu.InitiatorTaskTag, ControlKind.Logout) is null)
        {
            EndByFault(PduFault.InvalidTaskTag);
            return;
        }
        // Whatever the target answered, nothing more may be sent (RFC 7143, 11.15).
        End(ConnectionEndReason.LoggedOut, _logoutCause!);
        _logout!.TrySetResult(); // who awaits it finds the session ended
    }

    private IscsiException? RefusalOfNewCalls() =>
        _channel.HasEnded ? EndedException()
        : _logout is not null ? new IscsiException($"The session with {Place} takes no more calls: {_logoutCause}.", ConnectionEndReason.LoggedOut)
        : null;

    private IscsiException EndedException() =>
        new($"The session with {Place} has ended: {_endMessage}.", _channel.EndReason, _endCause);

    /// <summary>Ends the session. The first reason stays.</summary>
    private void End(ConnectionEndReason reason, string message, Exception? cause = null)
    {
        if (_channel.HasEnded) return;
        _endMessage = message;
        _endCause = cause;
        InitiatorMetrics.SessionEnded(reason);
        if (reason is ConnectionEndReason.LoggedOut or ConnectionEndReason.Closed) InitiatorLog.Closed(_log, Place, reason, message);
        else InitiatorLog.Lost(_log, Place, reason, message);
        _channel.End(reason);
    }

    // The transport has let go of everybody's memory: only now may the calls return.
    private void OnQuiet()
    {
        _isQuiet = true;
        foreach (var slot in _slots)
        {
            if (slot.Task is { } task) EndCall(task, EndedException());
            if (slot.Control is { } request)
            {
                slot.Control = null;
                request.Fail(EndedException());
            }
        }
        while (_backOff.First is { } waiting)
        {
            LeaveBackOff(waiting);
            EndCall(waiting, EndedException());
        }
        while (_controls.TryDequeue(out var unsent)) unsent.Fail(EndedException());
        if (_logout is not null && EndReason != ConnectionEndReason.LoggedOut)
        {
            _logout.TrySetException(EndedException());
            _ = _logout.Task.Exception; // a logout that the target asked for is awaited by nobody
        }
        _quiet.TrySetResult();
    }

    // Calls at the gate get the slots that the others gave back, and fail in their turn.
    private void TellDrained()
    {
        if (_isQuiet && Volatile.Read(ref _disposed) != 0 && _openCalls == 0) _drained.TrySetResult();
    }
}
