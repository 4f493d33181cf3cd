using System.Buffers;
using System.Diagnostics.CodeAnalysis;
using System.Text;

namespace Iscsi.Target;

/// <summary>iSCSI names (RFC 7143, 4.2.7).</summary>
public static class IscsiName
{
    // 4.2.7.1: at most 223 bytes of UTF-8.
    private const int MaxBytes = 223;

    private static readonly SearchValues<char> HexDigits = SearchValues.Create("0123456789abcdefABCDEF");

    /// <summary>Whether a text is an iSCSI name.</summary>
    /// <param name="name">The text.</param>
    /// <param name="reason">For a person: what is wrong with it; null when it is a name.</param>
    public static bool TryValidate(string name, [NotNullWhen(false)] out string? reason)
    {
        ArgumentNullException.ThrowIfNull(name);
        var wrong = FindFault(name);
        reason = wrong is null ? null : $"'{name}' is not an iSCSI name: {wrong}.";
        return wrong is null;
    }

    /// <summary>Throws unless the text is an iSCSI name.</summary>
    internal static void Validate(string name)
    {
        ArgumentException.ThrowIfNullOrEmpty(name);
        if (!TryValidate(name, out var reason)) throw new ArgumentException(reason, nameof(name));
    }

    private static string? FindFault(string name)
    {
        if (Encoding.UTF8.GetByteCount(name) > MaxBytes) return $"it is longer than {MaxBytes} bytes";
        var isKnownForm = name.StartsWith("iqn.", StringComparison.Ordinal)
            ? IsQualified(name)
            : IsHex(name, "eui.", 16) || IsHex(name, "naa.", 16) || IsHex(name, "naa.", 32);
        if (!isKnownForm) return "it has none of the forms iqn.yyyy-mm.reversed.domain[:text], eui.<16 hex digits>, naa.<16 or 32 hex digits>";
        foreach (var c in name)
            if (c is <= ' ' or (>= 'A' and <= 'Z') or '/' or '\\' or '_' or ',' or ';' or '=' && name.StartsWith("iqn.", StringComparison.Ordinal))
                return c is >= 'A' and <= 'Z' ? "it has upper-case letters" : $"'{c}' is not allowed in it";
        return null;
    }

    private static bool IsQualified(string name) =>
        name.Length > 12 && name[8] == '-' && name[11] == '.' &&
        name.AsSpan(4, 4).IndexOfAnyExceptInRange('0', '9') < 0 && name.AsSpan(9, 2).IndexOfAnyExceptInRange('0', '9') < 0;

    private static bool IsHex(string name, string prefix, int digits) =>
        name.Length == prefix.Length + digits && name.StartsWith(prefix, StringComparison.Ordinal) &&
        !name.AsSpan(prefix.Length).ContainsAnyExcept(HexDigits);
}
