namespace Iscsi.Protocol;

/// <summary>The target's side of the Login Phase.</summary>
public sealed partial class TargetLoginMachine
{
    /// <summary>Creates the machine of one connection.</summary>
    public TargetLoginMachine(ITargetLoginPolicy policy, Memory<byte> textBuffer)
    {
        ArgumentNullException.ThrowIfNull(policy);
    }

    /// <summary>Stage.</summary>
    public LoginStage Stage { get; private set; }

    /// <summary>Who logs in; null before the first complete request.</summary>
    public LoginIdentity? Identity { get; private set; }

    /// <summary>What was agreed on; null before the login is complete.</summary>
    public NegotiatedParameters? Parameters { get; private set; }

    /// <summary>Session handle; 0 before the login is complete.</summary>
    public ushort Tsih { get; private set; }

    /// <summary>CHAP name of the initiator, when it was authenticated.</summary>
    public string? AuthenticatedName { get; private set; }

    /// <summary>Key or detail the fault is about.</summary>
    public string? FaultDetail { get; private set; }

    /// <summary>Takes a request.</summary>
    public TargetLoginStep Receive(in LoginRequestFields request, ReadOnlySpan<byte> text, Span<byte> responseText) =>
        throw new NotSupportedException();

    /// <summary>Refuses from outside.</summary>
    public TargetLoginStep Refuse(LoginStatus status) => throw new NotSupportedException();
}
