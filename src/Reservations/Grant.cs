namespace Reservations;

/// <summary>
/// An entitlement that cannot grow: a record and a generation, so that a second release is caught. Drawing from it never waits and
/// never fails; releasing it never waits, allocates or throws for lack of anything.
/// </summary>
/// <remarks>A copy is the same grant. A grant of which every level was released or split off is still to be disposed.</remarks>
public readonly struct Grant : IDisposable
{
    private readonly GrantRecord? _record;
    private readonly int _generation;

    internal Grant(GrantRecord record)
    {
        _record = record;
        _generation = record.Generation;
    }

    /// <summary>Whether it is the default value, which holds nothing.</summary>
    public bool IsEmpty => _record is null;

    /// <summary>The node that gave it.</summary>
    /// <exception cref="LeakException">The grant is the default value.</exception>
    public ReservationNode Node => Record.Node;

    internal GrantRecord Record => _record ?? throw new LeakException("An empty grant was used.");

    internal int Generation => _generation;

    /// <summary>Blocks it holds at a level, drawn or not; 0 for a level it doesn't hold and for the default value.</summary>
    /// <param name="level">The level.</param>
    /// <exception cref="LeakException">Use after release.</exception>
    public int BlocksOf(Level level) => _record is null ? 0 : _record.Node.BlocksOf(_record, _generation, level.Rank);

    /// <summary>Draws blocks into a list. They stay the grant's and go back with it. Neighbours are merged into runs where there are any.</summary>
    /// <param name="level">The level the blocks are counted at.</param>
    /// <param name="blocks">How many; 0 or more.</param>
    /// <param name="destination">The runs are appended to it.</param>
    /// <exception cref="LeakException">Overdraw, or use after release.</exception>
    public void Draw(Level level, int blocks, BlockList destination)
    {
        ArgumentNullException.ThrowIfNull(destination);
        ArgumentOutOfRangeException.ThrowIfNegative(blocks);
        Record.Node.Draw(_record!, _generation, level, blocks, destination);
    }

    /// <summary>Moves one level into a grant of its own, under the same flow.</summary>
    /// <param name="level">A level this grant holds.</param>
    /// <exception cref="LeakException">The level is not in the grant any more, or use after release.</exception>
    public Grant Split(Level level) => Record.Node.Split(_record!, _generation, level);

    /// <summary>Hands the grant to another flow (or to none): the old flow no longer holds its ranks, the new one does.</summary>
    /// <param name="flow">The new holder; null for none.</param>
    /// <exception cref="LeakException">Use after release.</exception>
    public void MoveTo(Flow? flow) => Record.Node.MoveTo(_record!, _generation, flow);

    /// <summary>Gives one level back. Owner only (any thread for a shared node).</summary>
    /// <param name="level">A level this grant holds.</param>
    /// <exception cref="LeakException">A second release, or use after release.</exception>
    public void Release(Level level) => Record.Node.Release(_record!, _generation, level);

    /// <summary>Gives everything back, lower ranks first. Owner only (any thread for a shared node). Does nothing on the default value.</summary>
    /// <exception cref="LeakException">A second release.</exception>
    public void Dispose() => _record?.Node.Release(_record, _generation);

    /// <summary>
    /// Gives everything back from any thread, by posting it to the owner; the flow must no longer be used by then. Does nothing on the
    /// default value. From here on the grant is over for its holder, though the node, and the flow, count it until the owner has taken
    /// it in; <see cref="MoveTo"/> before frees the flow at once.
    /// </summary>
    /// <exception cref="LeakException">A second release.</exception>
    public void PostRelease() => _record?.Node.PostRelease(_record, _generation);
}
