using System.Diagnostics;
using System.Runtime.CompilerServices;
using Iscsi.Initiator;
using Iscsi.Storage;
using Reservations;

namespace IscsiNet.Cli.Measuring;

/// <summary>Has one I/O outstanding until the run stops. All there is of it is made before: an I/O allocates nothing.</summary>
/// <param name="run">Says when to measure and when to stop.</param>
/// <param name="region">The session's.</param>
/// <param name="load">What to do.</param>
/// <param name="number">Among all workers: each has random numbers of its own.</param>
#pragma warning disable CA2012 // each task is consumed once, by the GetResult of its awaiter
internal sealed class PerfWorker(PerfRun run, PerfRegion region, PerfLoad load, int number)
{
    private readonly Random _random = new(unchecked(load.Seed + (number * 7919)));
    private readonly int _blocksPerIo = load.SizeBytes / region.Disk.Info.BlockSize;
    private BlockList _data = new();
    private Action? _continue;
    private ConfiguredValueTaskAwaitable.ConfiguredValueTaskAwaiter _io;
    private bool _isWrite;
    private long _startedAt;

    public LatencyHistogram Latency { get; } = new();

    public long Reads { get; private set; }

    public long Writes { get; private set; }

    public void Start()
    {
        var memory = GC.AllocateUninitializedArray<byte>(load.SizeBytes, pinned: true);
        // Neither zeroes nor the same everywhere: a target could save itself the work.
        _random.NextBytes(memory);
        _data = BlockList.Over(memory);
        _continue = Continue;
        Issue();
    }

    private void Continue()
    {
        if (TryFinish()) Issue();
    }

    private void Issue()
    {
        while (!run.IsStopping)
        {
            if (TryBegin() && !_io.IsCompleted)
            {
                _io.UnsafeOnCompleted(_continue!);
                return;
            }

            if (!TryFinish()) return;
        }

        run.WorkerEnded();
    }

    private bool TryBegin()
    {
        var lba = (load.IsRandom ? _random.NextInt64(region.TotalIos) : region.Next()) * _blocksPerIo;
        _isWrite = load.WritePercent > 0 && _random.Next(100) < load.WritePercent;
        _startedAt = Stopwatch.GetTimestamp();
        try
        {
            _io = (_isWrite ? region.Disk.WriteAsync(lba, _data) : region.Disk.ReadAsync(lba, _data)).ConfigureAwait(false).GetAwaiter();
            return true;
        }
        catch (Exception exception)
        {
            _io = ValueTask.FromException(exception).ConfigureAwait(false).GetAwaiter();
            return false;
        }
    }

    /// <summary>Takes the result.</summary>
    /// <returns>False: the worker has ended.</returns>
    private bool TryFinish()
    {
        try
        {
            _io.GetResult();
        }
        catch (Exception exception)
        {
            run.Failed(exception);
            // Only a logical unit that answers with an error may answer better the next time; without a session it would fail at once, for ever.
            if (exception is BlockDeviceException { InnerException: ScsiCommandException }) return true;
            run.WorkerEnded();
            return false;
        }

        var now = Stopwatch.GetTimestamp();
        if (now < run.MeasuredFrom) return true;
        Latency.Record((long)Stopwatch.GetElapsedTime(_startedAt, now).TotalNanoseconds);
        if (_isWrite) Writes++;
        else Reads++;
        return true;
    }
}
#pragma warning restore CA2012
