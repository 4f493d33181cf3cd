using System.Buffers.Binary;
using Iscsi.Protocol.Scsi;
using Iscsi.Storage;
using Iscsi.Target.Scsi;

namespace Iscsi.Target.Tests.Scsi.Copy;

/// <summary>LUN 0, which is sent the commands, and LUN 1 beside it; and the parameter lists of third-party copies.</summary>
internal sealed class CopyHarness
{
    public CopyHarness(int otherBlockSize = 512, Func<BlockDeviceInfo, BlockDeviceInfo>? configure = null, ScsiLimits? limits = null)
    {
        Scsi = new ScsiHarness(configure, limits);
        Other = new StubBlockDevice(new BlockDeviceInfo
        {
            BlockSize = otherBlockSize,
            BlockCount = 2048,
            WriteZeroes = DeviceSupport.None,
            Identity = "other",
        });
        OtherUnit = Scsi.Units.Add(1, Other);
        Scsi.Nexus.ClearAll(UnitAttention.All);
        new Random(11).NextBytes(Scsi.Device.Bytes);
        new Random(12).NextBytes(Other.Bytes);
    }

    public ScsiHarness Scsi { get; }

    public StubBlockDevice Disk => Scsi.Device;

    public StubBlockDevice Other { get; }

    public LogicalUnit OtherUnit { get; }

    public static byte[] ExtendedCopy(int length, byte serviceAction = OperationCode.ExtendedCopyLid1)
    {
        var cdb = new byte[16];
        cdb[0] = OperationCode.ThirdPartyCopyOut;
        cdb[1] = serviceAction;
        BinaryPrimitives.WriteInt32BigEndian(cdb.AsSpan(10), length);
        return cdb;
    }

    /// <summary>A command of operation code 84h, with a list identifier of one byte or of four.</summary>
    public static byte[] Receive(byte serviceAction, uint listIdentifier = 0, uint allocationLength = 1024)
    {
        var cdb = new byte[16];
        cdb[0] = OperationCode.ThirdPartyCopyIn;
        cdb[1] = serviceAction;
        if (serviceAction is OperationCode.ReceiveCopyStatusLid4 or OperationCode.ReceiveCopyDataLid4 or OperationCode.ReceiveRodTokenInformation)
            BinaryPrimitives.WriteUInt32BigEndian(cdb.AsSpan(2), listIdentifier);
        else
            cdb[2] = (byte)listIdentifier;
        BinaryPrimitives.WriteUInt32BigEndian(cdb.AsSpan(10), allocationLength);
        return cdb;
    }

    public static byte[] Token(byte serviceAction, int length, uint listIdentifier)
    {
        var cdb = ExtendedCopy(length, serviceAction);
        BinaryPrimitives.WriteUInt32BigEndian(cdb.AsSpan(6), listIdentifier);
        return cdb;
    }

    public static byte[] Cscd(LogicalUnit unit, byte type = 0xE4)
    {
        var bytes = new byte[32];
        bytes[0] = type;
        bytes[4] = 0x01;
        bytes[5] = 0x03;
        bytes[7] = 8;
        BinaryPrimitives.WriteUInt64BigEndian(bytes.AsSpan(8), unit.NaaIdentifier);
        bytes[30] = (byte)(unit.Info.BlockSize >> 8);
        return bytes;
    }

    public static byte[] Segment(ushort source, ushort destination, ushort blocks, ulong from, ulong to, byte flags = 0)
    {
        var bytes = new byte[28];
        bytes[0] = 0x02;
        bytes[1] = flags;
        bytes[3] = 0x18;
        BinaryPrimitives.WriteUInt16BigEndian(bytes.AsSpan(4), source);
        BinaryPrimitives.WriteUInt16BigEndian(bytes.AsSpan(6), destination);
        BinaryPrimitives.WriteUInt16BigEndian(bytes.AsSpan(10), blocks);
        BinaryPrimitives.WriteUInt64BigEndian(bytes.AsSpan(12), from);
        BinaryPrimitives.WriteUInt64BigEndian(bytes.AsSpan(20), to);
        return bytes;
    }

    public static byte[] Lid1(byte[][] cscds, byte[][] segments, byte listIdentifier = 1, byte usage = 0)
    {
        byte[] list = [.. new byte[16], .. cscds.SelectMany(c => c), .. segments.SelectMany(s => s)];
        list[0] = listIdentifier;
        list[1] = (byte)(usage << 3);
        BinaryPrimitives.WriteUInt16BigEndian(list.AsSpan(2), (ushort)cscds.Sum(c => c.Length));
        BinaryPrimitives.WriteInt32BigEndian(list.AsSpan(8), segments.Sum(s => s.Length));
        return list;
    }

    public static byte[] Lid4(byte[][] cscds, byte[][] segments, uint listIdentifier)
    {
        byte[] list = [.. new byte[48], .. cscds.SelectMany(c => c), .. segments.SelectMany(s => s)];
        list[0] = 0x01;
        list[3] = 0x20;
        list[16] = 0xFF;
        BinaryPrimitives.WriteUInt32BigEndian(list.AsSpan(20), listIdentifier);
        BinaryPrimitives.WriteUInt16BigEndian(list.AsSpan(42), (ushort)cscds.Sum(c => c.Length));
        BinaryPrimitives.WriteUInt16BigEndian(list.AsSpan(44), (ushort)segments.Sum(s => s.Length));
        return list;
    }

    public static byte[] Ranges(params (ulong Lba, uint Count)[] ranges)
    {
        var bytes = new byte[ranges.Length * 16];
        for (var i = 0; i < ranges.Length; i++)
        {
            BinaryPrimitives.WriteUInt64BigEndian(bytes.AsSpan(i * 16), ranges[i].Lba);
            BinaryPrimitives.WriteUInt32BigEndian(bytes.AsSpan((i * 16) + 8), ranges[i].Count);
        }
        return bytes;
    }

    public static byte[] Populate(byte[] ranges, uint timeoutSeconds = 0, uint? rodType = null)
    {
        byte[] list = [.. new byte[16], .. ranges];
        BinaryPrimitives.WriteUInt16BigEndian(list, (ushort)(list.Length - 2));
        BinaryPrimitives.WriteUInt32BigEndian(list.AsSpan(4), timeoutSeconds);
        if (rodType is { } type)
        {
            list[2] = 0x02;
            BinaryPrimitives.WriteUInt32BigEndian(list.AsSpan(8), type);
        }
        BinaryPrimitives.WriteUInt16BigEndian(list.AsSpan(14), (ushort)ranges.Length);
        return list;
    }

    public static byte[] Use(byte[] token, byte[] ranges, ulong offset = 0, bool delete = false)
    {
        byte[] list = [.. new byte[536], .. ranges];
        BinaryPrimitives.WriteUInt16BigEndian(list, (ushort)(list.Length - 2));
        list[2] = (byte)(delete ? 0x02 : 0);
        BinaryPrimitives.WriteUInt64BigEndian(list.AsSpan(8), offset);
        token.CopyTo(list, 16);
        BinaryPrimitives.WriteUInt16BigEndian(list.AsSpan(534), (ushort)ranges.Length);
        return list;
    }

    public ScsiRequest Run(byte[] list) => Scsi.Run(ExtendedCopy(list.Length), list);

    public void RunGood(byte[] list) => Scsi.RunGood(ExtendedCopy(list.Length), list);

    public void AssertCopyAborted(byte[] list, AdditionalSense additional, uint segment = 0)
    {
        Scsi.AssertSense(ExtendedCopy(list.Length), SenseKey.CopyAborted, additional, list);
        Assert.Equal(segment, Scsi.Request.Sense.CommandSpecificInformation);
    }

    public void AssertRefused(byte[] list, AdditionalSense additional, bool ignoreWrites = false)
    {
        Scsi.AssertSense(ExtendedCopy(list.Length), SenseKey.IllegalRequest, additional, list);
        if (!ignoreWrites) Assert.DoesNotContain(Disk.Calls, call => call.StartsWith("write", StringComparison.Ordinal));
    }

    /// <summary>Makes a token of blocks of LUN 0.</summary>
    public byte[] Populated(params (ulong Lba, uint Count)[] ranges)
    {
        var list = Populate(Ranges(ranges));
        Scsi.RunGood(Token(OperationCode.PopulateToken, list.Length, 77), list);
        return Scsi.RunGood(Receive(OperationCode.ReceiveRodTokenInformation, 77))[38..550];
    }

    public ScsiRequest RunUse(byte[] list, ulong lun = 0) =>
        Scsi.Run(Token(OperationCode.WriteUsingToken, list.Length, 78), list, lun: lun == 0 ? 0 : LogicalUnitNumber.Encode((ushort)lun));

    public void AssertUseRefused(byte[] list, AdditionalSense additional) =>
        Scsi.AssertSense(Token(OperationCode.WriteUsingToken, list.Length, 78), SenseKey.IllegalRequest, additional, list);

    public void AssertEqual(int blocks, int lba, StubBlockDevice disk, ReadOnlySpan<byte> expected) =>
        Assert.True(disk.Bytes.Slice(lba * disk.Info.BlockSize, blocks * disk.Info.BlockSize).SequenceEqual(expected));
}
