using System.Threading.Tasks.Sources;

namespace Iscsi.Transport;

/// <summary>Sends one batch at a time, at once where the transport takes it, else as it takes it. 0 B a send.</summary>
internal sealed class SendChannel(TransportConnection transport) : IValueTaskSource
{
    private ManualResetValueTaskSourceCore<bool> _source;
    private OutboundBatch? _batch;
    private TaskCompletionSource? _idle;
    private int _segment;
    private int _offset;
    private int _busy;

    public ValueTask SendAsync(OutboundBatch batch, CancellationToken cancellationToken)
    {
        if (cancellationToken.IsCancellationRequested) return ValueTask.FromCanceled(cancellationToken);
        if (batch.HasFiles && !transport.SendsFiles) throw new NotSupportedException("This transport sends no files.");
        if (Interlocked.CompareExchange(ref _busy, 1, 0) != 0) throw new InvalidOperationException("A send is outstanding.");
        _batch = batch;
        _segment = 0;
        _offset = 0;
        _source.Reset();
        var version = _source.Version;
        try
        {
            if (!Pump()) return new ValueTask(this, version);
            Finish();
            return ValueTask.CompletedTask;
        }
        catch (IOException exception)
        {
            Finish();
            return ValueTask.FromException(exception);
        }
    }

    /// <summary>More can be sent. Called by the transport, once for each wait it accepted.</summary>
    /// <param name="sentBytes">What the wait itself has sent.</param>
    /// <param name="error">Why it can't go on.</param>
    public void OnWritable(int sentBytes, IOException? error)
    {
        if (error is null)
        {
            try
            {
                Advance(_batch!, sentBytes);
                if (!Pump()) return;
            }
            catch (IOException exception)
            {
                error = exception;
            }
        }
        Finish();
        if (error is null) _source.SetResult(true);
        else _source.SetException(error);
    }

    /// <summary>Ends when no send is pending. The transport is closed by then, so it does end.</summary>
    public Task WhenIdleAsync()
    {
        if (Volatile.Read(ref _busy) == 0) return Task.CompletedTask;
        var idle = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        Volatile.Write(ref _idle, idle);
        Interlocked.MemoryBarrier();
        if (Volatile.Read(ref _busy) == 0) idle.TrySetResult();
        return idle.Task;
    }

    void IValueTaskSource.GetResult(short token) => _source.GetResult(token);

    ValueTaskSourceStatus IValueTaskSource.GetStatus(short token) => _source.GetStatus(token);

    void IValueTaskSource.OnCompleted(
        Action<object?> continuation, object? state, short token, ValueTaskSourceOnCompletedFlags flags) =>
        _source.OnCompleted(continuation, state, token, flags);

    // True when everything is sent, false when the transport will call OnWritable.
    private bool Pump()
    {
        var batch = _batch!;
        var segments = batch.Segments;
        while (_segment < segments.Length)
        {
            var left = segments[_segment..];
            int sent;
            if (!batch.HasFiles)
            {
                sent = transport.TrySend(left, _offset, moreFollows: batch.IsLast);
            }
            else if (left[0].IsEmpty)
            {
                ref readonly var file = ref batch.FileOf(_segment);
                sent = transport.TrySendFile(file with { OffsetBytes = file.OffsetBytes + _offset, LengthBytes = file.LengthBytes - _offset });
            }
            else
            {
                left = UpToFile(left);
                sent = transport.TrySend(left, _offset, moreFollows: _segment + left.Length < segments.Length);
            }
            if (sent == TransportConnection.WouldBlock && transport.WaitWritable(left, _offset, out sent)) return false;
            Advance(batch, sent);
        }
        return true;
    }

    private static ReadOnlySpan<ReadOnlyMemory<byte>> UpToFile(ReadOnlySpan<ReadOnlyMemory<byte>> segments)
    {
        var count = 1;
        while (count < segments.Length && !segments[count].IsEmpty) count++;
        return segments[..count];
    }

    private void Advance(OutboundBatch batch, int sentBytes)
    {
        var segments = batch.Segments;
        while (sentBytes > 0)
        {
            var length = segments[_segment].IsEmpty ? batch.FileOf(_segment).LengthBytes : segments[_segment].Length;
            var left = length - _offset;
            if (sentBytes < left)
            {
                _offset += sentBytes;
                return;
            }
            sentBytes -= left;
            _segment++;
            _offset = 0;
        }
    }

    private void Finish()
    {
        _batch = null;
        Interlocked.Exchange(ref _busy, 0);
        Volatile.Read(ref _idle)?.TrySetResult();
    }
}
