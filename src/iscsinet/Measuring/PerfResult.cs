namespace IscsiNet.Cli.Measuring;

/// <summary>What <c>perf</c> measured.</summary>
/// <param name="Reads">Reads that succeeded after the warm-up.</param>
/// <param name="Writes">Writes that succeeded after the warm-up.</param>
/// <param name="SizeBytes">Bytes of each.</param>
/// <param name="Elapsed">From the end of the warm-up until the last I/O was back.</param>
/// <param name="ProcessorTime">Of this process in that time.</param>
/// <param name="Latency">Of those I/Os.</param>
/// <param name="Errors">I/Os that failed, those of the warm-up included.</param>
/// <param name="FirstError">The first of them.</param>
internal sealed record PerfResult(
    long Reads, long Writes, int SizeBytes, TimeSpan Elapsed, TimeSpan ProcessorTime, LatencyHistogram Latency, long Errors, Exception? FirstError)
{
    public long Ios => Reads + Writes;

    public long Bytes => Ios * SizeBytes;

    public double Iops => Elapsed > TimeSpan.Zero ? Ios / Elapsed.TotalSeconds : 0;

    public double MebibytesPerSecond => Elapsed > TimeSpan.Zero ? Bytes / Elapsed.TotalSeconds / (1 << 20) : 0;

    public double ProcessorMicrosecondsPerIo => Ios > 0 ? ProcessorTime.TotalMicroseconds / Ios : 0;

    /// <summary>There were I/Os, and none of them succeeded.</summary>
    public bool HasFailed => Ios == 0 && Errors > 0;
}
