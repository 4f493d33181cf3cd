namespace Iscsi.Protocol;

/// <summary>Who logs in, and to what: known after the first complete request (RFC 7143, 6.3.1).</summary>
/// <param name="InitiatorName">InitiatorName, as sent; never empty, at most 223 bytes.</param>
/// <param name="InitiatorAlias">InitiatorAlias, or null.</param>
/// <param name="TargetName">TargetName; null is possible in a discovery session only.</param>
/// <param name="SessionType">Normal or Discovery.</param>
/// <param name="Isid">ISID, 48 bits.</param>
/// <param name="Tsih">TSIH: 0 for a new session (which reinstates one of the same names and ISID), else the session to join.</param>
/// <param name="Cid">CID of the connection.</param>
public readonly record struct LoginIdentity(
    string InitiatorName, string? InitiatorAlias, string? TargetName, SessionType SessionType, ulong Isid, ushort Tsih, ushort Cid);
