using System.Text;

namespace Iscsi.Protocol.Scsi;

/// <summary>ASCII fields of a fixed length: left-aligned, filled with spaces (SPC-4).</summary>
public static class ScsiText
{
    /// <summary>Writes a field; longer text is cut, a character outside 20h to 7Eh becomes a question mark.</summary>
    public static void Write(ReadOnlySpan<char> text, Span<byte> field)
    {
        field.Fill((byte)' ');
        for (var i = 0; i < Math.Min(text.Length, field.Length); i++)
            field[i] = text[i] is >= ' ' and <= '~' ? (byte)text[i] : (byte)'?';
    }

    /// <summary>Reads a field without its trailing spaces and zeroes; what is not printable becomes a question mark.</summary>
    public static string Read(ReadOnlySpan<byte> field)
    {
        var text = new StringBuilder(field.Length);
        foreach (var b in field.TrimEnd([(byte)' ', (byte)0])) text.Append(b is >= 0x20 and <= 0x7E ? (char)b : '?');
        return text.ToString();
    }
}
