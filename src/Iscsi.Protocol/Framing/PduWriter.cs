using System.Buffers;
using System.IO.Pipelines;
using Reservations;

namespace Iscsi.Protocol;

/// <summary>
/// Writes PDUs into a pipe: header, Additional Header, header digest, data, padding, data digest. For the login phase and for
/// simple peers: what is written is buffered in the pipe until <see cref="FlushAsync"/>.
/// </summary>
/// <remarks>It never asks the pipe for more memory in one piece than it happens to have, so any block size will do.</remarks>
public sealed class PduWriter
{
    private readonly PipeWriter _output;

    /// <summary>Creates a writer.</summary>
    /// <param name="output">Where the bytes go. It is not completed by the writer.</param>
    public PduWriter(PipeWriter output)
    {
        ArgumentNullException.ThrowIfNull(output);
        _output = output;
    }

    /// <summary>Whether headers get a digest.</summary>
    public bool HeaderDigest { get; set; }

    /// <summary>Whether data segments get a digest.</summary>
    public bool DataDigest { get; set; }

    /// <summary>Writes a PDU whose data are in one piece.</summary>
    /// <param name="header">48 bytes; TotalAHSLength and DataSegmentLength are filled in.</param>
    /// <param name="additionalHeader">All Additional Header Segments: a multiple of 4 bytes, at most 1,020.</param>
    /// <param name="data">The data segment without padding, less than 2^24 bytes.</param>
    /// <exception cref="ArgumentOutOfRangeException">A length does not fit its field.</exception>
    public void Write(ReadOnlySpan<byte> header, ReadOnlySpan<byte> additionalHeader = default, ReadOnlySpan<byte> data = default)
    {
        WriteHeader(header, additionalHeader, data.Length);
        _output.Write(data);
        WriteTrailer(DataDigest ? Crc32C.Append(Crc32C.Initial, data) : 0, data.Length);
    }

    /// <summary>Writes a PDU whose data are a sequence.</summary>
    /// <inheritdoc cref="Write(ReadOnlySpan{byte}, ReadOnlySpan{byte}, ReadOnlySpan{byte})"/>
    public void Write(ReadOnlySpan<byte> header, ReadOnlySpan<byte> additionalHeader, in ReadOnlySequence<byte> data)
    {
        var length = (int)Math.Min(data.Length, int.MaxValue);
        WriteHeader(header, additionalHeader, length);
        var crc = Crc32C.Initial;
        foreach (var segment in data)
        {
            _output.Write(segment.Span);
            if (DataDigest) crc = Crc32C.Append(crc, segment.Span);
        }
        WriteTrailer(crc, length);
    }

    /// <summary>Writes a PDU whose data are part of a list of blocks.</summary>
    /// <param name="header">48 bytes; TotalAHSLength and DataSegmentLength are filled in.</param>
    /// <param name="additionalHeader">All Additional Header Segments: a multiple of 4 bytes, at most 1,020.</param>
    /// <param name="data">The list.</param>
    /// <param name="offsetBytes">First byte of the data segment.</param>
    /// <param name="lengthBytes">Bytes of the data segment without padding, less than 2^24.</param>
    /// <exception cref="ArgumentOutOfRangeException">
    /// A length does not fit its field, or the part is not inside the list.
    /// </exception>
    public void Write(
        ReadOnlySpan<byte> header, ReadOnlySpan<byte> additionalHeader, BlockList data, int offsetBytes, int lengthBytes)
    {
        ArgumentNullException.ThrowIfNull(data);
        if ((uint)offsetBytes > (uint)data.Length || (uint)lengthBytes > (uint)(data.Length - offsetBytes))
            throw new ArgumentOutOfRangeException(nameof(lengthBytes), "The data are not inside the list.");
        WriteHeader(header, additionalHeader, lengthBytes);
        var crc = Crc32C.Initial;
        var rest = lengthBytes;
        foreach (var run in data.Runs)
        {
            if (rest == 0) break;
            if (offsetBytes >= run.Length)
            {
                offsetBytes -= run.Length;
                continue;
            }
            var part = run.Span.Slice(offsetBytes, Math.Min(rest, run.Length - offsetBytes));
            _output.Write(part);
            if (DataDigest) crc = Crc32C.Append(crc, part);
            rest -= part.Length;
            offsetBytes = 0;
        }
        WriteTrailer(crc, lengthBytes);
    }

    /// <summary>Sends what was written, and waits while the pipe is full.</summary>
    /// <param name="cancellationToken">Cancels the wait.</param>
    /// <returns>False when the other end no longer reads.</returns>
    public async ValueTask<bool> FlushAsync(CancellationToken cancellationToken = default)
    {
        var flush = await _output.FlushAsync(cancellationToken).ConfigureAwait(false);
        return !flush.IsCompleted;
    }

    private void WriteHeader(ReadOnlySpan<byte> header, ReadOnlySpan<byte> additionalHeader, int dataLength)
    {
        Span<byte> copy = stackalloc byte[BasicHeaderSegment.Size];
        header[..BasicHeaderSegment.Size].CopyTo(copy);
        HeaderBytes.PutTotalAhsLength(copy, additionalHeader.Length);
        HeaderBytes.PutDataSegmentLength(copy, dataLength);
        _output.Write(copy);
        _output.Write(additionalHeader);
        if (!HeaderDigest) return;
        Span<byte> digest = stackalloc byte[Crc32C.DigestLength];
        Protocol.HeaderDigest.Write(copy, additionalHeader, digest);
        _output.Write(digest);
    }

    private void WriteTrailer(uint crc, int dataLength)
    {
        Span<byte> trailer = stackalloc byte[PduTrailer.MaxLength];
        _output.Write(trailer[..PduTrailer.Finish(crc, dataLength, DataDigest, trailer)]);
    }
}
