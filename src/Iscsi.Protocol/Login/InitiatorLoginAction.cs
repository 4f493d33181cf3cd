namespace Iscsi.Protocol;

/// <summary>What an initiator does after a step of its login.</summary>
public enum InitiatorLoginAction
{
    /// <summary>Send the request and wait for its response.</summary>
    Send,

    /// <summary>Logged in: the connection is in full feature phase.</summary>
    Complete,

    /// <summary>Close; try again at <see cref="InitiatorLoginMachine.RedirectAddress"/>.</summary>
    Redirected,

    /// <summary>Close; the target refused with <see cref="InitiatorLoginMachine.Status"/>.</summary>
    Refused,

    /// <summary>Close; the target broke a rule or could not be authenticated.</summary>
    Failed,
}
