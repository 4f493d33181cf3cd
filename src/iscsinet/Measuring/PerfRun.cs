using System.Diagnostics;
using Iscsi.Storage;

namespace IscsiNet.Cli.Measuring;

/// <summary>One measurement: warms up, measures, stops, and waits for what is outstanding.</summary>
internal sealed class PerfRun
{
    private static readonly TimeSpan WarmUp = TimeSpan.FromSeconds(0.3);

    private readonly TaskCompletionSource _ended = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly PerfLoad _load;
    private readonly PerfWorker[] _workers;
    private int _running;
    private long _measuredFrom = long.MaxValue;
    private volatile bool _isStopping;
    private long _errors;
    private Exception? _firstError;

    /// <param name="load">What to do.</param>
    /// <param name="disks">The same disk, once a session; it holds depth I/Os of each.</param>
    public PerfRun(PerfLoad load, IReadOnlyList<IBlockDevice> disks)
    {
        _load = load;
        var total = disks[0].Info.LengthBytes / load.SizeBytes;
        var share = total / disks.Count;
        var regions = disks.Select((disk, i) => new PerfRegion(disk, total, i * share, share)).ToArray();
        _workers = [.. Enumerable.Range(0, disks.Count * load.Depth).Select(i => new PerfWorker(this, regions[i % disks.Count], load, i))];
        _running = _workers.Length;
    }

    /// <summary>Timestamp from which on results count.</summary>
    public long MeasuredFrom => Volatile.Read(ref _measuredFrom);

    public bool IsStopping => _isStopping;

    /// <summary>Runs once.</summary>
    /// <param name="stop">Ends it early; what was measured until then is the result.</param>
    public async Task<PerfResult> RunAsync(Task stop)
    {
        foreach (var worker in _workers) worker.Start();
        var early = Task.WhenAny(stop, _ended.Task);
        await WaitAsync(WarmUp, early).ConfigureAwait(false);
        var processor = Environment.CpuUsage.TotalTime;
        var from = Stopwatch.GetTimestamp();
        Volatile.Write(ref _measuredFrom, from);
        await WaitAsync(_load.Duration, early).ConfigureAwait(false);
        _isStopping = true;
        await _ended.Task.ConfigureAwait(false);

        var elapsed = Stopwatch.GetElapsedTime(from);
        processor = Environment.CpuUsage.TotalTime - processor;
        var latency = new LatencyHistogram();
        foreach (var worker in _workers) latency.Add(worker.Latency);
        return new PerfResult(
            _workers.Sum(worker => worker.Reads), _workers.Sum(worker => worker.Writes), _load.SizeBytes, elapsed, processor, latency,
            Interlocked.Read(ref _errors), _firstError);
    }

    public void Failed(Exception exception)
    {
        Interlocked.Increment(ref _errors);
        Interlocked.CompareExchange(ref _firstError, exception, null);
    }

    public void WorkerEnded()
    {
        if (Interlocked.Decrement(ref _running) == 0) _ended.TrySetResult();
    }

    private static async Task WaitAsync(TimeSpan time, Task early)
    {
        using var enough = new CancellationTokenSource();
        await Task.WhenAny(Task.Delay(time, TimeProvider.System, enough.Token), early).ConfigureAwait(false);
        await enough.CancelAsync().ConfigureAwait(false);
    }
}
