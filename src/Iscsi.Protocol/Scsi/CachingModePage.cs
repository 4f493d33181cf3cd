namespace Iscsi.Protocol.Scsi;

/// <summary>Caching mode page, 08h (SBC-3): the one field of it that concerns a disk without a cache algorithm of its own.</summary>
public sealed record CachingModePage
{
    /// <summary>PAGE CODE.</summary>
    public const byte Code = 0x08;

    /// <summary>Bytes of the page with its header.</summary>
    public const int Size = 20;

    private const byte WriteCacheEnabledBit = 0x04;

    /// <summary>WCE: a write may end with GOOD before its data are durable. Zero: it ends when they are.</summary>
    public bool WriteCacheEnabled { get; init; }

    // SBC-3, Caching mode page
    //
    //      0|PS    |SPF (0)| PAGE CODE (08h)
    //      1| PAGE LENGTH (12h)
    //      2|IC    |ABPF   |CAP    |DISC   |SIZE   |WCE    |MF     |RCD

    /// <summary>Renders the page, PS zero.</summary>
    /// <returns>Bytes written: <see cref="Size"/>.</returns>
    public int Write(Span<byte> destination)
    {
        var page = destination[..Size];
        page.Clear();
        page[0] = Code;
        page[1] = Size - 2;
        page[2] = WriteCacheEnabled ? WriteCacheEnabledBit : (byte)0;
        return Size;
    }

    /// <summary>Parses the page with its header.</summary>
    /// <returns>Null: it is another page, or too short.</returns>
    public static CachingModePage? TryParse(ReadOnlySpan<byte> page)
    {
        if (page.Length < Size || (page[0] & 0x7F) != Code || page[1] != Size - 2) return null;
        return new CachingModePage { WriteCacheEnabled = (page[2] & WriteCacheEnabledBit) != 0 };
    }
}
