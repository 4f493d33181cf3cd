using System.Buffers;
using System.Text.Unicode;

namespace Iscsi.Protocol;

// RFC 7143, 6.1: text is a sequence of  key=value NUL  key=value NUL …
//   key    1 to 63 of A-Z a-z 0-9 . - + @ _
//   value  UTF-8, its own limit by key

/// <summary>
/// Reads the pairs of a text in order. Runs of NUL between pairs are skipped, as every known implementation does: some pad with them.
/// The first fault ends the reading.
/// </summary>
public ref struct TextPairReader
{
    /// <summary>Longest key in bytes (RFC 7143, 6.1: standard-label).</summary>
    public const int MaxKeyBytes = 63;

    /// <summary>Longest value in bytes that is read at all; most keys allow <see cref="MaxSimpleValueBytes"/>.</summary>
    public const int MaxValueBytes = 8192;

    /// <summary>Longest simple value in bytes (RFC 7143, 6.1).</summary>
    public const int MaxSimpleValueBytes = 255;

    private static readonly SearchValues<byte> KeyCharacters =
        SearchValues.Create("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789.-+@_"u8);

    private ReadOnlySpan<byte> _rest;

    /// <summary>Reads a complete text: the data segments of one sequence, joined.</summary>
    /// <param name="text">The bytes; padding is not part of them.</param>
    public TextPairReader(ReadOnlySpan<byte> text) => _rest = text;

    /// <summary>Why <see cref="TryRead"/> stopped; None at the end of the text.</summary>
    public TextFault Fault { get; private set; }

    /// <summary>Reads the next pair.</summary>
    /// <param name="pair">The pair.</param>
    /// <returns>False at the end of the text and at a fault.</returns>
    public bool TryRead(out TextPair pair)
    {
        pair = default;
        if (Fault != TextFault.None) return false;
        if (_rest.IsEmpty || (_rest[0] == 0 && !TrySkipPadding())) return false;

        var equals = _rest.IndexOfAny((byte)'=', (byte)0);
        var name = equals < 0 ? _rest : _rest[..equals];
        if (name.Length > MaxKeyBytes) return Fail(TextFault.KeyTooLong);
        if (equals < 0) return Fail(name.ContainsAnyExcept(KeyCharacters) ? TextFault.BadKeyCharacter : TextFault.NotTerminated);
        if (_rest[equals] == 0) return Fail(TextFault.MissingEquals);
        if (name.IsEmpty) return Fail(TextFault.EmptyKey);
        var key = TextKeyTable.Find(name);
        // The known ones are of such characters.
        if (key == TextKey.Unknown && name.ContainsAnyExcept(KeyCharacters)) return Fail(TextFault.BadKeyCharacter);

        var value = _rest[(equals + 1)..];
        var end = value.IndexOf((byte)0);
        if (end < 0) return Fail(value.Length > MaxValueBytes ? TextFault.ValueTooLong : TextFault.NotTerminated);
        if (end > MaxValueBytes) return Fail(TextFault.ValueTooLong);
        _rest = value[(end + 1)..];
        value = value[..end];
        if (!Utf8.IsValid(value)) return Fail(TextFault.NotUtf8);

        pair = new TextPair(name, key, value);
        return true;
    }

    private bool TrySkipPadding()
    {
        var start = _rest.IndexOfAnyExcept((byte)0);
        _rest = start < 0 ? default : _rest[start..];
        return start >= 0;
    }

    private bool Fail(TextFault fault)
    {
        Fault = fault;
        _rest = default;
        return false;
    }
}
