using System.Buffers.Text;

namespace Iscsi.Protocol;

/// <summary>Reads the value formats of RFC 7143, 6.1. Nothing here throws, whatever the bytes are.</summary>
public static class TextValue
{
    /// <summary>The reserved answer to a key that is not known (6.2).</summary>
    public static ReadOnlySpan<byte> NotUnderstood => "NotUnderstood"u8;

    /// <summary>The reserved answer to a key that does not matter here (6.2).</summary>
    public static ReadOnlySpan<byte> Irrelevant => "Irrelevant"u8;

    /// <summary>The reserved answer to an offer that cannot be accepted (6.2).</summary>
    public static ReadOnlySpan<byte> Reject => "Reject"u8;

    /// <summary>The reserved value for a missing function (6.2.1).</summary>
    public static ReadOnlySpan<byte> None => "None"u8;

    /// <summary>True of a boolean value.</summary>
    public static ReadOnlySpan<byte> Yes => "Yes"u8;

    /// <summary>False of a boolean value.</summary>
    public static ReadOnlySpan<byte> No => "No"u8;

    /// <summary>Reads a numerical-value: decimal without leading zero, or <c>0x</c> and hexadecimal digits; below 2^64.</summary>
    /// <param name="text">The value.</param>
    /// <param name="number">The number; 0 at a fault.</param>
    public static TextFault ReadNumber(ReadOnlySpan<byte> text, out ulong number)
    {
        number = 0;
        if (HasPrefix(text, (byte)'x')) return ReadHexNumber(text[2..], out number);
        if (text.IsEmpty || (text[0] == '0' && text.Length > 1)) return TextFault.BadNumber;
        ulong result = 0;
        foreach (var c in text)
        {
            var digit = (uint)(c - '0');
            if (digit > 9 || result > (ulong.MaxValue - digit) / 10) return TextFault.BadNumber;
            result = (result * 10) + digit;
        }
        number = result;
        return TextFault.None;
    }

    /// <summary>Reads a number and checks its range.</summary>
    /// <param name="text">The value.</param>
    /// <param name="minimum">Smallest number allowed.</param>
    /// <param name="maximum">Largest number allowed.</param>
    /// <param name="number">The number; 0 at a fault.</param>
    public static TextFault ReadNumber(ReadOnlySpan<byte> text, uint minimum, uint maximum, out uint number)
    {
        number = 0;
        var fault = ReadNumber(text, out var wide);
        if (fault != TextFault.None) return fault;
        if (wide < minimum || wide > maximum) return TextFault.OutOfRange;
        number = (uint)wide;
        return TextFault.None;
    }

    /// <summary>Reads a numeric-range: two numbers with '~' between; a single number is a range of one.</summary>
    /// <param name="text">The value.</param>
    /// <param name="first">Smallest number of the range.</param>
    /// <param name="last">Largest number of the range, at least <paramref name="first"/>.</param>
    public static TextFault ReadRange(ReadOnlySpan<byte> text, out ulong first, out ulong last)
    {
        var tilde = text.IndexOf((byte)'~');
        if (tilde < 0)
        {
            var single = ReadNumber(text, out first);
            last = first;
            return single;
        }
        last = 0;
        if (ReadNumber(text[..tilde], out first) != TextFault.None
            || ReadNumber(text[(tilde + 1)..], out last) != TextFault.None
            || first > last)
        {
            first = last = 0;
            return TextFault.BadRange;
        }
        return TextFault.None;
    }

    /// <summary>Reads a boolean-value: exactly <c>Yes</c> or <c>No</c>.</summary>
    /// <param name="text">The value.</param>
    /// <param name="value">True for Yes.</param>
    public static TextFault ReadBoolean(ReadOnlySpan<byte> text, out bool value)
    {
        value = text.SequenceEqual(Yes);
        return value || text.SequenceEqual(No) ? TextFault.None : TextFault.BadBoolean;
    }

    /// <summary>
    /// Reads a binary-value: <c>0x</c> and hexadecimal digits (an odd number of them has a leading zero understood), or <c>0b</c> and
    /// base64. Decimal is not accepted, because the length of the value would be unknown.
    /// </summary>
    /// <param name="text">The value.</param>
    /// <param name="destination">Where the bytes go.</param>
    /// <param name="lengthBytes">How many bytes; at least 1 when there is no fault.</param>
    public static TextFault ReadBinary(ReadOnlySpan<byte> text, Span<byte> destination, out int lengthBytes)
    {
        lengthBytes = 0;
        var digits = text.Length > 2 ? text[2..] : default;
        if (digits.IsEmpty) return TextFault.BadBinary;
        if (HasPrefix(text, (byte)'x')) return ReadHexBytes(digits, destination, out lengthBytes);
        return HasPrefix(text, (byte)'b') ? ReadBase64(digits, destination, out lengthBytes) : TextFault.BadBinary;
    }

    /// <summary>Takes the next element off a list-of-values, whose elements are separated by commas.</summary>
    /// <param name="list">The list; the rest of it afterwards.</param>
    /// <param name="element">The element.</param>
    /// <returns>False when the list is empty.</returns>
    public static bool TryTakeElement(ref ReadOnlySpan<byte> list, out ReadOnlySpan<byte> element)
    {
        if (list.IsEmpty)
        {
            element = default;
            return false;
        }
        var comma = list.IndexOf((byte)',');
        element = comma < 0 ? list : list[..comma];
        list = comma < 0 ? default : list[(comma + 1)..];
        return true;
    }

    /// <summary>Checks a list-of-values: no element is empty or longer than a simple value.</summary>
    /// <param name="list">The list.</param>
    public static TextFault CheckList(ReadOnlySpan<byte> list)
    {
        if (list.IsEmpty || list[^1] == ',') return TextFault.BadList;
        while (TryTakeElement(ref list, out var element))
        {
            if (element.IsEmpty) return TextFault.BadList;
            if (element.Length > TextPairReader.MaxSimpleValueBytes) return TextFault.ValueTooLong;
        }
        return TextFault.None;
    }

    /// <summary>True when a list has an element.</summary>
    /// <param name="list">The list.</param>
    /// <param name="element">The element, compared byte by byte.</param>
    public static bool ListContains(ReadOnlySpan<byte> list, ReadOnlySpan<byte> element)
    {
        while (TryTakeElement(ref list, out var candidate))
        {
            if (candidate.SequenceEqual(element)) return true;
        }
        return false;
    }

    /// <summary>True for NotUnderstood, Irrelevant and Reject: an answer by which nothing is agreed on (6.2).</summary>
    /// <param name="value">A value.</param>
    public static bool IsReservedAnswer(ReadOnlySpan<byte> value) =>
        value.SequenceEqual(NotUnderstood) || value.SequenceEqual(Irrelevant) || value.SequenceEqual(Reject);

    private static bool HasPrefix(ReadOnlySpan<byte> text, byte letter) =>
        text.Length > 1 && text[0] == '0' && (text[1] | 0x20) == letter;

    private static TextFault ReadHexNumber(ReadOnlySpan<byte> digits, out ulong number)
    {
        number = 0;
        if (digits.IsEmpty) return TextFault.BadNumber;
        ulong result = 0;
        foreach (var c in digits)
        {
            var nibble = Nibble(c);
            if (nibble < 0 || result >> 60 != 0) return TextFault.BadNumber;
            result = (result << 4) | (uint)nibble;
        }
        number = result;
        return TextFault.None;
    }

    private static TextFault ReadHexBytes(ReadOnlySpan<byte> digits, Span<byte> destination, out int lengthBytes)
    {
        lengthBytes = 0;
        var count = (digits.Length + 1) / 2;
        if (count > destination.Length) return TextFault.ValueTooLong;
        var at = 0;
        var odd = digits.Length % 2;
        for (var i = 0; i < count; i++)
        {
            var high = i == 0 && odd == 1 ? 0 : Nibble(digits[at++]);
            var low = Nibble(digits[at++]);
            if (high < 0 || low < 0) return TextFault.BadBinary;
            destination[i] = (byte)((high << 4) | low);
        }
        lengthBytes = count;
        return TextFault.None;
    }

    private static TextFault ReadBase64(ReadOnlySpan<byte> digits, Span<byte> destination, out int lengthBytes)
    {
        lengthBytes = 0;
        // The decoder skips white space, which RFC 7143 does not allow in a value.
        if (digits.IndexOfAnyInRange((byte)0, (byte)' ') >= 0 || !Base64.IsValid(digits, out var length) || length == 0)
            return TextFault.BadBinary;
        if (length > destination.Length) return TextFault.ValueTooLong;
        Base64.DecodeFromUtf8(digits, destination, out _, out lengthBytes);
        return TextFault.None;
    }

    private static int Nibble(byte c) => c switch
    {
        >= (byte)'0' and <= (byte)'9' => c - '0',
        >= (byte)'a' and <= (byte)'f' => c - 'a' + 10,
        >= (byte)'A' and <= (byte)'F' => c - 'A' + 10,
        _ => -1,
    };
}
