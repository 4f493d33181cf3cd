using Iscsi.Target;

namespace IscsiNet.Cli.Configuration;

/// <summary>The limits that a configuration file can set: their names are those of <c>iscsinet show limits</c>, beginning with a small letter.</summary>
internal static class LimitKeys
{
    private static readonly (string Name, Func<ConfigurationNode, TargetLimits, TargetLimits> Read)[] Keys =
    [
        Count("windowFloor", 1, 1024, static (limits, value) => limits with { WindowFloor = value }),
        Count("windowGap", 0, 1024, static (limits, value) => limits with { WindowGap = value }),
        Count("windowCeiling", 1, 1024, static (limits, value) => limits with { WindowCeiling = value }),
        Size("firstBurstLength", 4096, 1 << 20, static (limits, value) => limits with { FirstBurstLength = value }, multiple: 4096),
        Size("maxBurstLength", 512, 16 << 20, static (limits, value) => limits with { MaxBurstLength = value }),
        Size("burstBytes", 16 << 10, 16 << 20, static (limits, value) => limits with { BurstBytes = value }, multiple: 4096),
        Size("maxRecvDataSegmentLength", 512, 16 << 20, static (limits, value) => limits with { MaxRecvDataSegmentLength = value }),
        Count("maxOutstandingR2T", 1, 64, static (limits, value) => limits with { MaxOutstandingR2T = value }),
        Size("receiveBytes", 4096, 1 << 20, static (limits, value) => limits with { ReceiveBytes = value }, multiple: 4096),
        Count("wireSlots", 4, 1024, static (limits, value) => limits with { WireSlots = value }),
        Count("maxAhsLength", 0, 1020, static (limits, value) => limits with { MaxAhsLength = value }),
        Count("surplusPercent", 0, 90, static (limits, value) => limits with { SurplusPercent = value }),
        Count("loginLanes", 8, 4096, static (limits, value) => limits with { LoginLanes = value }),
        Count("loginLanesPerAddress", 1, 4096, static (limits, value) => limits with { LoginLanesPerAddress = value }),
        Seconds("firstLoginPduTimeout", static (limits, value) => limits with { FirstLoginPduTimeout = value }),
        Seconds("loginTimeout", static (limits, value) => limits with { LoginTimeout = value }),
        Seconds("dataOutTimeout", static (limits, value) => limits with { DataOutTimeout = value }),
        Seconds("transmitTimeout", static (limits, value) => limits with { TransmitTimeout = value }),
        Seconds("commandHoleTimeout", static (limits, value) => limits with { CommandHoleTimeout = value }),
        Seconds("resetDataTimeout", static (limits, value) => limits with { ResetDataTimeout = value }),
        Seconds("stuckStoreTimeout", static (limits, value) => limits with { StuckStoreTimeout = value }),
        Seconds("pingInterval", static (limits, value) => limits with { PingInterval = value }),
        Seconds("pingTimeout", static (limits, value) => limits with { PingTimeout = value }),
        Seconds("drainTimeout", static (limits, value) => limits with { DrainTimeout = value }),
        Seconds("orphanTimeout", static (limits, value) => limits with { OrphanTimeout = value }),
        Seconds("orphanMinimum", static (limits, value) => limits with { OrphanMinimum = value }),
    ];

    /// <summary>The names, for the documentation's test.</summary>
    public static IEnumerable<string> Names => Keys.Select(key => key.Name);

    /// <summary>Reads the object <c>limits</c>.</summary>
    public static TargetLimits Read(ConfigurationNode node)
    {
        var limits = new TargetLimits();
        if (!node.IsObject([.. Names])) return limits;
        foreach (var (name, read) in Keys)
            if (node.Get(name) is { } value) limits = read(value, limits);
        return limits;
    }

    private static (string, Func<ConfigurationNode, TargetLimits, TargetLimits>) Count(
        string name, int minimum, int maximum, Func<TargetLimits, int, TargetLimits> set) =>
        (name, (node, limits) => node.TryNumber(minimum, maximum, out var value) ? set(limits, (int)value) : limits);

    private static (string, Func<ConfigurationNode, TargetLimits, TargetLimits>) Size(
        string name, int minimum, int maximum, Func<TargetLimits, int, TargetLimits> set, int multiple = 1) =>
        (name, (node, limits) =>
        {
            if (!node.TrySize(out var value)) return limits;
            if (value >= minimum && value <= maximum && value % multiple == 0) return set(limits, (int)value);
            node.Problem($"is {value} bytes; it takes {minimum} to {maximum}{(multiple > 1 ? $", a multiple of {multiple}" : "")}.");
            return limits;
        });

    private static (string, Func<ConfigurationNode, TargetLimits, TargetLimits>) Seconds(
        string name, Func<TargetLimits, TimeSpan, TargetLimits> set) =>
        (name, (node, limits) => node.TrySeconds(out var value) ? set(limits, value) : limits);
}
