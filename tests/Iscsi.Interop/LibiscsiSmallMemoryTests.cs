namespace Iscsi.Interop;

/// <summary>The same as <see cref="LibiscsiSuiteTests"/> with all the data memory that a daemon of 4 MiB has.</summary>
[Trait("Category", "Foreign")]
public sealed class LibiscsiSmallMemoryTests(SmallMemorySuiteFixture fixture) : LibiscsiSuiteTestsBase(fixture), IClassFixture<SmallMemorySuiteFixture>;

/// <summary>The daemon of <see cref="LibiscsiSmallMemoryTests"/>.</summary>
public sealed class SmallMemorySuiteFixture : LibiscsiSuiteFixture
{
    private protected override string[] Options => ["--memory", "4MiB"];
}
