using System.IO.Pipelines;
using System.Threading.Tasks.Sources;
using Reservations;

namespace Iscsi.Transport;

// The receive side of a connection.
//
//            ReadAsync / ReceiveIntoAsync, nothing there                 OnReadable takes it
//   None ------------------------------------------------> Waiting -------------------------> Claimed
//    ^                                                       |  ^                               |  |
//    |             cancelled: completes as cancelled         |  |      nothing there after all  |  |
//    +-------------------------------------------------------+  +-------------------------------+  |
//    |                                              bytes, or closed: completes                    |
//    +---------------------------------------------------------------------------------------------+
//
// The transport is asked for readiness, never for bytes in the background: the memory is touched only inside TryReceive, so a
// cancelled read leaves no system call behind that could still write, and an idle connection has no receive in flight. At most one
// readiness wait is in flight; it outlives a cancelled read and serves the next one.

/// <summary>Reads into the attached memory, or past it straight into a list of blocks. 0 B a read.</summary>
internal sealed class ReceiveChannel(TransportConnection transport) : PipeReader, IValueTaskSource<ReadResult>, IValueTaskSource<int>
{
    private enum Operation : byte
    {
        None,
        Read,
        ReceiveInto,
        Claimed,
    }

    // Received after the destination of ReceiveIntoAsync by the same call: the next header, so that no call has to be made for it alone. Little,
    // because what of the next payload comes with it has to be copied.
    private const int AheadBytes = 4096;

    private readonly Lock _gate = new();
    private readonly ReceiveBuffer _buffer = new();
    private ManualResetValueTaskSourceCore<ReadResult> _read;
    private ManualResetValueTaskSourceCore<int> _receiveInto;
    private CancellationTokenRegistration _registration;
    private CancellationToken _token;
    private BlockList? _destination;
    private TaskCompletionSource? _idle;
    private Operation _operation;
    private bool _waitInFlight;
    private volatile bool _cancelRequested;
    private bool _resultIsOut;
    private bool _closed;
    private bool _completed;

    public void Attach(BlockList memory)
    {
        ArgumentNullException.ThrowIfNull(memory);
        ArgumentOutOfRangeException.ThrowIfLessThan(memory.Length, 512, nameof(memory));
        lock (_gate)
        {
            CheckIdle();
            _buffer.Attach(memory);
        }
    }

    public override bool TryRead(out ReadResult result)
    {
        CheckIdle();
        return TryTakeResult(out result);
    }

    public override ValueTask<ReadResult> ReadAsync(CancellationToken cancellationToken = default)
    {
        CheckIdle();
        if (cancellationToken.IsCancellationRequested) return ValueTask.FromCanceled<ReadResult>(cancellationToken);
        if (TryTakeResult(out var result)) return new(result);
        var received = ReceiveIntoBuffer();
        if (received != TransportConnection.WouldBlock) return new(TakeResult(received));

        _read.Reset();
        var version = _read.Version;
        _read.RunContinuationsAsynchronously = false;
        Begin(Operation.Read, cancellationToken);
        return new(this, version);
    }

    public ValueTask<int> ReceiveIntoAsync(BlockList destination, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(destination);
        CheckIdle();
        if (!_buffer.IsEmpty) throw new InvalidOperationException("Input still holds received bytes.");
        if (destination.Length == 0) throw new ArgumentException("There is no room in the list.", nameof(destination));
        if (cancellationToken.IsCancellationRequested) return ValueTask.FromCanceled<int>(cancellationToken);
        if (_closed) return new(0);
        _destination = destination;
        var received = ReceiveIntoDestination();
        if (received != TransportConnection.WouldBlock)
        {
            _destination = null;
            _closed = received == 0;
            return new(received);
        }

        _receiveInto.Reset();
        var version = _receiveInto.Version;
        _receiveInto.RunContinuationsAsynchronously = false;
        Begin(Operation.ReceiveInto, cancellationToken);
        return new(this, version);
    }

    public override void AdvanceTo(SequencePosition consumed) => AdvanceTo(consumed, consumed);

    public override void AdvanceTo(SequencePosition consumed, SequencePosition examined)
    {
        if (!_resultIsOut) throw new InvalidOperationException("There is no read to advance.");
        _buffer.Advance(consumed, examined);
        _resultIsOut = false;
    }

    public override void CancelPendingRead()
    {
        lock (_gate)
        {
            if (_operation != Operation.Read)
            {
                _cancelRequested = true;
                return;
            }
            _operation = Operation.None;
        }
        CompleteRead(new ReadResult(_buffer.Unconsumed, isCanceled: true, isCompleted: _closed), asynchronously: true);
    }

    public override void Complete(Exception? exception = null) => _completed = true;

    /// <summary>The transport has bytes, or was closed. Called by the transport, once for each wait it accepted.</summary>
    public void OnReadable()
    {
        for (; ; )
        {
            Operation operation;
            lock (_gate)
            {
                _waitInFlight = false;
                operation = _operation;
                if (operation == Operation.None) return;
                _operation = Operation.Claimed;
            }

            var received = operation == Operation.Read ? ReceiveIntoBuffer() : ReceiveIntoDestination();
            if (received != TransportConnection.WouldBlock)
            {
                lock (_gate) _operation = Operation.None;
                if (operation == Operation.Read)
                {
                    CompleteRead(TakeResult(received), asynchronously: false);
                }
                else
                {
                    _closed = received == 0;
                    CompleteReceiveInto(received, null);
                }
                return;
            }

            lock (_gate)
            {
                _operation = operation;
                _waitInFlight = true;
            }
            // What was asked for while the operation was claimed.
            if (_token.IsCancellationRequested) OnCancelled();
            if (_cancelRequested && operation == Operation.Read)
            {
                _cancelRequested = false;
                CancelPendingRead();
            }
            if (transport.WaitReadable()) return;
        }
    }

    /// <summary>Ends when no operation is pending. The transport is closed by then, so it does end.</summary>
    public Task WhenIdleAsync()
    {
        lock (_gate)
        {
            if (_operation == Operation.None) return Task.CompletedTask;
            _idle ??= new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            return _idle.Task;
        }
    }

    ReadResult IValueTaskSource<ReadResult>.GetResult(short token)
    {
        _registration.Dispose();
        _registration = default;
        return _read.GetResult(token);
    }

    ValueTaskSourceStatus IValueTaskSource<ReadResult>.GetStatus(short token) => _read.GetStatus(token);

    void IValueTaskSource<ReadResult>.OnCompleted(
        Action<object?> continuation, object? state, short token, ValueTaskSourceOnCompletedFlags flags) =>
        _read.OnCompleted(continuation, state, token, flags);

    int IValueTaskSource<int>.GetResult(short token)
    {
        _registration.Dispose();
        _registration = default;
        return _receiveInto.GetResult(token);
    }

    ValueTaskSourceStatus IValueTaskSource<int>.GetStatus(short token) => _receiveInto.GetStatus(token);

    void IValueTaskSource<int>.OnCompleted(
        Action<object?> continuation, object? state, short token, ValueTaskSourceOnCompletedFlags flags) =>
        _receiveInto.OnCompleted(continuation, state, token, flags);

    private void CheckIdle()
    {
        if (_operation != Operation.None) throw new InvalidOperationException("A read is outstanding.");
        if (_resultIsOut) throw new InvalidOperationException("The last read was not advanced.");
        if (_completed) throw new InvalidOperationException("The reader was completed.");
    }

    private bool TryTakeResult(out ReadResult result)
    {
        var cancelled = _cancelRequested;
        if (!cancelled && !_buffer.HasUnexamined && !_closed)
        {
            result = default;
            return false;
        }
        if (cancelled) _cancelRequested = false;
        _resultIsOut = true;
        result = new ReadResult(_buffer.Unconsumed, cancelled, _closed);
        return true;
    }

    private int ReceiveIntoBuffer()
    {
        var free = _buffer.PrepareFree(out var offsetBytes);
        return transport.TryReceive(free, offsetBytes);
    }

    private int ReceiveIntoDestination()
    {
        var destination = _destination!;
        if (!_buffer.IsAttached) return transport.TryReceive(destination.Runs, 0);
        var wantedBytes = destination.Length;
        destination.Add(_buffer.FirstFree(AheadBytes));
        var received = transport.TryReceive(destination.Runs, 0);
        destination.Truncate(wantedBytes);
        if (received <= wantedBytes) return received;
        _buffer.Commit(received - wantedBytes);
        return wantedBytes;
    }

    private ReadResult TakeResult(int received)
    {
        _closed |= received == 0;
        _buffer.Commit(received);
        _resultIsOut = true;
        return new ReadResult(_buffer.Unconsumed, isCanceled: false, isCompleted: _closed);
    }

    private void Begin(Operation operation, CancellationToken cancellationToken)
    {
        bool wait;
        lock (_gate)
        {
            _operation = operation;
            _token = cancellationToken;
            wait = !_waitInFlight;
            _waitInFlight = true;
        }
        if (cancellationToken.CanBeCanceled)
            _registration = cancellationToken.UnsafeRegister(static state => ((ReceiveChannel)state!).OnCancelled(), this);
        // Between the try and here a cancellation may have been asked for.
        if (operation == Operation.Read && _cancelRequested)
        {
            _cancelRequested = false;
            CancelPendingRead();
        }
        if (wait && !transport.WaitReadable()) OnReadable();
    }

    private void OnCancelled()
    {
        Operation operation;
        lock (_gate)
        {
            operation = _operation;
            if (operation is not (Operation.Read or Operation.ReceiveInto)) return;
            _operation = Operation.None;
        }
        var exception = new OperationCanceledException(_token);
        if (operation == Operation.ReceiveInto)
        {
            CompleteReceiveInto(0, exception);
            return;
        }
        var idle = TakeIdle();
        _read.RunContinuationsAsynchronously = true;
        _read.SetException(exception);
        idle?.TrySetResult();
    }

    private void CompleteRead(ReadResult result, bool asynchronously)
    {
        _resultIsOut = true;
        var idle = TakeIdle();
        _read.RunContinuationsAsynchronously = asynchronously;
        _read.SetResult(result);
        idle?.TrySetResult();
    }

    private void CompleteReceiveInto(int received, Exception? exception)
    {
        _destination = null;
        var idle = TakeIdle();
        _receiveInto.RunContinuationsAsynchronously = exception is not null;
        if (exception is null) _receiveInto.SetResult(received);
        else _receiveInto.SetException(exception);
        idle?.TrySetResult();
    }

    // Called when the operation has ended: who asked before that has left it here, under the lock; who asks later does not wait.
    private TaskCompletionSource? TakeIdle()
    {
        if (_idle is null) return null;
        lock (_gate)
        {
            var idle = _idle;
            _idle = null;
            return idle;
        }
    }
}
