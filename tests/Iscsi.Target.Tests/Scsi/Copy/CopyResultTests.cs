using System.Buffers.Binary;
using Iscsi.Protocol;
using Iscsi.Protocol.Scsi;
using static Iscsi.Target.Tests.Scsi.Copy.CopyHarness;

namespace Iscsi.Target.Tests.Scsi.Copy;

public sealed class CopyResultTests
{
    private readonly CopyHarness _h = new();

    private byte[] Copy(byte listIdentifier = 1, byte usage = 0) =>
        Lid1([Cscd(_h.Scsi.Unit), Cscd(_h.OtherUnit)], [Segment(0, 1, 10, 0, 0), Segment(0, 1, 10, 0, 10)], listIdentifier, usage);

    private byte[] FailingCopy(byte listIdentifier = 1) =>
        Lid1([Cscd(_h.Scsi.Unit), Cscd(_h.OtherUnit)], [Segment(0, 1, 10, 0, 0), Segment(0, 1, 10, 0, 9999)], listIdentifier);

    private void AssertUnknown(byte[] cdb) => _h.Scsi.AssertInvalidField(cdb, 2);

    [Fact]
    public void The_status_of_a_copy_is_told_once()
    {
        AssertUnknown(Receive(OperationCode.ReceiveCopyStatusLid1, 1));
        _h.RunGood(Copy());
        var data = _h.Scsi.RunGood(Receive(OperationCode.ReceiveCopyStatusLid1, 1));
        Assert.Equal([0, 0, 0, 8, 0x01, 0, 2, 0x00, 0, 0, 20 * 512 / 256, 0], data);
        AssertUnknown(Receive(OperationCode.ReceiveCopyStatusLid1, 1));
    }

    [Fact]
    public void The_status_of_LID4_says_what_the_other_does_and_more()
    {
        _h.RunGood(Copy(5));
        var data = _h.Scsi.RunGood(Receive(OperationCode.ReceiveCopyStatusLid4, 5));
        Assert.Equal(32, data.Length);
        Assert.Equal(28u, BinaryPrimitives.ReadUInt32BigEndian(data));
        Assert.Equal(OperationCode.ExtendedCopyLid1, data[4]);
        Assert.Equal(0x01, data[5]);
        Assert.Equal(20ul * 512, BinaryPrimitives.ReadUInt64BigEndian(data.AsSpan(16)));
        Assert.Equal(2, data[25]);
    }

    [Fact]
    public void The_details_of_a_failure_are_its_sense_and_are_told_once_apart_from_the_status()
    {
        _h.Run(FailingCopy());
        Span<byte> sense = stackalloc byte[SenseData.FixedSize];
        _h.Scsi.Request.Sense.WriteFixed(sense);
        Assert.Equal(0x02, _h.Scsi.RunGood(Receive(OperationCode.ReceiveCopyStatusLid1, 1))[4]);
        var data = _h.Scsi.RunGood(Receive(OperationCode.ReceiveCopyFailureDetailsLid1, 1));
        Assert.Equal(60 + SenseData.FixedSize, data.Length);
        Assert.Equal((byte)ScsiStatus.CheckCondition, data[56]);
        Assert.True(sense.SequenceEqual(data.AsSpan(60)));
        Assert.Equal(1, data[60 + 11]); // the second segment
        AssertUnknown(Receive(OperationCode.ReceiveCopyFailureDetailsLid1, 1));
    }

    [Fact]
    public void A_copy_that_did_not_fail_has_no_details()
    {
        _h.RunGood(Copy());
        Assert.Equal([0, 0, 0, 0], _h.Scsi.RunGood(Receive(OperationCode.ReceiveCopyFailureDetailsLid1, 1)));
    }

    [Fact]
    public void Nothing_is_held_for_the_initiator_so_the_data_of_a_copy_are_none()
    {
        AssertUnknown(Receive(OperationCode.ReceiveCopyDataLid1, 1));
        _h.RunGood(Copy());
        Assert.Equal([0, 0, 0, 0], _h.Scsi.RunGood(Receive(OperationCode.ReceiveCopyDataLid1, 1)));
        Assert.Equal(36, _h.Scsi.RunGood(Receive(OperationCode.ReceiveCopyDataLid4, 1)).Length);
    }

    [Fact]
    public void A_copy_without_a_list_identifier_has_no_results()
    {
        _h.RunGood(Copy(usage: 0b11));
        AssertUnknown(Receive(OperationCode.ReceiveCopyStatusLid1, 1));
    }

    [Fact]
    public void Results_belong_to_the_nexus_that_copied_and_end_with_it_and_with_a_reset()
    {
        _h.RunGood(Copy());
        var other = _h.Scsi.NewNexus();
        Assert.Equal(ScsiStatus.CheckCondition, _h.Scsi.Run(Receive(OperationCode.ReceiveCopyStatusLid1, 1), nexus: other).Status);
        _h.Scsi.Unit.Copies.OnReset();
        AssertUnknown(Receive(OperationCode.ReceiveCopyStatusLid1, 1));
        _h.RunGood(Copy());
        _h.Scsi.Units.Detach(_h.Scsi.Nexus);
        AssertUnknown(Receive(OperationCode.ReceiveCopyStatusLid1, 1));
    }

    [Fact]
    public void A_list_identifier_that_is_used_again_forgets_the_first_copy_and_is_refused_while_that_one_runs()
    {
        _h.Run(FailingCopy());
        _h.RunGood(Copy());
        Assert.Equal(0x01, _h.Scsi.RunGood(Receive(OperationCode.ReceiveCopyStatusLid1, 1))[4]);

        _h.Scsi.Unit.Copies.Begin(new(_h.Scsi.Nexus, 1, 0, isHeld: true));
        _h.AssertRefused(Copy(), AdditionalSense.OperationInProgress, ignoreWrites: true);
        Assert.Equal(0x00, _h.Scsi.RunGood(Receive(OperationCode.ReceiveCopyStatusLid1, 1))[4]);
    }

    [Fact]
    public void The_oldest_results_make_room_and_a_copy_is_BUSY_when_as_many_run_as_may()
    {
        for (var i = 0; i < 70; i++) _h.RunGood(Copy((byte)i));
        AssertUnknown(Receive(OperationCode.ReceiveCopyStatusLid1, 5));
        _h.Scsi.RunGood(Receive(OperationCode.ReceiveCopyStatusLid1, 69));
        for (var i = 0u; i < 64; i++) _h.Scsi.Unit.Copies.Begin(new(_h.Scsi.Nexus, 1000 + i, 0, isHeld: true));
        Assert.Equal(ScsiStatus.Busy, _h.Run(Copy(200)).Status);
    }

    [Fact]
    public void The_operating_parameters_are_those_of_the_limits_page()
    {
        var data = _h.Scsi.RunGood(Receive(OperationCode.ReceiveCopyOperatingParameters));
        Assert.Equal(47, data.Length);
        Assert.Equal(43u, BinaryPrimitives.ReadUInt32BigEndian(data));
        Assert.Equal([0x01, 0, 0, 0, 0, 32, 0, 64], data[4..12]);
        Assert.Equal(4048u, BinaryPrimitives.ReadUInt32BigEndian(data.AsSpan(12)));
        Assert.Equal([3, 0x02, 0x07, 0xE4], data[43..]);
    }

    [Theory]
    [InlineData(OperationCode.ReceiveCopyStatusLid4)]
    [InlineData(OperationCode.ReceiveRodTokenInformation)]
    public void Results_that_did_not_fit_are_still_there(byte serviceAction)
    {
        _h.RunGood(Copy(5));
        Assert.Equal(8, _h.Scsi.RunGood(Receive(serviceAction, 5, allocationLength: 8)).Length);
        Assert.True(_h.Scsi.RunGood(Receive(serviceAction, 5)).Length >= 32);
        AssertUnknown(Receive(serviceAction, 5));
    }
}
