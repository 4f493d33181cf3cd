using Iscsi.Initiator;
using Iscsi.Protocol.Scsi;

namespace Iscsi.Target.Tests.Durability;

/// <summary>SYNCHRONIZE CACHE of the whole of LUN 0 in its two forms (SBC-3, 5.22 and 5.23).</summary>
internal static class SynchronizeCache
{
    public static async Task RunAsync(IscsiSession session, bool isLong)
    {
        var cdb = new byte[isLong ? 16 : 10];
        cdb[0] = isLong ? OperationCode.SynchronizeCache16 : OperationCode.SynchronizeCache10;
        (await session.ExecuteAsync(0, cdb)).ThrowIfFailed("SYNCHRONIZE CACHE");
    }
}
