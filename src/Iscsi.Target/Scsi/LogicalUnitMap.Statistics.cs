namespace Iscsi.Target.Scsi;

internal sealed partial class LogicalUnitMap
{
    /// <summary>What all nexuses, also those that have ended, asked a logical unit for since its counters were reset.</summary>
    public UnitStatistics Statistics(LogicalUnit unit)
    {
        lock (_lock) return Total(unit) - unit.StatisticsBase;
    }

    /// <summary>Starts the counters of a logical unit at zero again.</summary>
    /// <returns>Whether one of them was another number.</returns>
    public bool ResetStatistics(LogicalUnit unit)
    {
        lock (_lock)
        {
            var total = Total(unit);
            var isChange = total != unit.StatisticsBase;
            unit.StatisticsBase = total;
            return isChange;
        }
    }

    private UnitStatistics Total(LogicalUnit unit)
    {
        var total = unit.EndedStatistics;
        foreach (var nexus in _nexuses) total += nexus.Statistics(unit);
        return total;
    }

    // Under the lock: what an ending nexus has counted stays with the units.
    private void KeepStatistics(ScsiNexus nexus)
    {
        foreach (var unit in _units) unit.EndedStatistics += nexus.Statistics(unit);
    }
}
