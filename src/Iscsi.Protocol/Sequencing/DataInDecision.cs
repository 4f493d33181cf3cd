namespace Iscsi.Protocol;

/// <summary>What <see cref="DataInReceiver"/> says of a Data-In that arrived.</summary>
/// <param name="Fault">What is wrong; then its data are not taken.</param>
/// <param name="OffsetBytes">Where its first byte goes.</param>
/// <param name="LengthBytes">Bytes; all fit into what was expected.</param>
public readonly record struct DataInDecision(PduFault Fault, uint OffsetBytes, int LengthBytes);
