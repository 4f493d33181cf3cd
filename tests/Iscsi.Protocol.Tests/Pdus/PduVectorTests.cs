namespace Iscsi.Protocol.Tests;

/// <summary>
/// Headers written out by hand from the layouts of RFC 7143, section 11: the bytes a writer must give, and a view must read.
/// </summary>
public sealed class PduVectorTests
{
    [Fact]
    public void ScsiCommand_reads_the_example_of_RFC_3720_B4()
    {
        var header = Header("01c00000 00000000 0000000000000000 14000000 00000400 00000014 00000018 28000000000000000200000000000000");
        var pdu = new ScsiCommandPdu(in header);
        Assert.Equal(PduFault.None, pdu.Validate());
        Assert.True(pdu.IsFinal && pdu.IsRead && !pdu.IsWrite && !pdu.IsImmediate);
        Assert.Equal(TaskAttribute.Untagged, pdu.Attribute);
        Assert.Equal((0x14000000u, 0x400u, 0x14u, 0x18u), (pdu.InitiatorTaskTag, pdu.ExpectedDataTransferLength, pdu.CmdSN, pdu.ExpStatSN));
        Assert.Equal("28000000000000000200000000000000", Convert.ToHexStringLower(pdu.Cdb));
    }

    [Fact]
    public void ScsiCommand_writes_a_write_with_immediate_data()
    {
        var bytes = new byte[48];
        ScsiCommandPdu.Write(bytes, new ScsiCommandFields
        {
            IsImmediate = true,
            IsWrite = true,
            Attribute = TaskAttribute.Ordered,
            TotalAhsLengthBytes = 8,
            DataSegmentLength = 0x010203,
            Lun = 0x0001_0000_0000_0000,
            InitiatorTaskTag = 0x11121314,
            ExpectedDataTransferLength = 0x21222324,
            CmdSN = 0x31323334,
            ExpStatSN = 0x41424344,
            Cdb = [0x2A, 0, 1, 2, 3, 4, 0, 0, 8, 0],
        });
        Check("41220000 02010203 0001000000000000 11121314 21222324 31323334 41424344 2a000102030400000800000000000000", bytes);
    }

    [Fact]
    public void ScsiResponse_writes_residuals_status_and_sense_length()
    {
        var bytes = new byte[48];
        ScsiResponsePdu.Write(bytes, new ScsiResponseFields
        {
            BidirectionalReadOverflow = true,
            Underflow = true,
            Response = ScsiServiceResponse.TargetFailure,
            Status = ScsiStatus.CheckCondition,
            DataSegmentLength = 20,
            InitiatorTaskTag = 0x11121314,
            SnackTag = 0x21222324,
            StatSN = 0x31323334,
            ExpCmdSN = 0x41424344,
            MaxCmdSN = 0x51525354,
            ExpDataSN = 0x61626364,
            BidirectionalReadResidualCount = 0x71727374,
            ResidualCount = 0x81828384,
        });
        Check("21920102 00000014 0000000000000000 11121314 21222324 31323334 41424344 51525354 61626364 71727374 81828384", bytes);
        ScsiResponsePdu.Write(bytes, new ScsiResponseFields { BidirectionalReadUnderflow = true, Overflow = true });
        Check("218c0000 00000000 0000000000000000 00000000 00000000 00000000 00000000 00000000 00000000 00000000 00000000", bytes);
    }

    [Fact]
    public void TaskManagementRequest_writes_an_immediate_abort()
    {
        var bytes = new byte[48];
        TaskManagementRequestPdu.Write(bytes, new TaskManagementRequestFields
        {
            IsImmediate = true,
            Function = TaskManagementFunction.AbortTask,
            Lun = 0x0102030405060708,
            InitiatorTaskTag = 0x11121314,
            ReferencedTaskTag = 0x21222324,
            CmdSN = 0x31323334,
            ExpStatSN = 0x41424344,
            RefCmdSN = 0x51525354,
            ExpDataSN = 0x61626364,
        });
        Check("42810000 00000000 0102030405060708 11121314 21222324 31323334 41424344 51525354 61626364 00000000 00000000", bytes);
    }

    [Fact]
    public void TaskManagementResponse_writes_a_rejection()
    {
        var bytes = new byte[48];
        TaskManagementResponsePdu.Write(bytes, new TaskManagementResponseFields
        {
            Response = TaskManagementResponse.FunctionRejected,
            InitiatorTaskTag = 0x11121314,
            StatSN = 0x31323334,
            ExpCmdSN = 0x41424344,
            MaxCmdSN = 0x51525354,
        });
        Check("2280ff00 00000000 0000000000000000 11121314 00000000 31323334 41424344 51525354 00000000 00000000 00000000", bytes);
    }

    [Fact]
    public void DataOut_writes_the_last_of_a_sequence()
    {
        var bytes = new byte[48];
        DataOutPdu.Write(bytes, new DataOutFields
        {
            IsFinal = true,
            DataSegmentLength = 0x2000,
            Lun = 0x0102030405060708,
            InitiatorTaskTag = 0x11121314,
            TargetTransferTag = 0x21222324,
            ExpStatSN = 0x41424344,
            DataSN = 0x61626364,
            BufferOffset = 0x71727374,
        });
        Check("05800000 00002000 0102030405060708 11121314 21222324 00000000 41424344 00000000 61626364 71727374 00000000", bytes);
    }

    [Fact]
    public void DataIn_writes_status_and_residual()
    {
        var bytes = new byte[48];
        DataInPdu.Write(bytes, new DataInFields
        {
            IsFinal = true,
            HasStatus = true,
            Underflow = true,
            Status = ScsiStatus.ConditionMet,
            DataSegmentLength = 0x200,
            InitiatorTaskTag = 0x11121314,
            TargetTransferTag = TaskTag.Reserved,
            StatSN = 0x31323334,
            ExpCmdSN = 0x41424344,
            MaxCmdSN = 0x51525354,
            DataSN = 0x61626364,
            BufferOffset = 0x71727374,
            ResidualCount = 0x81828384,
        });
        Check("25830004 00000200 0000000000000000 11121314 ffffffff 31323334 41424344 51525354 61626364 71727374 81828384", bytes);
        DataInPdu.Write(bytes, new DataInFields { IsAcknowledgeRequested = true, Overflow = true, Lun = 1, TargetTransferTag = 2 });
        Check("25440000 00000000 0000000000000001 00000000 00000002 00000000 00000000 00000000 00000000 00000000 00000000", bytes);
    }

    [Fact]
    public void ReadyToTransfer_writes_offset_and_length()
    {
        var bytes = new byte[48];
        ReadyToTransferPdu.Write(bytes, new ReadyToTransferFields
        {
            Lun = 0x0102030405060708,
            InitiatorTaskTag = 0x11121314,
            TargetTransferTag = 0x21222324,
            StatSN = 0x31323334,
            ExpCmdSN = 0x41424344,
            MaxCmdSN = 0x51525354,
            R2TSN = 0x61626364,
            BufferOffset = 0x71727374,
            DesiredDataTransferLength = 0x81828384,
        });
        Check("31800000 00000000 0102030405060708 11121314 21222324 31323334 41424344 51525354 61626364 71727374 81828384", bytes);
    }

    [Fact]
    public void AsyncMessage_writes_a_logout_request()
    {
        var bytes = new byte[48];
        AsyncMessagePdu.Write(bytes, new AsyncMessageFields
        {
            DataSegmentLength = 0x14,
            Lun = 0x0102030405060708,
            StatSN = 0x31323334,
            ExpCmdSN = 0x41424344,
            MaxCmdSN = 0x51525354,
            AsyncEvent = AsyncEvent.LogoutRequested,
            AsyncVCode = 0x62,
            Parameter1 = 0x6364,
            Parameter2 = 0x7172,
            Parameter3 = 0x7374,
        });
        Check("32800000 00000014 0102030405060708 ffffffff 00000000 31323334 41424344 51525354 01626364 71727374 00000000", bytes);
    }

    [Fact]
    public void TextRequest_writes_a_continued_one()
    {
        var bytes = new byte[48];
        TextRequestPdu.Write(bytes, new TextRequestFields
        {
            IsImmediate = true,
            IsContinued = true,
            DataSegmentLength = 0x10,
            Lun = 0x0102030405060708,
            InitiatorTaskTag = 0x11121314,
            TargetTransferTag = 0x21222324,
            CmdSN = 0x31323334,
            ExpStatSN = 0x41424344,
        });
        Check("44400000 00000010 0102030405060708 11121314 21222324 31323334 41424344 00000000 00000000 00000000 00000000", bytes);
    }

    [Fact]
    public void TextResponse_writes_the_last_one()
    {
        var bytes = new byte[48];
        TextResponsePdu.Write(bytes, new TextResponseFields
        {
            IsFinal = true,
            DataSegmentLength = 0x10,
            InitiatorTaskTag = 0x11121314,
            TargetTransferTag = TaskTag.Reserved,
            StatSN = 0x31323334,
            ExpCmdSN = 0x41424344,
            MaxCmdSN = 0x51525354,
        });
        Check("24800000 00000010 0000000000000000 11121314 ffffffff 31323334 41424344 51525354 00000000 00000000 00000000", bytes);
    }

    [Fact]
    public void LoginRequest_reads_the_first_one_of_open_iscsi()
    {
        // T, CSG 1, NSG 3; ISID of type 0 (OUI) 00 02 3d, then qualifiers; TSIH 0; CID 0.
        var header = Header("43870000 000001a5 00023d010000 0000 00000000 0000 0000 00000001 00000000 00000000 00000000 00000000 00000000");
        var pdu = new LoginRequestPdu(in header);
        Assert.Equal(PduFault.None, pdu.Validate());
        Assert.True(pdu.IsTransit && !pdu.IsContinued);
        Assert.Equal((LoginStage.LoginOperationalNegotiation, LoginStage.FullFeaturePhase), (pdu.CurrentStage, pdu.NextStage));
        Assert.Equal((0x00023d010000UL, (ushort)0, (ushort)0, 1u, 0x1a5), (pdu.Isid, pdu.Tsih, pdu.Cid, pdu.CmdSN, pdu.DataSegmentLength));
    }

    [Fact]
    public void LoginRequest_writes_a_continued_one()
    {
        var bytes = new byte[48];
        LoginRequestPdu.Write(bytes, new LoginRequestFields
        {
            IsContinued = true,
            CurrentStage = LoginStage.LoginOperationalNegotiation,
            VersionMax = 2,
            VersionMin = 1,
            DataSegmentLength = 0x2000,
            Isid = 0x010203040506,
            Tsih = 0x0708,
            InitiatorTaskTag = 0x11121314,
            Cid = 0x2122,
            CmdSN = 0x31323334,
            ExpStatSN = 0x41424344,
        });
        Check("43440201 00002000 010203040506 0708 11121314 21220000 31323334 41424344 00000000 00000000 00000000 00000000", bytes);
    }

    [Fact]
    public void LoginResponse_writes_a_refusal()
    {
        var bytes = new byte[48];
        LoginResponsePdu.Write(bytes, new LoginResponseFields
        {
            IsTransit = true,
            CurrentStage = LoginStage.SecurityNegotiation,
            NextStage = LoginStage.LoginOperationalNegotiation,
            VersionMax = 2,
            VersionActive = 1,
            DataSegmentLength = 0x10,
            Isid = 0x010203040506,
            Tsih = 0x0708,
            InitiatorTaskTag = 0x11121314,
            StatSN = 0x31323334,
            ExpCmdSN = 0x41424344,
            MaxCmdSN = 0x51525354,
            StatusClass = 3,
            StatusDetail = 2,
        });
        Check("23810201 00000010 010203040506 0708 11121314 00000000 31323334 41424344 51525354 03020000 00000000 00000000", bytes);
    }

    [Fact]
    public void LogoutRequest_writes_reason_and_connection()
    {
        var bytes = new byte[48];
        LogoutRequestPdu.Write(bytes, new LogoutRequestFields
        {
            IsImmediate = true,
            Reason = LogoutReason.RemoveConnectionForRecovery,
            InitiatorTaskTag = 0x11121314,
            Cid = 0x2122,
            CmdSN = 0x31323334,
            ExpStatSN = 0x41424344,
        });
        Check("46820000 00000000 0000000000000000 11121314 21220000 31323334 41424344 00000000 00000000 00000000 00000000", bytes);
    }

    [Fact]
    public void LogoutResponse_writes_the_times()
    {
        var bytes = new byte[48];
        LogoutResponsePdu.Write(bytes, new LogoutResponseFields
        {
            Response = LogoutResponse.CidNotFound,
            InitiatorTaskTag = 0x11121314,
            StatSN = 0x31323334,
            ExpCmdSN = 0x41424344,
            MaxCmdSN = 0x51525354,
            Time2Wait = 0x7172,
            Time2Retain = 0x7374,
        });
        Check("26800100 00000000 0000000000000000 11121314 00000000 31323334 41424344 51525354 00000000 71727374 00000000", bytes);
    }

    [Fact]
    public void SnackRequest_writes_a_data_acknowledgement()
    {
        var bytes = new byte[48];
        SnackRequestPdu.Write(bytes, new SnackRequestFields
        {
            Type = SnackType.DataAck,
            Lun = 0x0102030405060708,
            InitiatorTaskTag = TaskTag.Reserved,
            TargetTransferTag = 0x21222324,
            ExpStatSN = 0x41424344,
            BegRun = 0x71727374,
            RunLength = 0x81828384,
        });
        Check("10820000 00000000 0102030405060708 ffffffff 21222324 00000000 41424344 00000000 00000000 71727374 81828384", bytes);
    }

    [Fact]
    public void Reject_writes_the_reason()
    {
        var bytes = new byte[48];
        RejectPdu.Write(bytes, new RejectFields
        {
            Reason = RejectReason.InvalidPduField,
            DataSegmentLength = 48,
            StatSN = 0x31323334,
            ExpCmdSN = 0x41424344,
            MaxCmdSN = 0x51525354,
            DataSN = 0x61626364,
        });
        Check("3f800900 00000030 0000000000000000 ffffffff 00000000 31323334 41424344 51525354 61626364 00000000 00000000", bytes);
    }

    [Fact]
    public void NopOut_writes_a_ping_with_data()
    {
        var bytes = new byte[48];
        NopOutPdu.Write(bytes, new NopOutFields
        {
            IsImmediate = true,
            DataSegmentLength = 4,
            Lun = 0x0102030405060708,
            InitiatorTaskTag = 0x11121314,
            TargetTransferTag = TaskTag.Reserved,
            CmdSN = 0x31323334,
            ExpStatSN = 0x41424344,
        });
        Check("40800000 00000004 0102030405060708 11121314 ffffffff 31323334 41424344 00000000 00000000 00000000 00000000", bytes);
    }

    [Fact]
    public void NopIn_writes_an_answer()
    {
        var bytes = new byte[48];
        NopInPdu.Write(bytes, new NopInFields
        {
            DataSegmentLength = 4,
            Lun = 0x0102030405060708,
            InitiatorTaskTag = 0x11121314,
            TargetTransferTag = TaskTag.Reserved,
            StatSN = 0x31323334,
            ExpCmdSN = 0x41424344,
            MaxCmdSN = 0x51525354,
        });
        Check("20800000 00000004 0102030405060708 11121314 ffffffff 31323334 41424344 51525354 00000000 00000000 00000000", bytes);
    }

    [Fact]
    public void Sequence_numbers_are_stamped_where_every_PDU_has_them()
    {
        var bytes = new byte[48];
        SequenceNumberFields.StampTarget(bytes, 0x31323334, 0x41424344, 0x51525354);
        Check("00000000 00000000 0000000000000000 00000000 00000000 31323334 41424344 51525354 00000000 00000000 00000000", bytes);
        bytes = new byte[48];
        SequenceNumberFields.StampInitiator(bytes, 0x41424344);
        Check("00000000 00000000 0000000000000000 00000000 00000000 00000000 41424344 00000000 00000000 00000000 00000000", bytes);
    }

    internal static BasicHeaderSegment Header(string hex) =>
        BasicHeaderSegment.Over(Convert.FromHexString(hex.Replace(" ", "", StringComparison.Ordinal)));

    private static void Check(string expected, byte[] header) =>
        Assert.Equal(expected.Replace(" ", "", StringComparison.Ordinal), Convert.ToHexStringLower(header));
}
