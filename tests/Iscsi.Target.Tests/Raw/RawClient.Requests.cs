using System.Buffers.Binary;
using Iscsi.Protocol;

namespace Iscsi.Target.Tests.Raw;

// Headers of well-formed requests, for a test to send or to spoil.
internal sealed partial class RawClient
{
    public byte[] NopOut(bool immediate = false, uint? itt = null, uint ttt = TaskTag.Reserved, int dataLength = 0, uint? cmdSN = null)
    {
        var header = new byte[BasicHeaderSegment.Size];
        NopOutPdu.Write(header, new NopOutFields
        {
            IsImmediate = immediate,
            InitiatorTaskTag = itt ?? NextItt(),
            TargetTransferTag = ttt,
            DataSegmentLength = dataLength,
            CmdSN = cmdSN ?? TakeCmdSN(immediate),
            ExpStatSN = ExpStatSN,
        });
        return header;
    }

    public byte[] Command(
        byte[] cdb,
        uint edtl = 0,
        bool read = false,
        bool write = false,
        bool final = true,
        bool immediate = false,
        TaskAttribute attribute = TaskAttribute.Simple,
        ulong lun = 0,
        int dataLength = 0,
        uint? itt = null,
        uint? cmdSN = null)
    {
        var header = new byte[BasicHeaderSegment.Size];
        ScsiCommandPdu.Write(header, new ScsiCommandFields
        {
            IsImmediate = immediate,
            IsFinal = final,
            IsRead = read,
            IsWrite = write,
            Attribute = attribute,
            Lun = lun,
            InitiatorTaskTag = itt ?? NextItt(),
            ExpectedDataTransferLength = edtl,
            DataSegmentLength = dataLength,
            CmdSN = cmdSN ?? TakeCmdSN(immediate),
            ExpStatSN = ExpStatSN,
            Cdb = cdb,
        });
        return header;
    }

    public byte[] Read(uint lba, ushort blocks, uint? edtl = null, ulong lun = 0, TaskAttribute attribute = TaskAttribute.Simple, uint? cmdSN = null) =>
        Command(Read10(lba, blocks), edtl ?? blocks * 512u, read: (edtl ?? 1) > 0, lun: lun, attribute: attribute, cmdSN: cmdSN);

    public byte[] Write(
        uint lba,
        ushort blocks,
        uint? edtl = null,
        ulong lun = 0,
        TaskAttribute attribute = TaskAttribute.Simple,
        int dataLength = 0,
        bool final = true,
        uint? cmdSN = null) =>
        Command(Write10(lba, blocks), edtl ?? blocks * 512u, write: (edtl ?? 1) > 0, lun: lun, attribute: attribute, dataLength: dataLength, final: final, cmdSN: cmdSN);

    public byte[] TestUnitReady(ulong lun = 0, bool immediate = false, uint? cmdSN = null, TaskAttribute attribute = TaskAttribute.Simple) =>
        Command(new byte[6], lun: lun, immediate: immediate, cmdSN: cmdSN, attribute: attribute);

    public byte[] DataOut(uint itt, uint ttt, uint offset, int length, bool final = true, uint dataSN = 0, ulong lun = 0)
    {
        var header = new byte[BasicHeaderSegment.Size];
        DataOutPdu.Write(header, new DataOutFields
        {
            IsFinal = final,
            DataSegmentLength = length,
            Lun = lun,
            InitiatorTaskTag = itt,
            TargetTransferTag = ttt,
            ExpStatSN = ExpStatSN,
            DataSN = dataSN,
            BufferOffset = offset,
        });
        return header;
    }

    public byte[] TaskManagement(
        TaskManagementFunction function, uint referenced = TaskTag.Reserved, uint refCmdSN = 0, ulong lun = 0, bool immediate = true)
    {
        var header = new byte[BasicHeaderSegment.Size];
        TaskManagementRequestPdu.Write(header, new TaskManagementRequestFields
        {
            IsImmediate = immediate,
            Function = function,
            Lun = lun,
            InitiatorTaskTag = NextItt(),
            ReferencedTaskTag = referenced,
            CmdSN = TakeCmdSN(immediate),
            ExpStatSN = ExpStatSN,
            RefCmdSN = refCmdSN,
        });
        return header;
    }

    public byte[] Logout(LogoutReason reason, ushort cid = 0, bool immediate = false)
    {
        var header = new byte[BasicHeaderSegment.Size];
        LogoutRequestPdu.Write(header, new LogoutRequestFields
        {
            IsImmediate = immediate,
            Reason = reason,
            InitiatorTaskTag = NextItt(),
            Cid = cid,
            CmdSN = TakeCmdSN(immediate),
            ExpStatSN = ExpStatSN,
        });
        return header;
    }

    public byte[] Text(int dataLength, bool final = true, bool continued = false, uint ttt = TaskTag.Reserved, uint? itt = null, bool immediate = false)
    {
        var header = new byte[BasicHeaderSegment.Size];
        TextRequestPdu.Write(header, new TextRequestFields
        {
            IsImmediate = immediate,
            IsFinal = final,
            IsContinued = continued,
            DataSegmentLength = dataLength,
            InitiatorTaskTag = itt ?? NextItt(),
            TargetTransferTag = ttt,
            CmdSN = TakeCmdSN(immediate),
            ExpStatSN = ExpStatSN,
        });
        return header;
    }

    public static uint IttOf(byte[] header) => BinaryPrimitives.ReadUInt32BigEndian(header.AsSpan(16));

    public static uint CmdSNOf(byte[] header) => BinaryPrimitives.ReadUInt32BigEndian(header.AsSpan(24));

    public static byte[] Read10(uint lba, ushort blocks) => Cdb10(0x28, lba, blocks);

    public static byte[] Write10(uint lba, ushort blocks) => Cdb10(0x2A, lba, blocks);

    /// <summary>Data that can't be taken for others: of a place and a version.</summary>
    public static byte[] Pattern(int seed, int length)
    {
        var data = new byte[length];
#pragma warning disable CA5394 // a pattern, not a secret
        new Random(seed).NextBytes(data);
#pragma warning restore CA5394
        return data;
    }

    /// <summary>Sends a command, serves its R2Ts, and collects its Data-In until its status.</summary>
    public async Task<(RawPdu Status, byte[] Data)> RunAsync(byte[] header, byte[]? dataOut = null)
    {
        var itt = IttOf(header);
        var immediate = ((header[5] << 16) | (header[6] << 8)) | header[7];
        await SendPduAsync(header, dataOut.AsSpan(0, immediate));
        var received = new List<byte>();
        while (true)
        {
            var pdu = await ReceiveAsync();
            Assert.True(pdu.Itt == itt, $"Not of task {itt:x}: {pdu}");
            switch (pdu.Opcode)
            {
                case Opcode.ReadyToTransfer:
                    await SendSequenceAsync(pdu, dataOut);
                    break;
                case Opcode.DataIn:
                    Assert.Equal((uint)received.Count, pdu.BufferOffset);
                    received.AddRange(pdu.Data);
                    if (pdu.HasStatus) return (pdu, [.. received]);
                    break;
                default:
                    Assert.True(pdu.Opcode == Opcode.ScsiResponse, $"Not expected: {pdu}");
                    return (pdu, [.. received]);
            }
        }
    }

    /// <summary>Sends what an R2T asks for.</summary>
    public async Task SendSequenceAsync(RawPdu r2t, byte[]? dataOut)
    {
        const int segment = 64 * 1024; // the target's MaxRecvDataSegmentLength
        var dataSN = 0u;
        var length = (int)r2t.Residual;
        for (var at = 0; at < length; at += segment)
        {
            var data = dataOut.AsMemory((int)r2t.BufferOffset + at, Math.Min(segment, length - at));
            var isLast = at + data.Length == length;
            await SendPduAsync(DataOut(r2t.Itt, r2t.Ttt, r2t.BufferOffset + (uint)at, data.Length, isLast, dataSN++), data.Span);
        }
    }

    public async Task WriteGoodAsync(uint lba, byte[] data, ulong lun = 0)
    {
        var (status, _) = await RunAsync(Write(lba, (ushort)(data.Length / 512), lun: lun, dataLength: Math.Min(data.Length, 4096)), data);
        Assert.True(status.Status == ScsiStatus.Good, status.ToString());
    }

    public async Task<byte[]> ReadGoodAsync(uint lba, int length, ulong lun = 0)
    {
        var (status, data) = await RunAsync(Read(lba, (ushort)(length / 512), lun: lun));
        Assert.True(status.Status == ScsiStatus.Good, status.ToString());
        return data;
    }

    private static byte[] Cdb10(byte operation, uint lba, ushort blocks)
    {
        var cdb = new byte[10];
        cdb[0] = operation;
        BinaryPrimitives.WriteUInt32BigEndian(cdb.AsSpan(2), lba);
        BinaryPrimitives.WriteUInt16BigEndian(cdb.AsSpan(7), blocks);
        return cdb;
    }

    private uint TakeCmdSN(bool immediate) => immediate ? CmdSN : CmdSN++;
}
