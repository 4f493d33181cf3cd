namespace Iscsi.Interop;

/// <summary>
/// libiscsi's conformance suite with data loss allowed: each of its tests in a process of its own, with a time limit, against the LUN that
/// <see cref="LibiscsiTestNeed"/> names for it.
/// </summary>
public abstract class LibiscsiSuiteTestsBase(LibiscsiSuiteFixture fixture)
{
    public static TheoryData<string> Tests => new(LibiscsiSuite.Rows);

    [Theory]
    [MemberData(nameof(Tests))]
    public async Task Libiscsi(string test)
    {
        ForeignTool.IscsiTestCu.Require();
        var need = LibiscsiTestNeed.Of(test);
        if (need.WantsNewDisk) await fixture.DiscardDaemonAsync();
        var daemon = await fixture.GetDaemonAsync();
        var disk = daemon.Urls[(int)need.Lun];
        var outcome = await LibiscsiSuite.RunAsync(test, need, disk, disk);

        var daemonDied = daemon.HasExited;
        if (!outcome.IsPassed || daemonDied)
        {
            await fixture.DiscardDaemonAsync();
            if (outcome.FailedAtItsReconnect && !daemonDied) Assert.Skip("libiscsi asserts on its own reconnect, which fails against every target tried");
            Assert.Fail(outcome.Describe(daemon));
        }

        var expected = ExpectedSkips.All.GetValueOrDefault(test);
        if (outcome.Skips.Length > 0)
        {
            fixture.RecordSkip(test, outcome.Skips);
            Assert.True(expected == outcome.Skips, $"skipped, which expected-skips.txt does not say:\n{test}: {outcome.Skips}\n{outcome.Result}");
            Assert.Skip("libiscsi: " + outcome.Skips);
        }

        Assert.True(expected is null, $"{test} runs now; expected-skips.txt says it is skipped: {expected}");
    }
}
