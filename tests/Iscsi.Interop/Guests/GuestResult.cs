namespace Iscsi.Interop.Guests;

/// <summary>What a script in a guest did.</summary>
/// <param name="Script">The script.</param>
/// <param name="ExitCode">Its exit code; 137 when it was killed for taking too long.</param>
/// <param name="Output">Standard output and standard error, in the order in which they came.</param>
internal sealed record GuestResult(string Script, int ExitCode, string Output)
{
    private const int Killed = 128 + 9;

    /// <summary>Fails the test with everything the script said, unless it ended with 0.</summary>
    public GuestResult Succeeded()
    {
        Assert.True(ExitCode == 0, ToString());
        return this;
    }

    /// <summary>Fails the test unless the script ended by itself, with a failure.</summary>
    public GuestResult Failed()
    {
        Assert.True(ExitCode is not (0 or Killed), "expected a failure: " + ToString());
        return this;
    }

    /// <summary>The rest of the only line that begins so.</summary>
    public string ValueOf(string mark)
    {
        var lines = Output.Split('\n').Where(line => line.StartsWith(mark, StringComparison.Ordinal)).ToArray();
        Assert.True(lines.Length == 1, $"{lines.Length} lines begin with '{mark}': {this}");
        return lines[0][mark.Length..].Trim();
    }

    public override string ToString() => $"in the guest:\n{Script.TrimEnd()}\nexit code {ExitCode}{(ExitCode == Killed ? " (killed, perhaps for taking too long)" : "")}\n{Output}";
}
