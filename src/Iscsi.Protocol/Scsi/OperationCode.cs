namespace Iscsi.Protocol.Scsi;

/// <summary>
/// SCSI operation codes and service actions, named as in SPC-4 and SBC-3. Clauses of these standards are cited by their titles,
/// because the numbers differ between revisions.
/// </summary>
public static class OperationCode
{
    /// <summary>TEST UNIT READY.</summary>
    public const byte TestUnitReady = 0x00;

    /// <summary>REQUEST SENSE.</summary>
    public const byte RequestSense = 0x03;

    /// <summary>FORMAT UNIT.</summary>
    public const byte FormatUnit = 0x04;

    /// <summary>READ (6).</summary>
    public const byte Read6 = 0x08;

    /// <summary>WRITE (6).</summary>
    public const byte Write6 = 0x0A;

    /// <summary>INQUIRY.</summary>
    public const byte Inquiry = 0x12;

    /// <summary>MODE SELECT (6).</summary>
    public const byte ModeSelect6 = 0x15;

    /// <summary>RESERVE (6) (SPC-2).</summary>
    public const byte Reserve6 = 0x16;

    /// <summary>RELEASE (6) (SPC-2).</summary>
    public const byte Release6 = 0x17;

    /// <summary>MODE SENSE (6).</summary>
    public const byte ModeSense6 = 0x1A;

    /// <summary>RECEIVE DIAGNOSTIC RESULTS.</summary>
    public const byte ReceiveDiagnosticResults = 0x1C;

    /// <summary>SEND DIAGNOSTIC.</summary>
    public const byte SendDiagnostic = 0x1D;

    /// <summary>START STOP UNIT.</summary>
    public const byte StartStopUnit = 0x1B;

    /// <summary>PREVENT ALLOW MEDIUM REMOVAL.</summary>
    public const byte PreventAllowMediumRemoval = 0x1E;

    /// <summary>READ CAPACITY (10).</summary>
    public const byte ReadCapacity10 = 0x25;

    /// <summary>READ (10).</summary>
    public const byte Read10 = 0x28;

    /// <summary>WRITE (10).</summary>
    public const byte Write10 = 0x2A;

    /// <summary>WRITE AND VERIFY (10).</summary>
    public const byte WriteAndVerify10 = 0x2E;

    /// <summary>VERIFY (10).</summary>
    public const byte Verify10 = 0x2F;

    /// <summary>PRE-FETCH (10).</summary>
    public const byte PreFetch10 = 0x34;

    /// <summary>SYNCHRONIZE CACHE (10).</summary>
    public const byte SynchronizeCache10 = 0x35;

    /// <summary>READ DEFECT DATA (10).</summary>
    public const byte ReadDefectData10 = 0x37;

    /// <summary>WRITE BUFFER.</summary>
    public const byte WriteBuffer = 0x3B;

    /// <summary>READ BUFFER (10).</summary>
    public const byte ReadBuffer = 0x3C;

    /// <summary>WRITE SAME (10).</summary>
    public const byte WriteSame10 = 0x41;

    /// <summary>UNMAP.</summary>
    public const byte Unmap = 0x42;

    /// <summary>SANITIZE.</summary>
    public const byte Sanitize = 0x48;

    /// <summary>LOG SELECT.</summary>
    public const byte LogSelect = 0x4C;

    /// <summary>LOG SENSE.</summary>
    public const byte LogSense = 0x4D;

    /// <summary>MODE SELECT (10).</summary>
    public const byte ModeSelect10 = 0x55;

    /// <summary>RESERVE (10) (SPC-2).</summary>
    public const byte Reserve10 = 0x56;

    /// <summary>RELEASE (10) (SPC-2).</summary>
    public const byte Release10 = 0x57;

    /// <summary>PERSISTENT RESERVE IN.</summary>
    public const byte PersistentReserveIn = 0x5E;

    /// <summary>PERSISTENT RESERVE OUT.</summary>
    public const byte PersistentReserveOut = 0x5F;

    /// <summary>MODE SENSE (10).</summary>
    public const byte ModeSense10 = 0x5A;

    /// <summary>EXTENDED COPY and the other third-party copy commands with data-out.</summary>
    public const byte ThirdPartyCopyOut = 0x83;

    /// <summary>RECEIVE COPY STATUS and the other third-party copy commands with data-in.</summary>
    public const byte ThirdPartyCopyIn = 0x84;

    /// <summary>READ (16).</summary>
    public const byte Read16 = 0x88;

    /// <summary>COMPARE AND WRITE.</summary>
    public const byte CompareAndWrite = 0x89;

    /// <summary>WRITE (16).</summary>
    public const byte Write16 = 0x8A;

    /// <summary>ORWRITE (16).</summary>
    public const byte OrWrite16 = 0x8B;

    /// <summary>WRITE AND VERIFY (16).</summary>
    public const byte WriteAndVerify16 = 0x8E;

    /// <summary>VERIFY (16).</summary>
    public const byte Verify16 = 0x8F;

    /// <summary>PRE-FETCH (16).</summary>
    public const byte PreFetch16 = 0x90;

    /// <summary>SYNCHRONIZE CACHE (16).</summary>
    public const byte SynchronizeCache16 = 0x91;

    /// <summary>WRITE SAME (16).</summary>
    public const byte WriteSame16 = 0x93;

    /// <summary>WRITE ATOMIC (16).</summary>
    public const byte WriteAtomic16 = 0x9C;

    /// <summary>SERVICE ACTION IN (16).</summary>
    public const byte ServiceActionIn16 = 0x9E;

    /// <summary>REPORT LUNS.</summary>
    public const byte ReportLuns = 0xA0;

    /// <summary>MAINTENANCE IN.</summary>
    public const byte MaintenanceIn = 0xA3;

    /// <summary>MAINTENANCE OUT.</summary>
    public const byte MaintenanceOut = 0xA4;

    /// <summary>READ (12).</summary>
    public const byte Read12 = 0xA8;

    /// <summary>WRITE (12).</summary>
    public const byte Write12 = 0xAA;

    /// <summary>WRITE AND VERIFY (12).</summary>
    public const byte WriteAndVerify12 = 0xAE;

    /// <summary>VERIFY (12).</summary>
    public const byte Verify12 = 0xAF;

    /// <summary>READ DEFECT DATA (12).</summary>
    public const byte ReadDefectData12 = 0xB7;

    /// <summary>Service action of <see cref="ServiceActionIn16"/>: READ CAPACITY (16).</summary>
    public const byte ReadCapacity16 = 0x10;

    /// <summary>Service action of <see cref="ServiceActionIn16"/>: GET LBA STATUS.</summary>
    public const byte GetLbaStatus = 0x12;

    /// <summary>Service action of <see cref="MaintenanceIn"/>: REPORT TARGET PORT GROUPS.</summary>
    public const byte ReportTargetPortGroups = 0x0A;

    /// <summary>Service action of <see cref="MaintenanceOut"/>: SET TARGET PORT GROUPS.</summary>
    public const byte SetTargetPortGroups = 0x0A;

    /// <summary>Service action of <see cref="MaintenanceIn"/>: REPORT SUPPORTED OPERATION CODES.</summary>
    public const byte ReportSupportedOperationCodes = 0x0C;

    /// <summary>Service action of <see cref="MaintenanceIn"/>: REPORT SUPPORTED TASK MANAGEMENT FUNCTIONS.</summary>
    public const byte ReportSupportedTaskManagementFunctions = 0x0D;

    /// <summary>Service action of <see cref="ThirdPartyCopyOut"/>: EXTENDED COPY(LID1).</summary>
    public const byte ExtendedCopyLid1 = 0x00;

    /// <summary>Service action of <see cref="ThirdPartyCopyOut"/>: EXTENDED COPY(LID4).</summary>
    public const byte ExtendedCopyLid4 = 0x01;

    /// <summary>Service action of <see cref="ThirdPartyCopyOut"/>: POPULATE TOKEN.</summary>
    public const byte PopulateToken = 0x10;

    /// <summary>Service action of <see cref="ThirdPartyCopyOut"/>: WRITE USING TOKEN.</summary>
    public const byte WriteUsingToken = 0x11;

    /// <summary>Service action of <see cref="ThirdPartyCopyOut"/>: COPY OPERATION ABORT.</summary>
    public const byte CopyOperationAbort = 0x1C;

    /// <summary>Service action of <see cref="ThirdPartyCopyIn"/>: RECEIVE COPY STATUS(LID1).</summary>
    public const byte ReceiveCopyStatusLid1 = 0x00;

    /// <summary>Service action of <see cref="ThirdPartyCopyIn"/>: RECEIVE COPY DATA(LID1).</summary>
    public const byte ReceiveCopyDataLid1 = 0x01;

    /// <summary>Service action of <see cref="ThirdPartyCopyIn"/>: RECEIVE COPY OPERATING PARAMETERS.</summary>
    public const byte ReceiveCopyOperatingParameters = 0x03;

    /// <summary>Service action of <see cref="ThirdPartyCopyIn"/>: RECEIVE COPY FAILURE DETAILS(LID1).</summary>
    public const byte ReceiveCopyFailureDetailsLid1 = 0x04;

    /// <summary>Service action of <see cref="ThirdPartyCopyIn"/>: RECEIVE COPY STATUS(LID4).</summary>
    public const byte ReceiveCopyStatusLid4 = 0x05;

    /// <summary>Service action of <see cref="ThirdPartyCopyIn"/>: RECEIVE COPY DATA(LID4).</summary>
    public const byte ReceiveCopyDataLid4 = 0x06;

    /// <summary>Service action of <see cref="ThirdPartyCopyIn"/>: RECEIVE ROD TOKEN INFORMATION.</summary>
    public const byte ReceiveRodTokenInformation = 0x07;

    /// <summary>Service action of <see cref="ThirdPartyCopyIn"/>: REPORT ALL ROD TOKENS.</summary>
    public const byte ReportAllRodTokens = 0x08;

    /// <summary>Service action of <see cref="MaintenanceIn"/>: REPORT IDENTIFYING INFORMATION.</summary>
    public const byte ReportIdentifyingInformation = 0x05;

    /// <summary>Service action of <see cref="MaintenanceIn"/>: REPORT TIMESTAMP.</summary>
    public const byte ReportTimestamp = 0x0F;

    /// <summary>Service action of <see cref="MaintenanceOut"/>: SET IDENTIFYING INFORMATION.</summary>
    public const byte SetIdentifyingInformation = 0x06;

    /// <summary>Service action of <see cref="MaintenanceOut"/>: SET TIMESTAMP.</summary>
    public const byte SetTimestamp = 0x0F;

    /// <summary>Service action of <see cref="Sanitize"/>: OVERWRITE.</summary>
    public const byte SanitizeOverwrite = 0x01;

    /// <summary>Service action of <see cref="Sanitize"/>: BLOCK ERASE.</summary>
    public const byte SanitizeBlockErase = 0x02;

    /// <summary>Service action of <see cref="Sanitize"/>: EXIT FAILURE MODE.</summary>
    public const byte SanitizeExitFailureMode = 0x1F;
}
