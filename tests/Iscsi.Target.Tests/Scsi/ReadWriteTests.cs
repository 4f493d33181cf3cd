using Iscsi.Protocol;
using Iscsi.Protocol.Scsi;
using Iscsi.Storage;
using Iscsi.Target.Scsi;

namespace Iscsi.Target.Tests.Scsi;

public sealed class ReadWriteTests
{
    public static TheoryData<byte> Codes() => [0x28, 0x2A, 0xA8, 0xAA, 0x88, 0x8A, 0x2F, 0xAF, 0x8F];

    private static byte[] Cdb(byte code, byte flags, ulong lba, uint count) => Protocol.Scsi.Cdb.ImpliedLength(code) switch
    {
        10 => ScsiHarness.Cdb10(code, flags, (uint)lba, (ushort)count),
        12 => ScsiHarness.Cdb12(code, flags, (uint)lba, count),
        _ => ScsiHarness.Cdb16(code, flags, lba, count),
    };

    private static bool IsWrite(byte code) => (code & 0x0F) == 0x0A;

    private static bool IsVerify(byte code) => (code & 0x0F) == 0x0F;

    [Theory]
    [MemberData(nameof(Codes))]
    public void The_transfer_is_what_the_CDB_says(byte code)
    {
        var h = new ScsiHarness();
        var r = h.Begin(Cdb(code, IsVerify(code) ? (byte)2 : (byte)0, 100, 7));
        var step = IsWrite(code) ? ScsiStep.WriteMedium : IsVerify(code) ? ScsiStep.CompareMedium : ScsiStep.ReadMedium;
        Assert.Equal(step, h.Step);
        Assert.Equal(new MediumTransfer(100, 7, 512, BlockWriteFlags.None), r.Transfer);
        Assert.Equal(7 * 512, r.TransferLength);
        Assert.Equal(step == ScsiStep.ReadMedium ? DataDirection.Read : DataDirection.Write, r.Direction);
    }

    [Theory]
    [MemberData(nameof(Codes))]
    public void No_blocks_is_GOOD_up_to_the_end(byte code)
    {
        var h = new ScsiHarness();
        foreach (var lba in (ulong[])[0, 2047, 2048])
        {
            var r = h.Run(Cdb(code, 0, lba, 0));
            Assert.Equal((ScsiStep.Done, ScsiStatus.Good, 0L), (h.Step, r.Status, r.TransferLength));
        }
    }

    [Theory]
    [MemberData(nameof(Codes))]
    public void Beyond_the_end_is_05_21_00_with_the_first_address_outside(byte code)
    {
        var h = new ScsiHarness();
        var flags = (byte)(IsVerify(code) ? 2 : 0);
        foreach (var (lba, count) in ((ulong, uint)[])[(2047, 2), (2048, 1), (2049, 0), (0x80000000, 1), (0xFFFFFFFF, 1), (0xFFFFFFFF, 256), (0, 2049)])
        {
            h.AssertSense(Cdb(code, flags, lba, count), SenseKey.IllegalRequest, AdditionalSense.LogicalBlockAddressOutOfRange);
            Assert.Equal(Math.Max(lba, 2048), h.Request.Sense.Information);
        }
        if (Protocol.Scsi.Cdb.ImpliedLength(code) < 16) return;
        h.AssertSense(Cdb(code, flags, ulong.MaxValue, uint.MaxValue), SenseKey.IllegalRequest, AdditionalSense.LogicalBlockAddressOutOfRange);
        h.AssertSense(Cdb(code, flags, ulong.MaxValue, 0), SenseKey.IllegalRequest, AdditionalSense.LogicalBlockAddressOutOfRange);
        h.AssertSense(Cdb(code, flags, 1UL << 63, 1), SenseKey.IllegalRequest, AdditionalSense.LogicalBlockAddressOutOfRange);
    }

    [Theory]
    [MemberData(nameof(Codes))]
    public void Every_protection_field_is_refused(byte code)
    {
        var h = new ScsiHarness();
        for (var protect = 1; protect < 8; protect++)
            h.AssertSense(Cdb(code, (byte)(protect << 5), 0, 1), SenseKey.IllegalRequest, AdditionalSense.InvalidFieldInCdb);
    }

    [Theory]
    [InlineData(0x28)]
    [InlineData(0x2A)]
    [InlineData(0x88)]
    [InlineData(0x8A)]
    public void DPO_and_FUA_are_accepted_and_FUA_is_passed_on(byte code)
    {
        var h = new ScsiHarness();
        Assert.Equal(BlockWriteFlags.None, h.Begin(Cdb(code, 0x10, 0, 1)).Transfer.Flags);
        Assert.Equal(BlockWriteFlags.ForceUnitAccess, h.Begin(Cdb(code, 0x08, 0, 1)).Transfer.Flags);
        Assert.Equal(BlockWriteFlags.ForceUnitAccess, h.Begin(Cdb(code, 0x18, 0, 1)).Transfer.Flags);
    }

    [Fact]
    public void A_length_of_zero_in_6_bytes_is_256_blocks()
    {
        var h = new ScsiHarness();
        Assert.Equal(256, h.Begin([OperationCode.Read6, 0, 1, 0, 0, 0]).Transfer.BlockCount);
        Assert.Equal(256, h.Request.Transfer.Lba);
    }

    [Fact]
    public void An_address_of_6_bytes_has_21_bits_and_no_FUA()
    {
        var h = new ScsiHarness(info => info with { BlockCount = 0x20_0000 });
        var r = h.Begin([OperationCode.Write6, 0x1F, 0xFF, 0xFF, 1, 0]);
        Assert.Equal(new MediumTransfer(0x1F_FFFF, 1, 512, BlockWriteFlags.None), r.Transfer);
    }

    [Fact]
    public void Beyond_the_end_in_6_bytes_is_05_21_00() => new ScsiHarness().AssertSense(
        [OperationCode.Read6, 0x1F, 0xFF, 0xFF, 1, 0], SenseKey.IllegalRequest, AdditionalSense.LogicalBlockAddressOutOfRange);

    [Fact]
    public void What_was_written_is_read()
    {
        var h = new ScsiHarness();
        var data = new byte[1024];
        new Random(1).NextBytes(data);
        h.RunGood(ScsiHarness.Cdb10(OperationCode.Write10, 0, 10, 2), data);
        Assert.Equal(data, h.RunGood(ScsiHarness.Cdb16(OperationCode.Read16, 0, 10, 2)));
    }

    [Theory]
    [InlineData(0x0A)]
    [InlineData(0x2A)]
    [InlineData(0xAA)]
    [InlineData(0x8A)]
    [InlineData(0x41)]
    [InlineData(0x93)]
    [InlineData(0x42)]
    public void A_read_only_device_refuses_what_writes(byte code)
    {
        var h = new ScsiHarness(info => info with { IsReadOnly = true });
        var cdb = new byte[16];
        cdb[0] = code;
        h.AssertSense(cdb, SenseKey.DataProtect, AdditionalSense.WriteProtected, new byte[512]);
    }

    [Fact]
    public void A_read_only_device_that_cannot_unmap_refuses_the_UNMAP_bit_as_a_write()
    {
        var h = new ScsiHarness(info => info with { IsReadOnly = true, Unmap = DeviceSupport.None });
        h.AssertSense(ScsiHarness.Cdb10(OperationCode.WriteSame10, 0x08, 0, 1), SenseKey.DataProtect, AdditionalSense.WriteProtected, new byte[512]);
    }

    [Fact]
    public void A_read_only_device_can_be_read_and_flushed()
    {
        var h = new ScsiHarness(info => info with { IsReadOnly = true });
        h.RunGood(ScsiHarness.Cdb10(OperationCode.Read10, 0, 0, 1));
        h.RunGood(ScsiHarness.Cdb10(OperationCode.SynchronizeCache10, 0, 0, 0));
    }

    [Theory]
    [InlineData(0)]
    [InlineData(2)]
    public void SYNCHRONIZE_CACHE_flushes_before_its_status_IMMED_or_not(byte flags)
    {
        var h = new ScsiHarness();
        h.RunGood(ScsiHarness.Cdb10(OperationCode.SynchronizeCache10, flags, 5, 7));
        h.RunGood(ScsiHarness.Cdb16(OperationCode.SynchronizeCache16, flags, 2048, 0));
        Assert.Equal(["flush", "flush"], h.Device.Calls);
    }

    [Fact]
    public void SYNCHRONIZE_CACHE_checks_its_range() => new ScsiHarness().AssertSense(
        ScsiHarness.Cdb10(OperationCode.SynchronizeCache10, 0, 2047, 2), SenseKey.IllegalRequest, AdditionalSense.LogicalBlockAddressOutOfRange);
}
