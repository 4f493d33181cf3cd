using Iscsi.Protocol;
using Iscsi.Protocol.Scsi;

namespace Iscsi.Target.Scsi;

internal static class ScsiOutcome
{
    /// <summary>GOOD.</summary>
    public static ScsiStep Good(this ScsiRequest r)
    {
        r.Status = ScsiStatus.Good;
        return ScsiStep.Done;
    }

    /// <summary>CHECK CONDITION; no data.</summary>
    public static ScsiStep Fail(this ScsiRequest r, SenseData sense)
    {
        r.Status = ScsiStatus.CheckCondition;
        r.Sense = sense;
        r.DataInLength = 0;
        r.TransferLength = 0;
        return ScsiStep.Done;
    }

    /// <summary>CHECK CONDITION; no data.</summary>
    public static ScsiStep Fail(this ScsiRequest r, SenseKey key, AdditionalSense additional) => r.Fail(new SenseData(key, additional));

    /// <summary>RESERVATION CONFLICT; no data, no sense.</summary>
    public static ScsiStep Conflict(this ScsiRequest r) => r.End(ScsiStatus.ReservationConflict);

    /// <summary>BUSY: the initiator is to ask again.</summary>
    public static ScsiStep Busy(this ScsiRequest r) => r.End(ScsiStatus.Busy);

    /// <summary>TASK ABORTED; no data, and nothing that the command would have reported.</summary>
    public static void TaskAborted(this ScsiRequest r)
    {
        r.ReportedAttention = UnitAttention.None;
        r.End(ScsiStatus.TaskAborted);
    }

    private static ScsiStep End(this ScsiRequest r, ScsiStatus status)
    {
        r.Status = status;
        r.DataInLength = 0;
        r.TransferLength = 0;
        return ScsiStep.Done;
    }

    /// <summary>05/24/00 with a field pointer into the CDB.</summary>
    /// <param name="r">The request.</param>
    /// <param name="offsetBytes">First byte of the field.</param>
    /// <param name="bit">Leftmost bit of the field; null: whole bytes.</param>
    public static ScsiStep InvalidField(this ScsiRequest r, int offsetBytes, int? bit = null) =>
        r.Fail(new SenseData(SenseKey.IllegalRequest, AdditionalSense.InvalidFieldInCdb)
        {
            Field = new FieldPointer(InCdb: true, (ushort)offsetBytes, (byte?)bit),
        });

    /// <summary>05/26/00 with a field pointer into the parameter list.</summary>
    public static ScsiStep InvalidParameter(this ScsiRequest r, int offsetBytes, int? bit = null) =>
        r.Fail(new SenseData(SenseKey.IllegalRequest, AdditionalSense.InvalidFieldInParameterList)
        {
            Field = new FieldPointer(InCdb: false, (ushort)offsetBytes, (byte?)bit),
        });
}
