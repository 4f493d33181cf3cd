namespace Iscsi.Protocol;

/// <summary>Task attributes (RFC 7143, 11.3.1; SAM-5).</summary>
public enum TaskAttribute : byte
{
    /// <summary>None given; treated as SIMPLE.</summary>
    Untagged = 0,

    /// <summary>SIMPLE.</summary>
    Simple = 1,

    /// <summary>ORDERED.</summary>
    Ordered = 2,

    /// <summary>HEAD OF QUEUE.</summary>
    HeadOfQueue = 3,

    /// <summary>ACA.</summary>
    Aca = 4,
}
