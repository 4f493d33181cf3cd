namespace Iscsi.Protocol;

/// <summary>
/// The fields of a Login Response header that login decides, as plain values (RFC 7143, 11.13). StatSN, ExpCmdSN and MaxCmdSN are the
/// connection's and are stamped by whoever sends it.
/// </summary>
public readonly record struct LoginResponseFields
{
    /// <summary>T: the target goes to <see cref="NextStage"/> as the request proposed.</summary>
    public bool IsTransit { get; init; }

    /// <summary>C: the text is not complete; the initiator asks for the rest with an empty request.</summary>
    public bool IsContinued { get; init; }

    /// <summary>CSG, 2 bits as on the wire.</summary>
    public LoginStage CurrentStage { get; init; }

    /// <summary>NSG, 2 bits as on the wire; meaningful only when T is set.</summary>
    public LoginStage NextStage { get; init; }

    /// <summary>Bytes of the data segment without padding.</summary>
    public int DataSegmentLength { get; init; }

    /// <summary>Highest version the target supports.</summary>
    public byte VersionMax { get; init; }

    /// <summary>Version in use.</summary>
    public byte VersionActive { get; init; }

    /// <summary>ISID, copied from the request.</summary>
    public ulong Isid { get; init; }

    /// <summary>TSIH: that of the request; of a new session, its handle in the last response.</summary>
    public ushort Tsih { get; init; }

    /// <summary>Initiator Task Tag, copied from the request.</summary>
    public uint InitiatorTaskTag { get; init; }

    /// <summary>StatSN.</summary>
    public uint StatSN { get; init; }

    /// <summary>ExpCmdSN.</summary>
    public uint ExpCmdSN { get; init; }

    /// <summary>MaxCmdSN.</summary>
    public uint MaxCmdSN { get; init; }

    /// <summary>Status-Class.</summary>
    public byte StatusClass { get; init; }

    /// <summary>Status-Detail.</summary>
    public byte StatusDetail { get; init; }
}
