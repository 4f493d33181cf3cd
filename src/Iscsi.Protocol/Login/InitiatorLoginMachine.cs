namespace Iscsi.Protocol;

/// <summary>The initiator's side of the Login Phase.</summary>
public sealed partial class InitiatorLoginMachine
{
    /// <summary>Creates the machine of one connection.</summary>
    public InitiatorLoginMachine(InitiatorLoginOptions options, Memory<byte> textBuffer)
    {
        ArgumentNullException.ThrowIfNull(options);
    }

    /// <summary>Stage.</summary>
    public LoginStage Stage { get; private set; }

    /// <summary>Status of the last response.</summary>
    public LoginStatus Status { get; private set; }

    /// <summary>What was agreed on; null before the login is complete.</summary>
    public NegotiatedParameters? Parameters { get; private set; }

    /// <summary>Session handle.</summary>
    public ushort Tsih { get; private set; }

    /// <summary>TargetPortalGroupTag, when the target said it.</summary>
    public ushort? TargetPortalGroupTag { get; private set; }

    /// <summary>TargetAlias, when the target said it.</summary>
    public string? TargetAlias { get; private set; }

    /// <summary>TargetAddress of a redirection.</summary>
    public string? RedirectAddress { get; private set; }

    /// <summary>Key or detail the fault is about.</summary>
    public string? FaultDetail { get; private set; }

    /// <summary>The first request.</summary>
    public InitiatorLoginStep Start(Span<byte> requestText) => throw new NotSupportedException();

    /// <summary>Takes a response.</summary>
    public InitiatorLoginStep Receive(in LoginResponseFields response, ReadOnlySpan<byte> text, Span<byte> requestText) =>
        throw new NotSupportedException();
}
