using System.Globalization;
using System.Text.RegularExpressions;

namespace Iscsi.Interop.Memory;

/// <summary>What the daemon promises at start: <c>memory: 32 MiB for data, 39 sessions of 552 KiB, process bound 112 MiB</c>.</summary>
/// <param name="Sessions">Sessions that can be open at once.</param>
/// <param name="ProcessBoundBytes">The least that the printed number can mean: it is rounded down.</param>
internal sealed partial record MemoryPromise(int Sessions, long ProcessBoundBytes)
{
    public static MemoryPromise Of(Daemon daemon)
    {
        var line = Line().Match(daemon.Log);
        Assert.True(line.Success, $"no memory line in:\n{daemon.Log}");
        return new MemoryPromise(
            int.Parse(line.Groups["sessions"].Value, CultureInfo.InvariantCulture),
            long.Parse(line.Groups["bound"].Value, CultureInfo.InvariantCulture) << 20);
    }

    [GeneratedRegex(@"^memory: .* for data, (?<sessions>\d+) sessions of .*, process bound (?<bound>\d+) MiB", RegexOptions.Multiline)]
    private static partial Regex Line();
}
