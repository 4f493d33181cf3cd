using System.Buffers.Binary;

namespace Iscsi.Target.Scsi;

/// <summary>
/// Parameter data on their way into a request's <see cref="ScsiRequest.DataIn"/>, cut at the allocation length. Length fields say
/// what is available, not what fits (SPC-4, ALLOCATION LENGTH field), so they are written first and nothing is patched.
/// </summary>
internal struct ParameterDataWriter
{
    private readonly ScsiRequest _request;
    private readonly int _limit;
    private int _position;

    /// <summary>Starts writing.</summary>
    /// <param name="request">The request.</param>
    /// <param name="allocationLength">ALLOCATION LENGTH of the CDB.</param>
    public ParameterDataWriter(ScsiRequest request, uint allocationLength)
    {
        _request = request;
        _limit = (int)Math.Min(allocationLength, (uint)request.DataIn.Length);
    }

    /// <summary>Appends bytes.</summary>
    public void Put(ReadOnlySpan<byte> bytes)
    {
        if (_position + bytes.Length > _limit) bytes = bytes[..(_limit - _position)];
        if (bytes.IsEmpty) return;
        _request.DataIn.CopyFrom(_position, bytes);
        _position += bytes.Length;
    }

    /// <summary>Appends 32 bits.</summary>
    public void PutUInt32(uint value)
    {
        Span<byte> bytes = stackalloc byte[4];
        BinaryPrimitives.WriteUInt32BigEndian(bytes, value);
        Put(bytes);
    }

    /// <summary>Appends 64 bits.</summary>
    public void PutUInt64(ulong value)
    {
        Span<byte> bytes = stackalloc byte[8];
        BinaryPrimitives.WriteUInt64BigEndian(bytes, value);
        Put(bytes);
    }

    /// <summary>Completes the command with GOOD.</summary>
    public readonly ScsiStep Good()
    {
        _request.DataInLength = _position;
        _request.TransferLength = _position;
        return _request.Good();
    }
}

/// <summary>Completion with parameter data.</summary>
internal static class ScsiParameterData
{
    /// <summary>GOOD with parameter data, cut at the allocation length.</summary>
    public static ScsiStep Reply(this ScsiRequest r, ReadOnlySpan<byte> data, uint allocationLength)
    {
        var writer = new ParameterDataWriter(r, allocationLength);
        writer.Put(data);
        return writer.Good();
    }
}
