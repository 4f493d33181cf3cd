using Iscsi.Protocol;
using Reservations;

namespace Iscsi.Transport;

/// <summary>
/// The transmit entries of a <see cref="PduChannel"/> and the queues they stand in. A channel uses them until it is quiet
/// (<see cref="IPduChannelHandler.OnQuiet"/>); the next connection's channel may have them then. They are 28 KiB of managed memory for 128
/// entries: made for each connection, they are most of the garbage of a login.
/// </summary>
public sealed class TransmitEntries
{
    /// <summary>Makes entries.</summary>
    /// <param name="memory">Pinned memory, a multiple of <see cref="PduChannel.EntrySize"/>; it must live as long as the entries are used.</param>
    public TransmitEntries(BlockList memory)
    {
        ArgumentNullException.ThrowIfNull(memory);
        var places = new Memory<byte>[memory.Length / PduChannel.EntrySize];
        var next = 0;
        foreach (var run in memory.Runs)
            for (var offset = 0; offset + PduChannel.EntrySize <= run.Length && next < places.Length; offset += PduChannel.EntrySize)
                places[next++] = run.Slice(offset, PduChannel.EntrySize);
        Memory = next == places.Length ? places : places[..next];
        Pending = new QueuedPdu[next];
        InFlight = new QueuedPdu[next];
        Batch = new OutboundBatch(Math.Max(64, next * 4));
    }

    /// <summary>Their number.</summary>
    public int Count => Memory.Length;

    internal Memory<byte>[] Memory { get; }

    // Both hold at most one PDU an entry, so they never grow.
    internal QueuedPdu[] Pending { get; }

    internal QueuedPdu[] InFlight { get; }

    internal OutboundBatch Batch { get; }
}

/// <summary>A PDU in the queue of a channel.</summary>
internal readonly record struct QueuedPdu(
    int Entry, BlockList? Data, int OffsetBytes, int LengthBytes, int TrailerBytes, IPduSendCompletion? Completion, int Tag, Grant Wire)
{
    public bool IsFile => Data is null && LengthBytes != 0;
}
