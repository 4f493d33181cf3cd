namespace Iscsi.Protocol;

/// <summary>Which way the data of a command go.</summary>
public enum DataDirection : byte
{
    /// <summary>No data.</summary>
    None,

    /// <summary>From the target (Data-In).</summary>
    Read,

    /// <summary>To the target (Data-Out).</summary>
    Write,
}
