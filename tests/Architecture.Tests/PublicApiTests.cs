using System.Reflection;

namespace Architecture.Tests;

/// <summary>What users of a library can see is written down in PublicApi/, so that no change of it goes unnoticed.</summary>
public sealed class PublicApiTests
{
    private const string AcceptVariable = "ISCSINET_ACCEPT_API";

    [Theory, MemberData(nameof(Repository.AllLibraries), MemberType = typeof(Repository))]
    public void The_public_API_is_the_one_that_is_written_down(string library)
    {
        var path = Repository.PathOf("tests", "Architecture.Tests", "PublicApi", library + ".txt");
        var actual = PublicApi.Describe(Assembly.Load(library));
        if (Environment.GetEnvironmentVariable(AcceptVariable) == "1") File.WriteAllText(path, string.Join('\n', actual) + "\n");
        var expected = File.Exists(path) ? File.ReadAllLines(path) : [];
        var removed = expected.Except(actual, StringComparer.Ordinal).Select(line => "- " + line);
        var added = actual.Except(expected, StringComparer.Ordinal).Select(line => "+ " + line);
        var difference = string.Join('\n', removed.Concat(added));
        Assert.True(difference.Length == 0,
            $"The public API of {library} is another than tests/Architecture.Tests/PublicApi/{library}.txt says:\n{difference}\n" +
            $"If that is what you want, write it down and commit it: {AcceptVariable}=1 dotnet test -c Release tests/Architecture.Tests");
    }
}
