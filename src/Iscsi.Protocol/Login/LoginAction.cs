namespace Iscsi.Protocol;

/// <summary>What a target does after a step of its login.</summary>
public enum LoginAction
{
    /// <summary>Send the response and wait for the next request.</summary>
    Respond,

    /// <summary>Send the response; the connection is in full feature phase.</summary>
    RespondAndComplete,

    /// <summary>Send the response, which refuses or redirects, and close.</summary>
    RespondAndClose,

    /// <summary>Close without a response.</summary>
    Close,
}
