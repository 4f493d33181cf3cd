using Iscsi.Protocol;
using Iscsi.Transport;
using Reservations;

namespace Iscsi.Initiator;

/// <summary>All memory of a session, taken in one step before it connects, and the node that its slots are counted in.</summary>
internal sealed class SessionMemory : IDisposable
{
    /// <summary>A response with sense data: 2 bytes of length and at most 252 (SPC-4, 4.5.1), or a rejected header.</summary>
    public const int ResponseBytes = 512;

    // Two for each slot at the default, and those that only answers to the target may use.
    private const int TransmitEntries = 128 + ControlEntries;

    /// <summary>Transmit entries that data and commands leave free: pings are answered, tasks aborted even while everything else waits.</summary>
    public const int ControlEntries = 16;

    private const int BlockSize = 4096;

    // What a slot's records take, for the printed bound: the task, its sequencers and queues.
    private const int SlotBytes = 700;

    private readonly ReservationRoot _root;
    private readonly Grant _reserve;

    /// <summary>Takes the memory.</summary>
    /// <param name="owner">The serial execution that alone uses the node.</param>
    /// <param name="receiveBytes">Receive memory.</param>
    /// <param name="slots">Command slots.</param>
    /// <param name="controlSlots">Slots of control requests: tags are given out in turn, so a command may come to have any of them.</param>
    public SessionMemory(IReservationOwner owner, int receiveBytes, int slots, int controlSlots = 0)
    {
        Span<int> bytes =
        [
            LoginLimits.TextBufferBytes, LoginLimits.MaxDataSegmentBytes, LoginLimits.MaxDataSegmentBytes, receiveBytes,
            TransmitEntries * PduChannel.EntrySize, (slots + controlSlots) * ResponseBytes, ResponseBytes,
        ];
        var total = 0;
        foreach (var part in bytes) total += Blocks(part);
        _root = ReservationRoot.Create(new ReservationOptions
        {
            BudgetBytes = (long)total * BlockSize,
            BlockSize = BlockSize,
            Levels = [InitiatorLevels.Connection, InitiatorLevels.Submit],
            Slots = [new SlotBudget(InitiatorLevels.Submit, slots, SlotBytes)],
        });
        // Before the session runs nobody else uses the node, so this thread may.
        Node = _root.AddChild("session", owner,
            new Share(InitiatorLevels.Connection, total, total), new Share(InitiatorLevels.Submit, 0, 0, slots, slots));
        _reserve = Node.Prepaid(new Demand(new Claim(InitiatorLevels.Connection, total)));
        LoginText = Draw(bytes[0]).Runs[0];
        LoginRequest = Draw(bytes[1]).Runs[0];
        LoginResponse = Draw(bytes[2]);
        Receive = Draw(bytes[3]);
        Entries = Draw(bytes[4]);
        var responses = Draw(bytes[5]);
        Responses = new BlockList[slots + controlSlots];
        for (var i = 0; i < Responses.Length; i++)
        {
            Responses[i] = new BlockList(1);
            Responses[i].AddSlice(responses, i * ResponseBytes, ResponseBytes);
        }
        Control = Draw(bytes[6]);
    }

    /// <summary>One command slot.</summary>
    public static Demand SlotDemand { get; } = new(new Claim(InitiatorLevels.Submit, 0, 1));

    /// <summary>The node of the submit gate.</summary>
    public ReservationNode Node { get; }

    /// <summary>Login text over all its PDUs.</summary>
    public Memory<byte> LoginText { get; }

    /// <summary>The data segment of a login or text request.</summary>
    public Memory<byte> LoginRequest { get; }

    /// <summary>The data segment of a login or text response.</summary>
    public BlockList LoginResponse { get; }

    /// <summary>Receive memory.</summary>
    public BlockList Receive { get; }

    /// <summary>Transmit entries.</summary>
    public BlockList Entries { get; }

    /// <summary>The data segment of the response of each slot.</summary>
    public BlockList[] Responses { get; }

    /// <summary>The data segment of a Reject or an Asynchronous Message.</summary>
    public BlockList Control { get; }

    /// <summary>Gives everything back. All slots are free by then.</summary>
    public void Dispose()
    {
        _reserve.Dispose();
        Node.Dispose();
        _root.Dispose();
    }

    private static int Blocks(int bytes) => (bytes + BlockSize - 1) / BlockSize;

    // The root is fresh, so each part is one run.
    private BlockList Draw(int bytes)
    {
        var list = new BlockList(2);
        _reserve.Draw(InitiatorLevels.Connection, Blocks(bytes), list);
        list.Truncate(bytes);
        return list;
    }
}
