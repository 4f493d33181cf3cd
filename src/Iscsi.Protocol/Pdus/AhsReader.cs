using System.Buffers.Binary;

namespace Iscsi.Protocol;

/// <summary>Goes through the Additional Header Segments of a PDU (RFC 7143, 11.2.2), checking every length.</summary>
public ref struct AhsReader
{
    private const int FixedBytes = 3;
    private ReadOnlySpan<byte> _rest;

    /// <summary>Starts before the first one.</summary>
    /// <param name="additionalHeader">All of them: TotalAHSLength words.</param>
    public AhsReader(ReadOnlySpan<byte> additionalHeader)
    {
        _rest = additionalHeader;
        Current = default;
        Fault = PduFault.None;
    }

    /// <summary>The segment that <see cref="MoveNext"/> came to.</summary>
    public AdditionalHeaderSegment Current { get; private set; }

    /// <summary><see cref="PduFault.AhsMalformed"/> when a length lies: then there is no next one.</summary>
    public PduFault Fault { get; private set; }

    /// <summary>Goes to the next segment.</summary>
    /// <returns>False at the end and at a fault.</returns>
    public bool MoveNext()
    {
        if (_rest.IsEmpty || Fault != PduFault.None) return false;
        var paddedLength = 0;
        var specificLength = 0;
        if (_rest.Length > FixedBytes)
        {
            specificLength = BinaryPrimitives.ReadUInt16BigEndian(_rest);
            paddedLength = FixedBytes + specificLength + PduPadding.Of(FixedBytes + specificLength);
        }
        // AHSLength 0 would be 3 bytes and a pad byte; it is well formed, but no type has it.
        if (paddedLength == 0 || paddedLength > _rest.Length)
        {
            Fault = PduFault.AhsMalformed;
            return false;
        }
        Current = new AdditionalHeaderSegment((AhsType)(_rest[2] & 0x3F), _rest.Slice(FixedBytes, specificLength));
        _rest = _rest[paddedLength..];
        return true;
    }

    /// <summary>Itself, for <c>foreach</c>.</summary>
    public readonly AhsReader GetEnumerator() => this;
}
