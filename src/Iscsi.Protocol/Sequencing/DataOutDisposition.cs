namespace Iscsi.Protocol;

/// <summary>What becomes of a Data-Out that arrived.</summary>
public enum DataOutDisposition : byte
{
    /// <summary>Its data are wanted.</summary>
    Store,

    /// <summary>Its data are read and thrown away.</summary>
    Discard,

    /// <summary>It breaks the protocol: Reject, and the connection ends.</summary>
    Fault,
}
