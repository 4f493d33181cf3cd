using System.Collections.Immutable;
using Iscsi.Protocol.Scsi;
using Iscsi.Storage;

namespace Iscsi.Target.Scsi.Copy;

/// <summary>
/// Makes a token (SBC-3, POPULATE TOKEN): alone with all its blocks for a moment, so that every write that began before has ended, and every later one finds
/// the token and revokes it first.
/// </summary>
internal sealed class PopulateTokenOperation(CopyRecord record, ImmutableArray<BlockRange> ranges, TimeSpan inactivityTimeout) : CopyOperation(record)
{
    /// <inheritdoc/>
    protected override bool TryNextExtent(ScsiRequest r, out CopyExtent extent)
    {
        extent = default;
        return false;
    }

    /// <inheritdoc/>
    protected override bool TryGetBarrier(out BlockRange range)
    {
        long first = long.MaxValue, end = 0;
        foreach (var one in ranges)
        {
            first = Math.Min(first, one.Lba);
            end = Math.Max(end, one.Lba + one.Count);
        }
        range = new BlockRange(first, end - first);
        return true;
    }

    /// <inheritdoc/>
    protected override void OnAlone(ScsiRequest r)
    {
        Record.Token = r.Unit!.RodTokens.Create(r.Unit, ranges, inactivityTimeout);
        if (Record.Token is null) r.Fail(SenseKey.IllegalRequest, AdditionalSense.InsufficientResourcesToCreateRodToken);
        else Record.OnTransferred(Record.Token.LengthBytes);
    }

    /// <inheritdoc/>
    protected override SenseData Failure(in CopyIo io, SenseData cause) => cause;
}
