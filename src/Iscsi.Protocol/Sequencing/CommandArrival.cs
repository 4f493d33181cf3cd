namespace Iscsi.Protocol;

/// <summary>What <see cref="CommandWindow"/> makes of a request that arrived.</summary>
public enum CommandArrival
{
    /// <summary>It is the next one, to be executed, and <see cref="CommandWindow.Accept"/>ed.</summary>
    InOrder,

    /// <summary>It is in the window, but one before it is missing: to be <see cref="CommandWindow.Accept"/>ed and held.</summary>
    Hold,

    /// <summary>
    /// It was there before, acknowledged or held: ignored, its data drained. Told apart from OutsideWindow up to a window behind.
    /// </summary>
    Duplicate,

    /// <summary>It is outside the window: ignored, its data drained.</summary>
    OutsideWindow,

    /// <summary>It is for immediate delivery: outside the numbering, never to be accepted by the window.</summary>
    Immediate,
}
