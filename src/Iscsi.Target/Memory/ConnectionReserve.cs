using Iscsi.Transport;
using Reservations;

namespace Iscsi.Target.Memory;

/// <summary>
/// Everything a connection needs, taken in one step before it may log in: receive memory, transmit entries, login text, the place of
/// immediate requests. A session owns a second one as its standby, so that the login that replaces it asks nobody.
/// </summary>
internal sealed class ConnectionReserve : IReservationOwner
{
    /// <summary>One transmit entry.</summary>
    public static readonly Demand WireDemand = new(new Claim(TargetLevels.Wire, 0, 1));

    private readonly ProcessWork _work;
    private SerialExecutor? _executor;
    private TransmitEntries? _transmitEntries;

    /// <summary>Creates a reserve without memory: the pool cuts that.</summary>
    public ConnectionReserve(ReservationNode connections, MemoryBudget budget, int number)
    {
        _work = new ProcessWork(this);
        Node = connections.AddChild(
            $"connection-{number}", this, new Share(TargetLevels.Wire, 0, 0, budget.Limits.WireSlots, budget.Limits.WireSlots));
    }

    /// <summary>The node that the wire gate belongs to.</summary>
    public ReservationNode Node { get; }

    /// <summary>Receive memory.</summary>
    public BlockList Receive { get; } = new(8);

    /// <summary>Transmit entries.</summary>
    public BlockList Entries { get; } = new(4);

    /// <summary>The queues of <see cref="Entries"/>; made for the first session and then used by all that come after it.</summary>
    public TransmitEntries TransmitEntries => _transmitEntries ??= new TransmitEntries(Entries);

    /// <summary>Login text over all its PDUs, one run; after the login the data of immediate requests.</summary>
    public BlockList LoginText { get; } = new(4);

    /// <summary>The data segment of one text or login request, one run.</summary>
    public BlockList TextIn { get; } = new(4);

    /// <summary>The data segment of one text or login response, one run.</summary>
    public BlockList TextOut { get; } = new(4);

    /// <summary>Says on whose executor the wire gate is used from now on.</summary>
    public void BindTo(SerialExecutor? executor) => _executor = executor;

    void IReservationOwner.Post(ReservationNode node) => _executor?.Post(_work);

    private sealed class ProcessWork(ConnectionReserve reserve) : SerialWork
    {
        protected override void Run() => reserve.Node.ProcessPosted();
    }
}
