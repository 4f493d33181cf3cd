using System.Diagnostics;
using System.Text.RegularExpressions;

namespace Iscsi.Interop;

/// <summary>libiscsi's conformance suite: the names of its tests, and one of them run in a process of its own.</summary>
internal static partial class LibiscsiSuite
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

    /// <summary>The tests, as rows of a theory.</summary>
    public static string[] Rows => ForeignTool.IscsiTestCu.IsInstalled ? ListTests() : [SuiteIsMissing];

    /// <summary>The tests that the tool has.</summary>
    public static string[] ListTests()
    {
        using var process = Process.Start(new ProcessStartInfo("iscsi-test-cu", ["--list"]) { UseShellExecute = false, RedirectStandardOutput = true })!;
        var listing = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        return [.. ListedPattern().Matches(listing).Select(match => match.Groups["value"].Value)];
    }

    /// <summary>Runs a test with data loss allowed.</summary>
    /// <param name="test">Its name, as in <see cref="ListTests"/>.</param>
    /// <param name="need">What it wants beside a disk.</param>
    /// <param name="disk">The URL of the disk.</param>
    /// <param name="secondPath">The URL of a second path to it, for the tests that want one.</param>
    public static async Task<LibiscsiOutcome> RunAsync(string test, LibiscsiTestNeed need, string disk, string secondPath)
    {
        await using var relay = need.NeedsOrderOfConnections ? new OrderlyRelay(disk) : null;
        string[] second = need.HasSecondPath ? [secondPath] : [];
        var result = await ForeignTool.IscsiTestCu.RunAsync(
            need.Limit,
            [
                "--dataloss", "--allow-sanitize", "-i", "iqn.2026-11.net.iscsinet:host-1", "-I", "iqn.2026-11.net.iscsinet:host-2",
                "-t", "ALL." + test, relay?.Url ?? disk, .. second,
            ]);
        // The tool's own steps before and after the test (does anybody hold a reservation?) may be skipped too; they don't count.
        var body = BodyPattern().Match(result.Output).Groups["value"].Value;
        var skips = SkippedPattern().Matches(body).Select(match => match.Groups["value"].Value.Trim()).Distinct(StringComparer.Ordinal)
            .Where(skip => skip != NoCryptoErase || test.StartsWith("Sanitize.CryptoErase", StringComparison.Ordinal));
        var isPassed = !result.TimedOut && result.ExitCode == 0 && RanOnePattern().IsMatch(result.Output);
        return new LibiscsiOutcome(result, isPassed, string.Join("; ", skips), !isPassed && test == ReconnectTest && FailedOnlyAt(result, ReconnectAssertion));
    }

    private static bool FailedOnlyAt(ToolResult result, string assertion)
    {
        var failures = FailurePattern().Matches(result.Output);
        return failures.Count == 1 && failures[0].Groups["value"].Value.Trim() == assertion;
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
