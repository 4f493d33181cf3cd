using System.Buffers.Binary;
using Iscsi.Protocol.Scsi;

namespace Iscsi.Target.Scsi.Media;

// SBC-3, OVERWRITE service action parameter list
//
//   Byte/     7       6       5       4       3       2       1       0
//      0|INVERT |TEST (2)      |OVERWRITE COUNT (5)
//      1|Reserved
//      2|INITIALIZATION PATTERN LENGTH (2)
//      4|INITIALIZATION PATTERN

/// <summary>The parameter list of SANITIZE, OVERWRITE.</summary>
internal static class OverwriteParameterList
{
    /// <summary>Bytes before the pattern.</summary>
    public const int HeaderSize = 4;

    private const byte Invert = 0x80;
    private const byte Test = 0x60;
    private const byte Count = 0x1F;

    /// <summary>Reads a list; fails the request where it is wrong.</summary>
    /// <param name="r">The request.</param>
    /// <param name="list">The whole list.</param>
    /// <returns>Null: the request has failed.</returns>
    public static MediumOperation? Parse(ScsiRequest r, ReadOnlySpan<byte> list)
    {
        var passes = list[0] & Count;
        var patternLength = BinaryPrimitives.ReadUInt16BigEndian(list[2..]);
        if ((list[0] & Test) != 0) return Wrong(r, 0, 6);
        if (passes == 0) return Wrong(r, 0, 4);
        if (list[1] != 0) return Wrong(r, 1);
        if (patternLength == 0 || patternLength > r.Unit!.Info.BlockSize) return Wrong(r, 2);
        if (list.Length < HeaderSize + patternLength)
        {
            r.Fail(SenseKey.IllegalRequest, AdditionalSense.ParameterListLengthError);
            return null;
        }
        return new MediumOperation(MediumWork.SanitizeOverwrite)
        {
            Passes = passes,
            Inverts = (list[0] & Invert) != 0,
            Pattern = list.Slice(HeaderSize, patternLength).ToArray(),
        };
    }

    private static MediumOperation? Wrong(ScsiRequest r, int offsetBytes, int? bit = null)
    {
        r.InvalidParameter(offsetBytes, bit);
        return null;
    }
}
