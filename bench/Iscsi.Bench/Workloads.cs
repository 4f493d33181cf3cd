namespace Iscsi.Bench;

/// <summary>Every benchmark as something to call: what --quick times, and what the gate of allocated bytes runs.</summary>
public static class Workloads
{
    /// <summary>All of them; the target's share one session, which lives as long as the process.</summary>
    /// <returns>Name, call, and operations of one call.</returns>
    public static IReadOnlyList<(string Name, Action Call, int Operations)> All()
    {
        var protocol = new ProtocolBenchmarks();
        var target = new TargetBenchmarks();
        return
        [
            Small(nameof(protocol.WriteAndReadScsiCommand), () => protocol.WriteAndReadScsiCommand()),
            Small(nameof(protocol.ParseWrite4KiB), () => protocol.ParseWrite4KiB()),
            Small(nameof(protocol.AcceptInWindow), () => protocol.AcceptInWindow()),
            Small(nameof(protocol.CutDataIn64KiB), () => protocol.CutDataIn64KiB()),
            Small(nameof(protocol.Crc4KiB), () => protocol.Crc4KiB()),
            Small(nameof(protocol.Crc64KiB), () => protocol.Crc64KiB()),
            Small(nameof(protocol.TrailerOf4KiB), () => protocol.TrailerOf4KiB()),
            Commands(nameof(target.TestUnitReady), target.TestUnitReady),
            Commands(nameof(target.Read4KiB), target.Read4KiB),
            Commands(nameof(target.Write4KiB), target.Write4KiB),
            Commands(nameof(target.Read64KiB), target.Read64KiB),
            Commands(nameof(target.Write64KiB), target.Write64KiB),
        ];
    }

    private static (string Name, Action Call, int Operations) Commands(string name, Action call) => (name, call, TargetBenchmarks.Commands);

    // A thousand at once, so that the call through the delegate does not count.
    private static (string Name, Action Call, int Operations) Small(string name, Action call) => (name, () =>
    {
        for (var i = 0; i < 1000; i++) call();
    }, 1000);
}
