using System.Diagnostics;
using Iscsi.Storage;

namespace IscsiNet.Cli.Output;

/// <summary>Shows how a transfer goes on a terminal, and how it went anywhere.</summary>
internal static class TransferReport
{
    private static readonly TimeSpan RefreshInterval = TimeSpan.FromMilliseconds(100);

    /// <summary>Runs a transfer with a progress bar, where standard error is a terminal.</summary>
    /// <param name="name">What is done, in a word.</param>
    /// <param name="lengthBytes">How much there is to do; null: nobody knows.</param>
    /// <param name="transfer">Does it, and tells the bytes of each piece that is done.</param>
    public static async Task<T> ShowAsync<T>(string name, long? lengthBytes, Func<Action<int>, Task<T>> transfer)
    {
        long done = 0;
        var task = transfer(count => Interlocked.Add(ref done, count));
        // Spectre is loaded only where someone looks at it: it costs 15 ms, and writes colour codes into pipes.
        if (lengthBytes is > 0 && !Console.IsErrorRedirected)
            await ProgressBar.ShowAsync(name, lengthBytes.Value, () => Interlocked.Read(ref done), task, RefreshInterval).ConfigureAwait(false);
        return await task.ConfigureAwait(false);
    }

    /// <summary>One line: how much, how long, how fast.</summary>
    public static string Summary(string verb, long bytes, TimeSpan time)
    {
        var rate = time.TotalSeconds > 0 ? $"{ByteSize.Format((long)(bytes / time.TotalSeconds))}/s" : "at once";
        return $"{verb} {bytes} bytes ({ByteSize.Format(bytes)}) in {time.TotalSeconds:0.00} s, {rate}";
    }

    /// <summary>Starts a clock; the result is the time since then.</summary>
    public static Func<TimeSpan> StartClock()
    {
        var start = Stopwatch.GetTimestamp();
        return () => Stopwatch.GetElapsedTime(start);
    }
}
