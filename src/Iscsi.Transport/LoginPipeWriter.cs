using System.IO.Pipelines;

namespace Iscsi.Transport;

/// <summary>
/// The writer of the login phase: collects what is written in one small pinned buffer and sends it at a flush. The buffer is given up
/// by <see cref="Release"/>, which the first full-feature send calls. Completing it shuts the sending side of the connection down.
/// </summary>
internal sealed class LoginPipeWriter(TransportConnection transport, SendChannel sender) : PipeWriter
{
    private const int InitialBytes = 8 * 1024;

    // A login or text PDU carries at most 8,192 bytes before negotiation; more than a few of them unflushed is a bug of the writer.
    private const int LimitBytes = 64 * 1024;

    private byte[]? _buffer;
    private OutboundBatch? _batch;
    private int _written;
    private bool _completed;

    public override bool CanGetUnflushedBytes => true;

    public override long UnflushedBytes => _written;

    public override Memory<byte> GetMemory(int sizeHint = 0)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(sizeHint);
        if (_completed) throw new InvalidOperationException("The writer was completed.");
        var wanted = _written + Math.Max(1, sizeHint);
        if (_buffer is null || _buffer.Length < wanted) Grow(wanted);
        return _buffer.AsMemory(_written);
    }

    public override Span<byte> GetSpan(int sizeHint = 0) => GetMemory(sizeHint).Span;

    public override void Advance(int bytes)
    {
        if (bytes < 0 || bytes > (_buffer?.Length ?? 0) - _written) throw new ArgumentOutOfRangeException(nameof(bytes));
        _written += bytes;
    }

    public override async ValueTask<FlushResult> FlushAsync(CancellationToken cancellationToken = default)
    {
        if (_written > 0)
        {
            _batch ??= new OutboundBatch(1);
            _batch.Clear();
            _batch.Add(_buffer.AsMemory(0, _written));
            await sender.SendAsync(_batch, cancellationToken).ConfigureAwait(false);
            _written = 0;
        }
        return new FlushResult(isCanceled: false, isCompleted: false);
    }

    /// <summary>Does nothing: a flush can't be taken back, aborting the connection ends it.</summary>
    public override void CancelPendingFlush()
    {
    }

    public override void Complete(Exception? exception = null)
    {
        if (_completed) return;
        _completed = true;
        _written = 0;
        Release();
        transport.ShutdownSend();
    }

    /// <summary>Gives the buffer up, unless something unflushed is in it.</summary>
    public void Release()
    {
        if (_written != 0 || _buffer is null) return;
        _buffer = null;
        _batch = null;
    }

    private void Grow(int wantedBytes)
    {
        if (wantedBytes > LimitBytes) throw new InvalidOperationException($"More than {LimitBytes} bytes are written and not flushed.");
        var size = InitialBytes;
        while (size < wantedBytes) size *= 2;
        var larger = GC.AllocateUninitializedArray<byte>(size, pinned: true);
        _buffer?.AsSpan(0, _written).CopyTo(larger);
        _buffer = larger;
    }
}
