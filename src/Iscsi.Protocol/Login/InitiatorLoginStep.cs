namespace Iscsi.Protocol;

/// <summary>Result of a step of <see cref="InitiatorLoginMachine"/>.</summary>
/// <param name="Action">What to do.</param>
/// <param name="Request">Header of the request when the action is Send.</param>
/// <param name="TextLengthBytes">Bytes of the request's data segment, written to the buffer that was given.</param>
/// <param name="Fault">Why the login ended, for log and metric; None while it goes on and when it is complete.</param>
public readonly record struct InitiatorLoginStep(
    InitiatorLoginAction Action, LoginRequestFields Request, int TextLengthBytes, LoginFault Fault);
