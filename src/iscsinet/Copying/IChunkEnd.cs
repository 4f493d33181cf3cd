namespace IscsiNet.Cli.Copying;

/// <summary>Where chunks come from.</summary>
internal interface IChunkSource
{
    /// <summary>Chunks must be asked for one after the other: a pipe.</summary>
    bool IsSequential { get; }

    /// <summary>Fills the buffer.</summary>
    /// <returns>Bytes read; fewer than asked for only at the end.</returns>
    ValueTask<int> ReadAsync(long offsetBytes, Memory<byte> buffer, CancellationToken cancellationToken);
}

/// <summary>Where chunks go.</summary>
internal interface IChunkDestination
{
    /// <summary>Chunks must come one after the other: a pipe.</summary>
    bool IsSequential { get; }

    ValueTask WriteAsync(long offsetBytes, ReadOnlyMemory<byte> data, CancellationToken cancellationToken);

    /// <summary>What was written is durable afterwards, as far as the destination can promise it.</summary>
    ValueTask FlushAsync(CancellationToken cancellationToken);
}
