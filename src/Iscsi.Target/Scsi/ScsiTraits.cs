namespace Iscsi.Target.Scsi;

/// <summary>What the gates in front of a command look at.</summary>
[Flags]
internal enum ScsiTraits
{
    /// <summary>None.</summary>
    None = 0,

    /// <summary>Served for a LUN that does not exist.</summary>
    AnyLun = 1,

    /// <summary>Served while a unit attention condition exists.</summary>
    AllowedDuringUnitAttention = 2,

    /// <summary>Served while the unit is stopped.</summary>
    AllowedWhenStopped = 4,

    /// <summary>Changes the medium: refused when write protected, and after a failed flush.</summary>
    Writes = 8,

    /// <summary>Makes data durable: refused after a failed flush.</summary>
    Flushes = 16,
}

/// <summary>The memory a command demands beyond its credit.</summary>
internal enum MemoryNeed
{
    /// <summary>None.</summary>
    None,

    /// <summary>Parameter data out of the command's credit.</summary>
    ParameterData,

    /// <summary>Bursts, one after the other.</summary>
    Bursts,

    /// <summary>All data-out and the scratch at once, at most one burst.</summary>
    AllAtOnce,
}
