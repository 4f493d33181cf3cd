using System.Security.Cryptography;
using System.Text;

namespace Iscsi.Target.State;

/// <summary>A text file whose last line is <c>sha256</c> and 64 hexadecimal digits over everything above.</summary>
internal static class ChecksummedText
{
    private const string Checksum = "sha256 ";

    /// <summary>Adds the checksum.</summary>
    /// <param name="body">The text; its last line ends with a line feed.</param>
    public static byte[] Encode(string body) => Encoding.UTF8.GetBytes(body + ChecksumLine(Encoding.UTF8.GetBytes(body)));

    /// <summary>Everything above the checksum; null: it is not right, so the file is not whole.</summary>
    public static string? Decode(ReadOnlySpan<byte> bytes)
    {
        var at = bytes.LastIndexOf(Encoding.UTF8.GetBytes("\n" + Checksum));
        if (at < 0) return null;
        var body = bytes[..(at + 1)];
        return bytes[(at + 1)..].SequenceEqual(Encoding.UTF8.GetBytes(ChecksumLine(body))) ? Encoding.UTF8.GetString(body) : null;
    }

    private static string ChecksumLine(ReadOnlySpan<byte> body) => $"{Checksum}{Convert.ToHexStringLower(SHA256.HashData(body))}\n";
}
