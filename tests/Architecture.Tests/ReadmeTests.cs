using System.Text.RegularExpressions;

namespace Architecture.Tests;

/// <summary>The code in the README is code that compiles: each block is a part of a sample.</summary>
public sealed partial class ReadmeTests
{
    public static TheoryData<string> Blocks() =>
        [.. Block().Matches(File.ReadAllText(Repository.PathOf("README.md"))).Select(match => match.Groups["code"].Value.Trim())];

    [Theory, MemberData(nameof(Blocks))]
    public void A_block_of_code_in_the_readme_is_part_of_a_sample(string block)
    {
        var samples = Directory.EnumerateFiles(Repository.PathOf("samples"), "Program.cs", SearchOption.AllDirectories).Select(File.ReadAllText);
        Assert.True(samples.Any(sample => sample.Contains(block, StringComparison.Ordinal)), $"in no sample:\n{block}");
    }

    [GeneratedRegex("```csharp\n(?<code>.*?)```", RegexOptions.Singleline | RegexOptions.ExplicitCapture)]
    private static partial Regex Block();
}
