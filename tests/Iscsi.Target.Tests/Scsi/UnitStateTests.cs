using Iscsi.Protocol;
using Iscsi.Protocol.Scsi;
using Iscsi.Storage;
using Iscsi.Target.Scsi;

namespace Iscsi.Target.Tests.Scsi;

public sealed class UnitStateTests
{
    private static readonly byte[] TestUnitReady = [OperationCode.TestUnitReady, 0, 0, 0, 0, 0];
    private static readonly byte[] RequestSense = [OperationCode.RequestSense, 0, 0, 0, 252, 0];
    private static readonly byte[] ReportLuns = [OperationCode.ReportLuns, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0];
    private static readonly byte[] Read = ScsiHarness.Cdb10(OperationCode.Read10, 0, 0, 1);

    private static byte[] StartStop(byte byte4, byte byte1 = 0) => [OperationCode.StartStopUnit, byte1, 0, 0, byte4, 0];

    private static SenseData Sensed(ScsiHarness h)
    {
        Assert.True(SenseData.TryParse(h.RunGood(RequestSense), out var sense));
        return sense;
    }

    [Fact]
    public void A_new_nexus_gets_29_00_once_for_any_command_but_the_three()
    {
        var h = new ScsiHarness(clearAttention: false);
        h.RunGood(ScsiHarness.Inquiry());
        h.RunGood(ReportLuns);
        h.AssertSense(TestUnitReady, SenseKey.UnitAttention, AdditionalSense.PowerOnOrReset);
        h.RunGood(TestUnitReady);
        h.RunGood(Read);
    }

    [Fact]
    public void An_attention_lasts_until_its_status_is_queued()
    {
        var h = new ScsiHarness(clearAttention: false);
        h.Begin(TestUnitReady);
        Assert.Equal(ScsiStatus.CheckCondition, h.Begin(TestUnitReady).Status);
        h.Request.ConsumeUnitAttention();
        Assert.Equal(ScsiStatus.Good, h.Begin(TestUnitReady).Status);
    }

    [Fact]
    public void REQUEST_SENSE_reports_an_attention_as_data_and_ends_it()
    {
        var h = new ScsiHarness(clearAttention: false);
        Assert.Equal("6/29/00", Sensed(h).ToString());
        Assert.True(Sensed(h).IsNoSense);
    }

    [Fact]
    public void Attentions_are_reported_in_their_order_of_precedence()
    {
        var h = new ScsiHarness();
        h.Nexus.Raise(h.Unit, UnitAttention.CapacityDataHasChanged | UnitAttention.ReportedLunsDataHasChanged);
        h.Nexus.Raise(h.Unit, UnitAttention.NexusLoss | UnitAttention.LogicalUnitReset | UnitAttention.PowerOnOrReset);
        string[] seen = [Sensed(h).ToString(), Sensed(h).ToString(), Sensed(h).ToString()];
        Assert.Equal(["6/29/00", "6/2A/09", "6/3F/0E"], seen);
        Assert.False(h.Nexus.HasUnitAttention);
    }

    [Fact]
    public void An_attention_belongs_to_one_nexus_and_one_unit()
    {
        var h = new ScsiHarness();
        var other = h.NewNexus();
        h.Units.Raise(h.Unit, UnitAttention.LogicalUnitReset, except: h.Nexus);
        h.RunGood(TestUnitReady);
        Assert.Equal(UnitAttention.LogicalUnitReset, other.Pending(h.Unit));
    }

    [Fact]
    public void A_resized_device_raises_2A_09_for_every_nexus()
    {
        var h = new ScsiHarness();
        var other = h.NewNexus();
        h.Device.Resize(1024);
        h.AssertSense(TestUnitReady, SenseKey.UnitAttention, AdditionalSense.CapacityDataHasChanged);
        Assert.Equal(UnitAttention.CapacityDataHasChanged, other.Pending(h.Unit));
        h.AssertSense(ScsiHarness.Cdb10(OperationCode.Read10, 0, 1024, 1), SenseKey.IllegalRequest, AdditionalSense.LogicalBlockAddressOutOfRange);
    }

    [Fact]
    public void A_notice_without_another_size_raises_nothing()
    {
        var h = new ScsiHarness();
        h.Device.Resize(2048);
        h.RunGood(TestUnitReady);
    }

    [Fact]
    public void A_new_LUN_raises_3F_0E_which_REPORT_LUNS_ends_on_all_units()
    {
        var h = new ScsiHarness();
        var second = h.Units.Add(1, new StubBlockDevice(h.Device.Info with { Identity = "b" }));
        Assert.Equal(UnitAttention.ReportedLunsDataHasChanged, h.Nexus.Pending(h.Unit));
        h.RunGood(ReportLuns);
        Assert.Equal(UnitAttention.None, h.Nexus.Pending(h.Unit));
        Assert.Equal(UnitAttention.PowerOnOrReset, h.Nexus.Pending(second));
    }

    [Fact]
    public void A_detached_nexus_hears_nothing()
    {
        var h = new ScsiHarness();
        h.Units.Detach(h.Nexus);
        h.Device.Resize(1024);
        Assert.False(h.Nexus.HasUnitAttention);
    }

    [Fact]
    public void An_unknown_command_is_told_before_an_attention_and_leaves_it()
    {
        var h = new ScsiHarness(clearAttention: false);
        h.AssertSense([0xFF, 0, 0, 0, 0, 0], SenseKey.IllegalRequest, AdditionalSense.InvalidCommandOperationCode);
        h.AssertSense(TestUnitReady, SenseKey.UnitAttention, AdditionalSense.PowerOnOrReset);
    }

    [Fact]
    public void REQUEST_SENSE_has_descriptor_format_when_asked()
    {
        var h = new ScsiHarness();
        Assert.Equal([0x72, 0, 0, 0, 0, 0, 0, 0], h.RunGood([OperationCode.RequestSense, 1, 0, 0, 252, 0]));
        Assert.Equal(18, h.RunGood(RequestSense).Length);
        Assert.Equal(4, h.RunGood([OperationCode.RequestSense, 0, 0, 0, 4, 0]).Length);
    }

    [Fact]
    public void A_LUN_that_is_not_there_is_05_25_00_as_sense_and_as_data()
    {
        var h = new ScsiHarness();
        var lun = LogicalUnitNumber.Encode(7);
        var r = h.Run(TestUnitReady, lun: lun);
        Assert.Equal("5/25/00", r.Sense.ToString());
        r = h.Run([0xFF, 0, 0, 0, 0, 0], lun: lun);
        Assert.Equal("5/25/00", r.Sense.ToString());
        r = h.Run(RequestSense, lun: lun);
        Assert.Equal(ScsiStatus.Good, r.Status);
        Assert.True(SenseData.TryParse(h.Data, out var sense));
        Assert.Equal("5/25/00", sense.ToString());
    }

    [Theory]
    [InlineData(0x0000_0000_0000_0000UL, true)]
    [InlineData(0x4000_0000_0000_0000UL, true)]
    [InlineData(0x0000_0001_0000_0000UL, false)]
    [InlineData(0x0100_0000_0000_0000UL, false)]
    [InlineData(0x8000_0000_0000_0000UL, false)]
    [InlineData(0xC101_0000_0000_0000UL, false)]
    public void LUN_0_is_reached_by_peripheral_and_flat_addressing_only(ulong lun, bool found)
    {
        var r = new ScsiHarness().Run(TestUnitReady, lun: lun);
        Assert.Equal(found, r.Status == ScsiStatus.Good);
    }

    [Fact]
    public void A_stopped_unit_is_02_04_02_until_it_is_started()
    {
        var h = new ScsiHarness();
        h.RunGood(StartStop(0));
        Assert.Equal(["flush"], h.Device.Calls);
        h.AssertSense(TestUnitReady, SenseKey.NotReady, AdditionalSense.InitializingCommandRequired);
        h.AssertSense(Read, SenseKey.NotReady, AdditionalSense.InitializingCommandRequired);
        Assert.Equal("2/04/02", Sensed(h).ToString());
        h.RunGood(ScsiHarness.Inquiry());
        h.RunGood(ReportLuns);
        h.RunGood(StartStop(1));
        h.RunGood(TestUnitReady);
    }

    [Fact]
    public void NO_FLUSH_stops_without_a_flush()
    {
        var h = new ScsiHarness();
        h.RunGood(StartStop(4));
        Assert.Empty(h.Device.Calls);
        Assert.True(h.Unit.IsStopped);
    }

    [Fact]
    public void A_unit_whose_flush_fails_is_not_stopped()
    {
        var h = new ScsiHarness();
        h.Device.FlushFailure = new IOException();
        h.Run(StartStop(0));
        Assert.Equal(ScsiStatus.CheckCondition, h.Request.Status);
        Assert.False(h.Unit.IsStopped);
        h.AssertSense(StartStop(0), SenseKey.MediumError, AdditionalSense.WriteError);
        h.RunGood(StartStop(4));
    }

    [Theory]
    [InlineData(0x02, 1)]
    [InlineData(0x03, 1)]
    public void LOEJ_is_refused_by_a_fixed_medium(byte byte4, int bit) => new ScsiHarness().AssertInvalidField(StartStop(byte4), 4, bit);

    [Fact]
    public void After_a_failed_flush_writes_and_flushes_are_03_0C_00_and_reads_go_on()
    {
        var h = new ScsiHarness();
        var flush = ScsiHarness.Cdb10(OperationCode.SynchronizeCache10, 0, 0, 0);
        h.Device.FlushFailure = new IOException();
        h.AssertSense(flush, SenseKey.MediumError, AdditionalSense.WriteError);
        h.Device.FlushFailure = null;
        h.AssertSense(flush, SenseKey.MediumError, AdditionalSense.WriteError);
        h.AssertSense(ScsiHarness.Cdb10(OperationCode.Write10, 0, 0, 1), SenseKey.MediumError, AdditionalSense.WriteError, new byte[512]);
        h.RunGood(Read);
    }

    [Theory]
    [InlineData(0x08, true)]
    [InlineData(0x00, false)]
    public void A_failed_write_latches_only_with_FUA(byte flags, bool latched)
    {
        var h = new ScsiHarness();
        h.Device.WriteFailure = new IOException();
        h.AssertSense(ScsiHarness.Cdb10(OperationCode.Write10, flags, 0, 1), SenseKey.MediumError, AdditionalSense.WriteError, new byte[512]);
        Assert.Equal(latched, h.Unit.IsWriteErrorLatched);
    }

    [Fact]
    public void A_refused_write_does_not_latch()
    {
        var h = new ScsiHarness();
        h.Device.WriteFailure = new BlockDeviceException(BlockDeviceError.NoSpace, "full");
        h.AssertSense(
            ScsiHarness.Cdb10(OperationCode.Write10, 0x08, 0, 1), SenseKey.DataProtect, AdditionalSense.SpaceAllocationFailedWriteProtect, new byte[512]);
        Assert.False(h.Unit.IsWriteErrorLatched);
    }

    [Fact]
    public void A_failed_read_with_FUA_does_not_latch()
    {
        var h = new ScsiHarness();
        h.Device.ReadFailure = new IOException();
        h.AssertSense(ScsiHarness.Cdb10(OperationCode.Read10, 0x08, 0, 1), SenseKey.MediumError, AdditionalSense.UnrecoveredReadError);
        Assert.False(h.Unit.IsWriteErrorLatched);
    }

    [Theory]
    [InlineData(BlockDeviceError.Failed, false, "3/11/00")]
    [InlineData(BlockDeviceError.Failed, true, "3/0C/00")]
    [InlineData(BlockDeviceError.MediumError, false, "3/11/00")]
    [InlineData(BlockDeviceError.WriteFailed, true, "3/0C/00")]
    [InlineData(BlockDeviceError.NoSpace, true, "7/27/07")]
    [InlineData(BlockDeviceError.Latched, true, "3/0C/00")]
    [InlineData(BlockDeviceError.ReadOnly, true, "7/27/00")]
    [InlineData(BlockDeviceError.AccessDenied, true, "7/27/00")]
    [InlineData(BlockDeviceError.Timeout, false, "B/2E/02")]
    [InlineData(BlockDeviceError.NotSupported, true, "4/44/00")]
    [InlineData(BlockDeviceError.OutOfRange, false, "5/21/00")]
    [InlineData(BlockDeviceError.Unavailable, false, "2/04/00")]
    public void A_device_error_has_its_sense(BlockDeviceError error, bool writes, string sense) =>
        Assert.Equal(sense, ScsiErrors.Sense(new BlockDeviceException(error, "test"), writes).ToString());

    [Fact]
    public void A_bug_in_a_device_is_04_44_00()
    {
        var h = new ScsiHarness();
        h.Device.ReadFailure = new InvalidOperationException();
        h.AssertSense(Read, SenseKey.HardwareError, AdditionalSense.InternalTargetFailure);
    }
}
