using Iscsi.Target;

namespace IscsiNet.Cli.Output;

/// <summary>The limits of a target as a table.</summary>
internal static class LimitsTable
{
    public static string Of(TargetLimits limits)
    {
        var table = new TextTable("limit", ">default", "unit");
        table.Add(nameof(limits.WindowFloor), $"{limits.WindowFloor}", "commands a session");
        table.Add(nameof(limits.WindowGap), $"{limits.WindowGap}", "unused credits beyond the floor");
        table.Add(nameof(limits.WindowCeiling), $"{limits.WindowCeiling}", "commands a session");
        table.Add(nameof(limits.FirstBurstLength), $"{limits.FirstBurstLength}", "bytes");
        table.Add(nameof(limits.MaxBurstLength), $"{limits.MaxBurstLength}", "bytes");
        table.Add(nameof(limits.BurstBytes), limits.BurstBytes == 0 ? "by budget" : $"{limits.BurstBytes}", "bytes (64 KiB for budgets under 4 MiB, 128 KiB under 128 MiB, else 256 KiB)");
        table.Add(nameof(limits.MaxRecvDataSegmentLength), $"{limits.MaxRecvDataSegmentLength}", "bytes");
        table.Add(nameof(limits.MaxOutstandingR2T), $"{limits.MaxOutstandingR2T}", "R2Ts a command");
        table.Add(nameof(limits.ReceiveBytes), $"{limits.ReceiveBytes}", "bytes a connection");
        table.Add(nameof(limits.WireSlots), $"{limits.WireSlots}", "PDUs a connection");
        table.Add(nameof(limits.MaxAhsLength), $"{limits.MaxAhsLength}", "bytes");
        table.Add(nameof(limits.SurplusPercent), $"{limits.SurplusPercent}", "percent of the budget (none below 16 MiB)");
        table.Add(nameof(limits.LoginLanes), $"{limits.LoginLanes}", "connections before their first login PDU (fewer below 64 MiB)");
        table.Add(nameof(limits.LoginLanesPerAddress), $"{limits.LoginLanesPerAddress}", "of these, an address");
        AddTime(table, nameof(limits.FirstLoginPduTimeout), limits.FirstLoginPduTimeout);
        AddTime(table, nameof(limits.DiscoveryIdleTimeout), limits.DiscoveryIdleTimeout);
        AddTime(table, nameof(limits.LoginTimeout), limits.LoginTimeout);
        AddTime(table, nameof(limits.DataOutTimeout), limits.DataOutTimeout);
        AddTime(table, nameof(limits.TransmitTimeout), limits.TransmitTimeout);
        AddTime(table, nameof(limits.CommandHoleTimeout), limits.CommandHoleTimeout);
        AddTime(table, nameof(limits.ResetDataTimeout), limits.ResetDataTimeout);
        AddTime(table, nameof(limits.StuckStoreTimeout), limits.StuckStoreTimeout);
        AddTime(table, nameof(limits.PingInterval), limits.PingInterval);
        AddTime(table, nameof(limits.PingTimeout), limits.PingTimeout);
        AddTime(table, nameof(limits.DrainTimeout), limits.DrainTimeout);
        AddTime(table, nameof(limits.OrphanTimeout), limits.OrphanTimeout);
        AddTime(table, nameof(limits.OrphanMinimum), limits.OrphanMinimum);
        return table.ToString();
    }

    private static void AddTime(TextTable table, string name, TimeSpan time) =>
        table.Add(name, time == TimeSpan.Zero ? "never" : $"{time.TotalSeconds}", "seconds");
}
