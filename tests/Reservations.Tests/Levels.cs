namespace Reservations.Tests;

/// <summary>The levels, gates and helpers that the tests share.</summary>
internal static class Levels
{
    internal static readonly Level Control = new(0, "Control");
    internal static readonly Level Wire = new(1, "Wire");
    internal static readonly Level Store = new(3, "Store");
    internal static readonly Level Burst = new(4, "Burst");
    internal static readonly Level Credit = new(5, "Credit");

    internal static readonly Gate WireGate = new("G-Wire", Wire);
    internal static readonly Gate StoreGate = new("G-Store", Store);
    internal static readonly Gate BurstGate = new("G-Burst", Burst);
    internal static readonly Gate CreditGate = new("G-Window", Credit);

    internal static Gate GateOf(Level level) => level.Rank switch
    {
        1 => WireGate,
        3 => StoreGate,
        4 => BurstGate,
        _ => CreditGate,
    };

    internal static ReservationOptions Options(int blocks, int surplus = 0, params SlotBudget[] slots) => new()
    {
        BudgetBytes = blocks * 4096L,
        SurplusBytes = surplus * 4096L,
        Levels = [Control, Wire, Store, Burst, Credit],
        Slots = slots,
    };

    internal static ReservationRoot Root(int blocks, int surplus = 0, params SlotBudget[] slots) =>
        ReservationRoot.Create(Options(blocks, surplus, slots));

    internal static Demand Of(Level level, int blocks, int slots = 0) => new(new Claim(level, blocks, slots));
}

/// <summary>An owner whose posts wait until the test runs them.</summary>
internal sealed class TestOwner : IReservationOwner
{
    private readonly Queue<ReservationNode> _posted = new();

    internal int Posts { get; private set; }

    public void Post(ReservationNode node)
    {
        Posts++;
        _posted.Enqueue(node);
    }

    internal void Run()
    {
        for (var turns = 0; _posted.TryDequeue(out var node); turns++)
        {
            if (turns > 10_000) Assert.Fail($"Node {node.Name} is posted for ever.");
            node.ProcessPosted();
        }
    }
}

/// <summary>Keeps what it is told.</summary>
internal sealed class TestWaiter : GrantWaiter
{
    internal Grant Grant { get; private set; }

    internal bool Served => !Grant.IsEmpty;

    internal int Told { get; private set; }

    internal Action<TestWaiter>? Then { get; init; }

    protected internal override void OnGranted(Grant grant)
    {
        Grant = grant;
        Told++;
        Then?.Invoke(this);
    }
}
