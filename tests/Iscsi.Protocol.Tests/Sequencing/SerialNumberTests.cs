namespace Iscsi.Protocol.Tests;

public sealed class SerialNumberTests
{
    private static readonly uint[] Starts = [0, 1, 100, int.MaxValue - 2, int.MaxValue, 0x80000000, uint.MaxValue - 2, uint.MaxValue];

    [Fact]
    public void Order_and_distance_hold_across_the_wrap()
    {
        foreach (var start in Starts)
        {
            for (var ahead = -5; ahead <= 5; ahead++)
            {
                var other = start + (uint)ahead;
                Assert.Equal(ahead, SerialNumber.Distance(start, other));
                Assert.Equal(ahead > 0, SerialNumber.IsBefore(start, other));
                Assert.Equal(ahead < 0, SerialNumber.IsAfter(start, other));
            }
            Assert.True(SerialNumber.IsBefore(start, start + int.MaxValue));
            Assert.True(SerialNumber.IsAfter(start, start - int.MaxValue));
        }
    }

    [Fact]
    public void Numbers_that_have_no_order_are_never_after_each_other()
    {
        Assert.False(SerialNumber.IsAfter(0, 0x80000000));
        Assert.False(SerialNumber.IsAfter(0x80000000, 0));
    }

    [Fact]
    public void A_range_holds_across_the_wrap_and_may_be_empty()
    {
        foreach (var start in Starts)
        {
            for (var size = 0; size <= 4; size++)
            {
                var last = start + (uint)size - 1;
                for (var ahead = -3; ahead <= 6; ahead++)
                    Assert.Equal(ahead >= 0 && ahead < size, SerialNumber.IsInRange(start + (uint)ahead, start, last));
            }
        }
    }
}
