using System.Buffers.Binary;

namespace Iscsi.Protocol.Scsi;

/// <summary>Informational Exceptions Control mode page, 1Ch (SPC-4): how a failure to come is told.</summary>
public sealed record InformationalExceptionsModePage
{
    /// <summary>PAGE CODE.</summary>
    public const byte Code = 0x1C;

    /// <summary>Bytes of the page with its header.</summary>
    public const int Size = 12;

    /// <summary>MRIE 0h: nothing is told; the log page still says it.</summary>
    public const byte MethodNone = 0x0;

    /// <summary>MRIE 2h: by a unit attention condition.</summary>
    public const byte MethodUnitAttention = 0x2;

    /// <summary>MRIE 6h: only to REQUEST SENSE.</summary>
    public const byte MethodOnRequest = 0x6;

    private const byte DisableExceptionControlBit = 0x08;
    private const byte TestBit = 0x04;

    /// <summary>DEXCPT: nothing is told at all.</summary>
    public bool DisableExceptionControl { get; init; }

    /// <summary>TEST: a false failure is told, 5D/FF.</summary>
    public bool Test { get; init; }

    /// <summary>MRIE: METHOD OF REPORTING INFORMATIONAL EXCEPTIONS, 0h to Fh.</summary>
    public byte Method { get; init; }

    /// <summary>INTERVAL TIMER, 100 ms; 0 and FFFFFFFFh: told once.</summary>
    public uint IntervalTimer { get; init; }

    /// <summary>REPORT COUNT; 0: without limit.</summary>
    public uint ReportCount { get; init; }

    // SPC-4, Informational Exceptions Control mode page
    //
    //   Byte/     7       6       5       4       3       2       1       0
    //      0|PS    |SPF (0)| PAGE CODE (1Ch)
    //      1| PAGE LENGTH (0Ah)
    //      2|PERF  |       |EBF    |EWASC  |DEXCPT |TEST   |EBACKERR|LOGERR
    //      3|                              | MRIE
    //      4| INTERVAL TIMER (4)
    //      8| REPORT COUNT (4)

    /// <summary>Renders the page, PS zero.</summary>
    /// <returns>Bytes written: <see cref="Size"/>.</returns>
    public int Write(Span<byte> destination)
    {
        var page = destination[..Size];
        page.Clear();
        page[0] = Code;
        page[1] = Size - 2;
        page[2] = (byte)((DisableExceptionControl ? DisableExceptionControlBit : 0) | (Test ? TestBit : 0));
        page[3] = (byte)(Method & 0x0F);
        BinaryPrimitives.WriteUInt32BigEndian(page[4..], IntervalTimer);
        BinaryPrimitives.WriteUInt32BigEndian(page[8..], ReportCount);
        return Size;
    }

    /// <summary>Parses the page with its header.</summary>
    /// <returns>Null: it is another page, or too short.</returns>
    public static InformationalExceptionsModePage? TryParse(ReadOnlySpan<byte> page)
    {
        if (page.Length < Size || (page[0] & 0x7F) != Code || page[1] != Size - 2) return null;
        return new InformationalExceptionsModePage
        {
            DisableExceptionControl = (page[2] & DisableExceptionControlBit) != 0,
            Test = (page[2] & TestBit) != 0,
            Method = (byte)(page[3] & 0x0F),
            IntervalTimer = BinaryPrimitives.ReadUInt32BigEndian(page[4..]),
            ReportCount = BinaryPrimitives.ReadUInt32BigEndian(page[8..]),
        };
    }
}
