namespace Iscsi.Target.Scsi.PersistentReservations;

/// <summary>TYPE field (SPC-4, Persistent reservation type).</summary>
internal enum PersistentReservationType : byte
{
    /// <summary>No reservation; not a value of the field.</summary>
    None = 0,

    /// <summary>Write Exclusive.</summary>
    WriteExclusive = 1,

    /// <summary>Exclusive Access.</summary>
    ExclusiveAccess = 3,

    /// <summary>Write Exclusive - Registrants Only.</summary>
    WriteExclusiveRegistrantsOnly = 5,

    /// <summary>Exclusive Access - Registrants Only.</summary>
    ExclusiveAccessRegistrantsOnly = 6,

    /// <summary>Write Exclusive - All Registrants.</summary>
    WriteExclusiveAllRegistrants = 7,

    /// <summary>Exclusive Access - All Registrants.</summary>
    ExclusiveAccessAllRegistrants = 8,
}

/// <summary>What a type means.</summary>
internal static class PersistentReservationTypes
{
    /// <summary>PERSISTENT RESERVATION TYPE MASK of REPORT CAPABILITIES (SPC-4): WR_EX_AR, EX_AC_RO, WR_EX_RO, EX_AC, WR_EX;
    /// EX_AC_AR.</summary>
    public const ushort Mask = 0xEA01;

    /// <summary>Whether the value of the field is one of the six types.</summary>
    public static bool IsValid(byte type) => type is 1 or 3 or (>= 5 and <= 8);

    /// <summary>Whether every registrant holds the reservation.</summary>
    public static bool IsAllRegistrants(this PersistentReservationType type) => type is
        PersistentReservationType.WriteExclusiveAllRegistrants or PersistentReservationType.ExclusiveAccessAllRegistrants;

    /// <summary>Whether every registrant has access.</summary>
    public static bool IncludesRegistrants(this PersistentReservationType type) =>
        type >= PersistentReservationType.WriteExclusiveRegistrantsOnly;

    /// <summary>Whether those without access may read.</summary>
    public static bool PermitsReads(this PersistentReservationType type) => type is
        PersistentReservationType.WriteExclusive or PersistentReservationType.WriteExclusiveRegistrantsOnly or
        PersistentReservationType.WriteExclusiveAllRegistrants;
}
