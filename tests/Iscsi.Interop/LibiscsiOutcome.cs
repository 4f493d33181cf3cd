namespace Iscsi.Interop;

/// <summary>What became of a test of libiscsi's suite.</summary>
/// <param name="Result">What the tool printed.</param>
/// <param name="IsPassed">Whether it ran and found nothing wrong.</param>
/// <param name="Skips">Why it says that it skipped itself, or parts; empty: it did not.</param>
/// <param name="FailedAtItsReconnect">It failed only at an assertion about its own reconnect, which fails against every target tried.</param>
internal sealed record LibiscsiOutcome(ToolResult Result, bool IsPassed, string Skips, bool FailedAtItsReconnect)
{
    /// <summary>For the message of a failed test: what the tool printed, and the end of the daemon's log.</summary>
    public string Describe(Daemon daemon)
    {
        var lines = daemon.Log.Split('\n');
        return $"{Result}\nthe daemon said:\n{string.Join('\n', lines.Skip(Math.Max(0, lines.Length - 30)))}";
    }
}
