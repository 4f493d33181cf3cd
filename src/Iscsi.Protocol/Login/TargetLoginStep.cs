namespace Iscsi.Protocol;

/// <summary>Result of <see cref="TargetLoginMachine.Receive"/>.</summary>
/// <param name="Action">What to do.</param>
/// <param name="Response">Header of the response, unless the action is Close.</param>
/// <param name="TextLengthBytes">Bytes of the response's data segment, written to the buffer that was given.</param>
/// <param name="Fault">Why the login ended, for log and metric; None while it goes on.</param>
public readonly record struct TargetLoginStep(LoginAction Action, LoginResponseFields Response, int TextLengthBytes, LoginFault Fault);
