using BenchmarkDotNet.Attributes;

namespace Reservations.Bench;

/// <summary>
/// Reserve and release in pairs. An owner within its floor should take at most 10 ns a level and allocate nothing. Not to be
/// compared: these loops have everything in the first-level cache, a command on a busy target has not.
/// </summary>
[MemoryDiagnoser]
public class ReservationBenchmarks
{
    private static readonly Level Wire = new(1, "Wire"), Store = new(3, "Store"), Burst = new(4, "Burst"), Credit = new(5, "Credit");

    private readonly Gate _gate = new("G-Burst", Burst);
    private readonly Flow _flow = new();
    private readonly BlockList _list = new(16);
    private readonly Waiter _waiter = new();
    private readonly Owner _owner = new();
    private readonly Demand _one = new(new Claim(Burst, 1));
    private readonly Demand _sixteen = new(new Claim(Burst, 16));
    private readonly Demand _four = new(new Claim(Credit, 3, 1), new Claim(Burst, 1), new Claim(Store, 0, 1), new Claim(Wire, 0, 1));
    private readonly ReservationRoot _root;
    private readonly ReservationNode _owned, _shared, _borrower;
    private readonly Grant[] _grants = new Grant[16];

    public ReservationBenchmarks()
    {
        _root = ReservationRoot.Create(new ReservationOptions
        {
            BudgetBytes = 64 << 20,
            SurplusBytes = 16 << 20,
            Levels = [Wire, Store, Burst, Credit],
            Slots = [new(Wire, 256, 64), new(Store, 64, 64), new(Credit, 64, 512)],
        });
        Share[] shares = [new(Credit, 64, 64, 8, 8), new(Burst, 64, 128), new(Store, 0, 0, 4, 4), new(Wire, 0, 0, 16, 16)];
        _owned = _root.AddChild("owned", _owner, shares);
        _shared = _root.AddChild("shared", null, shares);
        // One block is always in use, so that the node is above its floor and keeps a batch of the surplus.
        _borrower = _root.AddChild("borrower", _owner, new Share(Burst, 0, 128));
        _borrower.TryReserve(null, _one, out _);
    }

    [Benchmark(Baseline = true, Description = "owner, gate, 1 level")]
    public void OwnerReserve()
    {
        _owned.Reserve(_flow, _gate, _one, _waiter, out var grant);
        grant.Dispose();
    }

    [Benchmark(Description = "owner, try, 1 level")]
    public void OwnerTry()
    {
        _owned.TryReserve(_flow, _one, out var grant);
        grant.Dispose();
    }

    [Benchmark(Description = "owner, try, 4 levels at once")]
    public void OwnerFourLevels()
    {
        _owned.TryReserve(_flow, _four, out var grant);
        grant.Dispose();
    }

    [Benchmark(Description = "owner, try, draw 1 block")]
    public void OwnerDraw()
    {
        _owned.TryReserve(_flow, _one, out var grant);
        _list.Clear();
        grant.Draw(Burst, 1, _list);
        grant.Dispose();
    }

    [Benchmark(Description = "owner, try, draw 16 blocks")]
    public void OwnerDrawSixteen()
    {
        _owned.TryReserve(_flow, _sixteen, out var grant);
        _list.Clear();
        grant.Draw(Burst, 16, _list);
        grant.Dispose();
    }

    [Benchmark(Description = "shared node, try, 1 level")]
    public void SharedTry()
    {
        _shared.TryReserve(_flow, _one, out var grant);
        grant.Dispose();
    }

    [Benchmark(Description = "owner, surplus in batches, a pair of 16", OperationsPerInvoke = 16)]
    public void Borrowing()
    {
        for (var i = 0; i < 16; i++) _borrower.TryReserve(_flow, _one, out _grants[i]);
        for (var i = 0; i < 16; i++) _grants[i].Dispose();
    }

    [Benchmark(Description = "posted release and its taking in")]
    public void Posted()
    {
        _owned.TryReserve(_flow, _one, out var grant);
        grant.PostRelease();
        _owned.ProcessPosted();
    }

    [Benchmark(Description = "wait, release, serve")]
    public void Waiting()
    {
        _owned.TryReserve(null, Full, out var grant);
        _owned.Reserve(_flow, _gate, _one, _waiter, out _);
        grant.Dispose();
        _owned.ProcessPosted();
        _waiter.Grant.Dispose();
    }

    private Demand Full { get; } = new(new Claim(Burst, 128));

    private sealed class Owner : IReservationOwner
    {
        public void Post(ReservationNode node)
        {
        }
    }

    private sealed class Waiter : GrantWaiter
    {
        internal Grant Grant { get; private set; }

        protected override void OnGranted(Grant grant) => Grant = grant;
    }
}
