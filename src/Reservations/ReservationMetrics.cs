using System.Diagnostics.Metrics;

namespace Reservations;

/// <summary>Meter <c>Reservations</c>. Costs nothing while nobody listens.</summary>
internal sealed class ReservationMetrics : IDisposable
{
    /// <summary>Names of nodes that become tags; the others are counted together, so that sessions that come and go can't fill a backend.</summary>
    internal const int MaxNodeTags = 64;

    internal const string OtherNodes = "(other)";

    private readonly ReservationRoot _root;
    private readonly Histogram<double> _wait;
    private readonly Counter<long> _denied, _violations;
    private readonly Lock _tagLock = new();
    private readonly HashSet<string> _tags = new(StringComparer.Ordinal);

    internal ReservationMetrics(ReservationRoot root)
    {
        _root = root;
        Meter = new Meter("Reservations");
        Observe("reservations.used", "Blocks in grants.", static ledger => ledger.Used);
        Observe("reservations.borrowed", "Surplus blocks held.", static ledger => ledger.Limit - ledger.Own);
        Observe("reservations.floor", "Blocks that belong to the node.", static ledger => ledger.Own);
        Observe("reservations.ceiling", "The most blocks the node may use.", static ledger => ledger.CeilingBlocks);
        Observe("reservations.slots.used", "Slots in grants.", static ledger => ledger.UsedSlots, "{slot}");
        Observe("reservations.waiters", "Waiters queued.", static ledger => ledger.Waiters, "{waiter}");
        Meter.CreateObservableGauge("reservations.surplus.free", () => _root.SurplusFree, "{block}", "Surplus that is not lent; negative while a smaller budget is being paid back.");
        _wait = Meter.CreateHistogram<double>("reservations.wait.duration", "s", "Time from queueing at a gate to the grant.");
        _denied = Meter.CreateCounter<long>("reservations.try.denied", "{try}", "Tries that could not be had at once.");
        _violations = Meter.CreateCounter<long>("reservations.order.violations", "{violation}", "Waits that could have closed a cycle.");
    }

    internal Meter Meter { get; }

    internal long Denied { get; private set; }

    internal long Violations { get; private set; }

    internal string TagOf(string name)
    {
        lock (_tagLock) return _tags.Contains(name) || (_tags.Count < MaxNodeTags && _tags.Add(name)) ? name : OtherNodes;
    }

    internal void Waited(ReservationNode node, GrantWaiter waiter)
    {
        if (!_wait.Enabled) return;
        _wait.Record(
            _root.Clock.GetElapsedTime(waiter.Since).TotalSeconds,
            new KeyValuePair<string, object?>("gate", waiter.Gate!.Name),
            new KeyValuePair<string, object?>("node", node.Tag));
    }

    internal void TryDenied(ReservationNode node)
    {
        // Counted without an interlocked operation: the snapshot may miss a few.
        Denied++;
        if (_denied.Enabled) _denied.Add(1, new KeyValuePair<string, object?>("node", node.Tag));
    }

    internal void OrderViolated(Gate gate)
    {
        Violations++;
        if (_violations.Enabled) _violations.Add(1, new KeyValuePair<string, object?>("gate", gate.Name));
    }

    public void Dispose() => Meter.Dispose();

    private void Observe(string name, string description, Func<LevelLedger, int> value, string unit = "{block}") =>
        Meter.CreateObservableGauge(name, () => Measure(value), unit, description);

    private IEnumerable<Measurement<long>> Measure(Func<LevelLedger, int> value)
    {
        var sums = new Dictionary<(string Node, string Level), long>();
        foreach (var node in _root.AllNodes())
        {
            foreach (var ledger in node.Ledgers)
            {
                var key = (node.Tag, ledger.Level.Name);
                sums[key] = sums.GetValueOrDefault(key) + value(ledger);
            }
        }
        return sums.Select(static sum => new Measurement<long>(
            sum.Value,
            new KeyValuePair<string, object?>("node", sum.Key.Node),
            new KeyValuePair<string, object?>("level", sum.Key.Level)));
    }
}
