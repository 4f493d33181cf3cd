using System.Threading.Tasks.Sources;
using Reservations;

namespace Iscsi.Storage;

/// <summary>
/// A call that waits for, or runs on, a store thread, and the task its caller awaits. It is used again after the result was
/// taken.
/// </summary>
internal sealed class StoreRequest(StoreThreads threads) : IValueTaskSource<int>, IValueTaskSource
{
    // The continuation runs on the store thread: no hop, no allocation.
    private ManualResetValueTaskSourceCore<int> _core;

    // 1: a continuation is being handed over; the result is. One of the two sees the other.
    private int _isContinuing;
    private int _isCompleting;

    // How it ended, from Run to End.
    private int _result;
    private Exception? _error;

    public enum Operation
    {
        Read,
        Write,
        Flush,
        Zero,
        Unmap,
        Extents,
    }

    /// <summary>The next one in the queue, or in the pool.</summary>
    public StoreRequest? Next { get; set; }

    public Operation What { get; set; }

    public long OffsetBytes { get; set; }

    public long LengthBytes { get; set; }

    public int DoneBytes { get; set; }

    public BlockList? List { get; set; }

    public bool IsDurable { get; set; }

    public bool MayUnmap { get; set; }

    public Memory<BlockExtent> Extents { get; set; }

    public BlockRange Range { get; set; }

    public ValueTask Task => new(this, _core.Version);

    public ValueTask<int> ResultTask => new(this, _core.Version);

    /// <summary>Does the work.</summary>
    public int Execute(FileBackend backend)
    {
        switch (What)
        {
            case Operation.Read:
                backend.Read(OffsetBytes, List!, DoneBytes);
                return 0;
            case Operation.Write:
                backend.Write(OffsetBytes, List!, IsDurable);
                return 0;
            case Operation.Flush:
                backend.Sync();
                return 0;
            case Operation.Zero:
                backend.Zero(OffsetBytes, LengthBytes, MayUnmap, IsDurable);
                return 0;
            case Operation.Unmap:
                backend.Unmap(OffsetBytes, LengthBytes, IsDurable);
                return 0;
            default:
                return backend.GetExtents(Range, Extents.Span);
        }
    }

    /// <summary>Does the work on a store thread. The caller does not know of it before <see cref="End"/>.</summary>
    public void Run(FileBackend backend)
    {
        try
        {
            _result = Execute(backend);
        }
        catch (Exception e)
        {
            _error = e; // handed to the caller, whatever it is
        }
    }

    /// <summary>Tells the caller, who goes on in here.</summary>
    public void End()
    {
        if (_error is not { } error)
        {
            Complete(_result);
            return;
        }
        _error = null;
        Fail(error);
    }

    public void Complete(int result)
    {
        BeginCompletion();
        _core.SetResult(result);
    }

    public void Fail(Exception error)
    {
        BeginCompletion();
        _core.SetException(error);
    }

    public ValueTaskSourceStatus GetStatus(short token) => _core.GetStatus(token);

    public void OnCompleted(Action<object?> continuation, object? state, short token, ValueTaskSourceOnCompletedFlags flags)
    {
        var anyThreadWill = (flags & ValueTaskSourceOnCompletedFlags.UseSchedulingContext) == ValueTaskSourceOnCompletedFlags.None
            || (SynchronizationContext.Current is null && TaskScheduler.Current == TaskScheduler.Default);
        if (!anyThreadWill)
        {
            _core.OnCompleted(continuation, state, token, flags);
            return;
        }
        // When it has completed since the caller looked, the core would queue the continuation to the pool, which allocates.
        Interlocked.Exchange(ref _isContinuing, 1);
        var comesTooLate = Volatile.Read(ref _isCompleting) != 0;
        try
        {
            if (!comesTooLate) _core.OnCompleted(continuation, state, token, flags);
        }
        finally
        {
            Volatile.Write(ref _isContinuing, 0); // from here on the request may be somebody else's
        }
        if (!comesTooLate) return;
        var spin = default(SpinWait);
        while (_core.GetStatus(token) == ValueTaskSourceStatus.Pending) spin.SpinOnce(sleep1Threshold: -1);
        continuation(state);
    }

    void IValueTaskSource.GetResult(short token) => GetResult(token);

    public int GetResult(short token)
    {
        // A second look at the task must fail on its token and not give the request back twice.
        if (_core.GetStatus(token) == ValueTaskSourceStatus.Pending) throw new InvalidOperationException("The call has not ended yet.");
        try
        {
            return _core.GetResult(token);
        }
        finally
        {
            _core.Reset();
            Volatile.Write(ref _isCompleting, 0);
            threads.Return(this);
        }
    }

    // Whoever is handing a continuation over may finish that, nobody begins it any more.
    private void BeginCompletion()
    {
        List = null;
        Extents = default;
        Interlocked.Exchange(ref _isCompleting, 1);
        var spin = default(SpinWait);
        while (Volatile.Read(ref _isContinuing) != 0) spin.SpinOnce(sleep1Threshold: -1);
    }
}
