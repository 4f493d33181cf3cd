namespace Iscsi.Protocol.Tests;

public sealed class CommandWindowTests
{
    private static readonly uint[] Starts = [0, int.MaxValue - 1, uint.MaxValue - 1];

    [Fact]
    public void Every_short_history_agrees_with_a_naive_model()
    {
        // Operations: accept ExpCmdSN of the start + (-1..4); grow by 1 or 2; fill the hole + (0..2) from a function numbered +
        // 3.
        const int operationCount = 6 + 2 + 3;
        const int depth = 5;
        var total = (int)Math.Pow(operationCount, depth);
        foreach (var start in Starts)
        {
            for (var history = 0; history < total; history++) Play(start, history, operationCount, depth);
        }
    }

    [Fact]
    public void Random_long_histories_agree_with_a_naive_model() => Seeded.Run(100, random =>
    {
        var start = random.NextUInt32();
        var window = new CommandWindow(start, 64);
        var model = new Model();
        for (var step = 0; step < 2000; step++)
        {
            if (random.Next(3) == 0)
            {
                var by = random.Next(1 + window.Room);
                window.Grow(by);
                model.Max += by;
            }
            Accept(window, model, start, model.Exp + random.Next(-3, 68), step);
            Compare(window, model, start);
        }
    });

    [Fact]
    public void A_window_starts_closed_and_opens_by_what_was_granted()
    {
        var window = new CommandWindow(7, 64);
        Assert.Equal((7u, 6u, 0, 0), (window.ExpCmdSN, window.MaxCmdSN, window.Size, window.Unused));
        Assert.Equal(CommandArrival.OutsideWindow, window.Classify(7, isImmediate: false));
        window.Grow(2);
        Assert.Equal((8u, 2, 2), (window.MaxCmdSN, window.Size, window.Unused));
        Assert.Equal(CommandArrival.InOrder, window.Classify(7, isImmediate: false));
        Assert.Equal(CommandArrival.Hold, window.Classify(8, isImmediate: false));
        Assert.Equal(CommandArrival.OutsideWindow, window.Classify(9, isImmediate: false));
        Assert.Equal(CommandArrival.Duplicate, window.Classify(6, isImmediate: false));
        Assert.Equal(CommandArrival.OutsideWindow, window.Classify(7 + 0x80000000, isImmediate: false));
    }

    [Fact]
    public void An_immediate_command_is_outside_the_numbering()
    {
        var window = new CommandWindow(7, 64);
        Assert.Equal(CommandArrival.Immediate, window.Classify(7, isImmediate: true));
        Assert.Equal(CommandArrival.Immediate, window.Classify(1000, isImmediate: true));
    }

    [Fact]
    public void What_is_told_to_the_initiator_is_remembered()
    {
        var window = new CommandWindow(1, 64);
        window.Grow(3);
        Assert.Equal(3, window.UnadvertisedCount);
        Assert.Equal(3u, window.Advertise());
        Assert.Equal(0, window.UnadvertisedCount);
        window.Accept(1, now: 0);
        window.Grow(1);
        Assert.Equal(1, window.UnadvertisedCount);
    }

    [Fact]
    public void A_hole_is_as_old_as_the_first_command_past_it()
    {
        var window = new CommandWindow(10, 64);
        window.Grow(10);
        window.Accept(12, now: 100);
        window.Accept(14, now: 200);
        Assert.Equal((true, 100L), (window.HasHole, window.HoleSince));
        Assert.Equal(1, window.Accept(10, now: 250));
        Assert.Equal((true, 250L), (window.HasHole, window.HoleSince));
        Assert.Equal(2, window.Accept(11, now: 300));
        Assert.Equal((true, 13u, 300L), (window.HasHole, window.ExpCmdSN, window.HoleSince));
        Assert.Equal(2, window.Accept(13, now: 400));
        Assert.Equal((false, 15u), (window.HasHole, window.ExpCmdSN));
    }

    [Fact]
    public void An_abort_of_a_lost_command_fills_its_hole()
    {
        var window = new CommandWindow(10, 64);
        window.Grow(5);
        window.Accept(11, now: 1);
        Assert.Equal(HoleFill.Filled, window.FillHole(refCmdSN: 10, ownCmdSN: 12, now: 2, out var acknowledged));
        Assert.Equal((2, 12u, false), (acknowledged, window.ExpCmdSN, window.HasHole));
        // The lost command itself, when it comes after all, is a duplicate now.
        Assert.Equal(CommandArrival.Duplicate, window.Classify(10, isImmediate: false));
    }

    [Theory]
    [InlineData(9u, 12u, HoleFill.OutsideWindow)] // Acknowledged.
    [InlineData(15u, 20u, HoleFill.OutsideWindow)] // Past MaxCmdSN.
    [InlineData(12u, 12u, HoleFill.OutsideWindow)] // Not before the function's own number.
    [InlineData(13u, 12u, HoleFill.OutsideWindow)]
    [InlineData(11u, 12u, HoleFill.AlreadyReceived)]
    public void An_abort_of_another_number_fills_nothing(uint refCmdSN, uint ownCmdSN, HoleFill expected)
    {
        var window = new CommandWindow(10, 64);
        window.Grow(5);
        window.Accept(11, now: 1);
        Assert.Equal(expected, window.FillHole(refCmdSN, ownCmdSN, now: 2, out var acknowledged));
        Assert.Equal((0, 10u, 1), (acknowledged, window.ExpCmdSN, window.HeldCount));
    }

    [Fact]
    public void A_full_window_of_the_largest_capacity_is_held_and_released()
    {
        var window = new CommandWindow(uint.MaxValue - 100, 1 << 16);
        window.Grow(window.Room);
        Assert.Equal(0, window.Room);
        for (var i = (1 << 16) - 1; i > 0; i--) Assert.Equal(0, window.Accept(uint.MaxValue - 100 + (uint)i, now: 0));
        Assert.Equal(1, window.Unused);
        Assert.Equal(1 << 16, window.Accept(uint.MaxValue - 100, now: 0));
        Assert.Equal((0, 0, 1 << 16), (window.HeldCount, window.Size, window.Room));
    }

    [Fact]
    public void What_would_break_the_promise_throws()
    {
        var window = new CommandWindow(1, 64);
        Assert.Throws<ArgumentOutOfRangeException>(() => window.Grow(65));
        Assert.Throws<ArgumentOutOfRangeException>(() => window.Grow(-1));
        Assert.Throws<ArgumentOutOfRangeException>(() => window.Accept(1, now: 0));
        Assert.Throws<ArgumentOutOfRangeException>(() => new CommandWindow(1, 0));
        Assert.Throws<ArgumentOutOfRangeException>(() => new CommandWindow(1, (1 << 16) + 1));
    }

    private static void Play(uint start, int history, int operationCount, int depth)
    {
        var window = new CommandWindow(start, 64);
        var model = new Model();
        for (var step = 0; step < depth; step++)
        {
            var operation = history % operationCount;
            history /= operationCount;
            switch (operation)
            {
                case < 6:
                    Accept(window, model, start, operation - 1, step);
                    break;
                case < 8:
                    window.Grow(operation - 5);
                    model.Max += operation - 5;
                    break;
                default:
                    var number = operation - 8;
                    var expected = number < model.Exp || number > model.Max ? HoleFill.OutsideWindow
                        : model.Received.Contains(number) ? HoleFill.AlreadyReceived : HoleFill.Filled;
                    var before = model.Exp;
                    if (expected == HoleFill.Filled) model.Take(number, step);
                    Check(expected == window.FillHole(start + (uint)number, start + 3, step, out var acknowledged));
                    Check(acknowledged == model.Exp - before);
                    break;
            }
            Compare(window, model, start);
        }
    }

    private static void Accept(CommandWindow window, Model model, uint start, long number, long now)
    {
        var arrival = window.Classify(start + (uint)number, isImmediate: false);
        var expected = number < model.Exp || model.Received.Contains(number) ? CommandArrival.Duplicate
            : number > model.Max ? CommandArrival.OutsideWindow
            : number == model.Exp ? CommandArrival.InOrder : CommandArrival.Hold;
        Check(expected == arrival);
        if (arrival is not (CommandArrival.InOrder or CommandArrival.Hold)) return;
        var before = model.Exp;
        model.Take(number, now);
        Check(window.Accept(start + (uint)number, now) == model.Exp - before);
    }

    private static void Compare(CommandWindow window, Model model, uint start)
    {
        Check(window.ExpCmdSN == start + (uint)model.Exp);
        Check(window.MaxCmdSN == start + (uint)model.Max);
        Check(window.HeldCount == model.Received.Count);
        Check(window.HasHole == (model.Received.Count > 0));
        Check(window.Unused == model.Max - model.Exp + 1 - model.Received.Count);
        if (window.HasHole) Check(window.HoleSince == model.HoleSince);
    }

    // Hundreds of thousands of these: Assert.Equal would be most of the time.
    private static void Check(bool isRight)
    {
        if (!isRight) Assert.Fail("The window and the model differ.");
    }

    /// <summary>Numbers that do not wrap, a set, and a scan.</summary>
    private sealed class Model
    {
        public long Exp { get; private set; }

        public long Max { get; set; } = -1;

        public long HoleSince { get; private set; }

        public HashSet<long> Received { get; } = [];

        public void Take(long number, long now)
        {
            var hadHole = Received.Count > 0;
            var before = Exp;
            Received.Add(number);
            while (Received.Remove(Exp)) Exp++;
            if (!hadHole || Exp != before) HoleSince = now;
        }
    }
}
