namespace Iscsi.Target;

/// <summary>
/// Every bound of a target, with the reason for its default. Sizes decide how much memory a session's floor takes; the budget
/// decides how many sessions there can be (see <see cref="MemoryBudget"/>).
/// </summary>
public sealed record TargetLimits
{
    /// <summary>Command slots that belong to a session, W. 1 to 1024, default 8: enough for depth 8 without borrowing.</summary>
    public int WindowFloor { get; init; } = 8;

    /// <summary>
    /// Unused credits a session may have beyond its floor, h. 0 to 1024, default 120: the window opens beyond its floor only while the peer fills it, to twice
    /// what it sends at once.
    /// </summary>
    public int WindowGap { get; init; } = 120;

    /// <summary>Most commands of one session that are in progress or advertised, floor and borrowed. Default 128, what Linux sends at most.</summary>
    public int WindowCeiling { get; init; } = 128;

    /// <summary>FirstBurstLength that is offered, bytes, F (RFC 7143, 13.14). A multiple of 4096, default 8 KiB: covers the small writes that profit.</summary>
    public int FirstBurstLength { get; init; } = 8 * 1024;

    /// <summary>MaxBurstLength that is offered, bytes (13.13). Default 256 KiB. It binds no memory: the target asks for less where it has less.</summary>
    public int MaxBurstLength { get; init; } = 256 * 1024;

    /// <summary>
    /// The target's own burst, bytes, Bt: the unit in which data are reserved, stored and sent. A multiple of 4096, 16 KiB or more; default 0 = by budget: 64 KiB under
    /// 4 MiB, 128 KiB under 128 MiB, else 256 KiB.
    /// </summary>
    public int BurstBytes { get; init; }

    /// <summary>MaxRecvDataSegmentLength that is declared, bytes, Mt (13.12). 512 to 16 MiB, default 64 KiB: beyond it nothing gets faster.</summary>
    public int MaxRecvDataSegmentLength { get; init; } = 64 * 1024;

    /// <summary>MaxOutstandingR2T that is offered (13.17). Default 1: the burst is the unit of pipelining.</summary>
    public int MaxOutstandingR2T { get; init; } = 1;

    /// <summary>Receive memory of a connection, bytes, P. A multiple of 4096, default 64 KiB: a batch of commands or one large segment.</summary>
    public int ReceiveBytes { get; init; } = 64 * 1024;

    /// <summary>PDUs a connection may have queued for sending. 4 to 1024, default 64.</summary>
    public int WireSlots { get; init; } = 64;

    /// <summary>Longest Additional Header Segments accepted, bytes. Default 256: an extended CDB.</summary>
    public int MaxAhsLength { get; init; } = 256;

    /// <summary>Share of the budget that can be borrowed, percent. Default 25; none below 16 MiB, where floors are worth more.</summary>
    public int SurplusPercent { get; init; } = 25;

    /// <summary>Connections that wait for their first login PDU, at most. Default 256, fewer for budgets under 64 MiB; each takes 4 KiB.</summary>
    public int LoginLanes { get; init; } = 256;

    /// <summary>Of these, connections of one address: with more, its oldest that has idled for a second leaves for a newer one. Default 16.</summary>
    public int LoginLanesPerAddress { get; init; } = 16;

    /// <summary>Time to the first login PDU. Default 5 s.</summary>
    public TimeSpan FirstLoginPduTimeout { get; init; } = TimeSpan.FromSeconds(5);

    /// <summary>Time for the whole login. Default 15 s.</summary>
    public TimeSpan LoginTimeout { get; init; } = TimeSpan.FromSeconds(15);

    /// <summary>Time since the last byte of Data-Out that the peer owes. Default 25 s: Linux gives a command up at 30.</summary>
    public TimeSpan DataOutTimeout { get; init; } = TimeSpan.FromSeconds(25);

    /// <summary>Time in which the peer must take something of what is sent. Default 60 s.</summary>
    public TimeSpan TransmitTimeout { get; init; } = TimeSpan.FromSeconds(60);

    /// <summary>Time for which CmdSN may have a hole. Default 10 s.</summary>
    public TimeSpan CommandHoleTimeout { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>
    /// Time without a request after which a discovery session ends; answers to pings are none. Default 60 s: a list of targets takes one
    /// request, and an idle session would keep a connection's reserve from one that wants a disk.
    /// </summary>
    public TimeSpan DiscoveryIdleTimeout { get; init; } = TimeSpan.FromSeconds(60);

    /// <summary>Time without progress after which the data owed during a reset are given up. Default 1 s.</summary>
    public TimeSpan ResetDataTimeout { get; init; } = TimeSpan.FromSeconds(1);

    /// <summary>Time after which an aborted I/O that is stuck in the store ends its session. Default 25 s.</summary>
    public TimeSpan StuckStoreTimeout { get; init; } = TimeSpan.FromSeconds(25);

    /// <summary>Silence after which the peer is pinged by a NOP-In. Default zero: never; some initiators can't answer.</summary>
    public TimeSpan PingInterval { get; init; }

    /// <summary>Time for the answer to a ping. Default 10 s.</summary>
    public TimeSpan PingTimeout { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>Time for which a stopping server waits for its sessions to end their tasks. Default 5 s.</summary>
    public TimeSpan DrainTimeout { get; init; } = TimeSpan.FromSeconds(5);

    /// <summary>Time for which the floor of a lost session is kept for its initiator. Default 30 s.</summary>
    public TimeSpan OrphanTimeout { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>Age from which a lost session's floor may be given to a login that would be refused otherwise. Default 2 s.</summary>
    public TimeSpan OrphanMinimum { get; init; } = TimeSpan.FromSeconds(2);

    /// <summary>Many small sessions: 16 KiB bursts, windows of 2, 8 KiB of receive memory. 4,000 sessions fit in 768 MiB.</summary>
    public static TargetLimits ManySessions { get; } = new()
    {
        ReceiveBytes = 8 * 1024,
        WireSlots = 16,
        MaxAhsLength = 0,
        WindowFloor = 2,
        WindowGap = 2,
        BurstBytes = 16 * 1024,
        SurplusPercent = 10,
    };
}
