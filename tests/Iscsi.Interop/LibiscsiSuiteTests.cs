using System.Diagnostics;
using System.Text.RegularExpressions;

namespace Iscsi.Interop;

/// <summary>
/// libiscsi's conformance suite with data loss allowed: each of its tests in a process of its own, with a time limit.
/// </summary>
[Trait("Category", "Foreign")]
public sealed partial class LibiscsiSuiteTests(LibiscsiSuiteFixture fixture) : IClassFixture<LibiscsiSuiteFixture>
{
    /// <summary>The row that stands for the suite where the tool is missing.</summary>
    private const string SuiteIsMissing = "(the whole suite)";

    /// <summary>
    /// Asserts, beside what it asks of the target, that the tool's own context was not torn down while its callback was pending; by
    /// timing that fails against every target tried. Only that assertion is let pass.
    /// </summary>
    private const string ReconnectTest = "iSCSITMF.LUNResetSimpleAsync";
    private const string ReconnectAssertion = "CU_ASSERT_EQUAL(reconnect_succeeded,1)";

    /// <summary>
    /// Tests that try one service action of SANITIZE after the other say this of the one that <c>Sanitize.CryptoErase</c> is about; they have
    /// not been skipped for it.
    /// </summary>
    private const string NoCryptoErase = "SANITIZE CRYPTO_ERASE is not implemented according to REPORT_SUPPORTED_OPCODES.";

    public static TheoryData<string> Tests
    {
        get
        {
            var names = ForeignTool.IscsiTestCu.IsInstalled ? ListTests() : [SuiteIsMissing];
            return new TheoryData<string>(names);
        }
    }

    [Theory]
    [MemberData(nameof(Tests))]
    public async Task Libiscsi(string test)
    {
        ForeignTool.IscsiTestCu.Require();
        var daemon = await fixture.GetDaemonAsync();
        var need = LibiscsiTestNeed.Of(test);
        var disk = daemon.Urls[(int)need.Lun];
        string[] sanitize = need.MaySanitize ? ["--allow-sanitize"] : [];
        string[] secondPath = need.HasSecondPath ? [disk] : [];

        var result = await ForeignTool.IscsiTestCu.RunAsync(
            need.Limit,
            ["--dataloss", .. sanitize, "-i", "iqn.2026-11.net.iscsinet:host-1", "-I", "iqn.2026-11.net.iscsinet:host-2", "-t", "ALL." + test, disk, .. secondPath]);

        // The tool's own steps before and after the test (does anybody hold a reservation?) may be skipped too; they don't count.
        var body = BodyPattern().Match(result.Output).Groups["value"].Value;
        var skips = SkippedPattern().Matches(body).Select(match => match.Groups["value"].Value.Trim()).Distinct(StringComparer.Ordinal)
            .Where(skip => skip != NoCryptoErase || test.StartsWith("Sanitize.CryptoErase", StringComparison.Ordinal)).ToArray();
        var ran = !result.TimedOut && result.ExitCode == 0 && RanOnePattern().IsMatch(result.Output);
        var daemonDied = daemon.HasExited;
        if (!ran || daemonDied)
        {
            await fixture.DiscardDaemonAsync();
            if (test == ReconnectTest && !daemonDied && FailedOnlyAt(result, ReconnectAssertion))
                Assert.Skip("libiscsi asserts on its own reconnect, which fails against every target tried");
            Assert.Fail($"{result}\nthe daemon said:\n{Tail(daemon.Log)}");
        }

        var expected = ExpectedSkips.All.GetValueOrDefault(test);
        if (skips.Length > 0)
        {
            var reason = string.Join("; ", skips);
            fixture.RecordSkip(test, reason);
            Assert.True(expected == reason, $"skipped, which expected-skips.txt does not say:\n{test}: {reason}\n{result}");
            Assert.Skip("libiscsi: " + reason);
        }

        Assert.True(expected is null, $"{test} runs now; expected-skips.txt says it is skipped: {expected}");
    }

    [Fact]
    public void Every_expected_skip_names_a_test_of_the_suite()
    {
        ForeignTool.IscsiTestCu.Require();
        Assert.Empty(ExpectedSkips.All.Keys.Except(ListTests(), StringComparer.Ordinal));
    }

    private static string[] ListTests()
    {
        using var process = Process.Start(new ProcessStartInfo("iscsi-test-cu", ["--list"]) { UseShellExecute = false, RedirectStandardOutput = true })!;
        var listing = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        return [.. ListedPattern().Matches(listing).Select(match => match.Groups["value"].Value)];
    }

    private static bool FailedOnlyAt(ToolResult result, string assertion)
    {
        var failures = FailurePattern().Matches(result.Output);
        return failures.Count == 1 && failures[0].Groups["value"].Value.Trim() == assertion;
    }

    private static string Tail(string log)
    {
        var lines = log.Split('\n');
        return string.Join('\n', lines.Skip(Math.Max(0, lines.Length - 30)));
    }

    /// <summary>A line such as <c>ALL.Read10.Simple</c>; the same tests are listed again under their families.</summary>
    [GeneratedRegex(@"^ALL\.(?<value>[^.\s]+\.[^.\s]+)\s*$", RegexOptions.Multiline | RegexOptions.ExplicitCapture)]
    private static partial Regex ListedPattern();

    /// <summary>What is printed between the name of the test and its result.</summary>
    [GeneratedRegex(@"^ +Test: \S+ \.\.\.(?<value>.*?)(?<=^|\.\.\.)(passed|FAILED)", RegexOptions.Multiline | RegexOptions.Singleline | RegexOptions.ExplicitCapture)]
    private static partial Regex BodyPattern();

    [GeneratedRegex(@"\[SKIPPED\] *(?<value>.*)$", RegexOptions.Multiline | RegexOptions.ExplicitCapture)]
    private static partial Regex SkippedPattern();

    /// <summary>The summary of CUnit when the one test was found and ran.</summary>
    [GeneratedRegex(@"^ +tests +1 +1 +1 +0 +0\s*$", RegexOptions.Multiline | RegexOptions.ExplicitCapture)]
    private static partial Regex RanOnePattern();

    /// <summary>A numbered assertion that did not hold: <c>1. test_read10_simple.c:40  - CU_ASSERT_EQUAL(...)</c>.</summary>
    [GeneratedRegex(@"^ +\d+\. \S+:\d+ +- (?<value>.*)$", RegexOptions.Multiline | RegexOptions.ExplicitCapture)]
    private static partial Regex FailurePattern();
}
