using System.Text;

namespace Iscsi.Target.State;

// The file: lines of UTF-8, so that a person can read what a disk was told.
//
//     iscsinet unit state 1
//     mode-page/08/00 0812...
//     medium-operation sanitize-overwrite restricted 1 same aa running 0 4096
//     sha256 <64 hexadecimal digits over everything above>

/// <summary>The state of a logical unit as bytes of a file, with a checksum over all of them.</summary>
internal static class UnitStateText
{
    private const string Title = "iscsinet unit state 1";

    /// <summary>Writes a state.</summary>
    public static byte[] Encode(IEnumerable<KeyValuePair<string, string>> lines)
    {
        var text = new StringBuilder(Title).Append('\n');
        foreach (var (name, value) in lines) text.Append(name).Append(' ').Append(value).Append('\n');
        return ChecksummedText.Encode(text.ToString());
    }

    /// <summary>Reads a state; null: the bytes are not a whole file.</summary>
    public static SortedDictionary<string, string>? Decode(ReadOnlySpan<byte> bytes)
    {
        if (ChecksummedText.Decode(bytes)?.Split('\n') is not { } text || text[0] != Title || text[^1].Length != 0) return null;
        var lines = new SortedDictionary<string, string>(StringComparer.Ordinal);
        foreach (var line in text.AsSpan(1..^1))
        {
            var blank = line.IndexOf(' ', StringComparison.Ordinal);
            if (blank <= 0 || !lines.TryAdd(line[..blank], line[(blank + 1)..])) return null;
        }
        return lines;
    }
}
