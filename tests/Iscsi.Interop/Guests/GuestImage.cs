namespace Iscsi.Interop.Guests;

/// <summary>What guests boot from: made by <c>eng/vm/prepare.sh</c> out of Debian's packages, once for the run.</summary>
internal static class GuestImage
{
    /// <summary>The script's exit code where the system has no package index with a Debian kernel.</summary>
    private const int NoPackages = 3;

    /// <summary>With the download of 150 MB.</summary>
    private static readonly TimeSpan PrepareLimit = TimeSpan.FromSeconds(300);

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
        return (await Prepared.Value).Output.TrimEnd().Split('\n')[^1];
    }
}
