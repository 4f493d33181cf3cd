using Iscsi.Protocol;
using Iscsi.Protocol.Scsi;
using Iscsi.Storage;
using Iscsi.Target.Scsi;
using static Iscsi.Target.Tests.Scsi.Copy.CopyHarness;

namespace Iscsi.Target.Tests.Scsi.Copy;

public sealed class ExtendedCopyTests
{
    private readonly CopyHarness _h = new();

    private byte[][] Both => [Cscd(_h.Scsi.Unit), Cscd(_h.OtherUnit)];

    private byte[] Simple(byte listIdentifier = 1, byte usage = 0) => Lid1(Both, [Segment(0, 1, 300, 10, 20)], listIdentifier, usage);

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Blocks_of_one_disk_are_copied_to_another_in_chunks_of_the_scratch(bool isLid4)
    {
        var expected = _h.Disk.Bytes.Slice(10 * 512, 300 * 512).ToArray();
        byte[][] segments = [Segment(0, 1, 300, 10, 20)];
        var list = isLid4 ? Lid4(Both, segments, 0x12345678) : Lid1(Both, segments);
        _h.Scsi.RunGood(ExtendedCopy(list.Length, isLid4 ? OperationCode.ExtendedCopyLid4 : OperationCode.ExtendedCopyLid1), list);
        _h.AssertEqual(300, 20, _h.Other, expected);
        Assert.True(_h.Other.Calls.Count(call => call.StartsWith("write", StringComparison.Ordinal)) > 1);
    }

    [Fact]
    public void A_segment_may_name_the_unit_that_was_sent_the_command_by_FFFFh()
    {
        var expected = _h.Disk.Bytes[..(8 * 512)].ToArray();
        _h.RunGood(Lid1([], [Segment(0xFFFF, 0xFFFF, 8, 0, 100)]));
        _h.AssertEqual(8, 100, _h.Disk, expected);
    }

    [Theory]
    [InlineData(0, 10)]
    [InlineData(10, 0)]
    [InlineData(0, 1)]
    [InlineData(5, 5)]
    public void A_copy_onto_overlapping_blocks_moves_what_was_there_before(ulong from, ulong to)
    {
        var expected = _h.Disk.Bytes.Slice((int)from * 512, 900 * 512).ToArray();
        _h.RunGood(Lid1([], [Segment(0xFFFF, 0xFFFF, 900, from, to)]));
        _h.AssertEqual(900, (int)to, _h.Disk, expected);
    }

    [Fact]
    public void Segments_are_processed_in_their_order()
    {
        var first = _h.Disk.Bytes[..512].ToArray();
        _h.RunGood(Lid1([], [Segment(0xFFFF, 0xFFFF, 1, 0, 1), Segment(0xFFFF, 0xFFFF, 1, 1, 2), Segment(0xFFFF, 0xFFFF, 0, 0, 9)]));
        _h.AssertEqual(1, 2, _h.Disk, first);
    }

    [Theory]
    [InlineData(0, 16, 16 * 512)]
    [InlineData(0x02, 3, 3 * 4096)]
    public void The_number_of_blocks_counts_the_source_or_with_DC_the_destination(byte flags, ushort blocks, int bytes)
    {
        var h = new CopyHarness(otherBlockSize: 4096);
        var expected = h.Disk.Bytes[..bytes].ToArray();
        h.RunGood(Lid1([Cscd(h.Scsi.Unit), Cscd(h.OtherUnit)], [Segment(0, 1, blocks, 0, 5, flags)]));
        h.AssertEqual(bytes / 4096, 5, h.Other, expected);
    }

    [Fact]
    public void Blocks_that_do_not_fill_the_other_disks_blocks_are_an_inexact_segment()
    {
        var h = new CopyHarness(otherBlockSize: 4096);
        h.AssertCopyAborted(Lid1([Cscd(h.Scsi.Unit), Cscd(h.OtherUnit)], [Segment(0, 1, 9, 0, 0)]), AdditionalSense.UnexpectedInexactSegment);
    }

    [Fact]
    public void A_parameter_list_of_no_length_is_no_error() => _h.Scsi.RunGood(ExtendedCopy(0));

    [Fact]
    public void Every_parameter_list_that_is_cut_short_is_a_length_error_and_nothing_is_copied()
    {
        var list = Simple();
        for (var length = 1; length < list.Length; length++) _h.AssertRefused(list[..length], AdditionalSense.ParameterListLengthError);
    }

    [Fact]
    public void A_list_of_which_the_initiator_offers_less_than_the_CDB_says_is_a_length_error()
    {
        var list = Simple();
        _h.Scsi.AssertSense(ExtendedCopy(list.Length), SenseKey.IllegalRequest, AdditionalSense.ParameterListLengthError, list[..^1]);
    }

    [Fact]
    public void More_than_the_limits_say_is_refused_by_its_own_reason()
    {
        var cscd = Cscd(_h.Scsi.Unit);
        var segment = Segment(0, 0, 1, 0, 1);
        _h.AssertRefused(Lid1([.. Enumerable.Repeat(cscd, 33)], [segment]), AdditionalSense.TooManyTargetDescriptors);
        _h.AssertRefused(Lid1([cscd], [.. Enumerable.Repeat(segment, 65)]), AdditionalSense.TooManySegmentDescriptors);
        _h.AssertRefused(Lid1([.. Enumerable.Repeat(cscd, 33)], [.. Enumerable.Repeat(segment, 107)]), AdditionalSense.ParameterListLengthError);
        _h.RunGood(Lid1([.. Enumerable.Repeat(cscd, 32)], [.. Enumerable.Repeat(segment, 64)]));
    }

    [Fact]
    public void Descriptors_of_other_types_are_refused_with_a_pointer_to_them()
    {
        _h.AssertRefused(Lid1([Cscd(_h.Scsi.Unit, 0xE0)], [Segment(0, 0, 1, 0, 1)]), AdditionalSense.UnsupportedTargetDescriptorTypeCode);
        Assert.Equal(new FieldPointer(false, 16), _h.Scsi.Request.Sense.Field);
        var stream = Segment(0, 0, 1, 0, 1);
        stream[0] = 0x03;
        _h.AssertRefused(Lid1([Cscd(_h.Scsi.Unit)], [stream]), AdditionalSense.UnsupportedSegmentDescriptorTypeCode);
        Assert.Equal(new FieldPointer(false, 48), _h.Scsi.Request.Sense.Field);
    }

    [Fact]
    public void Inline_data_a_reserved_list_id_usage_and_a_wrong_descriptor_length_are_refused()
    {
        var list = Simple();
        list[15] = 1;
        _h.AssertRefused([.. list, 0], AdditionalSense.InlineDataLengthExceeded);
        _h.AssertRefused(Simple(usage: 0b01), AdditionalSense.InvalidFieldInParameterList);
        Assert.Equal(new FieldPointer(false, 1, 4), _h.Scsi.Request.Sense.Field);
        list = Simple();
        list[16 + 64 + 3]++;
        _h.AssertRefused(list, AdditionalSense.InvalidFieldInParameterList);
    }

    [Fact]
    public void A_descriptor_that_is_not_in_the_list_is_an_unreachable_copy_target_and_earlier_segments_are_done()
    {
        var expected = _h.Disk.Bytes[..512].ToArray();
        _h.AssertCopyAborted(Lid1(Both, [Segment(0, 1, 1, 0, 3), Segment(0, 2, 1, 0, 4)]), AdditionalSense.UnreachableCopyTarget, segment: 1);
        Assert.Equal(new FieldPointer(false, 6) { InSegment = true }, _h.Scsi.Request.Sense.Field);
        _h.AssertEqual(1, 3, _h.Other, expected);
    }

    [Fact]
    public void A_designator_that_no_unit_of_the_target_has_is_not_reachable()
    {
        var cscd = Cscd(_h.OtherUnit);
        cscd[8] ^= 1;
        _h.AssertCopyAborted(Lid1([Cscd(_h.Scsi.Unit), cscd], [Segment(0, 1, 1, 0, 0)]), AdditionalSense.CopyTargetDeviceNotReachable);
    }

    [Fact]
    public void A_unit_of_another_target_is_not_reachable()
    {
        var elsewhere = new LogicalUnitMap("iqn.2026-11.net.example:elsewhere").Add(0, new StubBlockDevice(_h.Other.Info with { Identity = "elsewhere" }));
        _h.AssertCopyAborted(Lid1([Cscd(_h.Scsi.Unit), Cscd(elsewhere)], [Segment(1, 0, 1, 0, 0)]), AdditionalSense.CopyTargetDeviceNotReachable);
    }

    [Theory]
    [InlineData(2040, 9)]
    [InlineData(2048, 1)]
    [InlineData(ulong.MaxValue, 1)]
    public void Blocks_beyond_the_end_of_either_disk_are_not_reachable(ulong lba, ushort blocks)
    {
        _h.AssertCopyAborted(Lid1(Both, [Segment(0, 1, blocks, lba, 0)]), AdditionalSense.CopyTargetDeviceNotReachable);
        _h.AssertCopyAborted(Lid1(Both, [Segment(0, 1, blocks, 0, lba)]), AdditionalSense.CopyTargetDeviceNotReachable);
        Assert.Empty(_h.Other.Calls);
    }

    [Fact]
    public void A_descriptor_of_another_device_type_or_block_length_is_refused()
    {
        var cscd = Cscd(_h.OtherUnit);
        cscd[1] = 0x01;
        _h.AssertCopyAborted(Lid1([cscd], [Segment(0, 0, 1, 0, 1)]), AdditionalSense.IncorrectCopyTargetDeviceType);
        cscd = Cscd(_h.OtherUnit);
        cscd[30] = 0x10;
        _h.AssertCopyAborted(Lid1([cscd], [Segment(0, 0, 1, 0, 1)]), AdditionalSense.InvalidFieldInParameterList);
        Assert.Equal(new FieldPointer(false, 16 + 29), _h.Scsi.Request.Sense.Field);
    }

    [Fact]
    public void A_failing_disk_a_stopped_one_and_a_read_only_destination_are_a_third_party_device_failure()
    {
        _h.Disk.ReadFailure = new BlockDeviceException(BlockDeviceError.MediumError, "bad");
        _h.AssertCopyAborted(Simple(), AdditionalSense.ThirdPartyDeviceFailure);
        _h.Disk.ReadFailure = null;
        _h.OtherUnit.IsStopped = true;
        _h.AssertCopyAborted(Simple(), AdditionalSense.ThirdPartyDeviceFailure);
        _h.OtherUnit.IsStopped = false;
        _h.RunGood(Simple());

        var h = new CopyHarness(configure: info => info with { IsReadOnly = true });
        byte[][] both = [Cscd(h.Scsi.Unit), Cscd(h.OtherUnit)];
        h.AssertCopyAborted(Lid1(both, [Segment(1, 0, 1, 0, 0)]), AdditionalSense.ThirdPartyDeviceFailure);
        h.RunGood(Lid1(both, [Segment(0, 1, 1, 0, 0)]));
    }

    [Fact]
    public void A_verify_segment_looks_whether_the_unit_is_ready_when_it_is_told_to()
    {
        byte[] verify = [0x07, 0, 0, 8, 0, 1, 0, 0, 0x01, 0, 0, 0];
        _h.RunGood(Lid1(Both, [verify]));
        _h.OtherUnit.IsStopped = true;
        _h.AssertCopyAborted(Lid1(Both, [verify]), AdditionalSense.ThirdPartyDeviceFailure);
        verify[8] = 0;
        _h.RunGood(Lid1(Both, [verify]));
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void A_reservation_of_another_nexus_on_either_disk_stops_the_copy_also_in_its_midst(bool atOnce)
    {
        var other = new ScsiNexus("iqn.2026-11.net.example:b", 2, 1);
        _h.Scsi.Units.Attach(other);
        other.ClearAll(UnitAttention.All);
        if (atOnce) _h.OtherUnit.Reservations.Reserve(new ScsiRequest { Nexus = other });
        var writes = 0;
        _h.Scsi.BeforeCopyIo = io =>
        {
            if (!io.IsWrite || ++writes != 1 || atOnce) return;
            _h.OtherUnit.Reservations.Reserve(new ScsiRequest { Nexus = other });
        };
        _h.AssertCopyAborted(Simple(), AdditionalSense.ThirdPartyDeviceFailure);
        Assert.Equal(atOnce ? 0 : 1, _h.Other.Calls.Count);
    }

    [Fact]
    public void COPY_OPERATION_ABORT_of_a_copy_that_is_not_known_is_an_invalid_field()
    {
        byte[] cdb = [OperationCode.ThirdPartyCopyOut, OperationCode.CopyOperationAbort, 0, 0, 0, 9, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
        _h.Scsi.AssertInvalidField(cdb, 2);
    }

    [Fact]
    public void Every_disk_says_that_it_copies_and_what()
    {
        Assert.Equal(0x08, _h.Scsi.RunGood(ScsiHarness.Inquiry())[5] & 0x08);
        var page = _h.Scsi.RunGood(ScsiHarness.Inquiry(0x8F));
        Assert.Equal(page.Length - 4, (page[2] << 8) | page[3]);
        var types = new List<int>();
        var commands = Array.Empty<byte>();
        for (var at = 4; at < page.Length; at += 4 + ((page[at + 2] << 8) | page[at + 3]))
        {
            types.Add((page[at] << 8) | page[at + 1]);
            Assert.Equal(0, page[at + 3] % 4);
            if (types[^1] == 1) commands = page[(at + 5)..(at + 5 + page[at + 4])];
        }
        Assert.Equal([0x0000, 0x0001, 0x0004, 0x0008, 0x000C, 0x0106, 0x0108, 0x8001], types);
        Assert.Equal([0x83, 5, 0x00, 0x01, 0x10, 0x11, 0x1C, 0x84, 8, 0, 1, 3, 4, 5, 6, 7, 8], commands);
    }

    [Fact]
    public void Random_parameter_lists_never_throw()
    {
        const int seed = 815;
        var random = new Random(seed);
        for (var i = 0; i < 20_000; i++)
        {
            var list = Simple((byte)i, (byte)random.Next(4));
            for (var flips = random.Next(6); flips > 0; flips--) list[random.Next(list.Length)] = (byte)random.Next(256);
            try
            {
                var r = _h.Run(list[..random.Next(random.Next(4) == 0 ? 1 : list.Length, list.Length + 1)]);
                Assert.True(r.Status is ScsiStatus.Good or ScsiStatus.CheckCondition);
            }
            catch (Exception e) when (e is not Xunit.Sdk.XunitException)
            {
                throw new InvalidOperationException($"seed {seed}, round {i}: {Convert.ToHexString(list)}", e);
            }
        }
    }
}
