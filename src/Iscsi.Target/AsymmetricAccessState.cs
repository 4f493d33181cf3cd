namespace Iscsi.Target;

/// <summary>
/// How a target can be reached through a portal group (SPC-4, target port asymmetric access state). The numbers are the standard's.
/// </summary>
public enum AsymmetricAccessState
{
    /// <summary>Everything is served: the path to prefer.</summary>
    ActiveOptimized = 0x0,

    /// <summary>Everything is served, but another path is better.</summary>
    ActiveNonOptimized = 0x1,

    /// <summary>What is about the unit is served (INQUIRY, mode and log pages, persistent reservations), its medium is not: 04/0B.</summary>
    Standby = 0x2,

    /// <summary>Only what tells and sets the state is served: 04/0C.</summary>
    Unavailable = 0x3,

    /// <summary>As <see cref="Unavailable"/>, for a port that is about to go: 04/12.</summary>
    Offline = 0xE,

    /// <summary>Between two states: 04/0A, and clients try again. Set and ended by whoever serves the target.</summary>
    Transitioning = 0xF,
}
