namespace Iscsi.Interop;

/// <summary>The tests of libiscsi's suite that skip themselves against the daemon, with the reason each prints.</summary>
internal static class ExpectedSkips
{
    public static IReadOnlyDictionary<string, string> All { get; } = Load();

    private static Dictionary<string, string> Load()
    {
        var skips = new Dictionary<string, string>(StringComparer.Ordinal);
        foreach (var line in File.ReadLines(Path.Combine(AppContext.BaseDirectory, "expected-skips.txt")))
        {
            if (line.Length == 0 || line.StartsWith('#')) continue;
            var separator = line.IndexOf(": ", StringComparison.Ordinal);
            if (separator < 0) throw new FormatException($"expected-skips.txt: no reason in \"{line}\"");
            skips.Add(line[..separator], line[(separator + 2)..]);
        }

        return skips;
    }
}
