namespace Iscsi.Protocol;

/// <summary>The fields of a Login Request header that login needs, as plain values (RFC 7143, 11.12).</summary>
public readonly record struct LoginRequestFields
{
    /// <summary>T: the initiator is ready to go to <see cref="NextStage"/>.</summary>
    public bool IsTransit { get; init; }

    /// <summary>C: the text is not complete; more follows in the next request. Never together with T.</summary>
    public bool IsContinued { get; init; }

    /// <summary>CSG, 2 bits as on the wire, so that 2 (reserved) can be represented.</summary>
    public LoginStage CurrentStage { get; init; }

    /// <summary>NSG, 2 bits as on the wire; meaningful only when T is set.</summary>
    public LoginStage NextStage { get; init; }

    /// <summary>Bytes of the data segment without padding.</summary>
    public int DataSegmentLength { get; init; }

    /// <summary>Highest version the initiator supports.</summary>
    public byte VersionMax { get; init; }

    /// <summary>Lowest version the initiator supports.</summary>
    public byte VersionMin { get; init; }

    /// <summary>ISID, 48 bits, its first byte on the wire most significant.</summary>
    public ulong Isid { get; init; }

    /// <summary>TSIH: 0 asks for a new session, anything else names one.</summary>
    public ushort Tsih { get; init; }

    /// <summary>Initiator Task Tag, the same for all requests of one Login Phase.</summary>
    public uint InitiatorTaskTag { get; init; }

    /// <summary>CID of this connection within its session.</summary>
    public ushort Cid { get; init; }

    /// <summary>CmdSN, the same for all requests of one Login Phase.</summary>
    public uint CmdSN { get; init; }

    /// <summary>ExpStatSN.</summary>
    public uint ExpStatSN { get; init; }
}
