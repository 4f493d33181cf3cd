using System.Globalization;

namespace Iscsi.Storage;

/// <summary>
/// Sizes as people write them: <c>4096</c>, <c>64MiB</c>, <c>1 GiB</c>, <c>2T</c>. All units are powers of 1024.
/// </summary>
public static class ByteSize
{
    private const string Prefixes = "KMGTPE";

    /// <summary>What <see cref="TryParse"/> takes, for an error message.</summary>
    public const string Syntax = "a whole number with an optional unit KiB, MiB, GiB or TiB (or K, M, G, T), such as 64MiB";

    /// <summary>Parses a size.</summary>
    /// <param name="text">A whole number, then optionally B, or one of K, M, G, T, P, E with or without iB, in any case. KB and
    /// the like are not taken, because half of their users mean powers of 1000.</param>
    /// <param name="bytes">The size, 0 or more.</param>
    /// <returns>False: not a size, or more than <see cref="long.MaxValue"/>.</returns>
    public static bool TryParse(ReadOnlySpan<char> text, out long bytes)
    {
        bytes = 0;
        text = text.Trim();
        var digits = 0;
        while (digits < text.Length && char.IsAsciiDigit(text[digits])) digits++;
        if (!long.TryParse(text[..digits], NumberStyles.None, CultureInfo.InvariantCulture, out var number)) return false;
        if (!TryParseUnit(text[digits..].TrimStart(), out var shift) || number > long.MaxValue >> shift) return false;
        bytes = number << shift;
        return true;
    }

    /// <summary>Writes a size with the largest unit that it fills: <c>64 MiB</c>, <c>1.5 GiB</c>, <c>700 B</c>.</summary>
    /// <param name="bytes">The size, 0 or more.</param>
    /// <returns>At most one decimal, rounded down.</returns>
    public static string Format(long bytes)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(bytes);
        var unit = bytes == 0 ? 0 : (63 - long.LeadingZeroCount(bytes)) / 10;
        if (unit == 0) return $"{bytes} B";
        var whole = bytes >> (int)(unit * 10);
        var tenths = (long)((Int128)(bytes - (whole << (int)(unit * 10))) * 10 >> (int)(unit * 10));
        return tenths == 0 ? $"{whole} {Prefixes[(int)unit - 1]}iB" : $"{whole}.{tenths} {Prefixes[(int)unit - 1]}iB";
    }

    private static bool TryParseUnit(ReadOnlySpan<char> unit, out int shift)
    {
        shift = 0;
        if (unit.IsEmpty || unit.Equals("B", StringComparison.OrdinalIgnoreCase)) return true;
        var prefix = Prefixes.IndexOf(char.ToUpperInvariant(unit[0]), StringComparison.Ordinal);
        shift = (prefix + 1) * 10;
        return prefix >= 0 && (unit.Length == 1 || unit[1..].Equals("iB", StringComparison.OrdinalIgnoreCase));
    }
}
