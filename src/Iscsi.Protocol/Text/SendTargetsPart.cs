namespace Iscsi.Protocol;

/// <summary>One PDU's worth of a SendTargets answer.</summary>
/// <param name="LengthBytes">Bytes written.</param>
/// <param name="IsContinued">True when more follows: the Text Response has F=0, C=1 and a Target Transfer Tag to ask for it with.</param>
public readonly record struct SendTargetsPart(int LengthBytes, bool IsContinued);
