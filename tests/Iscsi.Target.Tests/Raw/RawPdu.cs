using System.Buffers.Binary;
using Iscsi.Protocol;
using Iscsi.Protocol.Scsi;

namespace Iscsi.Target.Tests.Raw;

/// <summary>A PDU that the target sent, with its fields where RFC 7143 has them, whatever PDU it is.</summary>
internal sealed class RawPdu(BasicHeaderSegment header, byte[] data)
{
    private readonly BasicHeaderSegment _header = header;

    public byte[] Data => data;

    public Opcode Opcode => _header.Opcode;

    public bool IsFinal => _header.IsFinal;

    public byte Flags => _header[1];

    public bool Overflow => (_header[1] & 0x04) != 0;

    public bool Underflow => (_header[1] & 0x02) != 0;

    /// <summary>Of a Data-In.</summary>
    public bool HasStatus => (_header[1] & 0x01) != 0;

    /// <summary>Response, or Reject reason.</summary>
    public byte Response => _header[2];

    public ScsiStatus Status => (ScsiStatus)_header[3];

    public uint Itt => _header.InitiatorTaskTag;

    public uint Ttt => At(20);

    public uint StatSN => At(24);

    public uint ExpCmdSN => At(28);

    public uint MaxCmdSN => At(32);

    /// <summary>DataSN, R2TSN or ExpDataSN.</summary>
    public uint DataSN => At(36);

    public uint BufferOffset => At(40);

    /// <summary>Residual Count, or Desired Data Transfer Length of an R2T.</summary>
    public uint Residual => At(44);

    public LoginStatus LoginStatus => (LoginStatus)((_header[36] << 8) | _header[37]);

    public ushort Tsih => BinaryPrimitives.ReadUInt16BigEndian(((ReadOnlySpan<byte>)_header)[14..]);

    public SenseData Sense => SenseDataSegment.TryRead(data, out var bytes) && SenseData.TryParse(bytes, out var sense)
        ? sense
        : throw new InvalidOperationException($"No sense data in {this}.");

    /// <summary>Key, ASC and ASCQ as one text: <c>B/0C/0C</c>.</summary>
    public string SenseText
    {
        get
        {
            var sense = Sense;
            return $"{(byte)sense.Key:X1}/{sense.Additional.Code:X2}/{sense.Additional.Qualifier:X2}";
        }
    }

    public uint At(int offset) => BinaryPrimitives.ReadUInt32BigEndian(((ReadOnlySpan<byte>)_header)[offset..]);

    public override string ToString() =>
        $"{Opcode} {Convert.ToHexString((ReadOnlySpan<byte>)_header)} + {data.Length} bytes {Convert.ToHexString(data.AsSpan(0, Math.Min(32, data.Length)))}";
}
