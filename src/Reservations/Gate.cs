namespace Reservations;

/// <summary>A named place where waiting for a grant is allowed. Declared once, as a static field.</summary>
/// <exception cref="ArgumentException">The level has rank 0, which never waits.</exception>
public sealed class Gate
{
    /// <summary>Declares a gate.</summary>
    /// <param name="name">The name in metrics, snapshots and exceptions.</param>
    /// <param name="level">The level that is waited for: the highest of the demands that pass.</param>
    public Gate(string name, Level level)
    {
        if (level.Rank == 0) throw new ArgumentException($"Gate {name}: rank 0 is prepaid and never waits.", nameof(level));
        Name = name;
        Level = level;
    }

    /// <summary>The name in metrics, snapshots and exceptions.</summary>
    public string Name { get; }

    /// <summary>The level that is waited for.</summary>
    public Level Level { get; }
}
