namespace Iscsi.Protocol.Tests;

/// <summary>What a writer writes, the view reads; over random fields, and over bytes that were there before.</summary>
public sealed class PduRoundTripTests
{
    [Fact]
    public void ScsiCommand_fields_survive() => Seeded.Run(200, random =>
    {
        var fields = new ScsiCommandFields
        {
            IsImmediate = random.NextBool(),
            IsFinal = random.NextBool(),
            IsRead = random.NextBool(),
            IsWrite = random.NextBool(),
            Attribute = (TaskAttribute)random.Next(0x08),
            TotalAhsLengthBytes = random.Next(256) * 4,
            DataSegmentLength = random.Next(1 << 24),
            Lun = random.NextUInt64(),
            Priority = random.Next(16),
            InitiatorTaskTag = random.NextUInt32(),
            ExpectedDataTransferLength = random.NextUInt32(),
            CmdSN = random.NextUInt32(),
            ExpStatSN = random.NextUInt32(),
            Cdb = random.NextBytes(16),
        };
        var bytes = random.NextBytes(48);
        ScsiCommandPdu.Write(bytes, fields);
        ref readonly var header = ref BasicHeaderSegment.Over(bytes);
        var pdu = new ScsiCommandPdu(in header);
        Assert.Equal(Opcode.ScsiCommand, header.Opcode);
        Assert.Equal(fields.IsImmediate, pdu.IsImmediate);
        Assert.Equal(fields.IsFinal, pdu.IsFinal);
        Assert.Equal(fields.IsRead, pdu.IsRead);
        Assert.Equal(fields.IsWrite, pdu.IsWrite);
        Assert.Equal(fields.Attribute, pdu.Attribute);
        Assert.Equal(fields.TotalAhsLengthBytes, pdu.TotalAhsLengthBytes);
        Assert.Equal(fields.DataSegmentLength, pdu.DataSegmentLength);
        Assert.Equal(fields.Lun, pdu.Lun);
        Assert.Equal(fields.Priority, pdu.Priority);
        Assert.Equal(fields.InitiatorTaskTag, pdu.InitiatorTaskTag);
        Assert.Equal(fields.ExpectedDataTransferLength, pdu.ExpectedDataTransferLength);
        Assert.Equal(fields.CmdSN, pdu.CmdSN);
        Assert.Equal(fields.ExpStatSN, pdu.ExpStatSN);
        Assert.True(fields.Cdb.SequenceEqual(pdu.Cdb));
    });

    [Fact]
    public void ScsiResponse_fields_survive() => Seeded.Run(200, random =>
    {
        var fields = new ScsiResponseFields
        {
            BidirectionalReadOverflow = random.NextBool(),
            BidirectionalReadUnderflow = random.NextBool(),
            Overflow = random.NextBool(),
            Underflow = random.NextBool(),
            Response = (ScsiServiceResponse)random.Next(256),
            Status = (ScsiStatus)random.Next(256),
            DataSegmentLength = random.Next(1 << 24),
            StatusQualifier = random.NextUInt16(),
            InitiatorTaskTag = random.NextUInt32(),
            SnackTag = random.NextUInt32(),
            StatSN = random.NextUInt32(),
            ExpCmdSN = random.NextUInt32(),
            MaxCmdSN = random.NextUInt32(),
            ExpDataSN = random.NextUInt32(),
            BidirectionalReadResidualCount = random.NextUInt32(),
            ResidualCount = random.NextUInt32(),
        };
        var bytes = random.NextBytes(48);
        ScsiResponsePdu.Write(bytes, fields);
        ref readonly var header = ref BasicHeaderSegment.Over(bytes);
        var pdu = new ScsiResponsePdu(in header);
        Assert.Equal(Opcode.ScsiResponse, header.Opcode);
        Assert.Equal(fields.BidirectionalReadOverflow, pdu.BidirectionalReadOverflow);
        Assert.Equal(fields.BidirectionalReadUnderflow, pdu.BidirectionalReadUnderflow);
        Assert.Equal(fields.Overflow, pdu.Overflow);
        Assert.Equal(fields.Underflow, pdu.Underflow);
        Assert.Equal(fields.Response, pdu.Response);
        Assert.Equal(fields.Status, pdu.Status);
        Assert.Equal(fields.DataSegmentLength, pdu.DataSegmentLength);
        Assert.Equal(fields.StatusQualifier, pdu.StatusQualifier);
        Assert.Equal(fields.InitiatorTaskTag, pdu.InitiatorTaskTag);
        Assert.Equal(fields.SnackTag, pdu.SnackTag);
        Assert.Equal(fields.StatSN, pdu.StatSN);
        Assert.Equal(fields.ExpCmdSN, pdu.ExpCmdSN);
        Assert.Equal(fields.MaxCmdSN, pdu.MaxCmdSN);
        Assert.Equal(fields.ExpDataSN, pdu.ExpDataSN);
        Assert.Equal(fields.BidirectionalReadResidualCount, pdu.BidirectionalReadResidualCount);
        Assert.Equal(fields.ResidualCount, pdu.ResidualCount);
        Assert.True(header.IsFinal);
    });

    [Fact]
    public void TaskManagementRequest_fields_survive() => Seeded.Run(200, random =>
    {
        var fields = new TaskManagementRequestFields
        {
            IsImmediate = random.NextBool(),
            Function = (TaskManagementFunction)random.Next(0x80),
            Lun = random.NextUInt64(),
            InitiatorTaskTag = random.NextUInt32(),
            ReferencedTaskTag = random.NextUInt32(),
            CmdSN = random.NextUInt32(),
            ExpStatSN = random.NextUInt32(),
            RefCmdSN = random.NextUInt32(),
            ExpDataSN = random.NextUInt32(),
        };
        var bytes = random.NextBytes(48);
        TaskManagementRequestPdu.Write(bytes, fields);
        ref readonly var header = ref BasicHeaderSegment.Over(bytes);
        var pdu = new TaskManagementRequestPdu(in header);
        Assert.Equal(Opcode.TaskManagementRequest, header.Opcode);
        Assert.Equal(fields.IsImmediate, pdu.IsImmediate);
        Assert.Equal(fields.Function, pdu.Function);
        Assert.Equal(fields.Lun, pdu.Lun);
        Assert.Equal(fields.InitiatorTaskTag, pdu.InitiatorTaskTag);
        Assert.Equal(fields.ReferencedTaskTag, pdu.ReferencedTaskTag);
        Assert.Equal(fields.CmdSN, pdu.CmdSN);
        Assert.Equal(fields.ExpStatSN, pdu.ExpStatSN);
        Assert.Equal(fields.RefCmdSN, pdu.RefCmdSN);
        Assert.Equal(fields.ExpDataSN, pdu.ExpDataSN);
        Assert.True(header.IsFinal);
    });

    [Fact]
    public void TaskManagementResponse_fields_survive() => Seeded.Run(200, random =>
    {
        var fields = new TaskManagementResponseFields
        {
            Response = (TaskManagementResponse)random.Next(256),
            AdditionalResponseInformation = (uint)random.Next(1 << 24),
            InitiatorTaskTag = random.NextUInt32(),
            StatSN = random.NextUInt32(),
            ExpCmdSN = random.NextUInt32(),
            MaxCmdSN = random.NextUInt32(),
        };
        var bytes = random.NextBytes(48);
        TaskManagementResponsePdu.Write(bytes, fields);
        ref readonly var header = ref BasicHeaderSegment.Over(bytes);
        var pdu = new TaskManagementResponsePdu(in header);
        Assert.Equal(Opcode.TaskManagementResponse, header.Opcode);
        Assert.Equal(fields.Response, pdu.Response);
        Assert.Equal(fields.AdditionalResponseInformation, pdu.AdditionalResponseInformation);
        Assert.Equal(fields.InitiatorTaskTag, pdu.InitiatorTaskTag);
        Assert.Equal(fields.StatSN, pdu.StatSN);
        Assert.Equal(fields.ExpCmdSN, pdu.ExpCmdSN);
        Assert.Equal(fields.MaxCmdSN, pdu.MaxCmdSN);
        Assert.True(header.IsFinal);
    });

    [Fact]
    public void DataOut_fields_survive() => Seeded.Run(200, random =>
    {
        var fields = new DataOutFields
        {
            IsFinal = random.NextBool(),
            DataSegmentLength = random.Next(1 << 24),
            Lun = random.NextUInt64(),
            InitiatorTaskTag = random.NextUInt32(),
            TargetTransferTag = random.NextUInt32(),
            ExpStatSN = random.NextUInt32(),
            DataSN = random.NextUInt32(),
            BufferOffset = random.NextUInt32(),
        };
        var bytes = random.NextBytes(48);
        DataOutPdu.Write(bytes, fields);
        ref readonly var header = ref BasicHeaderSegment.Over(bytes);
        var pdu = new DataOutPdu(in header);
        Assert.Equal(Opcode.DataOut, header.Opcode);
        Assert.Equal(fields.IsFinal, pdu.IsFinal);
        Assert.Equal(fields.DataSegmentLength, pdu.DataSegmentLength);
        Assert.Equal(fields.Lun, pdu.Lun);
        Assert.Equal(fields.InitiatorTaskTag, pdu.InitiatorTaskTag);
        Assert.Equal(fields.TargetTransferTag, pdu.TargetTransferTag);
        Assert.Equal(fields.ExpStatSN, pdu.ExpStatSN);
        Assert.Equal(fields.DataSN, pdu.DataSN);
        Assert.Equal(fields.BufferOffset, pdu.BufferOffset);
    });

    [Fact]
    public void DataIn_fields_survive() => Seeded.Run(200, random =>
    {
        var fields = new DataInFields
        {
            IsFinal = random.NextBool(),
            IsAcknowledgeRequested = random.NextBool(),
            Overflow = random.NextBool(),
            Underflow = random.NextBool(),
            HasStatus = random.NextBool(),
            Status = (ScsiStatus)random.Next(256),
            DataSegmentLength = random.Next(1 << 24),
            Lun = random.NextUInt64(),
            InitiatorTaskTag = random.NextUInt32(),
            TargetTransferTag = random.NextUInt32(),
            StatSN = random.NextUInt32(),
            ExpCmdSN = random.NextUInt32(),
            MaxCmdSN = random.NextUInt32(),
            DataSN = random.NextUInt32(),
            BufferOffset = random.NextUInt32(),
            ResidualCount = random.NextUInt32(),
        };
        var bytes = random.NextBytes(48);
        DataInPdu.Write(bytes, fields);
        ref readonly var header = ref BasicHeaderSegment.Over(bytes);
        var pdu = new DataInPdu(in header);
        Assert.Equal(Opcode.DataIn, header.Opcode);
        Assert.Equal(fields.IsFinal, pdu.IsFinal);
        Assert.Equal(fields.IsAcknowledgeRequested, pdu.IsAcknowledgeRequested);
        Assert.Equal(fields.Overflow, pdu.Overflow);
        Assert.Equal(fields.Underflow, pdu.Underflow);
        Assert.Equal(fields.HasStatus, pdu.HasStatus);
        Assert.Equal(fields.Status, pdu.Status);
        Assert.Equal(fields.DataSegmentLength, pdu.DataSegmentLength);
        Assert.Equal(fields.Lun, pdu.Lun);
        Assert.Equal(fields.InitiatorTaskTag, pdu.InitiatorTaskTag);
        Assert.Equal(fields.TargetTransferTag, pdu.TargetTransferTag);
        Assert.Equal(fields.StatSN, pdu.StatSN);
        Assert.Equal(fields.ExpCmdSN, pdu.ExpCmdSN);
        Assert.Equal(fields.MaxCmdSN, pdu.MaxCmdSN);
        Assert.Equal(fields.DataSN, pdu.DataSN);
        Assert.Equal(fields.BufferOffset, pdu.BufferOffset);
        Assert.Equal(fields.ResidualCount, pdu.ResidualCount);
    });

    [Fact]
    public void ReadyToTransfer_fields_survive() => Seeded.Run(200, random =>
    {
        var fields = new ReadyToTransferFields
        {
            Lun = random.NextUInt64(),
            InitiatorTaskTag = random.NextUInt32(),
            TargetTransferTag = random.NextUInt32(),
            StatSN = random.NextUInt32(),
            ExpCmdSN = random.NextUInt32(),
            MaxCmdSN = random.NextUInt32(),
            R2TSN = random.NextUInt32(),
            BufferOffset = random.NextUInt32(),
            DesiredDataTransferLength = random.NextUInt32(),
        };
        var bytes = random.NextBytes(48);
        ReadyToTransferPdu.Write(bytes, fields);
        ref readonly var header = ref BasicHeaderSegment.Over(bytes);
        var pdu = new ReadyToTransferPdu(in header);
        Assert.Equal(Opcode.ReadyToTransfer, header.Opcode);
        Assert.Equal(fields.Lun, pdu.Lun);
        Assert.Equal(fields.InitiatorTaskTag, pdu.InitiatorTaskTag);
        Assert.Equal(fields.TargetTransferTag, pdu.TargetTransferTag);
        Assert.Equal(fields.StatSN, pdu.StatSN);
        Assert.Equal(fields.ExpCmdSN, pdu.ExpCmdSN);
        Assert.Equal(fields.MaxCmdSN, pdu.MaxCmdSN);
        Assert.Equal(fields.R2TSN, pdu.R2TSN);
        Assert.Equal(fields.BufferOffset, pdu.BufferOffset);
        Assert.Equal(fields.DesiredDataTransferLength, pdu.DesiredDataTransferLength);
        Assert.True(header.IsFinal);
    });

    [Fact]
    public void AsyncMessage_fields_survive() => Seeded.Run(200, random =>
    {
        var fields = new AsyncMessageFields
        {
            DataSegmentLength = random.Next(1 << 24),
            Lun = random.NextUInt64(),
            StatSN = random.NextUInt32(),
            ExpCmdSN = random.NextUInt32(),
            MaxCmdSN = random.NextUInt32(),
            AsyncEvent = (AsyncEvent)random.Next(256),
            AsyncVCode = (byte)random.Next(256),
            Parameter1 = random.NextUInt16(),
            Parameter2 = random.NextUInt16(),
            Parameter3 = random.NextUInt16(),
        };
        var bytes = random.NextBytes(48);
        AsyncMessagePdu.Write(bytes, fields);
        ref readonly var header = ref BasicHeaderSegment.Over(bytes);
        var pdu = new AsyncMessagePdu(in header);
        Assert.Equal(Opcode.AsyncMessage, header.Opcode);
        Assert.Equal(fields.DataSegmentLength, pdu.DataSegmentLength);
        Assert.Equal(fields.Lun, pdu.Lun);
        Assert.Equal(fields.StatSN, pdu.StatSN);
        Assert.Equal(fields.ExpCmdSN, pdu.ExpCmdSN);
        Assert.Equal(fields.MaxCmdSN, pdu.MaxCmdSN);
        Assert.Equal(fields.AsyncEvent, pdu.AsyncEvent);
        Assert.Equal(fields.AsyncVCode, pdu.AsyncVCode);
        Assert.Equal(fields.Parameter1, pdu.Parameter1);
        Assert.Equal(fields.Parameter2, pdu.Parameter2);
        Assert.Equal(fields.Parameter3, pdu.Parameter3);
        Assert.True(header.IsFinal);
    });

    [Fact]
    public void TextRequest_fields_survive() => Seeded.Run(200, random =>
    {
        var fields = new TextRequestFields
        {
            IsImmediate = random.NextBool(),
            IsFinal = random.NextBool(),
            IsContinued = random.NextBool(),
            DataSegmentLength = random.Next(1 << 24),
            Lun = random.NextUInt64(),
            InitiatorTaskTag = random.NextUInt32(),
            TargetTransferTag = random.NextUInt32(),
            CmdSN = random.NextUInt32(),
            ExpStatSN = random.NextUInt32(),
        };
        var bytes = random.NextBytes(48);
        TextRequestPdu.Write(bytes, fields);
        ref readonly var header = ref BasicHeaderSegment.Over(bytes);
        var pdu = new TextRequestPdu(in header);
        Assert.Equal(Opcode.TextRequest, header.Opcode);
        Assert.Equal(fields.IsImmediate, pdu.IsImmediate);
        Assert.Equal(fields.IsFinal, pdu.IsFinal);
        Assert.Equal(fields.IsContinued, pdu.IsContinued);
        Assert.Equal(fields.DataSegmentLength, pdu.DataSegmentLength);
        Assert.Equal(fields.Lun, pdu.Lun);
        Assert.Equal(fields.InitiatorTaskTag, pdu.InitiatorTaskTag);
        Assert.Equal(fields.TargetTransferTag, pdu.TargetTransferTag);
        Assert.Equal(fields.CmdSN, pdu.CmdSN);
        Assert.Equal(fields.ExpStatSN, pdu.ExpStatSN);
    });

    [Fact]
    public void TextResponse_fields_survive() => Seeded.Run(200, random =>
    {
        var fields = new TextResponseFields
        {
            IsFinal = random.NextBool(),
            IsContinued = random.NextBool(),
            DataSegmentLength = random.Next(1 << 24),
            Lun = random.NextUInt64(),
            InitiatorTaskTag = random.NextUInt32(),
            TargetTransferTag = random.NextUInt32(),
            StatSN = random.NextUInt32(),
            ExpCmdSN = random.NextUInt32(),
            MaxCmdSN = random.NextUInt32(),
        };
        var bytes = random.NextBytes(48);
        TextResponsePdu.Write(bytes, fields);
        ref readonly var header = ref BasicHeaderSegment.Over(bytes);
        var pdu = new TextResponsePdu(in header);
        Assert.Equal(Opcode.TextResponse, header.Opcode);
        Assert.Equal(fields.IsFinal, pdu.IsFinal);
        Assert.Equal(fields.IsContinued, pdu.IsContinued);
        Assert.Equal(fields.DataSegmentLength, pdu.DataSegmentLength);
        Assert.Equal(fields.Lun, pdu.Lun);
        Assert.Equal(fields.InitiatorTaskTag, pdu.InitiatorTaskTag);
        Assert.Equal(fields.TargetTransferTag, pdu.TargetTransferTag);
        Assert.Equal(fields.StatSN, pdu.StatSN);
        Assert.Equal(fields.ExpCmdSN, pdu.ExpCmdSN);
        Assert.Equal(fields.MaxCmdSN, pdu.MaxCmdSN);
    });

    [Fact]
    public void LoginRequest_fields_survive() => Seeded.Run(200, random =>
    {
        var fields = new LoginRequestFields
        {
            IsTransit = random.NextBool(),
            IsContinued = random.NextBool(),
            CurrentStage = (LoginStage)random.Next(4),
            NextStage = (LoginStage)random.Next(0x04),
            VersionMax = (byte)random.Next(256),
            VersionMin = (byte)random.Next(256),
            DataSegmentLength = random.Next(1 << 24),
            Isid = random.NextUInt64() >> 16,
            Tsih = random.NextUInt16(),
            InitiatorTaskTag = random.NextUInt32(),
            Cid = random.NextUInt16(),
            CmdSN = random.NextUInt32(),
            ExpStatSN = random.NextUInt32(),
        };
        var bytes = random.NextBytes(48);
        LoginRequestPdu.Write(bytes, fields);
        ref readonly var header = ref BasicHeaderSegment.Over(bytes);
        var pdu = new LoginRequestPdu(in header);
        Assert.Equal(Opcode.LoginRequest, header.Opcode);
        Assert.Equal(fields.IsTransit, pdu.IsTransit);
        Assert.Equal(fields.IsContinued, pdu.IsContinued);
        Assert.Equal(fields.CurrentStage, pdu.CurrentStage);
        Assert.Equal(fields.NextStage, pdu.NextStage);
        Assert.Equal(fields.VersionMax, pdu.VersionMax);
        Assert.Equal(fields.VersionMin, pdu.VersionMin);
        Assert.Equal(fields.DataSegmentLength, pdu.DataSegmentLength);
        Assert.Equal(fields.Isid, pdu.Isid);
        Assert.Equal(fields.Tsih, pdu.Tsih);
        Assert.Equal(fields.InitiatorTaskTag, pdu.InitiatorTaskTag);
        Assert.Equal(fields.Cid, pdu.Cid);
        Assert.Equal(fields.CmdSN, pdu.CmdSN);
        Assert.Equal(fields.ExpStatSN, pdu.ExpStatSN);
    });

    [Fact]
    public void LoginResponse_fields_survive() => Seeded.Run(200, random =>
    {
        var fields = new LoginResponseFields
        {
            IsTransit = random.NextBool(),
            IsContinued = random.NextBool(),
            CurrentStage = (LoginStage)random.Next(4),
            NextStage = (LoginStage)random.Next(0x04),
            VersionMax = (byte)random.Next(256),
            VersionActive = (byte)random.Next(256),
            DataSegmentLength = random.Next(1 << 24),
            Isid = random.NextUInt64() >> 16,
            Tsih = random.NextUInt16(),
            InitiatorTaskTag = random.NextUInt32(),
            StatSN = random.NextUInt32(),
            ExpCmdSN = random.NextUInt32(),
            MaxCmdSN = random.NextUInt32(),
            StatusClass = (byte)random.Next(256),
            StatusDetail = (byte)random.Next(256),
        };
        var bytes = random.NextBytes(48);
        LoginResponsePdu.Write(bytes, fields);
        ref readonly var header = ref BasicHeaderSegment.Over(bytes);
        var pdu = new LoginResponsePdu(in header);
        Assert.Equal(Opcode.LoginResponse, header.Opcode);
        Assert.Equal(fields.IsTransit, pdu.IsTransit);
        Assert.Equal(fields.IsContinued, pdu.IsContinued);
        Assert.Equal(fields.CurrentStage, pdu.CurrentStage);
        Assert.Equal(fields.NextStage, pdu.NextStage);
        Assert.Equal(fields.VersionMax, pdu.VersionMax);
        Assert.Equal(fields.VersionActive, pdu.VersionActive);
        Assert.Equal(fields.DataSegmentLength, pdu.DataSegmentLength);
        Assert.Equal(fields.Isid, pdu.Isid);
        Assert.Equal(fields.Tsih, pdu.Tsih);
        Assert.Equal(fields.InitiatorTaskTag, pdu.InitiatorTaskTag);
        Assert.Equal(fields.StatSN, pdu.StatSN);
        Assert.Equal(fields.ExpCmdSN, pdu.ExpCmdSN);
        Assert.Equal(fields.MaxCmdSN, pdu.MaxCmdSN);
        Assert.Equal(fields.StatusClass, pdu.StatusClass);
        Assert.Equal(fields.StatusDetail, pdu.StatusDetail);
    });

    [Fact]
    public void LogoutRequest_fields_survive() => Seeded.Run(200, random =>
    {
        var fields = new LogoutRequestFields
        {
            IsImmediate = random.NextBool(),
            Reason = (LogoutReason)random.Next(0x80),
            InitiatorTaskTag = random.NextUInt32(),
            Cid = random.NextUInt16(),
            CmdSN = random.NextUInt32(),
            ExpStatSN = random.NextUInt32(),
        };
        var bytes = random.NextBytes(48);
        LogoutRequestPdu.Write(bytes, fields);
        ref readonly var header = ref BasicHeaderSegment.Over(bytes);
        var pdu = new LogoutRequestPdu(in header);
        Assert.Equal(Opcode.LogoutRequest, header.Opcode);
        Assert.Equal(fields.IsImmediate, pdu.IsImmediate);
        Assert.Equal(fields.Reason, pdu.Reason);
        Assert.Equal(fields.InitiatorTaskTag, pdu.InitiatorTaskTag);
        Assert.Equal(fields.Cid, pdu.Cid);
        Assert.Equal(fields.CmdSN, pdu.CmdSN);
        Assert.Equal(fields.ExpStatSN, pdu.ExpStatSN);
        Assert.True(header.IsFinal);
    });

    [Fact]
    public void LogoutResponse_fields_survive() => Seeded.Run(200, random =>
    {
        var fields = new LogoutResponseFields
        {
            Response = (LogoutResponse)random.Next(256),
            InitiatorTaskTag = random.NextUInt32(),
            StatSN = random.NextUInt32(),
            ExpCmdSN = random.NextUInt32(),
            MaxCmdSN = random.NextUInt32(),
            Time2Wait = random.NextUInt16(),
            Time2Retain = random.NextUInt16(),
        };
        var bytes = random.NextBytes(48);
        LogoutResponsePdu.Write(bytes, fields);
        ref readonly var header = ref BasicHeaderSegment.Over(bytes);
        var pdu = new LogoutResponsePdu(in header);
        Assert.Equal(Opcode.LogoutResponse, header.Opcode);
        Assert.Equal(fields.Response, pdu.Response);
        Assert.Equal(fields.InitiatorTaskTag, pdu.InitiatorTaskTag);
        Assert.Equal(fields.StatSN, pdu.StatSN);
        Assert.Equal(fields.ExpCmdSN, pdu.ExpCmdSN);
        Assert.Equal(fields.MaxCmdSN, pdu.MaxCmdSN);
        Assert.Equal(fields.Time2Wait, pdu.Time2Wait);
        Assert.Equal(fields.Time2Retain, pdu.Time2Retain);
        Assert.True(header.IsFinal);
    });

    [Fact]
    public void SnackRequest_fields_survive() => Seeded.Run(200, random =>
    {
        var fields = new SnackRequestFields
        {
            Type = (SnackType)random.Next(0x10),
            Lun = random.NextUInt64(),
            InitiatorTaskTag = random.NextUInt32(),
            TargetTransferTag = random.NextUInt32(),
            ExpStatSN = random.NextUInt32(),
            BegRun = random.NextUInt32(),
            RunLength = random.NextUInt32(),
        };
        var bytes = random.NextBytes(48);
        SnackRequestPdu.Write(bytes, fields);
        ref readonly var header = ref BasicHeaderSegment.Over(bytes);
        var pdu = new SnackRequestPdu(in header);
        Assert.Equal(Opcode.SnackRequest, header.Opcode);
        Assert.Equal(fields.Type, pdu.Type);
        Assert.Equal(fields.Lun, pdu.Lun);
        Assert.Equal(fields.InitiatorTaskTag, pdu.InitiatorTaskTag);
        Assert.Equal(fields.TargetTransferTag, pdu.TargetTransferTag);
        Assert.Equal(fields.ExpStatSN, pdu.ExpStatSN);
        Assert.Equal(fields.BegRun, pdu.BegRun);
        Assert.Equal(fields.RunLength, pdu.RunLength);
        Assert.True(header.IsFinal);
    });

    [Fact]
    public void Reject_fields_survive() => Seeded.Run(200, random =>
    {
        var fields = new RejectFields
        {
            Reason = (RejectReason)random.Next(256),
            DataSegmentLength = random.Next(1 << 24),
            StatSN = random.NextUInt32(),
            ExpCmdSN = random.NextUInt32(),
            MaxCmdSN = random.NextUInt32(),
            DataSN = random.NextUInt32(),
        };
        var bytes = random.NextBytes(48);
        RejectPdu.Write(bytes, fields);
        ref readonly var header = ref BasicHeaderSegment.Over(bytes);
        var pdu = new RejectPdu(in header);
        Assert.Equal(Opcode.Reject, header.Opcode);
        Assert.Equal(fields.Reason, pdu.Reason);
        Assert.Equal(fields.DataSegmentLength, pdu.DataSegmentLength);
        Assert.Equal(fields.StatSN, pdu.StatSN);
        Assert.Equal(fields.ExpCmdSN, pdu.ExpCmdSN);
        Assert.Equal(fields.MaxCmdSN, pdu.MaxCmdSN);
        Assert.Equal(fields.DataSN, pdu.DataSN);
        Assert.True(header.IsFinal);
    });

    [Fact]
    public void NopOut_fields_survive() => Seeded.Run(200, random =>
    {
        var fields = new NopOutFields
        {
            IsImmediate = random.NextBool(),
            DataSegmentLength = random.Next(1 << 24),
            Lun = random.NextUInt64(),
            InitiatorTaskTag = random.NextUInt32(),
            TargetTransferTag = random.NextUInt32(),
            CmdSN = random.NextUInt32(),
            ExpStatSN = random.NextUInt32(),
        };
        var bytes = random.NextBytes(48);
        NopOutPdu.Write(bytes, fields);
        ref readonly var header = ref BasicHeaderSegment.Over(bytes);
        var pdu = new NopOutPdu(in header);
        Assert.Equal(Opcode.NopOut, header.Opcode);
        Assert.Equal(fields.IsImmediate, pdu.IsImmediate);
        Assert.Equal(fields.DataSegmentLength, pdu.DataSegmentLength);
        Assert.Equal(fields.Lun, pdu.Lun);
        Assert.Equal(fields.InitiatorTaskTag, pdu.InitiatorTaskTag);
        Assert.Equal(fields.TargetTransferTag, pdu.TargetTransferTag);
        Assert.Equal(fields.CmdSN, pdu.CmdSN);
        Assert.Equal(fields.ExpStatSN, pdu.ExpStatSN);
        Assert.True(header.IsFinal);
    });

    [Fact]
    public void NopIn_fields_survive() => Seeded.Run(200, random =>
    {
        var fields = new NopInFields
        {
            DataSegmentLength = random.Next(1 << 24),
            Lun = random.NextUInt64(),
            InitiatorTaskTag = random.NextUInt32(),
            TargetTransferTag = random.NextUInt32(),
            StatSN = random.NextUInt32(),
            ExpCmdSN = random.NextUInt32(),
            MaxCmdSN = random.NextUInt32(),
        };
        var bytes = random.NextBytes(48);
        NopInPdu.Write(bytes, fields);
        ref readonly var header = ref BasicHeaderSegment.Over(bytes);
        var pdu = new NopInPdu(in header);
        Assert.Equal(Opcode.NopIn, header.Opcode);
        Assert.Equal(fields.DataSegmentLength, pdu.DataSegmentLength);
        Assert.Equal(fields.Lun, pdu.Lun);
        Assert.Equal(fields.InitiatorTaskTag, pdu.InitiatorTaskTag);
        Assert.Equal(fields.TargetTransferTag, pdu.TargetTransferTag);
        Assert.Equal(fields.StatSN, pdu.StatSN);
        Assert.Equal(fields.ExpCmdSN, pdu.ExpCmdSN);
        Assert.Equal(fields.MaxCmdSN, pdu.MaxCmdSN);
        Assert.True(header.IsFinal);
    });
}
