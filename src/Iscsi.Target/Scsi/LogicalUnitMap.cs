using System.Collections.Immutable;
using System.Diagnostics.CodeAnalysis;
using System.Text;
using Iscsi.Protocol.Scsi;
using Iscsi.Storage;
using Iscsi.Target.Memory;
using Iscsi.Target.Scsi.AsymmetricAccess;
using Iscsi.Target.Scsi.PersistentReservations;

namespace Iscsi.Target.Scsi;

/// <summary>The logical units of one target, and the nexuses that see them.</summary>
internal sealed partial class LogicalUnitMap
{
    private const int MaxNameBytes = 223;
    private const int MaxSerialNumberLength = 20;

    private readonly Lock _lock = new();
    private readonly ScsiLimits _limits;
    private readonly TimeProvider _clock;
    private volatile LogicalUnit[] _units = [];
    private readonly HashSet<ushort> _vacated = [];
    private ScsiNexus[] _nexuses = [];
    private int _nextIndex;

    /// <summary>Creates an empty map.</summary>
    /// <param name="targetName">iSCSI name of the target.</param>
    /// <param name="limits">Bounds of commands.</param>
    /// <param name="clock">The clock of the units; null: the system's.</param>
    /// <param name="portGroups">The target port groups; null: the one of the default portal group.</param>
    public LogicalUnitMap(string targetName, ScsiLimits? limits = null, TimeProvider? clock = null, TargetPortGroups? portGroups = null)
    {
        ArgumentException.ThrowIfNullOrEmpty(targetName);
        if (Encoding.UTF8.GetByteCount(targetName) > MaxNameBytes)
            throw new ArgumentException($"A target name has at most {MaxNameBytes} bytes (RFC 7143, 4.2.7.1).", nameof(targetName));
        TargetName = targetName;
        _clock = clock ?? TimeProvider.System;
        PortGroups = portGroups ?? new TargetPortGroups([TargetDefinition.DefaultPortalGroupTag]);
        _limits = limits ?? new ScsiLimits();
        ArgumentOutOfRangeException.ThrowIfLessThan(_limits.AllAtOnceBytes, ScsiLimits.MinAllAtOnceBytes, nameof(limits));
    }

    /// <summary>iSCSI name of the target.</summary>
    public string TargetName { get; }

    /// <summary>The most target ports: their names fit a VPD page.</summary>
    public const int MaxTargetPorts = 15;

    /// <summary>The target port groups and their asymmetric access states.</summary>
    public TargetPortGroups PortGroups { get; }

    /// <summary>The relative identifiers of the target ports, ascending.</summary>
    public ImmutableArray<ushort> TargetPorts => PortGroups.Tags;

    /// <summary>The logical units, in the order of their numbers. A snapshot.</summary>
    public ReadOnlySpan<LogicalUnit> Units => _units;

    /// <summary>
    /// Puts a device under a LUN. Nexuses are told that the reported LUNs have changed, and where another disk was there before, that this is
    /// another one.
    /// </summary>
    /// <param name="number">The LUN, 0 to 16383.</param>
    /// <param name="device">The device. It stays its owner's.</param>
    /// <param name="options">Serial number, files of its state, kind of medium; null: the defaults.</param>
    /// <param name="lane">The Store level of the device; null: it needs none.</param>
    /// <exception cref="ArgumentException">The LUN is taken, or the storage is already served under another one.</exception>
    /// <exception cref="InvalidDataException">A file of its state is damaged.</exception>
    public LogicalUnit Add(int number, IBlockDevice device, LunOptions? options = null, StoreLane? lane = null)
    {
        options ??= new LunOptions();
        ArgumentNullException.ThrowIfNull(device);
        ArgumentOutOfRangeException.ThrowIfNegative(number);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(number, LogicalUnitNumber.Max);
        if (options.SerialNumber is not null) CheckSerialNumber(options.SerialNumber);
        lock (_lock)
        {
            var units = _units;
            if (units.Length == ScsiLimits.MaxLogicalUnits)
                throw new ArgumentException($"{TargetName} has {units.Length} LUNs, which is the most.", nameof(number));
            CheckFree(units, number, device);
            var unit = new LogicalUnit(_nextIndex++, (ushort)number, device, TargetName, _limits, options, _clock, PortGroups) { Lane = lane };
            LogicalUnit[] next = [.. units, unit];
            Array.Sort(next, static (a, b) => a.Number.CompareTo(b.Number));
            _units = next;
            unit.Watch(this);
            foreach (var nexus in _nexuses)
            {
                nexus.Raise(unit, UnitAttention.PowerOnOrReset);
                if (_vacated.Contains(unit.Number)) nexus.Raise(unit, UnitAttention.InquiryDataHasChanged);
                foreach (var other in units) nexus.Raise(other, UnitAttention.ReportedLunsDataHasChanged);
            }
            return unit;
        }
    }

    /// <summary>
    /// Takes a logical unit out. Nexuses are told that the reported LUNs have changed; the device stays its owner's.
    /// </summary>
    /// <returns>False: it was not in.</returns>
    public bool Remove(LogicalUnit unit)
    {
        lock (_lock)
        {
            if (Array.IndexOf(_units, unit) < 0) return false;
            unit.Unwatch();
            _vacated.Add(unit.Number);
            _units = Array.FindAll(_units, other => !ReferenceEquals(other, unit));
            foreach (var nexus in _nexuses)
            {
                nexus.Clear(unit, UnitAttention.All);
                foreach (var other in _units) nexus.Raise(other, UnitAttention.ReportedLunsDataHasChanged);
            }
            return true;
        }
    }

    /// <summary>Finds the logical unit of a LUN field (SAM-5).</summary>
    public bool TryFind(ulong lun, [NotNullWhen(true)] out LogicalUnit? unit)
    {
        unit = null;
        if (!LogicalUnitNumber.TryDecode(lun, out var number)) return false;
        var units = _units;
        int low = 0, high = units.Length - 1;
        while (low <= high)
        {
            var middle = (low + high) / 2;
            if (units[middle].Number == number)
            {
                unit = units[middle];
                return true;
            }
            if (units[middle].Number < number) low = middle + 1;
            else high = middle - 1;
        }
        return false;
    }

    /// <summary>A session begins: every logical unit owes it <paramref name="conditions"/>.</summary>
    public void Attach(ScsiNexus nexus, UnitAttention conditions = UnitAttention.PowerOnOrReset)
    {
        lock (_lock)
        {
            _nexuses = [.. _nexuses, nexus];
            foreach (var unit in _units) nexus.Raise(unit, conditions);
        }
    }

    /// <summary>A session has ended.</summary>
    public void Detach(ScsiNexus nexus)
    {
        lock (_lock)
        {
            if (Array.IndexOf(_nexuses, nexus) >= 0) KeepStatistics(nexus);
            _nexuses = Array.FindAll(_nexuses, other => !ReferenceEquals(other, nexus));
        }
        ReleaseReservations(nexus);
        foreach (var unit in _units) unit.Copies.OnNexusLost(nexus);
    }

    /// <summary>
    /// A nexus logs out or is lost: what it reserved by RESERVE is free from now on (SPC-2), and it prevents no medium's removal.
    /// </summary>
    public void ReleaseReservations(ScsiNexus nexus)
    {
        foreach (var unit in _units)
        {
            unit.Reservations.OnNexusLost(nexus);
            unit.Medium.AllowRemoval(nexus);
        }
    }

    /// <summary>The names of the nexuses that exist now.</summary>
    public NexusName[] NexusNames()
    {
        lock (_lock) return Array.ConvertAll(_nexuses, static nexus => nexus.Name);
    }

    /// <summary>Establishes conditions on a logical unit for nexuses by name; those without a session miss nothing.</summary>
    public void Raise(LogicalUnit unit, ImmutableArray<(NexusName Nexus, UnitAttention Condition)> attentions)
    {
        if (attentions.IsEmpty) return;
        lock (_lock)
        {
            foreach (var nexus in _nexuses)
                foreach (var (name, condition) in attentions)
                    if (nexus.Name.Equals(name)) nexus.Raise(unit, condition);
        }
    }

    /// <summary>Establishes conditions on a logical unit for every nexus but one; on one that has left, for none.</summary>
    public void Raise(LogicalUnit unit, UnitAttention conditions, ScsiNexus? except = null)
    {
        lock (_lock)
        {
            if (Array.IndexOf(_units, unit) < 0) return;
            foreach (var nexus in _nexuses)
                if (!ReferenceEquals(nexus, except)) nexus.Raise(unit, conditions);
        }
    }

    /// <summary>Establishes conditions on a logical unit for one nexus, the one that has been here longest.</summary>
    public void RaiseForOne(LogicalUnit unit, UnitAttention conditions)
    {
        lock (_lock)
        {
            if (_nexuses.Length > 0) _nexuses[0].Raise(unit, conditions);
        }
    }

    private void CheckFree(LogicalUnit[] units, int number, IBlockDevice device)
    {
        var identity = device.Info.Identity;
        foreach (var other in units)
        {
            if (other.Number == number)
            {
                throw new ArgumentException(
                    $"LUN {number} of {TargetName} is taken by {other.Info.Description}.", nameof(number));
            }
            if (ReferenceEquals(other.Device, device) || string.Equals(other.Info.Identity, identity, StringComparison.Ordinal))
            {
                throw new ArgumentException(
                    $"{identity} is already LUN {other.Number} of {TargetName}: " +
                    "one storage under two LUNs would be two disks over the same blocks.", nameof(device));
            }
        }
    }

    private static void CheckSerialNumber(string serialNumber)
    {
        if (serialNumber.Length is 0 or > MaxSerialNumberLength || serialNumber.AsSpan().ContainsAnyExceptInRange(' ', '~'))
        {
            throw new ArgumentException(
                $"A serial number has 1 to {MaxSerialNumberLength} printable ASCII characters.", nameof(serialNumber));
        }
    }
}
