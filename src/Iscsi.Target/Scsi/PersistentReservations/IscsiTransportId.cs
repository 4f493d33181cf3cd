using System.Buffers.Binary;
using System.Globalization;
using System.Text;

namespace Iscsi.Target.Scsi.PersistentReservations;

// SPC-4, TransportID for initiator ports using SCSI over iSCSI
//
//      0| FORMAT CODE (2) | Reserved (2) | PROTOCOL IDENTIFIER (5h)
//      1| Reserved
//      2| ADDITIONAL LENGTH (2): 20 or more, a multiple of 4
//      4| format 00b, the initiator device: ISCSI NAME
//         format 01b, the initiator port: ISCSI NAME, ",i,0x", INITIATOR SESSION ID in hexadecimal
//         ended by a null and padded with nulls

/// <summary>An iSCSI TransportID in a parameter list.</summary>
/// <param name="InitiatorName">iSCSI name.</param>
/// <param name="InitiatorSessionId">ISID; null: the TransportID names the initiator device.</param>
/// <param name="OffsetBytes">Where it starts in the parameter list, for field pointers.</param>
internal readonly record struct IscsiTransportId(string InitiatorName, ulong? InitiatorSessionId, int OffsetBytes)
{
    /// <summary>Bytes in front of the name.</summary>
    public const int HeaderSize = 4;

    /// <summary>The most bytes of one: a name of 223 bytes, separator, ISID, null, padding.</summary>
    public const int MaxSize = HeaderSize + 244;

    private const byte ProtocolIscsi = 0x05;
    private const byte FormatPort = 0x40;
    private const byte FormatMask = 0xC0;
    private const int MinAdditionalLength = 20;
    private const int MaxNameBytes = 223;
    private const string Separator = ",i,0x";
    private const int IsidDigits = 12;

    private static readonly UTF8Encoding StrictUtf8 = new(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true);

    /// <summary>Bytes of the TransportID of an initiator port.</summary>
    public static int SizeOf(NexusName nexus) => HeaderSize + AdditionalLength(nexus);

    /// <summary>Writes the TransportID of an initiator port; returns its length.</summary>
    public static int Write(NexusName nexus, Span<byte> destination)
    {
        var additionalLength = AdditionalLength(nexus);
        var all = destination[..(HeaderSize + additionalLength)];
        all.Clear();
        all[0] = FormatPort | ProtocolIscsi;
        BinaryPrimitives.WriteUInt16BigEndian(all[2..], (ushort)additionalLength);
        var at = HeaderSize + Encoding.UTF8.GetBytes(nexus.InitiatorName, all[HeaderSize..]);
        at += Encoding.UTF8.GetBytes(Separator, all[at..]);
        nexus.InitiatorSessionId.TryFormat(all[at..], out _, "x12", CultureInfo.InvariantCulture);
        return all.Length;
    }

    /// <summary>Length of the TransportID that starts with these bytes; 0: it is not an iSCSI one, or too long or too short.</summary>
    public static int LengthOf(ReadOnlySpan<byte> header)
    {
        if ((header[0] & 0x0F) != ProtocolIscsi) return 0;
        var additionalLength = BinaryPrimitives.ReadUInt16BigEndian(header[2..]);
        var isValid = additionalLength is >= MinAdditionalLength and <= MaxSize - HeaderSize && additionalLength % 4 == 0;
        return isValid ? HeaderSize + additionalLength : 0;
    }

    /// <summary>Reads one whole TransportID.</summary>
    public static bool TryRead(ReadOnlySpan<byte> bytes, int offsetBytes, out IscsiTransportId id)
    {
        id = default;
        var hasPort = (bytes[0] & FormatMask) == FormatPort;
        if (!hasPort && (bytes[0] & FormatMask) != 0) return false;
        var text = bytes[HeaderSize..];
        var end = text.IndexOf((byte)0);
        if (end <= 0 || text[end..].ContainsAnyExcept((byte)0)) return false;
        string name;
        try
        {
            name = StrictUtf8.GetString(text[..end]);
        }
        catch (DecoderFallbackException)
        {
            return false;
        }
        ulong? isid = null;
        if (hasPort)
        {
            var separator = name.LastIndexOf(Separator, StringComparison.Ordinal);
            if (separator < 0) return false;
            var digits = name.AsSpan(separator + Separator.Length);
            if (digits.Length is 0 or > IsidDigits ||
                !ulong.TryParse(digits, NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out var value)) return false;
            isid = value;
            name = name[..separator];
        }
        if (!IsName(name)) return false;
        id = new IscsiTransportId(name, isid, offsetBytes);
        return true;
    }

    /// <summary>Whether a text can be an initiator's name: short enough, and no characters that a line of text can't hold.</summary>
    public static bool IsName(string name)
    {
        if (name.Length == 0 || Encoding.UTF8.GetByteCount(name) > MaxNameBytes) return false;
        foreach (var c in name)
            if (char.IsControl(c) || char.IsWhiteSpace(c)) return false;
        return true;
    }

    private static int AdditionalLength(NexusName nexus)
    {
        var length = Encoding.UTF8.GetByteCount(nexus.InitiatorName) + Separator.Length + IsidDigits + 1;
        return Math.Max(MinAdditionalLength, (length + 3) / 4 * 4);
    }
}
