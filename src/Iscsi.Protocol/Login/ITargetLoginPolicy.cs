namespace Iscsi.Protocol;

/// <summary>
/// What the application decides during a login. <see cref="TargetLoginMachine"/> calls it synchronously, each member at most once a
/// login, and never after the login was refused.
/// </summary>
public interface ITargetLoginPolicy
{
    /// <summary>The names are known; nobody is authenticated yet.</summary>
    /// <param name="identity">Who logs in, and to what.</param>
    /// <returns>Go on, refuse or redirect.</returns>
    LoginDecision Identify(in LoginIdentity identity);

    /// <summary>
    /// The last step before the final response: authenticated, and every parameter agreed on. Here the session's memory is reserved.
    /// </summary>
    /// <param name="identity">Who logs in, and to what.</param>
    /// <param name="parameters">What was agreed on: the defaults of RFC 7143 where the initiator skipped operational negotiation.</param>
    /// <param name="tsih">Target session identifying handle, not 0, when the answer is Success.</param>
    /// <returns>Success, or a status of class 2 or 3 that refuses the login.</returns>
    LoginStatus Admit(in LoginIdentity identity, NegotiatedParameters parameters, out ushort tsih);
}
