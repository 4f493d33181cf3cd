using System.Buffers;
using System.Buffers.Text;
using System.Text;

namespace Iscsi.Protocol;

/// <summary>
/// Writes key=value pairs, each with its NUL, into a span. A pair that does not fit is left out whole and sets
/// <see cref="IsOverflowed"/>; nothing is written after that.
/// </summary>
public ref struct TextBuilder
{
    private readonly Span<byte> _destination;

    /// <summary>Writes to the start of a span.</summary>
    /// <param name="destination">Where the text goes.</param>
    public TextBuilder(Span<byte> destination) => _destination = destination;

    /// <summary>Bytes written.</summary>
    public int LengthBytes { get; private set; }

    /// <summary>True when a pair did not fit.</summary>
    public bool IsOverflowed { get; private set; }

    /// <summary>The text so far.</summary>
    public readonly ReadOnlySpan<byte> Text => _destination[..LengthBytes];

    /// <summary>Appends a pair.</summary>
    /// <param name="name">The key.</param>
    /// <param name="value">The value.</param>
    public void Add(scoped ReadOnlySpan<byte> name, scoped ReadOnlySpan<byte> value)
    {
        var room = Begin(name, value.Length);
        if (IsOverflowed) return;
        value.CopyTo(room);
        End(name, value.Length);
    }

    /// <summary>Appends a pair with a text value.</summary>
    /// <param name="key">The key.</param>
    /// <param name="value">The value, written as UTF-8.</param>
    public void Add(TextKey key, string value)
    {
        var name = TextKeyTable.NameBytes(key);
        var length = Encoding.UTF8.GetByteCount(value);
        var room = Begin(name, length);
        if (IsOverflowed) return;
        Encoding.UTF8.GetBytes(value, room);
        End(name, length);
    }

    /// <summary>Appends a pair.</summary>
    /// <param name="key">The key.</param>
    /// <param name="value">The value.</param>
    public void Add(TextKey key, scoped ReadOnlySpan<byte> value) => Add(TextKeyTable.NameBytes(key), value);

    /// <summary>Appends a pair with a decimal number.</summary>
    /// <param name="key">The key.</param>
    /// <param name="value">The number.</param>
    public void Add(TextKey key, uint value)
    {
        Span<byte> digits = stackalloc byte[10];
        Utf8Formatter.TryFormat(value, digits, out var length);
        Add(key, digits[..length]);
    }

    /// <summary>Appends a pair with Yes or No.</summary>
    /// <param name="key">The key.</param>
    /// <param name="value">True for Yes.</param>
    public void Add(TextKey key, bool value) => Add(key, value ? TextValue.Yes : TextValue.No);

    /// <summary>Appends a pair with a binary value.</summary>
    /// <param name="key">The key.</param>
    /// <param name="value">The bytes.</param>
    /// <param name="encoding">How they are written.</param>
    public void AddBinary(TextKey key, scoped ReadOnlySpan<byte> value, BinaryTextEncoding encoding)
    {
        var name = TextKeyTable.NameBytes(key);
        var isHex = encoding == BinaryTextEncoding.Hex;
        var length = 2 + (isHex ? value.Length * 2 : Base64.GetMaxEncodedToUtf8Length(value.Length));
        var room = Begin(name, length);
        if (IsOverflowed) return;
        (isHex ? "0x"u8 : "0b"u8).CopyTo(room);
        if (isHex) Convert.TryToHexStringLower(value, room[2..], out _);
        else Base64.EncodeToUtf8(value, room[2..], out _, out _);
        End(name, length);
    }

    // Room for the value, after "name="; sets IsOverflowed when name, '=', value and NUL do not fit.
    private Span<byte> Begin(scoped ReadOnlySpan<byte> name, int valueLength)
    {
        var rest = _destination[LengthBytes..];
        if (IsOverflowed || rest.Length < name.Length + valueLength + 2)
        {
            IsOverflowed = true;
            return default;
        }
        name.CopyTo(rest);
        rest[name.Length] = (byte)'=';
        return rest[(name.Length + 1)..];
    }

    private void End(scoped ReadOnlySpan<byte> name, int valueLength)
    {
        LengthBytes += name.Length + 1 + valueLength;
        _destination[LengthBytes++] = 0;
    }
}
