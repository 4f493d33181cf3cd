namespace Iscsi.Target.Scsi;

// Each session counts for itself, so that a command costs two plain additions: no lock, and no cache line that cores pull back and forth.
// Who asks adds the sessions up. A number may be read while it is counted up: it is then either.
internal sealed partial class ScsiNexus
{
    private UnitStatistics[] _statistics = [];

    /// <summary>Counts a command. Only the session's executor calls it.</summary>
    public void Count(LogicalUnit unit, ScsiStep step, long blockCount)
    {
        if ((uint)unit.Index >= (uint)_statistics.Length) Array.Resize(ref _statistics, unit.Index + 1);
        _statistics[unit.Index].Count(step, blockCount);
    }

    /// <summary>What this nexus has asked a logical unit for.</summary>
    public UnitStatistics Statistics(LogicalUnit unit)
    {
        var statistics = Volatile.Read(ref _statistics);
        return unit.Index < statistics.Length ? statistics[unit.Index] : default;
    }
}
