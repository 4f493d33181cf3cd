using Iscsi.Protocol.Scsi;
using Iscsi.Storage;
using Iscsi.Target.Memory;
using Reservations;

namespace Iscsi.Target.Scsi.Media;

// An operation on the whole medium (SBC-3, sanitize operations; FORMAT UNIT):
//
//     idle ──▶ accepting ──▶ running ──▶ idle
//               │ ▲            │  ├──▶ failed ──▶ (another one is accepted) | (EXIT FAILURE MODE) ──▶ idle
//               ▼ │            │  └──▶ suspended: the server stops; the state says how far it is, and the next start goes on
//       (refused) │            └──▶ (the process ends at any moment) ──▶ running, from the last checkpoint, at the next start
//
// Accepting: other commands are refused from now on; a block of memory; those that are at the device end; a request of the device; the state is
// durable. Only then the command has been accepted, and nothing but the end of the server stops the operation: no abort, no reset.

/// <content>Operations on the whole medium.</content>
internal sealed partial class UnitMedium
{
    /// <summary>The line in the unit's state.</summary>
    public const string StateName = "medium-operation";

    // One request to the device: enough that its fixed cost is lost, and other devices are not kept waiting behind it.
    private const int WriteBytes = 256 * 1024;
    private const long DeallocateBytes = 32L << 20;

    // Work after a restart is repeated from here: a second or so of it, for a flush and a small file that is replaced.
    private const long CheckpointBytes = 1L << 30;

    private readonly CancellationTokenSource _stopping = new();
    private BackgroundMemory? _background;
    private StoreLane? _lane;
    private MediumOperation? _operation;
    private MediumPosition _position;
    private Task<MediumOutcome>? _run;
    private int _progress;

    /// <summary>Raised when an operation has failed or come to its end; with the reason of a failure.</summary>
    public event Action<LogicalUnit, MediumOperation, Exception?>? Ended;

    /// <summary>The operation that runs or has failed; null: none.</summary>
    public MediumOperation? Operation => HasObstacle ? _operation : null;

    /// <summary>The operation that has failed; null: none.</summary>
    public MediumOperation? FailedOperation
    {
        get
        {
            // While another one runs, what failed before it is no longer told.
            lock (_lock) return Has(MediumObstacles.Failed) && !IsOperating ? _operation : null;
        }
    }

    /// <summary>Ends with the operation that was accepted last.</summary>
    internal Task<MediumOutcome> Run
    {
        get
        {
            lock (_lock) return _run ?? Task.FromResult(MediumOutcome.Done);
        }
    }

    /// <summary>Gives operations what they take their memory from. Without it none is accepted.</summary>
    public void UseMemory(BackgroundMemory background, StoreLane? lane)
    {
        _background = background;
        _lane = lane;
    }

    /// <summary>Accepts an operation: when this has returned, it runs to its end whatever happens to the command.</summary>
    /// <param name="operation">What to do.</param>
    /// <param name="cancellationToken">Ends the acceptance, not the operation.</param>
    /// <returns>Null: it was not accepted, because one runs or there is no memory for another one.</returns>
    /// <exception cref="IOException">Its state could not be made durable.</exception>
    public async ValueTask<Task<MediumOutcome>?> TryStartAsync(MediumOperation operation, CancellationToken cancellationToken)
    {
        MediumOperation? before;
        var run = new TaskCompletionSource<MediumOutcome>(TaskCreationOptions.RunContinuationsAsynchronously);
        lock (_lock)
        {
            if (IsOperating || _background is null || _stopping.IsCancellationRequested) return null;
            before = _operation;
            _operation = operation;
            _run = run.Task;
            _position = default;
            Volatile.Write(ref _progress, 0);
            _obstacles |= MediumObstacles.Operating;
        }
        OperationMemory? memory = null;
        var isAccepted = false;
        try
        {
            if (!OperationMemory.TryTake(_background, out memory)) return null;
            using var given = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken, _stopping.Token);
            await AwaitRequestsAsync(given.Token).ConfigureAwait(false);
            await memory.EnterStoreAsync(_lane, given.Token).ConfigureAwait(false);
            // A few flushes: not on the session's executor.
            await Task.Run(() => Save(hasFailed: false), CancellationToken.None).ConfigureAwait(false);
            _unit.RodTokens.OnWrite(new BlockRange(0, _unit.Info.BlockCount));
            isAccepted = true;
        }
        finally
        {
            if (!isAccepted)
            {
                memory?.Dispose();
                lock (_lock)
                {
                    _operation = before;
                    _obstacles &= ~MediumObstacles.Operating;
                }
                run.SetResult(MediumOutcome.Done);
            }
        }
        _ = Task.Run(async () => run.SetResult(await RunAsync(memory!).ConfigureAwait(false)), CancellationToken.None);
        return run.Task;
    }

    /// <summary>Goes on with an operation that the last run of the server left. Once, after <see cref="UseMemory"/>, before anybody is served.</summary>
    public void Resume()
    {
        lock (_lock)
        {
            if (!IsOperating || _run is not null) return;
            _run = ResumeAsync();
        }
    }

    /// <summary>EXIT FAILURE MODE: a failed operation counts as done, if it allowed that.</summary>
    /// <returns>False: it did not.</returns>
    /// <exception cref="IOException">The state could not be made durable.</exception>
    public bool TryExitFailure()
    {
        // The lock is kept over the file, so that an operation that begins now does not lose its line; nobody asks for it on the way to the blocks.
        lock (_lock)
        {
            if (FailedOperation is not { } failed) return true;
            if (!failed.AllowsUnrestrictedExit) return false;
            _unit.State.Set((StateName, null));
            _obstacles &= ~MediumObstacles.Failed;
            return true;
        }
    }

    /// <summary>Suspends an operation: the server stops, or the unit leaves its target. When it has ended, the device and the memory are free.</summary>
    public async Task StopAsync()
    {
        await _stopping.CancelAsync().ConfigureAwait(false);
        await Run.ConfigureAwait(false);
    }

    private async Task<MediumOutcome> ResumeAsync()
    {
        OperationMemory? memory = null;
        try
        {
            memory = await OperationMemory.TakeAsync(_background!, _stopping.Token).ConfigureAwait(false);
            await memory.EnterStoreAsync(_lane, _stopping.Token).ConfigureAwait(false);
        }
        catch (OperationCanceledException)
        {
            memory?.Dispose();
            return MediumOutcome.Suspended;
        }
        return await Task.Run(() => RunAsync(memory)).ConfigureAwait(false);
    }

    private async Task<MediumOutcome> RunAsync(OperationMemory memory)
    {
        Exception? error = null;
        try
        {
            using (memory) await WorkAsync(memory.Data).ConfigureAwait(false);
            _unit.State.Set((StateName, null));
        }
        catch (OperationCanceledException) when (_stopping.IsCancellationRequested)
        {
            return MediumOutcome.Suspended;
        }
#pragma warning disable CA1031 // Whatever a device or the file system throws, the medium is not what was asked for.
        catch (Exception e)
#pragma warning restore CA1031
        {
            error = e;
        }
        var operation = _operation!;
        if (error is not null) TrySaveFailure();
        lock (_lock)
        {
            _obstacles &= ~(MediumObstacles.Operating | MediumObstacles.Failed);
            if (error is not null) _obstacles |= MediumObstacles.Failed;
        }
        Ended?.Invoke(_unit, operation, error);
        return error is null ? MediumOutcome.Done : MediumOutcome.Failed;
    }

    private async Task WorkAsync(BlockList data)
    {
        var operation = _operation!;
        var device = _unit.Device;
        var blockSize = device.Info.BlockSize;
        var window = new BlockList(WriteBytes / MemoryBudget.BlockBytes);
        var stepBlocks = (operation.Deallocates ? DeallocateBytes : WriteBytes) / blockSize;
        long sinceCheckpoint = 0;
        for (; _position.Pass < operation.Passes; _position = new MediumPosition(_position.Pass + 1, 0))
        {
            if (!operation.Deallocates) operation.Fill(data.Runs[0].Span, blockSize, _position.Pass);
            for (long count; (count = Math.Min(stepBlocks, device.Info.BlockCount - _position.Lba)) > 0;)
            {
                if (_stopping.IsCancellationRequested) await SuspendAsync().ConfigureAwait(false);
                if (operation.Deallocates)
                {
                    await device.WriteZeroesAsync(new BlockRange(_position.Lba, count), BlockWriteFlags.MayUnmap).ConfigureAwait(false);
                }
                else
                {
                    Repeat(window, data, (int)count * blockSize);
                    await device.WriteAsync(_position.Lba, window).ConfigureAwait(false);
                }
                Advance(operation, count, device.Info.BlockCount);
                sinceCheckpoint += count * blockSize;
                if (sinceCheckpoint >= CheckpointBytes)
                {
                    sinceCheckpoint = 0;
                    await CheckpointAsync().ConfigureAwait(false);
                }
                // A device that completes at once would keep the thread for hours.
                await Task.Yield();
            }
            // Every pass reaches the medium: in a cache, the next one would only replace it.
            await _unit.FlushAsync(CancellationToken.None).ConfigureAwait(false);
        }
    }

    private void Advance(MediumOperation operation, long count, long blockCount)
    {
        var (pass, lba) = _position;
        _position = new MediumPosition(pass, lba + count);
        Volatile.Write(ref _progress, (int)Math.Min(ushort.MaxValue, 65536.0 * (pass + ((double)(lba + count) / blockCount)) / operation.Passes));
    }

    // The same memory again and again: what is written needs a block, however much is written at once.
    private static void Repeat(BlockList window, BlockList data, int lengthBytes)
    {
        if (window.Length == lengthBytes) return;
        window.Clear();
        for (var left = lengthBytes; left > 0; left -= data.Length) window.AddSlice(data, 0, Math.Min(left, data.Length));
    }

    // What the position says is done must be so after a power loss too.
    private async Task CheckpointAsync()
    {
        await _unit.FlushAsync(CancellationToken.None).ConfigureAwait(false);
        Save(hasFailed: false);
    }

    private async Task SuspendAsync()
    {
        if (_unit.State.IsKept) await CheckpointAsync().ConfigureAwait(false);
        throw new OperationCanceledException(_stopping.Token);
    }

    private void Save(bool hasFailed) => _unit.State.Set((StateName, _operation!.ToText(_position, hasFailed)));

    private void TrySaveFailure()
    {
        try
        {
            Save(hasFailed: true);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // The state says that the operation runs: it is done again after a restart, which is safe.
        }
    }

    private void Restore()
    {
        if (_unit.State.Get(StateName) is not { } text) return;
        if (!MediumOperation.TryParse(text, out _operation, out _position, out var hasFailed))
            throw new InvalidDataException($"The state of {_unit.Info.Description} has a line that this version does not know: {StateName} {text}.");
        Advance(_operation, 0, _unit.Info.BlockCount);
        _obstacles = hasFailed ? MediumObstacles.Failed : MediumObstacles.Operating;
    }

    // Those at the device hold their blocks; those that come later see the obstacle when they hold them.
    private async ValueTask AwaitRequestsAsync(CancellationToken cancellationToken)
    {
        var barrier = new RangeBarrier();
        if (!_unit.Ranges.TryEnter(barrier, new BlockRange(0, long.MaxValue), isExclusive: true))
        {
            try
            {
                await barrier.Entered.WaitAsync(cancellationToken).ConfigureAwait(false);
            }
            catch (OperationCanceledException)
            {
                if (_unit.Ranges.CancelWait(barrier)) throw;
                await barrier.Entered.ConfigureAwait(false);
                _unit.Ranges.Leave(barrier);
                throw;
            }
        }
        _unit.Ranges.Leave(barrier);
    }

    private SenseData InProgress() => _operation is { } operation
        ? new SenseData(SenseKey.NotReady, operation.InProgress) { Progress = (ushort)Volatile.Read(ref _progress) }
        : new SenseData(SenseKey.NotReady, AdditionalSense.NotReadyCauseNotReportable);

    private sealed class RangeBarrier : RangeLockEntry
    {
        private readonly TaskCompletionSource _entered = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public Task Entered => _entered.Task;

        protected internal override void OnEntered() => _entered.SetResult();
    }
}

/// <summary>How an operation ended.</summary>
internal enum MediumOutcome
{
    /// <summary>It is done.</summary>
    Done,

    /// <summary>It has failed.</summary>
    Failed,

    /// <summary>The server stopped before its end.</summary>
    Suspended,
}
