namespace Iscsi.Protocol.Tests;

public sealed class CountersTests
{
    [Fact]
    public void CmdSN_follows_the_window_over_every_short_history()
    {
        // Numbers relative to the start, in a model that does not wrap. Operations: send one; an update with ExpCmdSN 0..2,
        // MaxCmdSN -2..2.
        foreach (var start in new uint[] { 5, int.MaxValue, uint.MaxValue - 1, 0 })
        {
            for (var history = 0; history < 16 * 16 * 16 * 16; history++)
            {
                var counter = new CmdSNCounter(start);
                long next = 0, exp = 0, max = -1;
                for (var (step, rest) = (0, history); step < 4; step++, rest /= 16)
                {
                    var operation = rest % 16;
                    if (operation == 15)
                    {
                        Check(counter.CanSend == next <= max);
                        if (next > max) continue;
                        Check(counter.Take() == start + (uint)next++);
                    }
                    else
                    {
                        long newExp = operation % 3, newMax = (operation / 3) - 2;
                        var isSense = newMax >= newExp - 1 && newExp <= next;
                        Check(counter.Update(start + (uint)newExp, start + (uint)newMax) == isSense);
                        if (isSense)
                        {
                            exp = Math.Max(exp, newExp);
                            max = Math.Max(max, newMax);
                        }
                    }
                    Check(counter.CmdSN == start + (uint)next && counter.ExpCmdSN == start + (uint)exp && counter.MaxCmdSN == start + (uint)max);
                    Check(counter.Available == Math.Max(0, max - next + 1) && counter.UnacknowledgedCount == next - exp);
                }
            }
        }

        static void Check(bool isRight)
        {
            if (!isRight) Assert.Fail("The counter and the model differ.");
        }
    }

    [Fact]
    public void Sending_into_a_closed_window_throws() => Assert.Throws<InvalidOperationException>(() => new CmdSNCounter(1).Take());

    [Fact]
    public void StatSN_counts_across_the_wrap_and_knows_what_is_acknowledged()
    {
        var counter = new StatSNCounter(uint.MaxValue);
        Assert.Equal(uint.MaxValue, counter.Take());
        Assert.Equal(0u, counter.Take());
        Assert.Equal((1u, 2), (counter.Next, counter.UnacknowledgedCount));
        Assert.False(counter.Acknowledge(2));
        Assert.True(counter.Acknowledge(1));
        Assert.True(counter.Acknowledge(uint.MaxValue));
        Assert.Equal((1u, 0), (counter.Acknowledged, counter.UnacknowledgedCount));
    }

    [Fact]
    public void An_initiator_accepts_each_status_once_and_in_order()
    {
        var counter = new ExpStatSNCounter(uint.MaxValue - 1);
        Assert.False(counter.Accept(0));
        Assert.True(counter.Accept(uint.MaxValue));
        Assert.False(counter.Accept(uint.MaxValue));
        Assert.True(counter.Accept(0));
        Assert.Equal(1u, counter.ExpStatSN);
    }

    [Fact]
    public void A_residual_is_the_difference_of_two_lengths()
    {
        for (uint expected = 0; expected < 5; expected++)
        {
            for (var wanted = 0; wanted < 5; wanted++)
            {
                var residual = Residual.Compute(DataDirection.Read, expected, DataDirection.Read, wanted);
                Assert.Equal(new Residual(wanted > expected, wanted < expected, (uint)Math.Abs(wanted - expected)), residual);
                Assert.Equal((uint)Math.Min(wanted, expected), Residual.TransferLength(DataDirection.Read, expected, DataDirection.Read, wanted));
            }
        }
    }

    [Fact]
    public void Where_the_directions_differ_nothing_moves()
    {
        Assert.Equal(0u, Residual.TransferLength(DataDirection.Write, 512, DataDirection.Read, 512));
        Assert.Equal(new Residual(false, true, 512), Residual.Compute(DataDirection.Write, 512, DataDirection.Read, 1024));
        Assert.Equal(new Residual(true, false, 512), Residual.Compute(DataDirection.None, 0, DataDirection.Read, 512));
        Assert.Equal(new Residual(false, true, 512), Residual.Compute(DataDirection.Read, 512, DataDirection.None, 0));
        Assert.Equal(Residual.None, Residual.Compute(DataDirection.Read, 0, DataDirection.None, 0));
    }

    [Fact]
    public void A_residual_of_more_than_32_bits_is_saturated()
    {
        Assert.Equal(new Residual(true, false, uint.MaxValue), Residual.Of(0, 1L << 44));
        Assert.Equal(new Residual(false, true, uint.MaxValue), Residual.Of(uint.MaxValue, 0));
    }
}
