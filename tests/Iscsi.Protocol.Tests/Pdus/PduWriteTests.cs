namespace Iscsi.Protocol.Tests;

public sealed class PduWriteTests
{
    [Fact]
    public void A_buffer_that_is_too_short_throws_and_one_that_is_longer_keeps_its_end()
    {
        Assert.Throws<ArgumentOutOfRangeException>(() => NopInPdu.Write(new byte[47], default));
        var longer = new byte[64];
        longer.AsSpan().Fill(0xEE);
        NopInPdu.Write(longer, default);
        Assert.All(longer[48..], b => Assert.Equal(0xEE, b));
    }

    [Fact]
    public void Lengths_that_do_not_fit_their_fields_throw()
    {
        var bytes = new byte[48];
        Assert.Throws<ArgumentOutOfRangeException>(() => NopInPdu.Write(bytes, new NopInFields { DataSegmentLength = 1 << 24 }));
        Assert.Throws<ArgumentOutOfRangeException>(() => NopInPdu.Write(bytes, new NopInFields { DataSegmentLength = -1 }));
        Assert.Throws<ArgumentOutOfRangeException>(() => ScsiCommandPdu.Write(bytes, new ScsiCommandFields { TotalAhsLengthBytes = 1024 }));
        Assert.Throws<ArgumentOutOfRangeException>(() => ScsiCommandPdu.Write(bytes, new ScsiCommandFields { TotalAhsLengthBytes = 2 }));
        Assert.Throws<ArgumentException>(() => ScsiCommandPdu.Write(bytes, new ScsiCommandFields { Cdb = new byte[17] }));
    }

    [Fact]
    public void A_header_over_fewer_than_48_bytes_throws() =>
        Assert.Throws<ArgumentOutOfRangeException>(() => { _ = BasicHeaderSegment.Over(new byte[47]).Opcode; });

    [Fact]
    public void Padding_fills_up_to_a_word() => Assert.Equal([0, 3, 2, 1, 0, 3], new[] { 0, 1, 2, 3, 4, 5 }.Select(PduPadding.Of));

    [Fact]
    public void Writing_and_reading_headers_allocates_nothing()
    {
        var bytes = new byte[48];
        Exchange(bytes, 1000);
        // The runtime itself allocates a little on this thread while it compiles: the best of some rounds is what the code does.
        var allocated = long.MaxValue;
        for (var round = 0; round < 6 && allocated != 0; round++)
        {
            var before = GC.GetAllocatedBytesForCurrentThread();
            Exchange(bytes, 1000);
            allocated = GC.GetAllocatedBytesForCurrentThread() - before;
        }
        Assert.Equal(0, allocated);
    }

    private static uint Exchange(byte[] bytes, int count)
    {
        var sum = 0u;
        for (var i = 0u; i < count; i++)
        {
            ScsiCommandPdu.Write(bytes, new ScsiCommandFields { IsRead = true, IsFinal = true, InitiatorTaskTag = i, CmdSN = i, Cdb = [0x28, 1] });
            var command = new ScsiCommandPdu(in BasicHeaderSegment.Over(bytes));
            sum += command.CmdSN + command.Cdb[0] + (uint)command.Validate();
            DataInPdu.Write(bytes, new DataInFields { HasStatus = true, IsFinal = true, InitiatorTaskTag = i });
            sum += new DataInPdu(in BasicHeaderSegment.Over(bytes)).InitiatorTaskTag;
        }
        return sum;
    }
}
