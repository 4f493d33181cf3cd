namespace Reservations;

/// <summary>Records of nodes that are closed, for the next ones: a session's are made once, and not for every login.</summary>
public sealed partial class ReservationRoot
{
    private const int MaxSpareRecords = 16;

    private readonly Lock _recordsLock = new();
    private readonly Stack<(GrantRecord[] Records, GrantRecord?[] Free)> _spareRecords = new(MaxSpareRecords);

    /// <summary>Whose the spare records are: the nodes they come from, and their owners, shall not live as long. It has no share in anything.</summary>
    internal ReservationNode ClosedNode { get; }

    /// <summary>Takes records over for a node that has none.</summary>
    /// <param name="node">The node.</param>
    /// <param name="records">All of them; every one is free.</param>
    /// <param name="free">The same ones, as the stack of the free.</param>
    /// <returns>False when there are none.</returns>
    internal bool TryTakeRecords(ReservationNode node, out GrantRecord[] records, out GrantRecord?[] free)
    {
        lock (_recordsLock)
        {
            if (!_spareRecords.TryPop(out var spare))
            {
                records = [];
                free = [];
                return false;
            }
            (records, free) = spare;
        }
        foreach (var record in records) record.Node = node;
        return true;
    }

    /// <summary>Keeps the records of a closed node, unless there are enough.</summary>
    internal void KeepRecords(GrantRecord[] records, GrantRecord?[] free)
    {
        lock (_recordsLock)
        {
            if (_spareRecords.Count < MaxSpareRecords) _spareRecords.Push((records, free));
        }
    }
}
