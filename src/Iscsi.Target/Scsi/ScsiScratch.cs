using Iscsi.Protocol.Scsi;
using Reservations;

namespace Iscsi.Target.Scsi;

/// <summary>Memory of the commands that execute with a scratch.</summary>
internal static class ScsiScratch
{
    /// <summary>Scratch for work on blocks: whole blocks, as many as are useful and as the bound on a demand leaves.</summary>
    public static int Bytes(LogicalUnit unit, long blockCount, int gatheredBytes)
    {
        var blockSize = unit.Info.BlockSize;
        var bytes = Math.Min(ScsiLimits.MaxScratchBytes, unit.Limits.AllAtOnceBytes - gatheredBytes);
        bytes = (int)Math.Min(bytes, blockCount * blockSize);
        return Math.Max(1, bytes / blockSize) * blockSize;
    }

    /// <summary>Asks for one block of data-out. The initiator must offer exactly that: half a pattern has no meaning.</summary>
    public static ScsiStep CollectOneBlock(this ScsiRequest r, int blockSize, int scratchBytes)
    {
        if (r.ExpectedDataTransferLength != blockSize) return r.Fail(SenseKey.IllegalRequest, AdditionalSense.InvalidFieldInCdb);
        r.TransferLength = blockSize;
        r.DataOutNeeded = blockSize;
        r.ScratchBytes = scratchBytes;
        return ScsiStep.CollectDataOut;
    }

    /// <summary>Asks for all data-out at once. The initiator must offer exactly that: the command does all of it or nothing.</summary>
    public static ScsiStep CollectAll(this ScsiRequest r, int lengthBytes, int scratchBytes)
    {
        if (r.ExpectedDataTransferLength != lengthBytes || (lengthBytes > 0 && !r.ExpectsDataOut))
            return r.Fail(SenseKey.IllegalRequest, AdditionalSense.InvalidFieldInCdb);
        if (lengthBytes == 0) return r.Good();
        r.TransferLength = lengthBytes;
        r.DataOutNeeded = lengthBytes;
        r.ScratchBytes = scratchBytes;
        return ScsiStep.CollectDataOut;
    }

    /// <summary>Whether the block is there; fails the request otherwise.</summary>
    public static bool HasWholeBlock(this ScsiRequest r)
    {
        if (r.DataOut.Length >= r.DataOutNeeded) return true;
        r.Fail(SenseKey.IllegalRequest, AdditionalSense.InvalidFieldInCdb);
        return false;
    }

    /// <summary>Points the window at the first bytes of a list.</summary>
    public static void SetWindow(this ScsiRequest r, BlockList list, int lengthBytes) => r.SetWindow(list, 0, lengthBytes);

    /// <summary>Points the window at a part of a list.</summary>
    public static void SetWindow(this ScsiRequest r, BlockList list, int offsetBytes, int lengthBytes)
    {
        r.Window.Clear();
        r.Window.AddSlice(list, offsetBytes, lengthBytes);
    }
}
