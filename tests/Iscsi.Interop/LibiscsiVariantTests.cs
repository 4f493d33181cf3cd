namespace Iscsi.Interop;

/// <summary>
/// libiscsi's suite on one kind of disk alone: blocks of 4096 bytes, a disk that can't be written, a disk that keeps nothing. What makes no
/// sense there is in <c>libiscsi-variants.txt</c>, with the reason; all else passes, whole.
/// </summary>
[Trait("Category", "Foreign")]
public sealed class LibiscsiVariantTests(LibiscsiVariantFixture fixture) : IClassFixture<LibiscsiVariantFixture>
{
    public static TheoryData<string, string> Rows
    {
        get
        {
            var rows = new TheoryData<string, string>();
            foreach (var variant in LibiscsiVariants.Names)
                foreach (var test in LibiscsiSuite.Rows.Except(LibiscsiVariants.ExcludedFrom(variant).Keys, StringComparer.Ordinal)) rows.Add(variant, test);
            return rows;
        }
    }

    [Theory]
    [MemberData(nameof(Rows))]
    public async Task Libiscsi(string variant, string test)
    {
        ForeignTool.IscsiTestCu.Require();
        var need = LibiscsiTestNeed.Of(test);
        if (need.WantsNewDisk) await fixture.DiscardDaemonAsync();
        var daemon = await fixture.GetDaemonAsync();
        var disk = daemon.Urls[Array.IndexOf(LibiscsiVariants.Names, variant)];
        var outcome = await LibiscsiSuite.RunAsync(test, need, disk, disk);
        if (outcome is { IsPassed: true, Skips: "" } && !daemon.HasExited) return;
        var description = outcome.Describe(daemon);
        await fixture.DiscardDaemonAsync();
        Assert.Fail(description);
    }

    [Fact]
    public void Every_exclusion_names_a_test_of_the_suite()
    {
        ForeignTool.IscsiTestCu.Require();
        foreach (var variant in LibiscsiVariants.Names)
            Assert.Empty(LibiscsiVariants.ExcludedFrom(variant).Keys.Except(LibiscsiSuite.ListTests(), StringComparer.Ordinal));
    }
}
