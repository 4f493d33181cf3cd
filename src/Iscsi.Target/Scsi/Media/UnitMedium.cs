using Iscsi.Protocol.Scsi;
using Iscsi.Target.Memory;

namespace Iscsi.Target.Scsi.Media;

// What stands between a command and the medium; several may at once, and the first one is told:
//
//     Operating ── SANITIZE or FORMAT UNIT runs            02/04/1B, 02/04/04, with the progress
//     Failed ───── one of them has failed                  03/31/03, 03/31/00
//     Absent ───── the medium was ejected                  02/3A/00
//     Stopped ──── START STOP UNIT                         02/04/02

/// <summary>Whether the medium of a logical unit can be reached: operations on all of it, ejection and its prevention, power conditions. Any thread.</summary>
#pragma warning disable CA1001 // Its token source has no timer and no handle, so there is nothing to dispose.
internal sealed partial class UnitMedium
#pragma warning restore CA1001
{
    private readonly Lock _lock = new();
    private readonly LogicalUnit _unit;
    private volatile MediumObstacles _obstacles;
    private volatile PowerCondition _power;

    /// <summary>Creates the medium of a unit: as its state says an operation was left, else ready.</summary>
    /// <exception cref="InvalidDataException">The state is not what this version writes.</exception>
    public UnitMedium(LogicalUnit unit)
    {
        _unit = unit;
        Restore();
    }

    /// <summary>Whether anything at all is in the way: one read, for every command.</summary>
    public bool HasObstacle => _obstacles != MediumObstacles.None;

    /// <summary>Whether an operation runs.</summary>
    public bool IsOperating => Has(MediumObstacles.Operating);

    /// <summary>Stopped by START STOP UNIT.</summary>
    public bool IsStopped
    {
        get => Has(MediumObstacles.Stopped);
        set => Set(MediumObstacles.Stopped, value);
    }

    /// <summary>The power condition that was set; <see cref="IsStopped"/> is apart.</summary>
    public PowerCondition Power => _power;

    /// <summary>The sense that refuses a command of these traits; null: it may go on.</summary>
    public SenseData? Refuse(ScsiTraits traits)
    {
        var obstacles = _obstacles;
        if (Has(obstacles, MediumObstacles.Operating))
            return (traits & ScsiTraits.AllowedDuringOperation) != ScsiTraits.None ? null : InProgress();
        if (Has(obstacles, MediumObstacles.Failed) && (traits & (ScsiTraits.AllowedDuringOperation | ScsiTraits.RepairsMedium)) == ScsiTraits.None)
            return new SenseData(SenseKey.MediumError, _operation!.Failed);
        if ((traits & ScsiTraits.AllowedWhenStopped) != ScsiTraits.None) return null;
        if (Has(obstacles, MediumObstacles.Absent)) return new SenseData(SenseKey.NotReady, AdditionalSense.MediumNotPresent);
        return Has(obstacles, MediumObstacles.Stopped) ? new SenseData(SenseKey.NotReady, AdditionalSense.InitializingCommandRequired) : null;
    }

    /// <summary>
    /// The sense that ends a command which had passed the gate, when it comes to the blocks only after an operation has begun; null: it may
    /// go on. Asked while the command holds its blocks in <see cref="LogicalUnit.Ranges"/>, so that an operation either waits for it or is seen
    /// by it.
    /// </summary>
    public SenseData? RefuseBlocks() => IsOperating ? InProgress() : null;

    /// <summary>What REQUEST SENSE says when nothing else is to be said (SPC-4, pollable sense data).</summary>
    public SenseData PollableSense()
    {
        var obstacles = _obstacles;
        if (Has(obstacles, MediumObstacles.Operating)) return InProgress();
        if (Has(obstacles, MediumObstacles.Failed)) return new SenseData(SenseKey.MediumError, _operation!.Failed);
        if (Has(obstacles, MediumObstacles.Absent)) return new SenseData(SenseKey.NotReady, AdditionalSense.MediumNotPresent);
        if (Has(obstacles, MediumObstacles.Stopped)) return new SenseData(SenseKey.NotReady, AdditionalSense.InitializingCommandRequired);
        return new SenseData(SenseKey.NoSense, _power.Sense());
    }

    /// <summary>Starts the unit, in the active power condition. An ejected medium stays out.</summary>
    public void Start()
    {
        _power = PowerCondition.Active;
        IsStopped = false;
    }

    /// <summary>Sets a power condition, which starts a stopped unit (SPC-4, power condition state machine).</summary>
    public void SetPower(PowerCondition condition)
    {
        _power = condition;
        IsStopped = false;
    }

    /// <summary>
    /// The logical unit is reset, by LOGICAL UNIT RESET or a reset of the target: it starts, and removal is allowed. An ejected medium
    /// stays out, and an operation goes on (SBC-3).
    /// </summary>
    public void OnReset()
    {
        Start();
        AllowRemoval();
    }

    private static bool Has(MediumObstacles set, MediumObstacles one) => (set & one) != MediumObstacles.None;

    private bool Has(MediumObstacles one) => Has(_obstacles, one);

    private void Set(MediumObstacles one, bool isThere)
    {
        lock (_lock) _obstacles = isThere ? _obstacles | one : _obstacles & ~one;
    }

    /// <summary>What is in the way.</summary>
    [Flags]
    private enum MediumObstacles
    {
        None = 0,
        Operating = 1,
        Failed = 2,
        Absent = 4,
        Stopped = 8,
    }
}
