using System.Collections.Immutable;
using Iscsi.Protocol.Scsi;
using Iscsi.Storage;

namespace Iscsi.Target.Scsi.Copy;

/// <summary>Copies from a token, or zeroes (SBC-3, WRITE USING TOKEN).</summary>
/// <param name="record">What is told about it.</param>
/// <param name="token">The token, in use; null: the block device zero token.</param>
/// <param name="offsetBytes">Where in the token's data to begin.</param>
/// <param name="destinations">Where the data go.</param>
/// <param name="deletesToken">DEL_TKN: the token ends with the copy.</param>
internal sealed class WriteUsingTokenOperation(
    CopyRecord record, RodToken? token, long offsetBytes, ImmutableArray<BlockRange> destinations, bool deletesToken) : CopyOperation(record)
{
    private int _destination;
    private long _destinationDone;
    private int _source;
    private long _sourceDone = offsetBytes;
    private bool _isReleased;

    /// <inheritdoc/>
    protected override void OnEnd()
    {
        if (token is null || _isReleased) return;
        _isReleased = true;
        if (deletesToken) token.Unit.RodTokens.Delete(token);
        token.Unit.RodTokens.Release(token);
    }

    /// <inheritdoc/>
    protected override bool TryNextExtent(ScsiRequest r, out CopyExtent extent)
    {
        extent = default;
        if (_destination == destinations.Length) return false;
        var destination = destinations[_destination];
        var blockSize = r.Unit!.Info.BlockSize;
        var lengthBytes = (destination.Count * blockSize) - _destinationDone;
        var to = destination.Lba + (_destinationDone / blockSize);
        if (token is null)
        {
            extent = new CopyExtent(null, 0, r.Unit, to, lengthBytes);
        }
        else
        {
            while (_sourceDone >= token.Ranges[_source].Count * token.BlockSize) _sourceDone -= token.Ranges[_source++].Count * token.BlockSize;
            var source = token.Ranges[_source];
            lengthBytes = Math.Min(lengthBytes, (source.Count * token.BlockSize) - _sourceDone);
            extent = new CopyExtent(token.Unit, source.Lba + (_sourceDone / token.BlockSize), r.Unit, to, lengthBytes);
            _sourceDone += lengthBytes;
        }
        _destinationDone += lengthBytes;
        if (_destinationDone == destination.Count * blockSize)
        {
            _destination++;
            _destinationDone = 0;
        }
        return true;
    }

    /// <inheritdoc/>
    protected override bool CheckSource(ScsiRequest r)
    {
        if (token is null || token.State == RodTokenState.Valid) return true;
        r.Fail(SenseKey.IllegalRequest, UnitRodTokens.Reason(token.State));
        return false;
    }

    // The data's own disk is what the initiator asked; a token's disk is somebody else.
    /// <inheritdoc/>
    protected override SenseData Failure(in CopyIo io, SenseData cause) =>
        io.Unit is null || io.IsWrite ? cause : new SenseData(SenseKey.CopyAborted, AdditionalSense.ThirdPartyDeviceFailure);
}
