using System.Buffers.Binary;
using Iscsi.Protocol;
using Iscsi.Protocol.Scsi;
using Iscsi.Storage;
using Iscsi.Target.Scsi;

namespace Iscsi.Target.Tests.Scsi;

public sealed class LogTests
{
    private static byte[] Sense(byte page, byte subpage = 0, ushort pointer = 0, ushort allocationLength = 1024, byte control = 1) =>
        [OperationCode.LogSense, 0, (byte)((control << 6) | page), subpage, 0, (byte)(pointer >> 8), (byte)pointer, (byte)(allocationLength >> 8), (byte)allocationLength, 0];

    private static byte[] Select(byte flags = 0, byte page = 0, byte subpage = 0, ushort length = 0, byte control = 1) =>
        [OperationCode.LogSelect, flags, (byte)((control << 6) | page), subpage, 0, 0, 0, (byte)(length >> 8), (byte)length, 0];

    private static ScsiHarness WithSpace(long? available = 100L << 20, long? allocated = 3 << 20)
    {
        var h = new ScsiHarness(info => info with { ReportsSpace = true });
        h.Device.Space = new BlockDeviceSpace(available, allocated);
        return h;
    }

    private static long[] Counters(ScsiHarness h)
    {
        var page = h.RunGood(Sense(0x19));
        Assert.Equal([0x99, 0, 0, 68, 0, 1, 0x03, 64], page[..8]);
        return [.. Enumerable.Range(0, 8).Select(i => BinaryPrimitives.ReadInt64BigEndian(page.AsSpan(8 + (8 * i))))];
    }

    [Fact]
    public void The_list_of_pages_is_sorted_and_exactly_what_is_served()
    {
        var h = WithSpace();
        var pages = h.RunGood(Sense(0x00));
        Assert.Equal([0x00, 0x00, 0x00, 0x06, 0x00, 0x0C, 0x0D, 0x10, 0x19, 0x2F], pages);
        Assert.Equal([0x40, 0xFF, 0, 14, 0, 0, 0, 0xFF, 0x0C, 0, 0x0D, 0, 0x10, 0, 0x19, 0, 0x2F, 0], h.RunGood(Sense(0x00, 0xFF)));
        for (byte code = 0; code < 0x40; code++)
        {
            var r = h.Run(Sense(code));
            Assert.Equal(pages.AsSpan(4).Contains(code), r.Status == ScsiStatus.Good);
        }
    }

    [Fact]
    public void A_page_or_a_subpage_that_is_not_there_is_an_invalid_field()
    {
        var h = new ScsiHarness();
        h.AssertInvalidField(Sense(0x0C), 2, 5);
        h.AssertInvalidField(Sense(0x19, 0x01), 3);
    }

    [Fact]
    public void Saving_and_the_obsolete_PPC_are_invalid_fields()
    {
        var h = new ScsiHarness();
        h.AssertInvalidField([OperationCode.LogSense, 0x01, 0x59, 0, 0, 0, 0, 1, 0, 0], 1, 0);
        h.AssertInvalidField([OperationCode.LogSense, 0x02, 0x59, 0, 0, 0, 0, 1, 0, 0], 1, 1);
        h.AssertInvalidField(Select(0x03), 1, 0);
    }

    [Fact]
    public void A_page_is_cut_at_every_allocation_length_and_says_its_whole_length()
    {
        var h = new ScsiHarness();
        var whole = h.RunGood(Sense(0x10));
        Assert.Equal(4 + 400, whole.Length);
        for (ushort length = 0; length < 420; length++)
            Assert.Equal(whole[..Math.Min(length, whole.Length)], h.RunGood(Sense(0x10, allocationLength: length)));
    }

    [Fact]
    public void The_parameter_pointer_leaves_out_what_is_before_it()
    {
        var h = WithSpace();
        Assert.Equal([0x8C, 0, 0, 12, 0, 2, 3, 8], h.RunGood(Sense(0x0C, pointer: 2))[..8]);
        var results = h.RunGood(Sense(0x10, pointer: 20));
        Assert.Equal([0x90, 0, 0, 20, 0, 20], results[..6]);
    }

    [Theory]
    [InlineData(0x00, 1)]
    [InlineData(0x0C, 3)]
    [InlineData(0x10, 21)]
    [InlineData(0x19, 2)]
    public void A_pointer_beyond_the_last_parameter_is_an_invalid_field(byte page, ushort pointer) =>
        WithSpace().AssertInvalidField(Sense(page, pointer: pointer), 5);

    [Fact]
    public void Every_page_control_returns_the_same_lists()
    {
        var h = new ScsiHarness();
        for (byte control = 0; control < 4; control++) Assert.Equal(h.RunGood(Sense(0x2F)), h.RunGood(Sense(0x2F, control: control)));
    }

    [Fact]
    public void Resources_are_counted_in_threshold_sets_from_the_file_system_and_the_file()
    {
        var page = WithSpace(available: (100L << 20) + 5, allocated: (3 << 20) + 1).RunGood(Sense(0x0C));
        Assert.Equal([0x8C, 0, 0, 24, 0, 1, 3, 8, 0, 0, 0, 100, 2, 0, 0, 0, 0, 2, 3, 8, 0, 0, 0, 4, 1, 0, 0, 0], page);
    }

    [Fact]
    public void A_resource_that_is_not_known_is_left_out()
    {
        Assert.Equal([0x8C, 0, 0, 12, 0, 2], WithSpace(available: null).RunGood(Sense(0x0C))[..6]);
        Assert.Equal([0x8C, 0, 0, 0], WithSpace(null, null).RunGood(Sense(0x0C)));
    }

    [Fact]
    public void There_is_no_thermometer() => Assert.Equal([0x8D, 0, 0, 6, 0, 0, 3, 2, 0, 0xFF], new ScsiHarness().RunGood(Sense(0x0D)));

    [Fact]
    public void Commands_and_blocks_are_counted_over_all_sessions_also_those_that_have_ended()
    {
        var h = new ScsiHarness();
        var other = h.NewNexus();
        h.RunGood(ScsiHarness.Cdb10(OperationCode.Read10, 0, 0, 8));
        h.RunGood(ScsiHarness.Cdb10(OperationCode.Write10, 0, 0, 4), new byte[2048]);
        h.Run(ScsiHarness.Cdb10(OperationCode.Read10, 0, 8, 2), nexus: other);
        Assert.Equal([2, 1, 4, 10, 0, 0, 0, 0], Counters(h));
        h.Units.Detach(other);
        Assert.Equal([2, 1, 4, 10, 0, 0, 0, 0], Counters(h));
    }

    [Fact]
    public void A_command_that_is_refused_is_not_counted()
    {
        var h = new ScsiHarness();
        h.Run(ScsiHarness.Cdb10(OperationCode.Read10, 0, 4096, 8));
        Assert.Equal(new long[8], Counters(h));
    }

    [Theory]
    [InlineData(0x02, 0x00, 1)] // PCR, all pages
    [InlineData(0x02, 0x19, 1)] // PCR, one page
    [InlineData(0x00, 0x00, 3)] // the default cumulative values
    public void LOG_SELECT_resets_the_counters_and_tells_the_other_nexuses(byte flags, byte page, byte control)
    {
        var h = new ScsiHarness();
        var other = h.NewNexus();
        h.RunGood(ScsiHarness.Cdb10(OperationCode.Read10, 0, 0, 8));
        h.RunGood(Select(flags, page, control: control));
        Assert.Equal(new long[8], Counters(h));
        Assert.Equal(UnitAttention.LogParametersChanged, other.Pending(h.Unit));
        Assert.Equal(UnitAttention.None, h.Nexus.Pending(h.Unit));
        h.RunGood(ScsiHarness.Cdb10(OperationCode.Read10, 0, 0, 8));
        Assert.Equal(1, Counters(h)[0]);
    }

    [Theory]
    [InlineData(0x00, 0x00, 1)] // neither PCR nor default values
    [InlineData(0x02, 0x0D, 1)] // a page that has nothing to reset
    public void LOG_SELECT_of_nothing_resets_nothing_and_tells_nobody(byte flags, byte page, byte control)
    {
        var h = new ScsiHarness();
        var other = h.NewNexus();
        h.RunGood(ScsiHarness.Cdb10(OperationCode.Read10, 0, 0, 8));
        h.RunGood(Select(flags, page, control: control));
        Assert.Equal(1, Counters(h)[0]);
        Assert.Equal(UnitAttention.None, other.Pending(h.Unit));
    }

    [Fact]
    public void LOG_SELECT_refuses_what_it_can_not_do()
    {
        var h = new ScsiHarness();
        h.AssertInvalidField(Select(0x02, length: 4), 1, 1, new byte[4]);
        h.AssertInvalidField(Select(page: 0x19, length: 4), 2, 5, new byte[4]);
        h.AssertInvalidField(Select(subpage: 1, length: 4), 3, null, new byte[4]);
        h.AssertInvalidField(Select(0x02, page: 0x3E), 2, 5);
        h.AssertInvalidField(Select(0x02, page: 0x19, subpage: 1), 3);
    }

    public static TheoryData<byte[], int, int?> WrongLists() => new()
    {
        { [0x19, 0, 0, 12, 0, 1, 3, 8, 0, 0, 0, 0, 0, 0, 0, 0], 4, null },
        { [0x3E, 0, 0, 0], 0, 5 },
        { [0x19, 0, 0, 0, 0x19, 1, 0, 0], 5, null },
    };

    [Theory]
    [MemberData(nameof(WrongLists))]
    public void A_list_that_would_set_something_is_refused_with_a_pointer_to_it(byte[] list, int offsetBytes, int? bit)
    {
        var h = new ScsiHarness();
        h.AssertSense(Select(length: (ushort)list.Length), SenseKey.IllegalRequest, AdditionalSense.InvalidFieldInParameterList, list);
        Assert.Equal(new FieldPointer(false, (ushort)offsetBytes, (byte?)bit), h.Request.Sense.Field);
    }

    [Fact]
    public void Every_truncation_of_a_list_is_a_length_error()
    {
        var h = new ScsiHarness();
        byte[] whole = [0x19, 0, 0, 0, 0x19, 0, 0, 4, 1, 2, 3, 4];
        h.RunGood(Select(length: 4), whole[..4]);
        for (ushort length = 1; length < whole.Length; length++)
        {
            if (length != 4) h.AssertSense(Select(length: length), SenseKey.IllegalRequest, AdditionalSense.ParameterListLengthError, whole[..length]);
        }
        h.AssertSense(Select(length: 12), SenseKey.IllegalRequest, AdditionalSense.ParameterListLengthError, whole[..8]);
        h.AssertSense(Select(length: 5000), SenseKey.IllegalRequest, AdditionalSense.ParameterListLengthError, whole);
    }

    [Fact]
    public void Begin_of_a_counted_command_allocates_nothing_once_the_unit_is_known()
    {
        var h = new ScsiHarness();
        h.RunGood(ScsiHarness.Cdb10(OperationCode.Read10, 0, 0, 8));
        // The runtime itself allocates a little on this thread while it compiles: the best of some rounds is what the code does.
        var allocated = long.MaxValue;
        for (var round = 0; round < 6 && allocated != 0; round++)
        {
            var before = GC.GetAllocatedBytesForCurrentThread();
            for (var i = 0; i < 100; i++) h.Nexus.Count(h.Unit, ScsiStep.ReadMedium, 8);
            allocated = GC.GetAllocatedBytesForCurrentThread() - before;
        }
        Assert.Equal(0, allocated);
    }
}
