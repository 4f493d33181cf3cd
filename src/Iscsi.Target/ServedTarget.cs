using Iscsi.Storage;

namespace Iscsi.Target;

/// <summary>A target that a running server serves: its LUNs and its access rules, to look at and to change. Any thread.</summary>
public sealed class ServedTarget
{
    private readonly TargetCore _core;
    private readonly TargetDefinition _target;

    internal ServedTarget(TargetCore core, TargetDefinition target)
    {
        _core = core;
        _target = target;
    }

    /// <summary>Its iSCSI name.</summary>
    public string Name => _target.Name;

    /// <summary>Its LUNs now, ascending. A snapshot.</summary>
    public IReadOnlyList<ServedLun> Luns => Array.ConvertAll(_target.Units.Units.ToArray(), unit => new ServedLun(_core, _target, unit));

    /// <summary>The LUN of a number; null: there is none.</summary>
    /// <param name="lun">0 to 16383.</param>
    public ServedLun? FindLun(int lun) => Luns.FirstOrDefault(served => served.Number == lun);

    /// <summary>
    /// Serves a device under a LUN from now on. Clients that are connected are told by a unit attention (REPORTED LUNS DATA HAS CHANGED, on
    /// their other LUNs). Reads the files of the disk's state.
    /// </summary>
    /// <param name="lun">0 to 16383.</param>
    /// <param name="device">The device. It stays the caller's, and open until the LUN was removed.</param>
    /// <param name="options">Serial number, files of the disk's state, kind of medium; null: the defaults.</param>
    /// <exception cref="ArgumentException">The LUN is taken, or the storage or a state file is in use under another one, or one that is still being removed.</exception>
    /// <exception cref="Reservations.BudgetException">The store floor of the memory budget does not hold the device's bounce blocks.</exception>
    /// <exception cref="InvalidDataException">A file of the disk's state is damaged.</exception>
    /// <exception cref="InvalidOperationException">The target is no longer served.</exception>
    public ServedLun AddLun(int lun, IBlockDevice device, LunOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(device);
        return new ServedLun(_core, _target, _core.Targets.AddLun(_target, new LunDefinition(lun, device, options ?? new LunOptions())));
    }

    /// <summary>
    /// Stops serving a LUN. Commands find no such LUN from now on, and clients are told on their other LUNs (REPORTED LUNS DATA HAS CHANGED).
    /// Commands in progress are answered: with the status of what the device had begun and could finish, else with LOGICAL UNIT NOT SUPPORTED.
    /// </summary>
    /// <param name="lun">The LUN.</param>
    /// <param name="cancellationToken">Stops waiting for a device that holds a request; the LUN leaves all the same, when the device lets go.</param>
    /// <returns>False: there is no such LUN. True: nothing uses its device any more, and its memory is given back.</returns>
    public Task<bool> RemoveLunAsync(int lun, CancellationToken cancellationToken = default) =>
        _core.Targets.RemoveLunAsync(_target, lun, cancellationToken);

    /// <summary>Its target port groups, one a portal group, ascending by tag. A snapshot.</summary>
    public IReadOnlyList<TargetPortGroupStatus> PortGroups =>
        [.. _target.Units.PortGroups.Groups.ToArray().Select(group => new TargetPortGroupStatus(group.Tag, group.State, group.IsPreferred))];

    /// <summary>
    /// Changes the asymmetric access state of a portal group (SPC-4, implicit change). Clients are told by a unit attention (ASYMMETRIC ACCESS
    /// STATE CHANGED); commands in progress end as they would have, later ones are served as the new state has it. Where states are kept,
    /// this one is durable when the call returns.
    /// </summary>
    /// <param name="portalGroupTag">The group.</param>
    /// <param name="state">Its state from now on.</param>
    /// <param name="isPreferred">Whether clients are told to prefer it; null: as before.</param>
    /// <exception cref="ArgumentException">There is no such group, or no such state.</exception>
    /// <exception cref="IOException">The state file could not be written; nothing changed.</exception>
    /// <exception cref="UnauthorizedAccessException">The state file may not be written; nothing changed.</exception>
    public void SetAccessState(int portalGroupTag, AsymmetricAccessState state, bool? isPreferred = null)
    {
        var groups = _target.Units.PortGroups;
        if (!Enum.IsDefined(state)) throw new ArgumentException($"{state} is no asymmetric access state.", nameof(state));
        if (portalGroupTag is < 0 or > ushort.MaxValue || !groups.Tags.Contains((ushort)portalGroupTag))
            throw new ArgumentException($"There is no portal group {portalGroupTag}: there are {string.Join(", ", groups.Tags)}.", nameof(portalGroupTag));
        groups.Change(_target.Units, [((ushort)portalGroupTag, state)], isPreferred);
    }

    /// <summary>
    /// Replaces alias, allowed initiators and CHAP, as a whole, for later logins. Sessions that are open stay; what is not said again is
    /// gone: without <see cref="TargetDefinitionBuilder.RequireChap(string, string)"/> no login needs CHAP any more.
    /// </summary>
    /// <param name="configure">Says the access rules; it adds no LUNs.</param>
    /// <exception cref="ArgumentException">The rules contradict each other, or LUNs are added. The rules stay as they were.</exception>
    public void SetAccess(Action<TargetDefinitionBuilder> configure)
    {
        ArgumentNullException.ThrowIfNull(configure);
        var builder = new TargetDefinitionBuilder(Name);
        configure(builder);
        _core.Targets.SetAccess(_target, builder);
    }
}
