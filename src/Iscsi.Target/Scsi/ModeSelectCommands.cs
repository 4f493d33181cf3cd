using Iscsi.Protocol;
using Iscsi.Protocol.Scsi;
using Iscsi.Storage;

namespace Iscsi.Target.Scsi;

/// <summary>MODE SELECT (SPC-4).</summary>
internal static class ModeSelectCommands
{
    private const byte PageFormat = 0x10;
    private const byte SavePages = 0x01;

    /// <summary>The rows. SP is in the masks where the unit has a file for its state.</summary>
    public static readonly ScsiCommandRow[] Rows =
    [
        // byte 1 PF and SP, byte 4 PARAMETER LIST LENGTH
        Row("MODE SELECT (6)", [OperationCode.ModeSelect6, PageFormat | SavePages, 0, 0, 0xFF, 0]),

        // byte 1 PF and SP, byte 7 PARAMETER LIST LENGTH (2)
        Row("MODE SELECT (10)", [OperationCode.ModeSelect10, PageFormat | SavePages, 0, 0, 0, 0, 0, 0xFF, 0xFF, 0]),
    ];

    private static ScsiCommandRow Row(string name, byte[] usage) => new()
    {
        Name = name,
        Usage = usage,
        Conditional = new ConditionalBits(1, SavePages, static unit => unit.State.IsKept),
        Traits = ScsiTraits.AllowedWhenStopped | ScsiTraits.AllowedInStandby,
        Direction = DataDirection.Write,
        Memory = MemoryNeed.AllAtOnce,
        Begin = Begin,
        Execute = ExecuteAsync,
    };

    private static ScsiStep Begin(ScsiRequest r)
    {
        var length = IsLong(r) ? r.Cdb.UInt16(7) : r.Cdb[4];
        // SPC-4: no list is no error; with SP the pages are saved as they are.
        if (length == 0) return r.Cdb.Has(1, SavePages) ? ScsiStep.Execute : r.Good();
        if (length > ModeParameterList.MaxSize) return r.Fail(SenseKey.IllegalRequest, AdditionalSense.ParameterListLengthError);
        r.TransferLength = length;
        r.DataOutNeeded = length;
        // Alone with all blocks: what is in the device's queue has ended before a change is in force, so no write that began with the
        // cache ends after it was switched off.
        r.NeedsStore = true;
        r.LockedRange = new BlockRange(0, r.Unit!.Info.BlockCount);
        r.IsAloneWithRange = true;
        return ScsiStep.CollectDataOut;
    }

    private static async ValueTask ExecuteAsync(ScsiRequest r)
    {
        var unit = r.Unit!;
        var values = unit.Modes.CopyCurrent();
        if (r.DataOutNeeded > 0 && Parse(r, values) is { } error)
        {
            r.Fail(error);
            return;
        }
        if (!await FlushBeforeAsync(r, values).ConfigureAwait(false)) return;
        bool isChange;
        if (!r.Cdb.Has(1, SavePages))
        {
            isChange = unit.Modes.Apply(values, saves: false);
        }
        else
        {
            try
            {
                // A few flushes of another file: not on the session's executor.
                isChange = await Task.Run(() => unit.Modes.Apply(values, saves: true)).ConfigureAwait(false);
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException)
            {
                r.Fail(SenseKey.HardwareError, AdditionalSense.InternalTargetFailure);
                return;
            }
        }
        if (!isChange) return;
        r.Units.Raise(unit, UnitAttention.ModeParametersChanged, except: r.Nexus);
        unit.Exceptions.Tell(r.Units);
    }

    // What is in the cache is durable before writes are refused (SWP) or promised to be durable (WCE zero): SPC-4, SBC-3.
    private static async ValueTask<bool> FlushBeforeAsync(ScsiRequest r, byte[][] values)
    {
        var unit = r.Unit!;
        var protects = ControlModePage.TryParse(values[ModePages.Control])!.SoftwareWriteProtect && !unit.Control.SoftwareWriteProtect;
        var endsCache = !CachingModePage.TryParse(values[ModePages.Caching])!.WriteCacheEnabled && unit.Caching.WriteCacheEnabled;
        if ((!protects && !endsCache) || unit.Info.IsReadOnly) return true;
        try
        {
            if (!unit.IsWriteErrorLatched)
            {
                await unit.FlushAsync(r.Cancellation).ConfigureAwait(false);
                return true;
            }
        }
        catch (IOException)
        {
            // Told below, as every later write will be.
        }
        r.Fail(SenseKey.MediumError, AdditionalSense.WriteError);
        return false;
    }

    private static SenseData? Parse(ScsiRequest r, byte[][] values)
    {
        // The initiator offered less than the CDB announced.
        if (r.DataOut.Length < r.DataOutNeeded) return new SenseData(SenseKey.IllegalRequest, AdditionalSense.ParameterListLengthError);
        Span<byte> list = stackalloc byte[r.DataOutNeeded];
        r.DataOut.CopyTo(0, list);
        return ModeParameterList.Apply(
            r.Unit!, list, IsLong(r) ? ModeParameterList.Header10 : ModeParameterList.Header6, r.Cdb.Has(1, PageFormat), values);
    }

    private static bool IsLong(ScsiRequest r) => r.Row!.CdbLength > 6;
}
