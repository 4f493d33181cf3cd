namespace Iscsi.Transport;

/// <summary>One direction of an in-memory connection: a bounded ring of bytes with a writer that may wait for room and a reader that may wait for bytes.</summary>
internal sealed class InMemoryPipe(int capacityBytes, InMemoryTransportScheduler? scheduler)
{
    private readonly Lock _gate = new();

    private readonly byte[] _ring = GC.AllocateUninitializedArray<byte>(capacityBytes, pinned: true);
    private Signal? _readable;
    private Signal? _writable;
    private int _head;
    private int _count;
    private bool _writerClosed;
    private bool _readerClosed;
    private bool _readerWaits;
    private bool _writerWaits;
    private bool _stalled;

    public void Connect(InMemoryConnection writer, InMemoryConnection reader)
    {
        _readable = new Signal(reader, isReader: true);
        _writable = new Signal(writer, isReader: false);
    }

    public int TryWrite(ReadOnlySpan<ReadOnlyMemory<byte>> segments, int offsetBytes)
    {
        var written = 0;
        bool wake;
        lock (_gate)
        {
            if (_writerClosed || _readerClosed) throw new IOException("The connection is closed.");
            foreach (var segment in segments)
            {
                var left = segment.Span[offsetBytes..];
                offsetBytes = 0;
                while (!left.IsEmpty && _count < _ring.Length)
                {
                    var tail = (_head + _count) % _ring.Length;
                    var take = Math.Min(left.Length, Math.Min(_ring.Length - _count, _ring.Length - tail));
                    left[..take].CopyTo(_ring.AsSpan(tail));
                    left = left[take..];
                    _count += take;
                    written += take;
                }
                if (!left.IsEmpty) break;
            }
            wake = written > 0 && _readerWaits && !_stalled;
            if (wake) _readerWaits = false;
        }
        if (wake) Post(_readable!);
        return written > 0 ? written : TransportConnection.WouldBlock;
    }

    public int TryRead(InMemoryConnection reader, ReadOnlySpan<Memory<byte>> runs, int offsetBytes)
    {
        var read = 0;
        bool wake;
        lock (_gate)
        {
            if (_readerClosed) return 0;
            if (_count == 0) return _writerClosed ? 0 : TransportConnection.WouldBlock;
            if (_stalled) return TransportConnection.WouldBlock;
            var allowed = _count;
            if (scheduler is not null)
            {
                allowed = Math.Clamp(scheduler.NextReadBytes(reader, _count), 0, _count);
                if (allowed == 0)
                {
                    _stalled = true;
                    return TransportConnection.WouldBlock;
                }
            }
            foreach (var run in runs)
            {
                var free = run.Span[offsetBytes..];
                offsetBytes = 0;
                while (!free.IsEmpty && read < allowed)
                {
                    var take = Math.Min(free.Length, Math.Min(allowed - read, _ring.Length - _head));
                    _ring.AsSpan(_head, take).CopyTo(free);
                    free = free[take..];
                    _head = (_head + take) % _ring.Length;
                    _count -= take;
                    read += take;
                }
                if (read == allowed) break;
            }
            // Half a ring of room before the writer is woken, so that the two ends do not wake each other for every read.
            wake = _writerWaits && _count <= _ring.Length / 2;
            if (wake) _writerWaits = false;
        }
        if (wake) Post(_writable!);
        return read;
    }

    public bool WaitReadable()
    {
        lock (_gate)
        {
            if (_readerClosed || (_count == 0 ? _writerClosed : !_stalled)) return false;
            _readerWaits = true;
            return true;
        }
    }

    public bool WaitWritable()
    {
        lock (_gate)
        {
            if (_writerClosed || _readerClosed || _count < _ring.Length) return false;
            _writerWaits = true;
            return true;
        }
    }

    public void Resume()
    {
        bool wake;
        lock (_gate)
        {
            _stalled = false;
            wake = _readerWaits && (_count > 0 || _writerClosed);
            if (wake) _readerWaits = false;
        }
        if (wake) Post(_readable!);
    }

    /// <summary>The writer writes no more; what is in the ring is still read.</summary>
    public void CloseWriter()
    {
        lock (_gate) _writerClosed = true;
        WakeBoth(alsoIfStalled: false);
    }

    /// <summary>The reader reads no more; writes fail.</summary>
    public void CloseReader()
    {
        lock (_gate) _readerClosed = true;
        WakeBoth(alsoIfStalled: true);
    }

    private void WakeBoth(bool alsoIfStalled)
    {
        bool wakeReader, wakeWriter;
        lock (_gate)
        {
            wakeReader = _readerWaits && (alsoIfStalled || !_stalled);
            if (wakeReader) _readerWaits = false;
            wakeWriter = _writerWaits;
            _writerWaits = false;
        }
        if (wakeReader) Post(_readable!);
        if (wakeWriter) Post(_writable!);
    }

    private void Post(Signal signal)
    {
        if (scheduler is null) ThreadPool.UnsafeQueueUserWorkItem(signal, preferLocal: false);
        else scheduler.Post(signal);
    }

    // Each is posted once for each accepted wait, and the next wait comes after it ran: one object is enough, and nothing is allocated.
    private sealed class Signal(InMemoryConnection connection, bool isReader) : IThreadPoolWorkItem
    {
        public void Execute()
        {
            if (isReader) connection.Receiver.OnReadable();
            else connection.Sender.OnWritable(0, null);
        }
    }
}
