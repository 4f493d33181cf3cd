using System.Buffers.Binary;
using Iscsi.Protocol.Scsi;
using Iscsi.Storage;

namespace Iscsi.Target.Scsi;

/// <summary>What the pages of one LOG SENSE are made of.</summary>
/// <param name="Unit">The logical unit.</param>
/// <param name="Units">Its target's.</param>
/// <param name="Space">The space below, for the page that <see cref="LogPage.NeedsSpace"/>.</param>
internal readonly record struct LogSource(LogicalUnit Unit, LogicalUnitMap Units, BlockDeviceSpace Space);

/// <summary>A log page.</summary>
/// <param name="Code">PAGE CODE.</param>
/// <param name="Subcode">SUBPAGE CODE.</param>
/// <param name="Write">Writes the log parameters, ascending by code; returns their length.</param>
internal sealed record LogPage(byte Code, byte Subcode, LogPage.ParameterWriter Write)
{
    /// <summary>Writes log parameters.</summary>
    public delegate int ParameterWriter(in LogSource source, Span<byte> parameters);

    /// <summary>Whether the page consists of log parameters, with a code and a length each; the lists of pages do not.</summary>
    public bool HasParameters { get; init; } = true;

    /// <summary>Whether it is made of the space below the unit, for which the file system is asked.</summary>
    public bool NeedsSpace { get; init; }

    /// <summary>Sets what it says back. Returns whether it said something else before. Null: there is nothing that can be reset.</summary>
    public Func<LogicalUnit, LogicalUnitMap, bool>? Reset { get; init; }

    /// <summary>Whether a logical unit has it; null: all have.</summary>
    public Func<LogicalUnit, bool>? IsSupported { get; init; }

    /// <summary>Whether a logical unit has it.</summary>
    public bool Exists(LogicalUnit unit) => IsSupported is null || IsSupported(unit);
}

// SPC-4, log parameter
//
//      0| PARAMETER CODE (2)
//      2|DU|Obsolete|TSD|ETC|TMC (2)|FORMAT AND LINKING (2)      11b: a binary list, which has neither threshold nor default
//      3| PARAMETER LENGTH (n-3)
//      4| PARAMETER VALUE

/// <summary>The log pages, ascending by code and subpage (SPC-4, SBC-3). All parameters are lists, so PC makes no difference.</summary>
internal static class LogPages
{
    /// <summary>The most bytes of a page with its header: twenty self-tests of twenty bytes.</summary>
    public const int MaxSize = 512;

    private const byte BinaryList = 0x03;
    private const byte NotKnown = 0xFF;
    private const int SelfTestSize = 20;

    /// <summary>The pages.</summary>
    public static ReadOnlySpan<LogPage> All => Pages;

    private static readonly LogPage[] Pages =
    [
        new(0x00, 0x00, static (in LogSource s, Span<byte> to) => WriteList(s.Unit, to, withSubpages: false)) { HasParameters = false },
        new(0x00, 0xFF, static (in LogSource s, Span<byte> to) => WriteList(s.Unit, to, withSubpages: true)) { HasParameters = false },
        new(0x0C, 0x00, WriteProvisioning) { NeedsSpace = true, IsSupported = static unit => unit.Space.IsKnown },
        new(0x0D, 0x00, WriteTemperature),
        new(0x10, 0x00, WriteSelfTests) { Reset = static (unit, _) => unit.SelfTests.Reset() },
        new(0x19, 0x00, WriteStatistics) { Reset = static (unit, units) => units.ResetStatistics(unit) },
        new(0x2F, 0x00, WriteExceptions),
    ];

    /// <summary>Finds a page of a logical unit.</summary>
    /// <param name="unit">The logical unit.</param>
    /// <param name="code">PAGE CODE.</param>
    /// <param name="subcode">SUBPAGE CODE.</param>
    /// <param name="knowsCode">Whether there is a page of that code.</param>
    public static LogPage? Find(LogicalUnit unit, int code, int subcode, out bool knowsCode)
    {
        knowsCode = false;
        foreach (var page in Pages)
        {
            if (page.Code != code || !page.Exists(unit)) continue;
            knowsCode = true;
            if (page.Subcode == subcode) return page;
        }
        return null;
    }

    // SPC-4: PAGE CODE each, or PAGE CODE and SUBPAGE CODE each
    private static int WriteList(LogicalUnit unit, Span<byte> to, bool withSubpages)
    {
        var length = 0;
        foreach (var page in Pages)
        {
            if (!page.Exists(unit) || (!withSubpages && page.Subcode != 0)) continue;
            to[length++] = page.Code;
            if (withSubpages) to[length++] = page.Subcode;
        }
        return length;
    }

    // SBC-3, Logical Block Provisioning log page: 4| RESOURCE COUNT (4)   8| Reserved (6) | SCOPE (2): 01b this unit's, 10b shared
    private static int WriteProvisioning(in LogSource source, Span<byte> to)
    {
        const byte dedicated = 0x01;
        const byte shared = 0x02;
        var length = 0;
        var space = source.Unit.Space;
        if (source.Space.AvailableBytes is not null)
            length += WriteResource(to, LogicalBlockProvisioningModePage.AvailableResource, space.Available(source.Space), shared);
        if (source.Space.AllocatedBytes is not null)
            length += WriteResource(to[length..], LogicalBlockProvisioningModePage.UsedResource, space.Used(source.Space), dedicated);
        return length;
    }

    private static int WriteResource(Span<byte> to, ushort code, uint count, byte scope)
    {
        var value = Parameter(to, code, 8);
        BinaryPrimitives.WriteUInt32BigEndian(value, count);
        value[4] = scope;
        return 4 + value.Length;
    }

    // SPC-4, Temperature log page: 0000h TEMPERATURE at byte 5, FFh: not known. There is no sensor.
    private static int WriteTemperature(in LogSource source, Span<byte> to)
    {
        var value = Parameter(to, 0x0000, 2);
        value[1] = NotKnown;
        return 4 + value.Length;
    }

    // SPC-4, Self-Test Results log page: always twenty parameters, 0001h is the latest; all zero where there was none
    //
    //      4| SELF-TEST CODE (3) | Reserved | SELF-TEST RESULTS (4)      5| SELF-TEST NUMBER      6| POWER ON HOURS (2)
    //      8| ADDRESS OF FIRST FAILURE (8)     16| SENSE KEY   17| ASC   18| ASCQ   19| Vendor specific
    private static int WriteSelfTests(in LogSource source, Span<byte> to)
    {
        const byte passed = 0x0;
        const byte failedInSegmentTwo = 0x6; // the segment that reads the medium; the first is the state of the device
        const byte failedInSegmentOne = 0x5;
        var results = source.Unit.SelfTests.ToArray();
        for (var i = 0; i < SelfTestLog.Capacity; i++)
        {
            var value = Parameter(to[(i * SelfTestSize)..], (ushort)(i + 1), SelfTestSize - 4);
            if (i >= results.Length) continue;
            var result = results[i];
            var outcome = result.Sense.IsNoSense ? passed : result.FailedAt is null ? failedInSegmentOne : failedInSegmentTwo;
            value[0] = (byte)((result.Code << 5) | outcome);
            value[1] = (byte)(outcome == passed ? 0 : outcome == failedInSegmentOne ? 1 : 2);
            BinaryPrimitives.WriteUInt16BigEndian(value[2..], result.Hours);
            BinaryPrimitives.WriteUInt64BigEndian(value[4..], result.FailedAt ?? ulong.MaxValue);
            value[12] = (byte)result.Sense.Key;
            value[13] = result.Sense.Additional.Code;
            value[14] = result.Sense.Additional.Qualifier;
        }
        return SelfTestLog.Capacity * SelfTestSize;
    }

    // SPC-4, General Statistics and Performance log page: 0001h, eight counters of 64 bits: READ COMMANDS, WRITE COMMANDS, LOGICAL BLOCKS
    // RECEIVED and TRANSMITTED; four of intervals, which are not measured.
    private static int WriteStatistics(in LogSource source, Span<byte> to)
    {
        var statistics = source.Units.Statistics(source.Unit);
        var value = Parameter(to, 0x0001, 64);
        BinaryPrimitives.WriteInt64BigEndian(value, statistics.Reads);
        BinaryPrimitives.WriteInt64BigEndian(value[8..], statistics.Writes);
        BinaryPrimitives.WriteInt64BigEndian(value[16..], statistics.BlocksReceived);
        BinaryPrimitives.WriteInt64BigEndian(value[24..], statistics.BlocksTransmitted);
        return 4 + value.Length;
    }

    // SPC-4, Informational Exceptions log page: 0000h: ADDITIONAL SENSE CODE, its qualifier, MOST RECENT TEMPERATURE READING
    private static int WriteExceptions(in LogSource source, Span<byte> to)
    {
        var condition = source.Unit.Exceptions.Condition;
        var value = Parameter(to, 0x0000, 4);
        value[0] = condition.Code;
        value[1] = condition.Qualifier;
        value[2] = NotKnown;
        return 4 + value.Length;
    }

    private static Span<byte> Parameter(Span<byte> to, ushort code, byte length)
    {
        BinaryPrimitives.WriteUInt16BigEndian(to, code);
        to[2] = BinaryList;
        to[3] = length;
        return to.Slice(4, length);
    }
}
