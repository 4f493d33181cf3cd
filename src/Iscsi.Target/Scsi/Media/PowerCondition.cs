using Iscsi.Protocol.Scsi;

namespace Iscsi.Target.Scsi.Media;

/// <summary>The power condition of a logical unit that START STOP UNIT has set (SPC-4). Nothing of a virtual disk consumes less in one; clients see it.</summary>
internal enum PowerCondition
{
    /// <summary>Active.</summary>
    Active,

    /// <summary>Idle_a.</summary>
    IdleA,

    /// <summary>Idle_b.</summary>
    IdleB,

    /// <summary>Idle_c.</summary>
    IdleC,

    /// <summary>Standby_z.</summary>
    StandbyZ,

    /// <summary>Standby_y.</summary>
    StandbyY,

    /// <summary>Idle_a, as if its timer had expired (FORCE_IDLE_0).</summary>
    ForcedIdleA,

    /// <summary>Idle_b, as if its timer had expired.</summary>
    ForcedIdleB,

    /// <summary>Idle_c, as if its timer had expired.</summary>
    ForcedIdleC,

    /// <summary>Standby_z, as if its timer had expired (FORCE_STANDBY_0).</summary>
    ForcedStandbyZ,

    /// <summary>Standby_y, as if its timer had expired.</summary>
    ForcedStandbyY,
}

/// <summary>The power conditions in CDBs and sense data.</summary>
internal static class PowerConditions
{
    /// <summary>POWER CONDITION and POWER CONDITION MODIFIER of START STOP UNIT (SBC-3); null: no such condition.</summary>
    public static PowerCondition? Parse(int condition, int modifier) => (condition, modifier) switch
    {
        (0x1, 0) => PowerCondition.Active,
        (0x2, 0) => PowerCondition.IdleA,
        (0x2, 1) => PowerCondition.IdleB,
        (0x2, 2) => PowerCondition.IdleC,
        (0x3, 0) => PowerCondition.StandbyZ,
        (0x3, 1) => PowerCondition.StandbyY,
        // LU_CONTROL: the logical unit decides again, and has no reason to save anything.
        (0x7, 0) => PowerCondition.Active,
        (0xA, 0) => PowerCondition.ForcedIdleA,
        (0xA, 1) => PowerCondition.ForcedIdleB,
        (0xA, 2) => PowerCondition.ForcedIdleC,
        (0xB, 0) => PowerCondition.ForcedStandbyZ,
        (0xB, 1) => PowerCondition.ForcedStandbyY,
        _ => null,
    };

    /// <summary>Whether a POWER CONDITION exists with any modifier.</summary>
    public static bool Exists(int condition) => Parse(condition, 0) is not null;

    /// <summary>Whether caches are written before it is entered: from standby on, the medium is not accessible at once.</summary>
    public static bool Flushes(this PowerCondition condition) => condition is
        PowerCondition.StandbyY or PowerCondition.StandbyZ or PowerCondition.ForcedStandbyY or PowerCondition.ForcedStandbyZ;

    /// <summary>What REQUEST SENSE says of it (SPC-4).</summary>
    public static AdditionalSense Sense(this PowerCondition condition) => condition switch
    {
        PowerCondition.IdleA => AdditionalSense.IdleConditionActivatedByCommand,
        PowerCondition.IdleB => AdditionalSense.IdleBConditionActivatedByCommand,
        PowerCondition.IdleC => AdditionalSense.IdleCConditionActivatedByCommand,
        PowerCondition.StandbyZ => AdditionalSense.StandbyConditionActivatedByCommand,
        PowerCondition.StandbyY => AdditionalSense.StandbyYConditionActivatedByCommand,
        PowerCondition.ForcedIdleA => AdditionalSense.IdleConditionActivatedByTimer,
        PowerCondition.ForcedIdleB => AdditionalSense.IdleBConditionActivatedByTimer,
        PowerCondition.ForcedIdleC => AdditionalSense.IdleCConditionActivatedByTimer,
        PowerCondition.ForcedStandbyZ => AdditionalSense.StandbyConditionActivatedByTimer,
        PowerCondition.ForcedStandbyY => AdditionalSense.StandbyYConditionActivatedByTimer,
        _ => AdditionalSense.None,
    };
}
