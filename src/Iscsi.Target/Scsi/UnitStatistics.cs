namespace Iscsi.Target.Scsi;

/// <summary>What a logical unit was asked to transfer, as the General Statistics and Performance log page counts it (SPC-4).</summary>
internal record struct UnitStatistics
{
    /// <summary>NUMBER OF READ COMMANDS.</summary>
    public long Reads;

    /// <summary>NUMBER OF WRITE COMMANDS.</summary>
    public long Writes;

    /// <summary>NUMBER OF LOGICAL BLOCKS RECEIVED.</summary>
    public long BlocksReceived;

    /// <summary>NUMBER OF LOGICAL BLOCKS TRANSMITTED.</summary>
    public long BlocksTransmitted;

    /// <summary>Counts a command that begins. Plain additions: the counters belong to one session, whose executor calls.</summary>
    public void Count(ScsiStep step, long blockCount)
    {
        switch (step)
        {
            case ScsiStep.ReadMedium:
                Reads++;
                BlocksTransmitted += blockCount;
                break;
            case ScsiStep.WriteMedium or ScsiStep.WriteAndReadMedium or ScsiStep.WriteAndCompareMedium or ScsiStep.OrMedium:
                Writes++;
                BlocksReceived += blockCount;
                break;
        }
    }

    /// <summary>The sum of two.</summary>
    public static UnitStatistics operator +(UnitStatistics a, UnitStatistics b) => new()
    {
        Reads = a.Reads + b.Reads,
        Writes = a.Writes + b.Writes,
        BlocksReceived = a.BlocksReceived + b.BlocksReceived,
        BlocksTransmitted = a.BlocksTransmitted + b.BlocksTransmitted,
    };

    /// <summary>What came since an earlier state.</summary>
    public static UnitStatistics operator -(UnitStatistics a, UnitStatistics b) => new()
    {
        Reads = a.Reads - b.Reads,
        Writes = a.Writes - b.Writes,
        BlocksReceived = a.BlocksReceived - b.BlocksReceived,
        BlocksTransmitted = a.BlocksTransmitted - b.BlocksTransmitted,
    };
}
