using Iscsi.Protocol.Scsi;

namespace Iscsi.Target.Scsi.Copy;

/// <summary>Answers that several third-party copy commands share.</summary>
internal static class CopyErrors
{
    /// <summary>CHECK CONDITION, ILLEGAL REQUEST; the start of a copy is given up.</summary>
    public static CopyOperation? Refuse(this ScsiRequest r, AdditionalSense additional)
    {
        r.Fail(SenseKey.IllegalRequest, additional);
        return null;
    }

    /// <summary>ILLEGAL REQUEST with a field of the parameter list; the start of a copy is given up.</summary>
    public static CopyOperation? Refuse(this ScsiRequest r, AdditionalSense additional, int offsetBytes, int? bit = null)
    {
        r.Fail(new SenseData(SenseKey.IllegalRequest, additional) { Field = new FieldPointer(InCdb: false, (ushort)offsetBytes, (byte?)bit) });
        return null;
    }

    /// <summary>Enters a copy into the list of its logical unit; fails the request when it may not begin.</summary>
    public static bool TryBegin(this ScsiRequest r, CopyRecord record)
    {
        switch (r.Unit!.Copies.Begin(record))
        {
            case CopyAdmission.Begun:
                return true;
            case CopyAdmission.ListIdentifierInUse:
                r.Fail(SenseKey.IllegalRequest, AdditionalSense.OperationInProgress);
                return false;
            default:
                r.Busy();
                return false;
        }
    }
}
