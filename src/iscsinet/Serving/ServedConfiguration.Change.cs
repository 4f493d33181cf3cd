using Iscsi.Storage;
using Iscsi.Target;
using IscsiNet.Cli.Configuration;
using IscsiNet.Cli.Output;

namespace IscsiNet.Cli.Serving;

/// <content>Another configuration, while the server runs.</content>
internal sealed partial class ServedConfiguration
{
    /// <summary>What came of a change.</summary>
    /// <param name="Changes">Things that are different now.</param>
    /// <param name="Problems">What could not be done, each with its place.</param>
    /// <param name="IsRefused">Nothing was changed.</param>
    internal sealed record Outcome(int Changes, IReadOnlyList<string> Problems, bool IsRefused);

    /// <summary>Serves another configuration: all of it, or, where it can't be, nothing of it.</summary>
    public async Task<Outcome> ChangeAsync(ServerConfiguration next)
    {
        var problems = new List<string>();
        CheckFixedParts(next, problems);
        var plan = Compare(next, problems);
        if (problems.Count > 0) return new Outcome(0, problems, IsRefused: true);

        await OpenNewAsync(plan, problems).ConfigureAwait(false);
        if (problems.Count == 0) await ServeFreeAsync(plan, problems).ConfigureAwait(false);
        if (problems.Count > 0)
        {
            foreach (var disk in plan.Opened.Values) await disk.Device.DisposeAsync().ConfigureAwait(false);
            return new Outcome(0, problems, IsRefused: true);
        }

        var changes = plan.NewTargets.Count + plan.Opened.Count;
        changes += await RemoveGoneAsync(plan, problems).ConfigureAwait(false);
        changes += await ServeWaitingAsync(plan, problems).ConfigureAwait(false);
        changes += ChangeAccess(next);
        changes += ChangeAccessStates(next, problems);
        changes += await ChangeKeptAsync(plan, problems).ConfigureAwait(false);
        _configuration = next;
        return new Outcome(changes, problems, IsRefused: false);
    }

    // Memory is taken once, and listeners are opened once.
    private void CheckFixedParts(ServerConfiguration next, List<string> problems)
    {
        const string fixedPart = "can't be changed while the server runs: restart it.";
        if (next.MemoryBytes != _configuration.MemoryBytes) problems.Add($"memory: is {ByteSize.Format(_configuration.MemoryBytes)} and {fixedPart}");
        if (next.Limits != _configuration.Limits) problems.Add($"limits: {fixedPart}");
        if (!next.Portals.SequenceEqual(_configuration.Portals)) problems.Add($"portals: {fixedPart}");
        foreach (var (target, old) in KeptTargets(next))
        {
            if (target.Access.AllowExplicit != old.Access.AllowExplicit) problems.Add($"{target.Place}.asymmetricAccess.explicit: {fixedPart}");
            if (!string.Equals(target.Access.StateFile, old.Access.StateFile, StringComparison.Ordinal)) problems.Add($"{target.Place}.asymmetricAccess.stateFile: {fixedPart}");
        }
    }

    private IEnumerable<(TargetConfiguration Next, TargetConfiguration Old)> KeptTargets(ServerConfiguration next) =>
        next.Targets.Join(_configuration.Targets, target => target.Name, target => target.Name, (target, old) => (target, old), StringComparer.Ordinal);

    private Plan Compare(ServerConfiguration next, List<string> problems)
    {
        var plan = new Plan();
        var nextTargets = next.Targets.Select(target => target.Name).ToHashSet(StringComparer.Ordinal);
        plan.GoneTargets.AddRange(_rules.Keys.Where(name => !nextTargets.Contains(name)));
        plan.NewTargets.AddRange(next.Targets.Where(target => !_rules.ContainsKey(target.Name)));
        var wanted = new HashSet<(string, int)>();
        foreach (var target in next.Targets)
        {
            foreach (var lun in target.Luns)
            {
                var key = (target.Name, lun.Number);
                wanted.Add(key);
                if (!_disks.TryGetValue(key, out var live)) plan.New.Add(key, lun);
                else if (NeedsReopening(live, lun)) plan.Replaced.Add(key, lun);
                else plan.Kept.Add(key, lun);
                if (live is not null) CheckSize(lun, live, problems);
            }
        }
        plan.Gone.AddRange(_disks.Keys.Where(key => !wanted.Contains(key) || plan.Replaced.ContainsKey(key)));
        return plan;
    }

    // A disk that was opened for reading alone can't become writable; one that is writable can be protected.
    private static bool NeedsReopening(ServedDisk live, LunConfiguration lun) =>
        live.Lun.Identity != lun.Identity || (live.Device.Info.IsReadOnly && !lun.Disk.IsReadOnly);

    private static void CheckSize(LunConfiguration lun, ServedDisk live, List<string> problems)
    {
        if (lun.Disk.SizeBytes is not { } size || !lun.IsFile || !string.Equals(lun.Disk.Location, live.Lun.Disk.Location, StringComparison.Ordinal)) return;
        if (LengthOf(lun.Disk.Location) is { } length && size < length)
            problems.Add($"{lun.Place}.size: the file has {length} bytes, and {size} would cut its data off: shorten it yourself (truncate -s {size}), if that is meant.");
        else if (lun.Disk.IsReadOnly && size > live.Device.Info.LengthBytes && LengthOf(lun.Disk.Location) != size)
            problems.Add($"{lun.Place}.size: a disk that is read-only is not made larger.");
    }

    // Of a block device of the host the length is not told this way, and can't be changed.
    private static long? LengthOf(string path) => new FileInfo(path) is { Exists: true, Length: > 0 and var length } ? length : null;

    // A file that is still served as another disk is opened when that one is gone.
    private async Task OpenNewAsync(Plan plan, List<string> problems)
    {
        var inUse = _disks.Values.Where(disk => disk.Lun.IsFile).Select(disk => disk.Lun.Disk.Location).ToHashSet(StringComparer.Ordinal);
        foreach (var (key, lun) in plan.New.Concat(plan.Replaced))
        {
            if (lun.IsFile && inUse.Contains(lun.Disk.Location))
            {
                if (LengthOf(lun.Disk.Location) is { } length && length % (lun.Disk.BlockSize ?? 512) != 0)
                    problems.Add($"{lun.Place}.blockSize: the file's {length} bytes are no multiple of it.");
                continue;
            }
            if (await TryOpenAsync(lun, problems).ConfigureAwait(false) is { } disk) plan.Opened.Add(key, disk);
        }
    }

    private async Task ServeFreeAsync(Plan plan, List<string> problems)
    {
        var added = new List<(string Target, int? Lun)>();
        try
        {
            foreach (var target in plan.NewTargets)
            {
                Try(target.Place, () => Server.AddTarget(target.Name, definition => Define(definition, target, plan.Opened)));
                added.Add((target.Name, null));
            }
            var newTargets = plan.NewTargets.Select(target => target.Name).ToHashSet(StringComparer.Ordinal);
            foreach (var ((target, number), disk) in plan.Opened)
            {
                if (newTargets.Contains(target) || plan.Replaced.ContainsKey((target, number))) continue;
                Try(disk.Lun.Place, () => Server.FindTarget(target)!.AddLun(number, disk.Device, disk.Options));
                added.Add((target, number));
            }
        }
        catch (UserException e)
        {
            problems.Add(e.Message);
            foreach (var (target, lun) in Enumerable.Reverse(added))
            {
                if (lun is { } number) await Server.FindTarget(target)!.RemoveLunAsync(number).ConfigureAwait(false);
                else await Server.RemoveTargetAsync(target).ConfigureAwait(false);
            }
            return;
        }
        foreach (var target in plan.NewTargets) _rules[target.Name] = target.Rules;
        foreach (var (key, disk) in plan.Opened)
            if (!plan.Replaced.ContainsKey(key)) _disks.Add(key, disk);
    }

    private async Task<int> RemoveGoneAsync(Plan plan, List<string> problems)
    {
        foreach (var target in plan.GoneTargets)
        {
            _rules.Remove(target);
            await RemoveAsync(target, plan.Gone.Where(key => key.Target == target), Server.RemoveTargetAsync(target), problems).ConfigureAwait(false);
        }
        foreach (var key in plan.Gone.Where(key => !plan.GoneTargets.Contains(key.Target)))
            await RemoveAsync($"{key.Target} LUN {key.Lun}", [key], Server.FindTarget(key.Target)!.RemoveLunAsync(key.Lun), problems).ConfigureAwait(false);
        return plan.GoneTargets.Count + plan.Gone.Count(key => !plan.Replaced.ContainsKey(key) && !plan.GoneTargets.Contains(key.Target));
    }

    private async Task RemoveAsync(string what, IEnumerable<(string Target, int Lun)> keys, Task<bool> removal, List<string> problems)
    {
        var disks = new List<ServedDisk>();
        foreach (var key in keys)
            if (_disks.Remove(key, out var disk)) disks.Add(disk);
        try
        {
            await removal.WaitAsync(RemovalLimit, TimeProvider.System).ConfigureAwait(false);
        }
        catch (TimeoutException)
        {
            problems.Add($"{what}: is removed, but a device still holds a request of it.");
            _ = DisposeAfterAsync(removal, disks);
            return;
        }
        foreach (var disk in disks) await disk.Device.DisposeAsync().ConfigureAwait(false);
    }

    private static async Task DisposeAfterAsync(Task removal, List<ServedDisk> disks)
    {
        await removal.ConfigureAwait(false);
        foreach (var disk in disks) await disk.Device.DisposeAsync().ConfigureAwait(false);
    }

    private async Task<int> ServeWaitingAsync(Plan plan, List<string> problems)
    {
        var count = 0;
        foreach (var (key, lun) in plan.New.Concat(plan.Replaced))
        {
            if (_disks.ContainsKey(key)) continue;
            if (!plan.Opened.TryGetValue(key, out var disk))
            {
                disk = await TryOpenAsync(lun, problems).ConfigureAwait(false);
                if (disk is null) continue;
                count++;
            }
            try
            {
                Try(lun.Place, () => Server.FindTarget(key.Target)!.AddLun(key.Lun, disk.Device, disk.Options));
                _disks.Add(key, disk);
            }
            catch (UserException e)
            {
                problems.Add(e.Message);
                await disk.Device.DisposeAsync().ConfigureAwait(false);
            }
        }
        return count;
    }

    private int ChangeAccess(ServerConfiguration next)
    {
        var count = 0;
        foreach (var target in next.Targets)
        {
            if (_rules[target.Name] == target.Rules) continue;
            Server.FindTarget(target.Name)!.SetAccess(target.Rules.ApplyTo);
            _rules[target.Name] = target.Rules;
            count++;
        }
        return count;
    }

    // Where the file says something new. What clients have changed meanwhile, and the file does not mention anew, stays.
    private int ChangeAccessStates(ServerConfiguration next, List<string> problems)
    {
        var count = 0;
        foreach (var (target, old) in KeptTargets(next))
        {
            var served = Server.FindTarget(target.Name)!;
            foreach (var group in served.PortGroups)
            {
                var wanted = target.Access.Of(group.Tag);
                if (wanted == old.Access.Of(group.Tag)) continue;
                try
                {
                    Try($"{target.Place}.asymmetricAccess", () => served.SetAccessState(group.Tag, wanted.State, wanted.IsPreferred));
                    count++;
                }
                catch (UserException e)
                {
                    problems.Add(e.Message);
                }
            }
        }
        return count;
    }

    private async Task<int> ChangeKeptAsync(Plan plan, List<string> problems)
    {
        var count = 0;
        foreach (var (key, lun) in plan.Kept)
        {
            var live = _disks[key];
            if (lun.Disk.IsReadOnly != live.Lun.Disk.IsReadOnly)
            {
                Server.FindTarget(key.Target)!.FindLun(key.Lun)!.SetReadOnly(lun.Disk.IsReadOnly);
                count++;
            }
            _disks[key] = live with { Lun = lun };
            if (live.Device is not FileBlockDevice file) continue;
            try
            {
                // Whether the file was made longer outside, or is to be made so here.
                var isChanged = await file.RefreshAsync().ConfigureAwait(false);
                if (lun.Disk.SizeBytes is { } size && size > file.Info.LengthBytes)
                {
                    await file.ResizeAsync(size).ConfigureAwait(false);
                    isChanged = true;
                }
                if (isChanged) count++;
            }
            catch (BlockDeviceException e)
            {
                problems.Add($"{lun.Place}.size: {ErrorText.Of(e).Message}");
            }
        }
        return count;
    }

    // The library's reasons become the user's, with the place that they are about.
    private static void Try(string place, Action action)
    {
        try
        {
            action();
        }
        catch (Exception e) when (e is ArgumentException or InvalidDataException or IOException or UnauthorizedAccessException or Reservations.BudgetException)
        {
            throw new UserException($"{place}: {ErrorText.Of(e).Message}", innerException: e);
        }
    }

    /// <summary>What is different in the next configuration.</summary>
    private sealed class Plan
    {
        public List<TargetConfiguration> NewTargets { get; } = [];

        public List<string> GoneTargets { get; } = [];

        public Dictionary<(string Target, int Lun), LunConfiguration> New { get; } = [];

        public Dictionary<(string Target, int Lun), LunConfiguration> Kept { get; } = [];

        /// <summary>Another disk under the LUN than now.</summary>
        public Dictionary<(string Target, int Lun), LunConfiguration> Replaced { get; } = [];

        /// <summary>Also those whose disk is replaced.</summary>
        public List<(string Target, int Lun)> Gone { get; } = [];

        /// <summary>The disks of <see cref="New"/> and <see cref="Replaced"/> that could be opened before anything is removed.</summary>
        public Dictionary<(string Target, int Lun), ServedDisk> Opened { get; } = [];
    }
}
