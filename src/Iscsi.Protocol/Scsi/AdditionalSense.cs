namespace Iscsi.Protocol.Scsi;

/// <summary>An additional sense code with its qualifier (SPC-4).</summary>
/// <param name="Code">ADDITIONAL SENSE CODE.</param>
/// <param name="Qualifier">ADDITIONAL SENSE CODE QUALIFIER.</param>
public readonly record struct AdditionalSense(byte Code, byte Qualifier)
{
    /// <summary>00/00 NO ADDITIONAL SENSE INFORMATION.</summary>
    public static AdditionalSense None => default;

    /// <summary>00/16 OPERATION IN PROGRESS.</summary>
    public static AdditionalSense OperationInProgress => new(0x00, 0x16);

    /// <summary>04/00 LOGICAL UNIT NOT READY, CAUSE NOT REPORTABLE.</summary>
    public static AdditionalSense NotReadyCauseNotReportable => new(0x04, 0x00);

    /// <summary>04/02 LOGICAL UNIT NOT READY, INITIALIZING COMMAND REQUIRED.</summary>
    public static AdditionalSense InitializingCommandRequired => new(0x04, 0x02);

    /// <summary>04/04 LOGICAL UNIT NOT READY, FORMAT IN PROGRESS.</summary>
    public static AdditionalSense FormatInProgress => new(0x04, 0x04);

    /// <summary>04/0A LOGICAL UNIT NOT ACCESSIBLE, ASYMMETRIC ACCESS STATE TRANSITION.</summary>
    public static AdditionalSense NotAccessibleStateTransition => new(0x04, 0x0A);

    /// <summary>04/0B LOGICAL UNIT NOT ACCESSIBLE, TARGET PORT IN STANDBY STATE.</summary>
    public static AdditionalSense NotAccessibleStandby => new(0x04, 0x0B);

    /// <summary>04/0C LOGICAL UNIT NOT ACCESSIBLE, TARGET PORT IN UNAVAILABLE STATE.</summary>
    public static AdditionalSense NotAccessibleUnavailable => new(0x04, 0x0C);

    /// <summary>04/12 LOGICAL UNIT NOT READY, OFFLINE.</summary>
    public static AdditionalSense NotReadyOffline => new(0x04, 0x12);

    /// <summary>04/1B LOGICAL UNIT NOT READY, SANITIZE IN PROGRESS.</summary>
    public static AdditionalSense SanitizeInProgress => new(0x04, 0x1B);

    /// <summary>08/04 UNREACHABLE COPY TARGET.</summary>
    public static AdditionalSense UnreachableCopyTarget => new(0x08, 0x04);

    /// <summary>0C/00 WRITE ERROR.</summary>
    public static AdditionalSense WriteError => new(0x0C, 0x00);

    /// <summary>0C/0C WRITE ERROR - UNEXPECTED UNSOLICITED DATA.</summary>
    public static AdditionalSense UnexpectedUnsolicitedData => new(0x0C, 0x0C);

    /// <summary>0C/0D WRITE ERROR - NOT ENOUGH UNSOLICITED DATA.</summary>
    public static AdditionalSense NotEnoughUnsolicitedData => new(0x0C, 0x0D);

    /// <summary>0D/01 THIRD PARTY DEVICE FAILURE.</summary>
    public static AdditionalSense ThirdPartyDeviceFailure => new(0x0D, 0x01);

    /// <summary>0D/02 COPY TARGET DEVICE NOT REACHABLE.</summary>
    public static AdditionalSense CopyTargetDeviceNotReachable => new(0x0D, 0x02);

    /// <summary>0D/03 INCORRECT COPY TARGET DEVICE TYPE.</summary>
    public static AdditionalSense IncorrectCopyTargetDeviceType => new(0x0D, 0x03);

    /// <summary>11/00 UNRECOVERED READ ERROR.</summary>
    public static AdditionalSense UnrecoveredReadError => new(0x11, 0x00);

    /// <summary>1A/00 PARAMETER LIST LENGTH ERROR.</summary>
    public static AdditionalSense ParameterListLengthError => new(0x1A, 0x00);

    /// <summary>1D/00 MISCOMPARE DURING VERIFY OPERATION.</summary>
    public static AdditionalSense MiscompareDuringVerify => new(0x1D, 0x00);

    /// <summary>20/00 INVALID COMMAND OPERATION CODE.</summary>
    public static AdditionalSense InvalidCommandOperationCode => new(0x20, 0x00);

    /// <summary>21/00 LOGICAL BLOCK ADDRESS OUT OF RANGE.</summary>
    public static AdditionalSense LogicalBlockAddressOutOfRange => new(0x21, 0x00);

    /// <summary>23/01 INVALID TOKEN OPERATION, UNSUPPORTED TOKEN TYPE.</summary>
    public static AdditionalSense UnsupportedTokenType => new(0x23, 0x01);

    /// <summary>23/04 INVALID TOKEN OPERATION, TOKEN UNKNOWN.</summary>
    public static AdditionalSense TokenUnknown => new(0x23, 0x04);

    /// <summary>23/05 INVALID TOKEN OPERATION, TOKEN CORRUPT.</summary>
    public static AdditionalSense TokenCorrupt => new(0x23, 0x05);

    /// <summary>23/06 INVALID TOKEN OPERATION, TOKEN REVOKED.</summary>
    public static AdditionalSense TokenRevoked => new(0x23, 0x06);

    /// <summary>23/07 INVALID TOKEN OPERATION, TOKEN EXPIRED.</summary>
    public static AdditionalSense TokenExpired => new(0x23, 0x07);

    /// <summary>23/09 INVALID TOKEN OPERATION, TOKEN DELETED.</summary>
    public static AdditionalSense TokenDeleted => new(0x23, 0x09);

    /// <summary>23/0A INVALID TOKEN OPERATION, INVALID TOKEN LENGTH.</summary>
    public static AdditionalSense InvalidTokenLength => new(0x23, 0x0A);

    /// <summary>24/00 INVALID FIELD IN CDB.</summary>
    public static AdditionalSense InvalidFieldInCdb => new(0x24, 0x00);

    /// <summary>25/00 LOGICAL UNIT NOT SUPPORTED.</summary>
    public static AdditionalSense LogicalUnitNotSupported => new(0x25, 0x00);

    /// <summary>26/00 INVALID FIELD IN PARAMETER LIST.</summary>
    public static AdditionalSense InvalidFieldInParameterList => new(0x26, 0x00);

    /// <summary>26/04 INVALID RELEASE OF PERSISTENT RESERVATION.</summary>
    public static AdditionalSense InvalidReleaseOfPersistentReservation => new(0x26, 0x04);

    /// <summary>26/06 TOO MANY TARGET DESCRIPTORS.</summary>
    public static AdditionalSense TooManyTargetDescriptors => new(0x26, 0x06);

    /// <summary>26/07 UNSUPPORTED TARGET DESCRIPTOR TYPE CODE.</summary>
    public static AdditionalSense UnsupportedTargetDescriptorTypeCode => new(0x26, 0x07);

    /// <summary>26/08 TOO MANY SEGMENT DESCRIPTORS.</summary>
    public static AdditionalSense TooManySegmentDescriptors => new(0x26, 0x08);

    /// <summary>26/09 UNSUPPORTED SEGMENT DESCRIPTOR TYPE CODE.</summary>
    public static AdditionalSense UnsupportedSegmentDescriptorTypeCode => new(0x26, 0x09);

    /// <summary>26/0A UNEXPECTED INEXACT SEGMENT.</summary>
    public static AdditionalSense UnexpectedInexactSegment => new(0x26, 0x0A);

    /// <summary>26/0B INLINE DATA LENGTH EXCEEDED.</summary>
    public static AdditionalSense InlineDataLengthExceeded => new(0x26, 0x0B);

    /// <summary>27/00 WRITE PROTECTED.</summary>
    public static AdditionalSense WriteProtected => new(0x27, 0x00);

    /// <summary>27/02 LOGICAL UNIT SOFTWARE WRITE PROTECTED.</summary>
    public static AdditionalSense SoftwareWriteProtected => new(0x27, 0x02);

    /// <summary>27/07 SPACE ALLOCATION FAILED WRITE PROTECT.</summary>
    public static AdditionalSense SpaceAllocationFailedWriteProtect => new(0x27, 0x07);

    /// <summary>28/00 NOT READY TO READY CHANGE, MEDIUM MAY HAVE CHANGED.</summary>
    public static AdditionalSense MediumMayHaveChanged => new(0x28, 0x00);

    /// <summary>29/00 POWER ON, RESET, OR BUS DEVICE RESET OCCURRED.</summary>
    public static AdditionalSense PowerOnOrReset => new(0x29, 0x00);

    /// <summary>29/01 POWER ON OCCURRED.</summary>
    public static AdditionalSense PowerOnOccurred => new(0x29, 0x01);

    /// <summary>29/02 SCSI BUS RESET OCCURRED.</summary>
    public static AdditionalSense ScsiBusResetOccurred => new(0x29, 0x02);

    /// <summary>29/03 BUS DEVICE RESET FUNCTION OCCURRED.</summary>
    public static AdditionalSense BusDeviceResetFunctionOccurred => new(0x29, 0x03);

    /// <summary>29/04 DEVICE INTERNAL RESET.</summary>
    public static AdditionalSense DeviceInternalReset => new(0x29, 0x04);

    /// <summary>29/07 I_T NEXUS LOSS OCCURRED.</summary>
    public static AdditionalSense NexusLossOccurred => new(0x29, 0x07);

    /// <summary>2A/01 MODE PARAMETERS CHANGED.</summary>
    public static AdditionalSense ModeParametersChanged => new(0x2A, 0x01);

    /// <summary>2A/02 LOG PARAMETERS CHANGED.</summary>
    public static AdditionalSense LogParametersChanged => new(0x2A, 0x02);

    /// <summary>2A/03 RESERVATIONS PREEMPTED.</summary>
    public static AdditionalSense ReservationsPreempted => new(0x2A, 0x03);

    /// <summary>2A/04 RESERVATIONS RELEASED.</summary>
    public static AdditionalSense ReservationsReleased => new(0x2A, 0x04);

    /// <summary>2A/05 REGISTRATIONS PREEMPTED.</summary>
    public static AdditionalSense RegistrationsPreempted => new(0x2A, 0x05);

    /// <summary>2A/06 ASYMMETRIC ACCESS STATE CHANGED.</summary>
    public static AdditionalSense AsymmetricAccessStateChanged => new(0x2A, 0x06);

    /// <summary>2A/09 CAPACITY DATA HAS CHANGED.</summary>
    public static AdditionalSense CapacityDataHasChanged => new(0x2A, 0x09);

    /// <summary>2A/10 TIMESTAMP CHANGED.</summary>
    public static AdditionalSense TimestampChanged => new(0x2A, 0x10);

    /// <summary>2C/00 COMMAND SEQUENCE ERROR.</summary>
    public static AdditionalSense CommandSequenceError => new(0x2C, 0x00);

    /// <summary>2E/02 COMMAND TIMEOUT DURING PROCESSING.</summary>
    public static AdditionalSense CommandTimeoutDuringProcessing => new(0x2E, 0x02);

    /// <summary>2F/00 COMMANDS CLEARED BY ANOTHER INITIATOR.</summary>
    public static AdditionalSense CommandsClearedByAnotherInitiator => new(0x2F, 0x00);

    /// <summary>31/00 MEDIUM FORMAT CORRUPTED.</summary>
    public static AdditionalSense MediumFormatCorrupted => new(0x31, 0x00);

    /// <summary>31/01 FORMAT COMMAND FAILED.</summary>
    public static AdditionalSense FormatCommandFailed => new(0x31, 0x01);

    /// <summary>31/03 SANITIZE COMMAND FAILED.</summary>
    public static AdditionalSense SanitizeCommandFailed => new(0x31, 0x03);

    /// <summary>38/07 THIN PROVISIONING SOFT THRESHOLD REACHED.</summary>
    public static AdditionalSense ThinProvisioningSoftThresholdReached => new(0x38, 0x07);

    /// <summary>39/00 SAVING PARAMETERS NOT SUPPORTED.</summary>
    public static AdditionalSense SavingParametersNotSupported => new(0x39, 0x00);

    /// <summary>3A/00 MEDIUM NOT PRESENT.</summary>
    public static AdditionalSense MediumNotPresent => new(0x3A, 0x00);

    /// <summary>3E/03 LOGICAL UNIT FAILED SELF-TEST.</summary>
    public static AdditionalSense LogicalUnitFailedSelfTest => new(0x3E, 0x03);

    /// <summary>3F/03 INQUIRY DATA HAS CHANGED.</summary>
    public static AdditionalSense InquiryDataHasChanged => new(0x3F, 0x03);

    /// <summary>3F/05 DEVICE IDENTIFIER CHANGED.</summary>
    public static AdditionalSense DeviceIdentifierChanged => new(0x3F, 0x05);

    /// <summary>3F/0E REPORTED LUNS DATA HAS CHANGED.</summary>
    public static AdditionalSense ReportedLunsDataHasChanged => new(0x3F, 0x0E);

    /// <summary>44/00 INTERNAL TARGET FAILURE.</summary>
    public static AdditionalSense InternalTargetFailure => new(0x44, 0x00);

    /// <summary>47/05 PROTOCOL SERVICE CRC ERROR.</summary>
    public static AdditionalSense ProtocolServiceCrcError => new(0x47, 0x05);

    /// <summary>49/00 INVALID MESSAGE ERROR.</summary>
    public static AdditionalSense InvalidMessageError => new(0x49, 0x00);

    /// <summary>53/02 MEDIUM REMOVAL PREVENTED.</summary>
    public static AdditionalSense MediumRemovalPrevented => new(0x53, 0x02);

    /// <summary>55/04 INSUFFICIENT REGISTRATION RESOURCES.</summary>
    public static AdditionalSense InsufficientRegistrationResources => new(0x55, 0x04);

    /// <summary>55/0D INSUFFICIENT RESOURCES TO CREATE ROD TOKEN.</summary>
    public static AdditionalSense InsufficientResourcesToCreateRodToken => new(0x55, 0x0D);

    /// <summary>5D/00 FAILURE PREDICTION THRESHOLD EXCEEDED.</summary>
    public static AdditionalSense FailurePredictionThresholdExceeded => new(0x5D, 0x00);

    /// <summary>5D/FF FAILURE PREDICTION THRESHOLD EXCEEDED (FALSE).</summary>
    public static AdditionalSense FailurePredictionThresholdExceededFalse => new(0x5D, 0xFF);

    /// <summary>5E/01 IDLE CONDITION ACTIVATED BY TIMER (idle_a).</summary>
    public static AdditionalSense IdleConditionActivatedByTimer => new(0x5E, 0x01);

    /// <summary>5E/02 STANDBY CONDITION ACTIVATED BY TIMER (standby_z).</summary>
    public static AdditionalSense StandbyConditionActivatedByTimer => new(0x5E, 0x02);

    /// <summary>5E/03 IDLE CONDITION ACTIVATED BY COMMAND (idle_a).</summary>
    public static AdditionalSense IdleConditionActivatedByCommand => new(0x5E, 0x03);

    /// <summary>5E/04 STANDBY CONDITION ACTIVATED BY COMMAND (standby_z).</summary>
    public static AdditionalSense StandbyConditionActivatedByCommand => new(0x5E, 0x04);

    /// <summary>5E/05 IDLE_B CONDITION ACTIVATED BY TIMER.</summary>
    public static AdditionalSense IdleBConditionActivatedByTimer => new(0x5E, 0x05);

    /// <summary>5E/06 IDLE_B CONDITION ACTIVATED BY COMMAND.</summary>
    public static AdditionalSense IdleBConditionActivatedByCommand => new(0x5E, 0x06);

    /// <summary>5E/07 IDLE_C CONDITION ACTIVATED BY TIMER.</summary>
    public static AdditionalSense IdleCConditionActivatedByTimer => new(0x5E, 0x07);

    /// <summary>5E/08 IDLE_C CONDITION ACTIVATED BY COMMAND.</summary>
    public static AdditionalSense IdleCConditionActivatedByCommand => new(0x5E, 0x08);

    /// <summary>5E/09 STANDBY_Y CONDITION ACTIVATED BY TIMER.</summary>
    public static AdditionalSense StandbyYConditionActivatedByTimer => new(0x5E, 0x09);

    /// <summary>5E/0A STANDBY_Y CONDITION ACTIVATED BY COMMAND.</summary>
    public static AdditionalSense StandbyYConditionActivatedByCommand => new(0x5E, 0x0A);

    /// <summary>67/0A SET TARGET PORT GROUPS COMMAND FAILED.</summary>
    public static AdditionalSense SetTargetPortGroupsCommandFailed => new(0x67, 0x0A);

    /// <inheritdoc/>
    public override string ToString() => $"{Code:X2}/{Qualifier:X2}";
}
