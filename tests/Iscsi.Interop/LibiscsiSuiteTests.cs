namespace Iscsi.Interop;

/// <inheritdoc/>
[Trait("Category", "Foreign")]
public sealed class LibiscsiSuiteTests(LibiscsiSuiteFixture fixture) : LibiscsiSuiteTestsBase(fixture), IClassFixture<LibiscsiSuiteFixture>
{
    [Fact]
    public void Every_expected_skip_names_a_test_of_the_suite()
    {
        ForeignTool.IscsiTestCu.Require();
        Assert.Empty(ExpectedSkips.All.Keys.Except(LibiscsiSuite.ListTests(), StringComparer.Ordinal));
    }
}
