namespace Iscsi.Protocol;

/// <summary>One key=value pair of a text, as bytes that lie in the text (RFC 7143, 6.1).</summary>
public readonly ref struct TextPair
{
    /// <summary>Creates a pair.</summary>
    /// <param name="name">The key.</param>
    /// <param name="value">The value, without the terminating NUL.</param>
    public TextPair(ReadOnlySpan<byte> name, ReadOnlySpan<byte> value)
        : this(name, TextKeyTable.Find(name), value)
    {
    }

    internal TextPair(ReadOnlySpan<byte> name, TextKey key, ReadOnlySpan<byte> value)
    {
        Name = name;
        Value = value;
        Key = key;
    }

    /// <summary>The key as sent.</summary>
    public ReadOnlySpan<byte> Name { get; }

    /// <summary>The value, without the terminating NUL.</summary>
    public ReadOnlySpan<byte> Value { get; }

    /// <summary>The key, or <see cref="TextKey.Unknown"/>.</summary>
    public TextKey Key { get; }

    /// <summary>The key for a log line; keys are short and printable.</summary>
    public string NameText => System.Text.Encoding.ASCII.GetString(Name);
}
