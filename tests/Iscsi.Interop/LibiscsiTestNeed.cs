namespace Iscsi.Interop;

/// <summary>What a test, or a whole suite, of libiscsi wants of its target; the first row that fits holds.</summary>
/// <param name="Pattern">A test, or a suite with a dot at its end.</param>
/// <param name="Lun">The LUN it runs against.</param>
/// <param name="Because">Why.</param>
internal sealed record LibiscsiTestNeed(string Pattern, LibiscsiLun Lun, string Because)
{
    private static readonly LibiscsiTestNeed[] Needs =
    [
        new("WriteAtomic16.", LibiscsiLun.Memory, "a file can't promise that a write is done or not begun after a power loss, memory can"),
        new("GetLBAStatus.UnmapSingle", LibiscsiLun.File4096,
            "it asks for the status of a block inside an unmapped physical block and expects the next one's, which holds only where both are of one size"),
        new("PreventAllow.ITNexusLoss", LibiscsiLun.Removable, "it closes its connection without a logout, and asserts on that at once through another one")
        {
            NeedsOrderOfConnections = true,
        },
        new("PreventAllow.", LibiscsiLun.Removable, "only such a medium is removed"),
        new("StartStopUnit.Simple", LibiscsiLun.Removable, "only such a medium is ejected"),
        // Against a removable medium they want a stopped unit to be ready, and reserved power conditions to be accepted; SBC-3 has the former NOT
        // READY, and SPC-4 has reserved values refused. Against a fixed one they end at once, which they count as passed.
        new("StartStopUnit.", LibiscsiLun.File512, "see above"),
        new("ReadOnly.", LibiscsiLun.ReadOnly, "it writes, and wants to be refused"),
        new("Sanitize.BlockErase", LibiscsiLun.File4096, "it looks at what is allocated afterwards"),
        new("Sanitize.Reset", LibiscsiLun.Null, "it resets whatever can be reset while a sanitize operation of some seconds runs")
        {
            // It sleeps a minute when the operation still runs, and asks again.
            Limit = TimeSpan.FromMinutes(4),
        },
        new("Sanitize.", LibiscsiLun.Memory, "all of it is overwritten, several times"),
        new("MultipathIO.Simple", LibiscsiLun.File512, "") { HasSecondPath = true },
        new("MultipathIO.Reset", LibiscsiLun.File512, "") { HasSecondPath = true },
        // They write zeroes to 256 blocks, and expect them in 257.
        new("MultipathIO.CompareAndWrite", LibiscsiLun.File512, "") { HasSecondPath = true, WantsNewDisk = true },
        new("MultipathIO.CompareAndWriteAsync", LibiscsiLun.File512, "") { HasSecondPath = true, WantsNewDisk = true },
        new("WriteSame10.ZeroBlocks", LibiscsiLun.Thick, "there zero blocks are all up to the end"),
        new("WriteSame16.ZeroBlocks", LibiscsiLun.Thick, "there zero blocks are all up to the end"),
    ];

    private static readonly LibiscsiTestNeed Nothing = new("", LibiscsiLun.File512, "any disk will do");

    /// <summary>How long it may take.</summary>
    public TimeSpan Limit { get; private init; } = TimeSpan.FromSeconds(180);

    /// <summary>Whether it is given a second path to the same disk, which is a second session.</summary>
    public bool HasSecondPath { get; private init; }

    /// <summary>Whether the target must have seen the end of one connection before the next one comes (<see cref="OrderlyRelay"/>).</summary>
    public bool NeedsOrderOfConnections { get; private init; }

    /// <summary>Whether it wants a disk that nothing was written to.</summary>
    public bool WantsNewDisk { get; private init; }

    /// <summary>The need of a test.</summary>
    public static LibiscsiTestNeed Of(string test) => Array.Find(Needs, need => need.Fits(test)) ?? Nothing;

    private bool Fits(string test) => Pattern.EndsWith('.')
        ? test.StartsWith(Pattern, StringComparison.Ordinal)
        : string.Equals(test, Pattern, StringComparison.Ordinal);
}
