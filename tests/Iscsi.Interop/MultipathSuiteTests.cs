using System.Text.RegularExpressions;

namespace Iscsi.Interop;

/// <summary>
/// libiscsi's tests of two paths to one disk, over two portals of two portal groups: two target ports, as a multipath host has them.
/// </summary>
[Trait("Category", "Foreign")]
public sealed partial class MultipathSuiteTests(MultipathSuiteFixture fixture) : IClassFixture<MultipathSuiteFixture>
{
    private static readonly TimeSpan TestLimit = TimeSpan.FromSeconds(180);

    [Theory]
    [InlineData("Simple", 0)]
    [InlineData("Simple", 1)]
    [InlineData("Reset", 0)]
    [InlineData("Reset", 1)]
    [InlineData("CompareAndWrite", 0)]
    [InlineData("CompareAndWrite", 1)]
    [InlineData("CompareAndWriteAsync", 0)]
    [InlineData("CompareAndWriteAsync", 1)]
    public async Task Libiscsi_over_two_portals(string test, int lun)
    {
        ForeignTool.IscsiTestCu.Require();
        // These write zeroes to 256 blocks, and expect them in 257.
        if (test.StartsWith("CompareAndWrite", StringComparison.Ordinal)) await fixture.DiscardDaemonAsync();
        var daemon = await fixture.GetDaemonAsync();
        await daemon.WaitForLogAsync("target "); // the ready lines go another way
        var first = daemon.Urls[lun];
        var second = OtherPortal(first, daemon.Log);
        var result = await ForeignTool.IscsiTestCu.RunAsync(
            TestLimit,
            "--dataloss", "-i", "iqn.2026-11.net.iscsinet:host-1", "-I", "iqn.2026-11.net.iscsinet:host-2", "-t", "ALL.MultipathIO." + test, first, second);
        var passed = !result.TimedOut && result.ExitCode == 0 && RanOnePattern().IsMatch(result.Output) && !result.Output.Contains("[SKIPPED]", StringComparison.Ordinal);
        if (passed && !daemon.HasExited) return;
        var log = daemon.Log;
        await fixture.DiscardDaemonAsync();
        Assert.Fail($"{result}\nthe daemon said:\n{log}");
    }

    /// <summary>The same LUN behind the second portal, which the start of the log names: <c>target … on 127.0.0.1:1, 127.0.0.1:2</c>.</summary>
    private static string OtherPortal(string url, string log)
    {
        var portals = PortalsPattern().Match(log);
        Assert.True(portals.Success, log);
        return url.Replace(portals.Groups["first"].Value, portals.Groups["second"].Value, StringComparison.Ordinal);
    }

    [GeneratedRegex(@"^target \S+ on (?<first>\S+), (?<second>\S+)$", RegexOptions.Multiline | RegexOptions.ExplicitCapture)]
    private static partial Regex PortalsPattern();

    [GeneratedRegex(@"^ +tests +1 +1 +1 +0 +0\s*$", RegexOptions.Multiline | RegexOptions.ExplicitCapture)]
    private static partial Regex RanOnePattern();
}
