using Iscsi.Protocol;
using Iscsi.Protocol.Scsi;

namespace Iscsi.Target.Scsi;

/// <summary>The state of a logical unit: TEST UNIT READY, REQUEST SENSE.</summary>
internal static class UnitCommands
{
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
                ScsiTraits.AllowedDuringOperation | ScsiTraits.AllowedThroughReservations | ScsiTraits.AllowedInEveryAccessState,
            Direction = DataDirection.Read,
            Memory = MemoryNeed.ParameterData,
            Begin = RequestSense,
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
        else
        {
            sense = unit.Medium.PollableSense();
            // SPC-4, MRIE 6h; 00/00 where there is nothing to say.
            if (sense.IsNoSense) sense = new SenseData(SenseKey.NoSense, unit.Exceptions.OnRequest);
        }
        Span<byte> data = stackalloc byte[SenseData.MaxDescriptorSize];
        var length = r.Cdb.Has(1, DescriptorFormat) ? sense.WriteDescriptor(data) : sense.WriteFixed(data);
        return r.Reply(data[..length], r.Cdb[4]);
    }
}
