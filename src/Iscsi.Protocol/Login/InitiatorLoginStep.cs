namespace Iscsi.Protocol;

/// <summary>Result of a step of <see cref="InitiatorLoginMachine"/>.</summary>
/// <param name="Action">What to do.</param>
/// <param name="Request">
/// Header of the request when the action is Send. Its DataSegmentLength bytes of text are in the buffer that was given; ExpStatSN is for
/// the connection to stamp.
/// </param>
/// <param name="Fault">Why the login ended, for log and metric; None while it goes on and when it is complete.</param>
public readonly record struct InitiatorLoginStep(InitiatorLoginAction Action, LoginRequestFields Request, LoginFault Fault);
