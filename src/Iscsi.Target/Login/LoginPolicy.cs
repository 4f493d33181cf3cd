using Iscsi.Protocol;
using Iscsi.Target.Memory;
using Iscsi.Target.Sessions;
using Iscsi.Transport;

namespace Iscsi.Target.Login;

/// <summary>What the server decides in a login: who may come in, what is offered, whether there is memory.</summary>
internal sealed class LoginPolicy(TargetCore core, ITransportConnection transport, ushort portalGroupTag) : ITargetLoginPolicy
{
    private TargetDefinition? _target;

    /// <summary>The portal group of the portal that was reached.</summary>
    public ushort PortalGroupTag => portalGroupTag;

    /// <summary>The connection's reserve; it becomes the session's.</summary>
    public ConnectionReserve? Reserve { get; set; }

    /// <summary>The session whose standby the reserve is; null when it came from the pool.</summary>
    public TargetSession? StandbyOwner { get; set; }

    /// <summary>CmdSN of the first login request: the session's first number.</summary>
    public uint FirstCmdSN { get; set; }

    /// <summary>The session that was admitted.</summary>
    public TargetSession? Session { get; private set; }

    /// <summary>The initiator, once it has said its name.</summary>
    public string? InitiatorName { get; private set; }

    /// <summary>The status of a refusal.</summary>
    public LoginStatus RefusedWith { get; set; }

    public LoginDecision Identify(in LoginIdentity identity)
    {
        InitiatorName = identity.InitiatorName;
        if (core.IsStopping) return Refuse(LoginStatus.ServiceUnavailable);
        if (identity.SessionType == SessionType.Discovery)
        {
            return identity.Tsih != 0
                ? Refuse(LoginStatus.SessionDoesNotExist)
                : LoginDecision.Accept(portalGroupTag, core.LoginOffer);
        }
        _target = core.Targets.Find(identity.TargetName!);
        if (_target is null) return Refuse(LoginStatus.NotFound);
        var access = _target.Access;
        if (!access.IsAllowed(identity.InitiatorName)) return Refuse(LoginStatus.AuthorizationFailure);
        if (identity.Tsih != 0)
        {
            // A session has one connection: another one can't be added, and the first can't be replaced but with its session (TSIH 0).
            return Refuse(core.Sessions.Exists(identity.Tsih) ? LoginStatus.TooManyConnections : LoginStatus.SessionDoesNotExist);
        }
        return LoginDecision.Accept(portalGroupTag, core.LoginOffer, access.Authentication, access.Alias);
    }

    public LoginStatus Admit(in LoginIdentity identity, NegotiatedParameters parameters, out ushort tsih)
    {
        tsih = 0;
        if (core.IsStopping) return RefusedWith = LoginStatus.ServiceUnavailable;
        // What the peer may send unasked has to fit a credit (the peer may have skipped the negotiation that says so).
        if (_target is not null && parameters.MaxUnsolicitedBytes > core.Budget.CreditBlocks * MemoryBudget.BlockBytes)
            return RefusedWith = LoginStatus.InitiatorError;
        Session = core.Sessions.TryAdmit(identity, parameters, _target, portalGroupTag, transport, Reserve!, StandbyOwner, FirstCmdSN);
        if (Session is null) return RefusedWith = _target is { IsRemoved: true } ? LoginStatus.NotFound : LoginStatus.OutOfResources;
        tsih = Session.Tsih;
        return LoginStatus.Success;
    }

    private LoginDecision Refuse(LoginStatus status)
    {
        RefusedWith = status;
        return LoginDecision.Refuse(status);
    }
}
