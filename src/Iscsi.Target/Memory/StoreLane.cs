using Iscsi.Storage;
using Reservations;

namespace Iscsi.Target.Memory;

/// <summary>
/// The Store level of one device: its own slots and bounce blocks, so that one hung file doesn't stop the others. Shared by all sessions.
/// </summary>
internal sealed class StoreLane : IDisposable
{
    private StoreLane(ReservationNode node, StoreNeed need)
    {
        Node = node;
        Demand = new Demand(new Claim(TargetLevels.Store, need.BounceBlocks, 1));
        SharesFlushes = need.SharesFlushes;
    }

    /// <summary>The shared node.</summary>
    public ReservationNode Node { get; }

    /// <summary>What one request takes.</summary>
    public Demand Demand { get; }

    /// <summary>Whether flushes pass by: they take no slot, because those of one device share what they need.</summary>
    public bool SharesFlushes { get; }

    /// <summary>The lane of a device; null for one that completes at once and needs no memory.</summary>
    /// <exception cref="BudgetException">The store floor doesn't hold the device's bounce blocks.</exception>
    public static StoreLane? Create(ReservationRoot root, string name, StoreNeed need)
    {
        if (need.ConcurrentRequests == 0) return null;
        var blocks = need.ConcurrentRequests * need.BounceBlocks;
        var node = root.AddChild(
            name,
            owner: null,
            new Share(TargetLevels.Store, blocks, blocks, need.ConcurrentRequests, need.ConcurrentRequests));
        return new StoreLane(node, need);
    }

    /// <inheritdoc/>
    public void Dispose() => Node.Dispose();
}
