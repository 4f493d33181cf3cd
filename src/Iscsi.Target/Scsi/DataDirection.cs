namespace Iscsi.Target.Scsi;

/// <summary>Where a command's data go, seen from the initiator.</summary>
internal enum DataDirection
{
    /// <summary>No data.</summary>
    None,

    /// <summary>To the initiator.</summary>
    In,

    /// <summary>From the initiator.</summary>
    Out,
}
