using System.Diagnostics.Metrics;
using System.Globalization;
using System.Text;

namespace Reservations;

/// <summary>Looking at it from outside.</summary>
public sealed partial class ReservationRoot
{
    /// <summary>Meter <c>Reservations</c>.</summary>
    public Meter Meter => Metrics.Meter;

    /// <summary>
    /// The whole tree, consistent, as text. What the root's lock guards (tree, floors, loans, surplus) is of one instant; what owners
    /// count themselves is exact while they pause, and else of about that instant.
    /// </summary>
    public ReservationSnapshot Snapshot()
    {
        lock (_lock)
        {
            CoarseNow = Clock.GetTimestamp();
            var text = new StringBuilder();
            var total = _surplus + _reserve;
            text.Append(CultureInfo.InvariantCulture, $"budget {total} blocks of {BlockSize} bytes, floors {_reserve - _reserveFree}, unassigned {_reserveFree}");
            text.Append(CultureInfo.InvariantCulture, $", surplus {_surplus} ({_surplusFree} free), waiting for it {_wanted}, tries denied {Metrics.Denied}, order violations {Metrics.Violations}\n");
            foreach (var slots in Options.Slots)
                text.Append(CultureInfo.InvariantCulture, $"slots {slots.Level.Name} {_slots[slots.Level.Rank].Total} of {slots.BytesEach} bytes ({_slots[slots.Level.Rank].Free} free)\n");
            if (IsFull) text.Append(CultureInfo.InvariantCulture, $"gates {Edges.Describe()}\n");
            text.Append("node                                     level         floor   used   lent   ceil  slots    of  wait\n");
            foreach (var child in _children) Append(text, child, 0);
            return new ReservationSnapshot(text.ToString());
        }
    }

    internal List<ReservationNode> AllNodes()
    {
        var all = new List<ReservationNode>();
        lock (_lock) Collect(_children, all);
        return all;
    }

    private static void Collect(List<ReservationNode> nodes, List<ReservationNode> all)
    {
        foreach (var node in nodes)
        {
            all.Add(node);
            Collect(node.Children, all);
        }
    }

    private static void Append(StringBuilder text, ReservationNode node, int depth)
    {
        var name = new string(' ', 2 * depth) + node.Name;
        foreach (var ledger in node.Ledgers)
        {
            // An owner may be counting right now: no line shows more used than allowed.
            var used = Math.Clamp(ledger.Used, 0, ledger.Limit);
            text.Append(CultureInfo.InvariantCulture, $"{name,-40} {ledger.Level.Name,-12} {ledger.Own,6} {used,6} {ledger.Limit - ledger.Own,6} {ledger.CeilingBlocks,6}");
            text.Append(CultureInfo.InvariantCulture, $" {ledger.UsedSlots,6} {ledger.CeilingSlots,5} {ledger.Waiters,5}\n");
            name = "";
        }
        if (node.Ledgers.Length == 0) text.Append(CultureInfo.InvariantCulture, $"{name}\n");
        var oldest = node.OldestGrant();
        if (oldest > TimeSpan.Zero) text.Append(CultureInfo.InvariantCulture, $"{new string(' ', 2 * depth)}  oldest grant {oldest.TotalSeconds:F1} s\n");
        foreach (var child in node.Children) Append(text, child, depth + 1);
    }
}
