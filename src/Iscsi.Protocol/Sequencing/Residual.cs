namespace Iscsi.Protocol;

/// <summary>The difference between what an initiator expected to move and what its CDB asked for (RFC 7143, 11.4.5).</summary>
/// <param name="Overflow">The O bit: the CDB asked for <paramref name="Count"/> bytes more than were expected.</param>
/// <param name="Underflow">The U bit: <paramref name="Count"/> bytes fewer than expected were moved.</param>
/// <param name="Count">Bytes; 0 when neither bit is set. Saturated at 2^32 - 1.</param>
public readonly record struct Residual(bool Overflow, bool Underflow, uint Count)
{
    /// <summary>Both sides agree.</summary>
    public static Residual None => default;

    /// <summary>Bytes a command moves: the smaller of the two lengths, none when the directions differ.</summary>
    /// <param name="expectedDirection">The R and W bits.</param>
    /// <param name="expectedDataTransferLength">ExpectedDataTransferLength of the command.</param>
    /// <param name="cdbDirection">Which way the CDB moves data.</param>
    /// <param name="cdbLengthBytes">Bytes the CDB asks for, or, of a command that answers less, bytes of its answer.</param>
    public static uint TransferLength(
        DataDirection expectedDirection, uint expectedDataTransferLength, DataDirection cdbDirection, long cdbLengthBytes) =>
        expectedDirection == cdbDirection ? (uint)Math.Min(expectedDataTransferLength, cdbLengthBytes) : 0;

    /// <summary>The residual of a command that ended with GOOD.</summary>
    /// <remarks>
    /// Where the directions differ nothing is moved: that is an underflow of all that was expected, or, when nothing was
    /// expected, an overflow of all that the CDB asked for.
    /// </remarks>
    /// <inheritdoc cref="TransferLength"/>
    public static Residual Compute(
        DataDirection expectedDirection, uint expectedDataTransferLength, DataDirection cdbDirection, long cdbLengthBytes)
    {
        var wanted = expectedDirection == cdbDirection || expectedDataTransferLength == 0 ? cdbLengthBytes : 0;
        return Of(expectedDataTransferLength, wanted);
    }

    /// <summary>
    /// The residual of a command that moved, or wanted to move, some bytes in the direction expected; also of one that failed
    /// halfway.
    /// </summary>
    /// <param name="expectedDataTransferLength">ExpectedDataTransferLength of the command.</param>
    /// <param name="lengthBytes">Bytes the CDB asked for; of a command that failed, bytes that were moved.</param>
    public static Residual Of(uint expectedDataTransferLength, long lengthBytes)
    {
        var difference = lengthBytes - expectedDataTransferLength;
        return difference switch
        {
            0 => None,
            > 0 => new Residual(Overflow: true, Underflow: false, (uint)Math.Min(difference, uint.MaxValue)),
            _ => new Residual(Overflow: false, Underflow: true, (uint)-difference),
        };
    }
}
