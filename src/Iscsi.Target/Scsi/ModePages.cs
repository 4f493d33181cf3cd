using System.Buffers.Binary;

namespace Iscsi.Target.Scsi;

/// <summary>A mode page.</summary>
/// <param name="Code">PAGE CODE.</param>
/// <param name="Write">Writes the page with its two-byte header: current values of a logical unit. The span is zero. Returns the
/// length.</param>
internal sealed record ModePage(byte Code, ModePage.PageWriter Write)
{
    /// <summary>Writes a page.</summary>
    public delegate int PageWriter(LogicalUnit unit, Span<byte> page);
}

/// <summary>
/// The mode pages, ascending by code (SPC-4, SBC-3). None has subpages, nothing is changeable, so default and current values are
/// equal.
/// </summary>
internal static class ModePages
{
    /// <summary>The most bytes of one page.</summary>
    public const int MaxPageSize = 20;

    /// <summary>The pages.</summary>
    public static ReadOnlySpan<ModePage> All => Pages;

    private static readonly ModePage[] Pages =
    [
        new(0x08, WriteCaching),
        new(0x0A, WriteControl),
    ];

    // SBC-3: caching mode page
    //
    //      0| PS | SPF | PAGE CODE (08h)      1| PAGE LENGTH (12h)
    //      2| IC | ABPF | CAP | DISC | SIZE | WCE | MF | RCD
    private static int WriteCaching(LogicalUnit unit, Span<byte> page)
    {
        const int size = 20;
        const byte writeCacheEnabled = 0x04;
        page[0] = 0x08;
        page[1] = size - 2;
        page[2] = unit.Info.HasVolatileWriteCache ? writeCacheEnabled : (byte)0;
        return size;
    }

    // SPC-4: control mode page
    //
    //      0| PS | SPF | PAGE CODE (0Ah)      1| PAGE LENGTH (0Ah)
    //      2| TST (3) | TMF_ONLY | DPICZ | D_SENSE | GLTSD | RLEC
    //      3| QUEUE ALGORITHM MODIFIER (4) | NUAR | QERR (2) | Obsolete
    //      4| VS | RAC | UA_INTLCK_CTRL (2) | SWP | Obsolete (3)
    //      5| ATO | TAS | ATMPE | RWWP | Reserved | AUTOLOAD MODE (3)
    //      6| Obsolete (2)                    8| BUSY TIMEOUT PERIOD (2)
    //     10| EXTENDED SELF-TEST COMPLETION TIME (2)
    private static int WriteControl(LogicalUnit unit, Span<byte> page)
    {
        const int size = 12;
        const byte globalLoggingTargetSaveDisable = 0x02;
        const byte taskSetPerNexus = 0x20;
        const byte unrestrictedReordering = 0x10;
        const ushort unlimited = 0xFFFF;
        page[0] = 0x0A;
        page[1] = size - 2;
        // TST 001b: a task set for each I_T nexus, so that each session orders its own tasks and no lock is shared.
        // D_SENSE zero: sense data are in fixed format.
        page[2] = taskSetPerNexus | globalLoggingTargetSaveDisable;
        page[3] = unrestrictedReordering;
        BinaryPrimitives.WriteUInt16BigEndian(page[8..], unlimited);
        return size;
    }
}
