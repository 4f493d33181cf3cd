using System.Reflection;

namespace Iscsi.Interop.Guests;

/// <summary>Where the checkout is, whose scripts and artifacts the tests use.</summary>
internal static class Repository
{
    private static readonly string Root =
        typeof(Repository).Assembly.GetCustomAttributes<AssemblyMetadataAttribute>().Single(a => a.Key == "RepositoryPath").Value!;

    public static string PathOf(params string[] parts) => Path.Combine([Root, .. parts]);
}
