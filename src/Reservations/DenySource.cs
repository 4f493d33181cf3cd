namespace Reservations;

/// <summary>Which tries are denied on purpose: a small generator of its own for every node, so that a run can be repeated.</summary>
internal sealed class DenySource
{
    private readonly double _probability;
    private ulong _state;

    internal DenySource(ReservationRoot root)
    {
        _probability = root.Options.DenyProbability;
        _state = root.NextDenySeed();
    }

    internal bool Next()
    {
        if (_probability <= 0) return false;
        // splitmix64
        var z = _state += 0x9E3779B97F4A7C15;
        z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9;
        z = (z ^ (z >> 27)) * 0x94D049BB133111EB;
        return ((z ^ (z >> 31)) >> 11) * (1.0 / (1ul << 53)) < _probability;
    }
}
