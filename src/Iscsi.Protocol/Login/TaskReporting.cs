namespace Iscsi.Protocol;

/// <summary>Values of the key TaskReporting (RFC 7143, 13.23).</summary>
public enum TaskReporting : byte
{
    /// <summary>RFC3720: the older semantics of multi-task aborts. The default.</summary>
    Rfc3720,

    /// <summary>ResponseFence: responses around a multi-task TMF are fenced.</summary>
    ResponseFence,

    /// <summary>FastAbort: the fast multi-task abort semantics of 4.2.3.4.</summary>
    FastAbort,
}
