namespace Iscsi.Protocol;

/// <summary>What an ABORT TASK of an unknown task came to (RFC 7143, 11.6.1).</summary>
public enum HoleFill
{
    /// <summary>The number counts as received now: "function complete".</summary>
    Filled,

    /// <summary>The number was received before, with another tag: "function complete".</summary>
    AlreadyReceived,

    /// <summary>The number is outside the window, or not before the function's own: "task does not exist".</summary>
    OutsideWindow,
}
