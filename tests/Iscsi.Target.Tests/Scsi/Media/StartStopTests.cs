using Iscsi.Protocol;
using Iscsi.Protocol.Scsi;
using Iscsi.Storage;
using Iscsi.Target.Scsi;
using Iscsi.Target.Scsi.Media;

namespace Iscsi.Target.Tests.Scsi.Media;

/// <summary>START STOP UNIT and PREVENT ALLOW MEDIUM REMOVAL; stopping and starting alone are in UnitStateTests.</summary>
public sealed class StartStopTests
{
    private static readonly byte[] Eject = StartStop(0x02);
    private static readonly byte[] Load = StartStop(0x03);
    private static readonly byte[] Prevent = [OperationCode.PreventAllowMediumRemoval, 0, 0, 0, 1, 0];
    private static readonly byte[] Allow = [OperationCode.PreventAllowMediumRemoval, 0, 0, 0, 0, 0];
    private static readonly byte[] TestUnitReady = MediumHarness.TestUnitReady;

    private static byte[] StartStop(byte byte4, byte byte3 = 0, byte byte1 = 0) => [OperationCode.StartStopUnit, byte1, 0, byte3, byte4, 0];

    private static string Sensed(ScsiHarness h)
    {
        Assert.True(SenseData.TryParse(h.RunGood(MediumHarness.RequestSense), out var sense));
        return sense.ToString();
    }

    [Theory]
    [InlineData(0x20, 0, "0/5E/03")] // IDLE
    [InlineData(0x20, 1, "0/5E/06")]
    [InlineData(0x20, 2, "0/5E/08")]
    [InlineData(0x30, 0, "0/5E/04")] // STANDBY
    [InlineData(0x30, 1, "0/5E/0A")]
    [InlineData(0xA0, 0, "0/5E/01")] // FORCE_IDLE_0
    [InlineData(0xA0, 1, "0/5E/05")]
    [InlineData(0xA0, 2, "0/5E/07")]
    [InlineData(0xB0, 0, "0/5E/02")] // FORCE_STANDBY_0
    [InlineData(0xB0, 1, "0/5E/09")]
    public void REQUEST_SENSE_tells_a_low_power_condition_and_the_unit_stays_ready(byte condition, byte modifier, string sense)
    {
        var h = new ScsiHarness();
        h.RunGood(StartStop(condition, modifier));
        Assert.Equal(sense, Sensed(h));
        h.RunGood(TestUnitReady);
        h.RunGood(ScsiHarness.Cdb10(OperationCode.Read10, 0, 0, 1));
        h.RunGood(StartStop(0x10)); // ACTIVE
        Assert.Equal("0/00/00", Sensed(h));
    }

    [Theory]
    [InlineData(0x10)] // ACTIVE
    [InlineData(0x70)] // LU_CONTROL
    [InlineData(0x01)] // START
    public void What_makes_a_unit_active_also_starts_it(byte byte4)
    {
        var h = new ScsiHarness();
        h.RunGood(StartStop(0x20));
        h.RunGood(StartStop(0x00));
        h.AssertSense(TestUnitReady, SenseKey.NotReady, AdditionalSense.InitializingCommandRequired);
        h.RunGood(StartStop(byte4));
        h.RunGood(TestUnitReady);
        Assert.Equal("0/00/00", Sensed(h));
    }

    [Theory]
    [InlineData(0x40)]
    [InlineData(0x50)]
    [InlineData(0x60)]
    [InlineData(0x80)]
    [InlineData(0x90)]
    [InlineData(0xC0)]
    [InlineData(0xF0)]
    public void A_reserved_power_condition_is_refused(byte byte4) => new ScsiHarness().AssertInvalidField(StartStop(byte4), 4, 7);

    [Theory]
    [InlineData(0x00, 1)]
    [InlineData(0x10, 1)]
    [InlineData(0x20, 3)]
    [InlineData(0x30, 2)]
    [InlineData(0x70, 1)]
    [InlineData(0xA0, 3)]
    [InlineData(0xB0, 2)]
    public void A_reserved_modifier_is_refused(byte byte4, byte modifier) => new ScsiHarness().AssertInvalidField(StartStop(byte4, modifier), 3, 3);

    [Theory]
    [InlineData(0x00, true)] // stop
    [InlineData(0x30, true)] // STANDBY
    [InlineData(0xB0, true)] // FORCE_STANDBY_0
    [InlineData(0x02, true)] // eject
    [InlineData(0x04, false)] // NO_FLUSH
    [InlineData(0x34, false)]
    [InlineData(0x06, false)]
    [InlineData(0x20, false)] // IDLE: the medium stays accessible
    [InlineData(0x01, false)]
    [InlineData(0x03, false)]
    public void Caches_are_written_before_the_medium_is_out_of_reach_unless_NO_FLUSH_is_set(byte byte4, bool flushes)
    {
        var h = ScsiHarness.WithEverything();
        h.RunGood(StartStop(byte4));
        Assert.Equal(flushes ? ["flush"] : [], h.Device.Calls);
    }

    [Fact]
    public void After_a_failed_flush_the_unit_is_where_it_was()
    {
        var h = ScsiHarness.WithEverything();
        h.Device.FlushFailure = new IOException();
        h.AssertSense(Eject, SenseKey.MediumError, AdditionalSense.WriteError);
        Assert.False(h.Unit.Medium.HasObstacle);
    }

    [Fact]
    public void With_a_power_condition_START_and_LOEJ_are_ignored()
    {
        var h = ScsiHarness.WithEverything();
        h.RunGood(StartStop(0x22));
        h.RunGood(TestUnitReady);
        Assert.Equal("0/5E/03", Sensed(h));
    }

    [Fact]
    public void An_ejected_medium_is_3A_00_until_it_is_loaded()
    {
        var h = ScsiHarness.WithEverything();
        h.RunGood(Eject);
        h.AssertSense(TestUnitReady, SenseKey.NotReady, AdditionalSense.MediumNotPresent);
        h.AssertSense(ScsiHarness.Cdb10(OperationCode.Read10, 0, 0, 1), SenseKey.NotReady, AdditionalSense.MediumNotPresent);
        h.AssertSense(StartStop(0x01), SenseKey.NotReady, AdditionalSense.MediumNotPresent);
        Assert.Equal("2/3A/00", Sensed(h));
        h.RunGood(ScsiHarness.Inquiry());
        h.RunGood(Eject); // it is out already
        h.RunGood(Load);
        h.RunGood(TestUnitReady);
    }

    [Fact]
    public void Loading_a_medium_tells_every_other_nexus_that_it_may_have_changed()
    {
        var h = ScsiHarness.WithEverything();
        var other = h.NewNexus();
        h.RunGood(Load); // it was in
        Assert.Equal(UnitAttention.None, other.Pending(h.Unit));
        h.RunGood(Eject);
        h.RunGood(Load);
        Assert.Equal(UnitAttention.None, h.Nexus.Pending(h.Unit));
        var r = h.Run(TestUnitReady, nexus: other);
        Assert.Equal("6/28/00", r.Sense.ToString());
        Assert.Equal(ScsiStatus.Good, h.Run(TestUnitReady, nexus: other).Status);
    }

    [Fact]
    public void A_stopped_unit_whose_medium_is_loaded_is_started()
    {
        var h = ScsiHarness.WithEverything();
        h.RunGood(StartStop(0x00));
        h.RunGood(Eject);
        h.RunGood(Load);
        h.RunGood(TestUnitReady);
    }

    [Fact]
    public void While_any_nexus_prevents_removal_the_medium_stays_in_for_all()
    {
        var h = ScsiHarness.WithEverything();
        var other = h.NewNexus();
        h.RunGood(Prevent);
        h.RunGood(Prevent);
        Assert.Equal(ScsiStatus.Good, h.Run(Prevent, nexus: other).Status);
        h.AssertSense(Eject, SenseKey.IllegalRequest, AdditionalSense.MediumRemovalPrevented);
        h.AssertSense(StartStop(0x06), SenseKey.IllegalRequest, AdditionalSense.MediumRemovalPrevented);
        h.RunGood(Allow);
        h.AssertSense(Eject, SenseKey.IllegalRequest, AdditionalSense.MediumRemovalPrevented);
        h.RunGood(TestUnitReady);
        Assert.Equal(ScsiStatus.Good, h.Run(Allow, nexus: other).Status);
        h.RunGood(Eject);
    }

    [Fact]
    public void An_absent_medium_can_be_locked_out_and_is_not_loaded_then()
    {
        var h = ScsiHarness.WithEverything();
        h.RunGood(Eject);
        h.RunGood(Prevent);
        h.AssertSense(Load, SenseKey.IllegalRequest, AdditionalSense.MediumRemovalPrevented);
        h.RunGood(Allow);
        h.RunGood(Load);
    }

    [Theory]
    [InlineData("logout")]
    [InlineData("end")]
    [InlineData("reset")]
    public void Prevention_ends_with_the_nexus_and_with_every_reset(string how)
    {
        var h = ScsiHarness.WithEverything();
        var other = h.NewNexus();
        Assert.Equal(ScsiStatus.Good, h.Run(Prevent, nexus: other).Status);
        if (how == "logout") h.Units.ReleaseReservations(other);
        else if (how == "end") h.Units.Detach(other);
        else h.Unit.Medium.OnReset();
        Assert.False(h.Unit.Medium.IsRemovalPrevented);
        h.RunGood(Eject);
    }

    [Fact]
    public void A_reset_starts_the_unit_and_leaves_an_ejected_medium_out()
    {
        var h = ScsiHarness.WithEverything();
        h.RunGood(StartStop(0x30));
        h.RunGood(StartStop(0x00));
        h.Unit.Medium.OnReset();
        h.RunGood(TestUnitReady);
        Assert.Equal("0/00/00", Sensed(h));
        h.RunGood(Eject);
        h.Unit.Medium.OnReset();
        h.AssertSense(TestUnitReady, SenseKey.NotReady, AdditionalSense.MediumNotPresent);
    }

    [Fact]
    public void A_fixed_medium_is_not_removable_and_knows_no_prevention()
    {
        var h = new ScsiHarness();
        Assert.Equal(0x00, h.RunGood(ScsiHarness.Inquiry())[1]);
        h.AssertSense(Prevent, SenseKey.IllegalRequest, AdditionalSense.InvalidCommandOperationCode);
        Assert.Equal(0x80, ScsiHarness.WithEverything().RunGood(ScsiHarness.Inquiry())[1]);
    }

    [Fact]
    public void A_read_only_unit_is_ejected_without_a_flush()
    {
        var h = new ScsiHarness(info => info with { IsReadOnly = true }, options: new LunOptions { IsRemovable = true });
        h.RunGood(Eject);
        Assert.Empty(h.Device.Calls);
    }
}
