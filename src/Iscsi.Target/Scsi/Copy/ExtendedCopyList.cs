using System.Buffers.Binary;
using Iscsi.Protocol.Scsi;
using Reservations;

namespace Iscsi.Target.Scsi.Copy;

// SPC-4, EXTENDED COPY(LID1) parameter list
//
//      0| LIST IDENTIFIER
//      1| Reserved (2) | STR | LIST ID USAGE (2) | PRIORITY (3)
//      2| CSCD DESCRIPTOR LIST LENGTH (2)
//      8| SEGMENT DESCRIPTOR LIST LENGTH (4)
//     12| INLINE DATA LENGTH (4)
//     16| CSCD descriptors, segment descriptors, inline data
//
// SPC-4, EXTENDED COPY(LID4) parameter list
//
//      0| PARAMETER LIST FORMAT (01h)
//      1| Reserved (2) | STR | LIST ID USAGE (2) | PRIORITY (3)
//      2| HEADER CSCD DESCRIPTOR LIST LENGTH (0020h)
//     15| Reserved (6) | G_SENSE | IMMED
//     16| HEADER CSCD DESCRIPTOR TYPE CODE (FFh)
//     20| LIST IDENTIFIER (4)
//     42| CSCD DESCRIPTOR LIST LENGTH (2)
//     44| SEGMENT DESCRIPTOR LIST LENGTH (2)
//     46| INLINE DATA LENGTH (2)
//     48| CSCD descriptors, segment descriptors, inline data

/// <summary>
/// The parameter list of EXTENDED COPY: its header, and where its descriptors are. They stay in the command's data-out and are read when it is
/// their turn.
/// </summary>
internal readonly record struct ExtendedCopyList
{
    /// <summary>Bytes of the header of LID1.</summary>
    public const int Lid1HeaderSize = 16;

    /// <summary>Bytes of the header of LID4.</summary>
    public const int Lid4HeaderSize = 48;

    private const int FlagsAt = 1;
    private const int Lid1CscdLengthAt = 2;
    private const int Lid4CscdLengthAt = 42;
    private const byte Lid4Format = 0x01;
    private const byte Lid4HeaderCscdType = 0xFF;
    private const int Lid4HeaderCscdLength = 0x20;

    /// <summary>LIST IDENTIFIER.</summary>
    public uint ListIdentifier { get; private init; }

    /// <summary>Whether the list identifier means something (LIST ID USAGE other than 11b).</summary>
    public bool IsIdentified { get; private init; }

    /// <summary>Where the CSCD descriptors begin.</summary>
    public int CscdAt { get; private init; }

    /// <summary>Number of CSCD descriptors.</summary>
    public int CscdCount { get; private init; }

    /// <summary>Where the segment descriptors begin.</summary>
    public int SegmentsAt { get; private init; }

    /// <summary>Where they end.</summary>
    public int SegmentsEnd { get; private init; }

    /// <summary>
    /// Reads and checks a list: what is found wrong here is found before the first segment is processed, so nothing is copied and the sense
    /// key is ILLEGAL REQUEST (SPC-4, errors detected before starting processing of the segment descriptors).
    /// </summary>
    /// <returns>False: the request has failed.</returns>
    public static bool TryRead(ScsiRequest r, bool isLid4, out ExtendedCopyList list)
    {
        list = default;
        var data = r.DataOut;
        var headerSize = isLid4 ? Lid4HeaderSize : Lid1HeaderSize;
        if (data.Length < headerSize) return No(r.Refuse(AdditionalSense.ParameterListLengthError));
        Span<byte> header = stackalloc byte[Lid4HeaderSize];
        header = header[..headerSize];
        data.CopyTo(0, header);

        if (isLid4)
        {
            if (header[0] != Lid4Format) return No(r.Refuse(AdditionalSense.InvalidFieldInParameterList, 0));
            if (BinaryPrimitives.ReadUInt16BigEndian(header[2..]) != Lid4HeaderCscdLength) return No(r.Refuse(AdditionalSense.InvalidFieldInParameterList, 2));
            if (header[16] != Lid4HeaderCscdType) return No(r.Refuse(AdditionalSense.InvalidFieldInParameterList, 16));
        }
        var usage = (header[FlagsAt] >> 3) & 0x03;
        if (usage == 0b01) return No(r.Refuse(AdditionalSense.InvalidFieldInParameterList, FlagsAt, 4));

        var cscdLengthAt = isLid4 ? Lid4CscdLengthAt : Lid1CscdLengthAt;
        long cscdBytes = BinaryPrimitives.ReadUInt16BigEndian(header[cscdLengthAt..]);
        long segmentBytes = isLid4 ? BinaryPrimitives.ReadUInt16BigEndian(header[44..]) : BinaryPrimitives.ReadUInt32BigEndian(header[8..]);
        long inlineBytes = isLid4 ? BinaryPrimitives.ReadUInt16BigEndian(header[46..]) : BinaryPrimitives.ReadUInt32BigEndian(header[12..]);
        // A foreign test suite wants the length of the whole before the numbers, and SPC-4 leaves the order open.
        if (cscdBytes + segmentBytes > CopyLimits.MaxDescriptorListBytes || headerSize + cscdBytes + segmentBytes > data.Length)
            return No(r.Refuse(AdditionalSense.ParameterListLengthError));
        if (inlineBytes > 0) return No(r.Refuse(AdditionalSense.InlineDataLengthExceeded));
        if (cscdBytes % CscdDescriptor.Size != 0) return No(r.Refuse(AdditionalSense.InvalidFieldInParameterList, cscdLengthAt));
        if (cscdBytes > CopyLimits.MaxCscdDescriptors * CscdDescriptor.Size) return No(r.Refuse(AdditionalSense.TooManyTargetDescriptors));

        list = new ExtendedCopyList
        {
            ListIdentifier = isLid4 ? BinaryPrimitives.ReadUInt32BigEndian(header[20..]) : header[0],
            IsIdentified = usage != 0b11,
            CscdAt = headerSize,
            CscdCount = (int)(cscdBytes / CscdDescriptor.Size),
            SegmentsAt = headerSize + (int)cscdBytes,
            SegmentsEnd = headerSize + (int)(cscdBytes + segmentBytes),
        };
        return list.CheckDescriptors(r, data);
    }

    private bool CheckDescriptors(ScsiRequest r, BlockList data)
    {
        Span<byte> head = stackalloc byte[CopySegment.HeaderSize];
        for (var i = 0; i < CscdCount; i++)
        {
            var at = CscdAt + (i * CscdDescriptor.Size);
            data.CopyTo(at, head);
            if (head[0] != CscdDescriptor.IdentificationType)
                return No(r.Refuse(AdditionalSense.UnsupportedTargetDescriptorTypeCode, at));
        }
        var count = 0;
        for (var at = SegmentsAt; at < SegmentsEnd; count++)
        {
            if (count == CopyLimits.MaxSegmentDescriptors) return No(r.Refuse(AdditionalSense.TooManySegmentDescriptors));
            if (SegmentsEnd - at < CopySegment.HeaderSize) return No(r.Refuse(AdditionalSense.ParameterListLengthError));
            data.CopyTo(at, head);
            var length = CopySegment.LengthOf(head[0]);
            if (length == 0) return No(r.Refuse(AdditionalSense.UnsupportedSegmentDescriptorTypeCode, at));
            if (BinaryPrimitives.ReadUInt16BigEndian(head[2..]) != length - CopySegment.HeaderSize)
                return No(r.Refuse(AdditionalSense.InvalidFieldInParameterList, at + 2));
            if (length > SegmentsEnd - at) return No(r.Refuse(AdditionalSense.ParameterListLengthError));
            at += length;
        }
        return true;
    }

    private static bool No(CopyOperation? none) => none is not null;
}
