using System.Buffers.Binary;
using Iscsi.Protocol;
using Iscsi.Protocol.Scsi;
using Iscsi.Storage;

namespace Iscsi.Target.Scsi;

/// <summary>LOG SENSE and LOG SELECT (SPC-4).</summary>
/// <remarks>
/// SP is outside the masks: counters end with the server. PPC is, too: it is obsolete. No parameter has a value that an initiator could
/// set; some can be reset.
/// </remarks>
internal static class LogCommands
{
    private const byte ParameterCodeReset = 0x02;
    private const byte PageControlMask = 0xC0;
    private const byte PageCodeMask = 0x3F;
    private const byte DisableSave = 0x80;
    private const byte SubpageFormat = 0x40;
    private const int HeaderSize = 4;

    // The default cumulative values, the only ones that LOG SELECT without a list and without PCR sets to anything.
    private const int DefaultCumulative = 3;

    // The lists of a whole unit are shorter than this, and nothing in them can be set.
    private const int MaxListBytes = 4096;

    /// <summary>The rows.</summary>
    public static readonly ScsiCommandRow[] Rows =
    [
        // byte 1 PCR, byte 2 PC (2) and PAGE CODE (6), byte 3 SUBPAGE CODE, byte 7 PARAMETER LIST LENGTH (2)
        new()
        {
            Name = "LOG SELECT",
            Usage = [OperationCode.LogSelect, ParameterCodeReset, PageControlMask | PageCodeMask, 0xFF, 0, 0, 0, 0xFF, 0xFF, 0],
            Traits = ScsiTraits.AllowedWhenStopped | ScsiTraits.AllowedInStandby,
            Direction = DataDirection.Write,
            Memory = MemoryNeed.AllAtOnce,
            Begin = BeginSelect,
            Execute = RefuseListAsync,
        },

        // byte 2 PC (2) and PAGE CODE (6), byte 3 SUBPAGE CODE, byte 5 PARAMETER POINTER (2), byte 7 ALLOCATION LENGTH (2)
        new()
        {
            Name = "LOG SENSE",
            Usage = [OperationCode.LogSense, 0, PageControlMask | PageCodeMask, 0xFF, 0, 0xFF, 0xFF, 0xFF, 0xFF, 0],
            Traits = ScsiTraits.AllowedWhenStopped | ScsiTraits.AllowedThroughReservations | ScsiTraits.AllowedInStandby,
            Direction = DataDirection.Read,
            Memory = MemoryNeed.ParameterData,
            Begin = BeginSense,
            Execute = SenseSpaceAsync,
        },
    ];

    private static ScsiStep BeginSense(ScsiRequest r)
    {
        var page = LogPages.Find(r.Unit!, r.Cdb[2] & PageCodeMask, r.Cdb[3], out var knowsCode);
        if (page is null) return knowsCode ? r.InvalidField(3) : r.InvalidField(2, 5);
        return page.NeedsSpace ? ScsiStep.Execute : Reply(r, page, default);
    }

    private static async ValueTask SenseSpaceAsync(ScsiRequest r)
    {
        var page = LogPages.Find(r.Unit!, r.Cdb[2] & PageCodeMask, r.Cdb[3], out _)!;
        Reply(r, page, await r.Unit!.Space.QueryAsync(r.Cancellation).ConfigureAwait(false));
    }

    // SPC-4: 0| DS | SPF | PAGE CODE    1| SUBPAGE CODE    2| PAGE LENGTH (2)
    private static ScsiStep Reply(ScsiRequest r, LogPage page, BlockDeviceSpace space)
    {
        Span<byte> data = stackalloc byte[LogPages.MaxSize];
        data.Clear();
        var parameters = data[HeaderSize..];
        var length = page.Write(new LogSource(r.Unit!, r.Units, space), parameters);
        var skipped = page.HasParameters ? OffsetOf(parameters[..length], r.Cdb.UInt16(5)) : r.Cdb.UInt16(5) == 0 ? 0 : -1;
        // SPC-4: a pointer beyond the last parameter is an invalid field.
        if (skipped < 0) return r.InvalidField(5);
        parameters[skipped..length].CopyTo(parameters);
        length -= skipped;
        data[0] = (byte)(page.Code | (page.HasParameters ? DisableSave : 0) | (page.Subcode == 0 ? 0 : SubpageFormat));
        data[1] = page.Subcode;
        BinaryPrimitives.WriteUInt16BigEndian(data[2..], (ushort)length);
        return r.Reply(data[..(HeaderSize + length)], r.Cdb.UInt16(7));
    }

    private static int OffsetOf(ReadOnlySpan<byte> parameters, int pointer)
    {
        for (var at = 0; at < parameters.Length; at += 4 + parameters[at + 3])
            if (BinaryPrimitives.ReadUInt16BigEndian(parameters[at..]) >= pointer) return at;
        return pointer == 0 ? 0 : -1;
    }

    private static ScsiStep BeginSelect(ScsiRequest r)
    {
        var length = r.Cdb.UInt16(7);
        var resets = r.Cdb.Has(1, ParameterCodeReset);
        if (length > 0)
        {
            if (resets) return r.InvalidField(1, 1);
            // SPC-4: with a list, the pages are those of the list.
            if ((r.Cdb[2] & PageCodeMask) != 0) return r.InvalidField(2, 5);
            if (r.Cdb[3] != 0) return r.InvalidField(3);
            if (length > MaxListBytes) return r.Fail(SenseKey.IllegalRequest, AdditionalSense.ParameterListLengthError);
            r.TransferLength = length;
            r.DataOutNeeded = length;
            return ScsiStep.CollectDataOut;
        }
        LogPage? one = null;
        if ((r.Cdb[2] & PageCodeMask) != 0 || r.Cdb[3] != 0)
        {
            one = LogPages.Find(r.Unit!, r.Cdb[2] & PageCodeMask, r.Cdb[3], out var knowsCode);
            if (one is null) return knowsCode ? r.InvalidField(3) : r.InvalidField(2, 5);
        }
        if (resets || r.Cdb[2] >> 6 == DefaultCumulative) Reset(r, one);
        return r.Good();
    }

    private static void Reset(ScsiRequest r, LogPage? one)
    {
        var unit = r.Unit!;
        var isChange = false;
        foreach (var page in LogPages.All)
        {
            if (page.Reset is { } reset && page.Exists(unit) && (one is null || ReferenceEquals(one, page))) isChange |= reset(unit, r.Units);
        }
        if (isChange) r.Units.Raise(unit, UnitAttention.LogParametersChanged, except: r.Nexus);
    }

    private static ValueTask RefuseListAsync(ScsiRequest r)
    {
        if (Check(r) is { } error) r.Fail(error);
        return default;
    }

    // Pages without a parameter change nothing; a parameter is one that can't be set.
    private static SenseData? Check(ScsiRequest r)
    {
        var lengthError = new SenseData(SenseKey.IllegalRequest, AdditionalSense.ParameterListLengthError);
        if (r.DataOut.Length < r.DataOutNeeded) return lengthError;
        Span<byte> list = stackalloc byte[r.DataOutNeeded];
        r.DataOut.CopyTo(0, list);
        for (var at = 0; at < list.Length;)
        {
            var rest = list[at..];
            if (rest.Length < HeaderSize) return lengthError;
            var page = LogPages.Find(r.Unit!, rest[0] & PageCodeMask, rest[1], out var knowsCode);
            if (page is null) return knowsCode ? Invalid(at + 1, null) : Invalid(at, 5);
            int pageLength = BinaryPrimitives.ReadUInt16BigEndian(rest[2..]);
            if (rest.Length < HeaderSize + pageLength) return lengthError;
            if (pageLength > 0) return Invalid(at + HeaderSize, null);
            at += HeaderSize;
        }
        return null;
    }

    private static SenseData Invalid(int offsetBytes, byte? bit) =>
        new(SenseKey.IllegalRequest, AdditionalSense.InvalidFieldInParameterList)
        {
            Field = new FieldPointer(InCdb: false, (ushort)offsetBytes, bit),
        };
}
