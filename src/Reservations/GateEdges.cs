namespace Reservations;

/// <summary>
/// Which gate was waited at while grants of which other gates were held, with the call site that did it first. The ranks make a cycle
/// impossible as long as they are right; this is the check that does not believe them.
/// </summary>
internal sealed class GateEdges
{
    private readonly Lock _lock = new();
    private readonly Dictionary<Gate, Dictionary<Gate, string>> _edges = [];

    internal void Add(Flow flow, Gate to)
    {
        for (var rank = 0; rank <= Level.MaxRank; rank++)
        {
            if (flow.GateOf(rank) is { } from) Add(from, to);
        }
    }

    internal void Add(Gate from, Gate to)
    {
        lock (_lock)
        {
            if (!_edges.TryGetValue(from, out var next)) _edges.Add(from, next = []);
            if (next.ContainsKey(to)) return;
            if (Reaches(to, from, []))
                throw new ReservationOrderException($"Waiting at gate {to.Name} while holding a grant of gate {from.Name} closes a cycle of gates: {Describe()}.");
            next.Add(to, Environment.StackTrace);
        }
    }

    /// <summary>One line an edge, without the call sites.</summary>
    internal string Describe()
    {
        lock (_lock)
            return string.Join(", ", _edges.SelectMany(static from => from.Value.Keys.Select(to => $"{from.Key.Name} -> {to.Name}")).Order(StringComparer.Ordinal));
    }

    /// <summary>The call site that waited first.</summary>
    internal string? SiteOf(Gate from, Gate to)
    {
        lock (_lock) return _edges.TryGetValue(from, out var next) && next.TryGetValue(to, out var site) ? site : null;
    }

    private bool Reaches(Gate from, Gate to, HashSet<Gate> seen) =>
        from == to || (seen.Add(from) && _edges.TryGetValue(from, out var next) && next.Keys.Any(gate => Reaches(gate, to, seen)));
}
