namespace IscsiNet.Cli.Copying;

/// <summary>A pipe, or a file that is read or written from its start to its end.</summary>
internal sealed class StreamEnd(Stream stream) : IChunkSource, IChunkDestination
{
    public bool IsSequential => true;

    public async ValueTask<int> ReadAsync(long offsetBytes, Memory<byte> buffer, CancellationToken cancellationToken) =>
        await stream.ReadAtLeastAsync(buffer, buffer.Length, throwOnEndOfStream: false, cancellationToken).ConfigureAwait(false);

    public ValueTask WriteAsync(long offsetBytes, ReadOnlyMemory<byte> data, CancellationToken cancellationToken) =>
        stream.WriteAsync(data, cancellationToken);

    public async ValueTask FlushAsync(CancellationToken cancellationToken)
    {
        if (stream is FileStream { CanSeek: true } file) file.Flush(flushToDisk: true);
        else await stream.FlushAsync(cancellationToken).ConfigureAwait(false);
    }
}
