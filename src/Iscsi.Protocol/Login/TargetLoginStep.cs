namespace Iscsi.Protocol;

/// <summary>Result of <see cref="TargetLoginMachine.Receive"/>.</summary>
/// <param name="Action">What to do.</param>
/// <param name="Response">
/// Header of the response, unless the action is Close. Its DataSegmentLength bytes of text are in the buffer that was given; StatSN,
/// ExpCmdSN and MaxCmdSN are for the connection to stamp.
/// </param>
/// <param name="Fault">Why the login ended, for log and metric; None while it goes on and when it is complete.</param>
public readonly record struct TargetLoginStep(LoginAction Action, LoginResponseFields Response, LoginFault Fault);
