namespace Iscsi.Target.Scsi;

/// <summary>What the task engine does next with a command.</summary>
internal enum ScsiStep
{
    /// <summary>Status, sense and parameter data are there.</summary>
    Done,

    /// <summary>Stream <see cref="ScsiRequest.Transfer"/> from the device to the initiator.</summary>
    ReadMedium,

    /// <summary>Stream <see cref="ScsiRequest.Transfer"/> from the initiator to the device.</summary>
    WriteMedium,

    /// <summary>
    /// Stream <see cref="ScsiRequest.Transfer"/> from the initiator and compare it with the device, burst by burst.
    /// </summary>
    CompareMedium,

    /// <summary>Stream <see cref="ScsiRequest.Transfer"/> like a write, and read each chunk back.</summary>
    WriteAndReadMedium,

    /// <summary>Stream <see cref="ScsiRequest.Transfer"/> like a write, read each chunk back and compare it with what was sent.</summary>
    WriteAndCompareMedium,

    /// <summary>Stream <see cref="ScsiRequest.Transfer"/> from the initiator and set on the device the bits that are set in it.</summary>
    OrMedium,

    /// <summary>Gather <see cref="ScsiRequest.DataOutNeeded"/> bytes and the scratch memory, then execute.</summary>
    CollectDataOut,

    /// <summary>Take the scratch memory, then execute; no data-out.</summary>
    Execute,

    /// <summary>
    /// Gather <see cref="ScsiRequest.DataOutNeeded"/> bytes and the scratch memory, then do what <see cref="ScsiRequest.Copy"/> says, one
    /// request to a device after the other.
    /// </summary>
    Copy,
}
