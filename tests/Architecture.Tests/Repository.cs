using System.Reflection;
using System.Text.RegularExpressions;

namespace Architecture.Tests;

/// <summary>The checkout that the tests were built from, and the libraries it makes.</summary>
internal static partial class Repository
{
    /// <summary>The libraries, the ones that know least first.</summary>
    public static readonly string[] Libraries =
        ["Reservations", "Iscsi.Storage", "Iscsi.Protocol", "Iscsi.Transport", "Iscsi.Target", "Iscsi.Initiator", "Iscsi.Hosting"];

    public static string Root { get; } =
        typeof(Repository).Assembly.GetCustomAttributes<AssemblyMetadataAttribute>().Single(a => a.Key == "RepositoryRoot").Value!;

    public static string PathOf(params ReadOnlySpan<string> parts) => Path.Combine([Root, .. parts]);

    public static TheoryData<string> AllLibraries() => [.. Libraries];

    /// <summary>The source files of a project, with their paths as seen from the root.</summary>
    public static IEnumerable<(string Path, string Text)> SourcesOf(string project)
    {
        var directory = PathOf("src", project);
        foreach (var path in Directory.EnumerateFiles(directory, "*.cs", SearchOption.AllDirectories).Order(StringComparer.Ordinal))
        {
            var inside = Path.GetRelativePath(directory, path);
            if (inside.StartsWith("obj", StringComparison.Ordinal) || inside.StartsWith("bin", StringComparison.Ordinal)) continue;
            yield return (Path.GetRelativePath(Root, path), WithoutComments(File.ReadAllText(path)));
        }
    }

    private static string WithoutComments(string text) => Comment().Replace(text, "");

    // No source of ours has // inside a string but in URLs, which the look-behind leaves alone.
    [GeneratedRegex("""(?<!:)//.*|/\*(.|\n)*?\*/""")]
    private static partial Regex Comment();
}
