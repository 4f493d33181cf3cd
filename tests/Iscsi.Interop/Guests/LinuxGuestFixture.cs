using System.Text.RegularExpressions;

namespace Iscsi.Interop.Guests;

/// <summary>
/// One guest for all scenarios of open-iscsi, as long as all is well: a scenario that failed may have left sessions, mounts or a
/// stuck kernel behind, so its guest's log is kept and the next one gets a new guest.
/// </summary>
public sealed partial class LinuxGuestFixture : IAsyncLifetime
{
    private readonly ScratchDirectory _scratch = new();
    private LinuxGuest? _guest;

    public ValueTask InitializeAsync() => ValueTask.CompletedTask;

    /// <summary>Runs a scenario: afterwards the guest must be able to end its sessions, and its kernel must not have complained.</summary>
    /// <param name="scenario">What to do.</param>
    /// <param name="expectedErrors">Parts of the lines of the kernel's log that are right in this scenario although they look like errors.</param>
    internal async Task RunAsync(Func<LinuxGuest, Task> scenario, params string[] expectedErrors)
    {
        var guest = await GetGuestAsync();
        try
        {
            await guest.TakeKernelLogAsync();
            await scenario(guest);
            (await guest.RunAsync("forget_everything")).Succeeded();
            var complaints = (await guest.TakeKernelLogAsync()).Split('\n')
                .Where(line => Complaint().IsMatch(line) && !expectedErrors.Any(part => line.Contains(part, StringComparison.Ordinal)));
            var text = string.Join('\n', complaints);
            if (text.Length > 0) Assert.Fail($"the guest's kernel complains:\n{text}");
        }
        catch
        {
            KeepLog(guest);
            await DiscardAsync();
            throw;
        }
    }

    public async ValueTask DisposeAsync()
    {
        await DiscardAsync();
        _scratch.Dispose();
    }

    internal static void KeepLog(LinuxGuest guest)
    {
        var name = TestContext.Current.TestMethod?.MethodName ?? "guest";
        var directory = Directory.CreateDirectory(Repository.PathOf("artifacts", "vm-logs")).FullName;
        File.WriteAllText(Path.Combine(directory, name + ".log"), guest.Log);
    }

    private async Task<LinuxGuest> GetGuestAsync()
    {
        if (_guest is { IsAlive: true }) return _guest;
        await DiscardAsync();
        return _guest = await LinuxGuest.BootAsync(_scratch);
    }

    private async Task DiscardAsync()
    {
        if (_guest is null) return;
        await _guest.DisposeAsync();
        _guest = null;
    }

    /// <summary>What the kernel writes when a disk, a file system, a session or itself is in trouble.</summary>
    [GeneratedRegex(
        """
        error|warning|fail|corrupt|abort|\bBUG\b|Oops|Call\ Trace|blocked\ for\ more|timed\ out|timing\ out|offline|rejecting|shut\ down|lost|invalid|illegal|tainted
        """,
        RegexOptions.IgnoreCase | RegexOptions.ExplicitCapture | RegexOptions.IgnorePatternWhitespace, matchTimeoutMilliseconds: 1000)]
    private static partial Regex Complaint();
}

/// <summary>The scenarios of open-iscsi, which share a guest and so run one after the other.</summary>
[CollectionDefinition(Name)]
public sealed class LinuxGuestCollection : ICollectionFixture<LinuxGuestFixture>
{
    public const string Name = "open-iscsi in a guest";
}
