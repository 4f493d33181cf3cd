namespace Iscsi.Interop;

/// <summary>The kinds of disks that libiscsi's suite runs on alone, and which of its tests make no sense there.</summary>
internal static class LibiscsiVariants
{
    /// <summary>Their names, in the order of the LUNs.</summary>
    public static readonly string[] Names = ["4096", "read-only", "null"];

    private static readonly Dictionary<string, Dictionary<string, string>> Excluded = Load();

    /// <summary>The tests that are not run on a kind of disk, with the reason.</summary>
    public static IReadOnlyDictionary<string, string> ExcludedFrom(string variant) => Excluded[variant];

    // variant test: reason
    private static Dictionary<string, Dictionary<string, string>> Load()
    {
        var excluded = Names.ToDictionary(name => name, _ => new Dictionary<string, string>(StringComparer.Ordinal), StringComparer.Ordinal);
        foreach (var line in File.ReadLines(Path.Combine(AppContext.BaseDirectory, "libiscsi-variants.txt")))
        {
            if (line.Length == 0 || line.StartsWith('#')) continue;
            if (line.Split(' ', 2) is not [var variant, var rest] || rest.Split(": ", 2) is not [var test, var reason] || !excluded.TryGetValue(variant, out var tests))
                throw new FormatException($"libiscsi-variants.txt: \"{line}\" is not a variant, a test and a reason");
            tests.Add(test, reason);
        }
        return excluded;
    }
}
