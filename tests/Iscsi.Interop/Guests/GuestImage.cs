namespace Iscsi.Interop.Guests;

/// <summary>What guests boot from: made by <c>eng/vm/prepare.sh</c> out of Debian's packages, once for the run.</summary>
internal static class GuestImage
{
    /// <summary>The script's exit code where the system has no package index with a Debian kernel.</summary>
    private const int NoPackages = 3;

    /// <summary>With the download of 150 MB.</summary>
    private static readonly TimeSpan PrepareLimit = TimeSpan.FromSeconds(900);

    private static readonly Lazy<Task<ToolResult>> Prepared =
        new(() => ForeignTool.RunAsync("/bin/bash", PrepareLimit, Repository.PathOf("eng", "vm", "prepare.sh")));

    /// <summary>Ends the test where there can be no guest: a skip, or a failure where nothing may be missing.</summary>
    public static async Task RequireAsync()
    {
        var result = await Prepared.Value;
        if (result.ExitCode == NoPackages) ForeignTool.Missing($"no packages for a guest: {result.Output}");
        result.Succeeded();
    }

    /// <summary>The directory that holds the kernel and the initramfs.</summary>
    public static async Task<string> DirectoryAsync()
    {
        await RequireAsync();
        // What it says meanwhile goes to its other stream, and the order between the two is not kept.
        return (await Prepared.Value).Output.Split('\n').Last(line => Path.IsPathRooted(line) && Directory.Exists(line));
    }
}
