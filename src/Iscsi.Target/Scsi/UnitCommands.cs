using Iscsi.Protocol;
using Iscsi.Protocol.Scsi;

namespace Iscsi.Target.Scsi;

/// <summary>The state of a logical unit: TEST UNIT READY, REQUEST SENSE, START STOP UNIT.</summary>
internal static class UnitCommands
{
    private const byte Immediate = 0x01;
    private const byte NoFlush = 0x04;
    private const byte Start = 0x01;
    private const byte PowerCondition = 0xF0;
    private const byte DescriptorFormat = 0x01;

    /// <summary>The rows.</summary>
    public static readonly ScsiCommandRow[] Rows =
    [
        // The gates say it all.
        new()
        {
            Name = "TEST UNIT READY",
            Usage = [OperationCode.TestUnitReady, 0, 0, 0, 0, 0],
            Traits = ScsiTraits.AllowedThroughReservation,
            Begin = static r => r.Good(),
        },

        // SPC-4: byte 1 DESC, byte 4 ALLOCATION LENGTH
        new()
        {
            Name = "REQUEST SENSE",
            Usage = [OperationCode.RequestSense, DescriptorFormat, 0, 0, 0xFF, 0],
            Traits = ScsiTraits.AnyLun | ScsiTraits.AllowedDuringUnitAttention | ScsiTraits.AllowedWhenStopped |
                ScsiTraits.AllowedThroughReservations,
            Direction = DataDirection.Read,
            Memory = MemoryNeed.ParameterData,
            Begin = RequestSense,
        },

        // SBC-3: byte 1 IMMED, byte 3 POWER CONDITION MODIFIER, byte 4 POWER CONDITION (4), NO_FLUSH, LOEJ, START
        new()
        {
            Name = "START STOP UNIT",
            Usage = [OperationCode.StartStopUnit, Immediate, 0, 0, NoFlush | Start, 0],
            Traits = ScsiTraits.AllowedWhenStopped,
            // SBC-3: starting harms nobody, unless it sets a power condition.
            PassesReservations = static r => r.Cdb.Has(4, Start) && !r.Cdb.Has(4, PowerCondition),
            RecommendedTimeoutSeconds = 60,
            Begin = BeginStartStop,
            Execute = StopAsync,
        },
    ];

    private static ScsiStep RequestSense(ScsiRequest r)
    {
        SenseData sense;
        if (r.Unit is not { } unit)
        {
            sense = new SenseData(SenseKey.IllegalRequest, AdditionalSense.LogicalUnitNotSupported);
        }
        else if (r.Nexus.Pending(unit).First() is var attention && attention != UnitAttention.None)
        {
            sense = unit.SenseOf(attention);
            r.ReportedAttention = attention;
        }
        else if (unit.IsStopped)
        {
            sense = new SenseData(SenseKey.NotReady, AdditionalSense.InitializingCommandRequired);
        }
        else
        {
            // SPC-4, MRIE 6h; 00/00 where there is nothing to say.
            sense = new SenseData(SenseKey.NoSense, unit.Exceptions.OnRequest);
        }
        Span<byte> data = stackalloc byte[SenseData.MaxDescriptorSize];
        var length = r.Cdb.Has(1, DescriptorFormat) ? sense.WriteDescriptor(data) : sense.WriteFixed(data);
        return r.Reply(data[..length], r.Cdb[4]);
    }

    private static ScsiStep BeginStartStop(ScsiRequest r)
    {
        var unit = r.Unit!;
        if (r.Cdb.Has(4, Start))
        {
            unit.IsStopped = false;
            return r.Good();
        }
        if (r.Cdb.Has(4, NoFlush) || unit.IsStopped || unit.Info.IsReadOnly)
        {
            unit.IsStopped = true;
            return r.Good();
        }
        if (unit.IsWriteErrorLatched) return r.Fail(SenseKey.MediumError, AdditionalSense.WriteError);
        r.NeedsStore = true;
        return ScsiStep.Execute;
    }

    // IMMED asks for status before the work is done. Status comes with the work here, so that a failed flush is never reported as
    // GOOD.
    private static async ValueTask StopAsync(ScsiRequest r)
    {
        var unit = r.Unit!;
        await unit.FlushAsync(r.Cancellation).ConfigureAwait(false);
        unit.IsStopped = true;
    }
}
