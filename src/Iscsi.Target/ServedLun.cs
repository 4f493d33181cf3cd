using Iscsi.Storage;
using Iscsi.Target.Diagnostics;
using Iscsi.Target.Scsi;

namespace Iscsi.Target;

/// <summary>
/// A LUN that a running server serves. Its size follows its device: when that is resized (<see cref="FileBlockDevice.ResizeAsync"/>), or takes
/// over the new length of its file (<see cref="FileBlockDevice.RefreshAsync"/>), clients are told (CAPACITY DATA HAS CHANGED). Any thread.
/// </summary>
public sealed class ServedLun
{
    private readonly TargetCore _core;
    private readonly TargetDefinition _target;
    private readonly LogicalUnit _unit;

    internal ServedLun(TargetCore core, TargetDefinition target, LogicalUnit unit)
    {
        _core = core;
        _target = target;
        _unit = unit;
    }

    /// <summary>The LUN, 0 to 16383.</summary>
    public int Number => _unit.Number;

    /// <summary>The device under it.</summary>
    public IBlockDevice Device => _unit.Device;

    /// <summary>What clients see as its serial number.</summary>
    public string SerialNumber => _unit.SerialNumber;

    /// <summary>Whether writes are refused: by the device, or by <see cref="SetReadOnly"/> or <see cref="LunOptions.IsReadOnly"/>.</summary>
    public bool IsReadOnly => _unit.IsReadOnly;

    /// <summary>
    /// Refuses writes from now on (DATA PROTECT, WRITE PROTECTED), or no longer. Writes that are in progress end as they would have. Clients
    /// that are connected are told (MODE PARAMETERS CHANGED), because the WP bit of the mode parameter header says it.
    /// </summary>
    /// <param name="isReadOnly">Whether writes are refused. False does not open a device that can't be written itself.</param>
    public void SetReadOnly(bool isReadOnly)
    {
        var was = _unit.IsReadOnly;
        _unit.IsWriteProtected = isReadOnly;
        if (was == _unit.IsReadOnly) return;
        _target.Units.Raise(_unit, UnitAttention.ModeParametersChanged);
        TargetLog.WriteProtectionChanged(_core.Logger, _target.Name, _unit.Number, _unit.IsReadOnly ? "read-only" : "writable");
    }
}
