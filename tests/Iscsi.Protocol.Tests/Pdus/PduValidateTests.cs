namespace Iscsi.Protocol.Tests;

/// <summary>One fault at a time in a header that is otherwise right.</summary>
public sealed class PduValidateTests
{
    private const string Rest = " 00000001 00000002 00000000 00000000 00000000 00000000";

    [Theory]
    // SCSI Command: F R W, task tag, expected length.
    [InlineData("01a10000 00000000 0000000000000000 00000007 00000200", PduFault.None)]
    [InlineData("01800000 00000000 0000000000000000 00000007 00000000", PduFault.None)]
    [InlineData("01210000 00000000 0000000000000000 00000007 00000200", PduFault.None)]
    [InlineData("01410000 00000000 0000000000000000 00000007 00000200", PduFault.MissingFinal)]
    [InlineData("01000000 00000000 0000000000000000 00000007 00000000", PduFault.MissingFinal)]
    [InlineData("01800000 00000000 0000000000000000 00000007 00000001", PduFault.InvalidDirection)]
    [InlineData("01a10000 00000000 0000000000000000 ffffffff 00000200", PduFault.InvalidTaskTag)]
    [InlineData("01a50000 00000000 0000000000000000 00000007 00000200", PduFault.InvalidTaskAttribute)]
    // Task management.
    [InlineData("42810000 00000000 0000000000000000 00000007 00000005", PduFault.None)]
    [InlineData("42010000 00000000 0000000000000000 00000007 00000005", PduFault.MissingFinal)]
    [InlineData("42810000 00000004 0000000000000000 00000007 00000005", PduFault.UnexpectedDataSegment)]
    [InlineData("42810000 01000000 0000000000000000 00000007 00000005", PduFault.AhsNotAllowed)]
    [InlineData("42810000 00000000 0000000000000000 ffffffff 00000005", PduFault.InvalidTaskTag)]
    // Data-Out.
    [InlineData("05000000 00000004 0000000000000000 00000007 ffffffff", PduFault.None)]
    [InlineData("05000000 00000004 0000000000000000 ffffffff ffffffff", PduFault.InvalidTaskTag)]
    [InlineData("05000000 ff000004 0000000000000000 00000007 ffffffff", PduFault.AhsNotAllowed)]
    // Text.
    [InlineData("04800000 00000004 0000000000000000 00000007 ffffffff", PduFault.None)]
    [InlineData("04400000 00000004 0000000000000000 00000007 ffffffff", PduFault.None)]
    [InlineData("04c00000 00000004 0000000000000000 00000007 ffffffff", PduFault.FinalAndContinued)]
    [InlineData("04800000 00000004 0000000000000000 ffffffff ffffffff", PduFault.InvalidTaskTag)]
    // Login: T C CSG NSG.
    [InlineData("43870000 00000004 0000000000000000 00000000 00000000", PduFault.None)]
    [InlineData("43810000 00000004 0000000000000000 00000000 00000000", PduFault.None)]
    [InlineData("43830000 00000004 0000000000000000 00000000 00000000", PduFault.None)]
    [InlineData("43000000 00000004 0000000000000000 00000000 00000000", PduFault.None)]
    [InlineData("03870000 00000004 0000000000000000 00000000 00000000", PduFault.NotImmediate)]
    [InlineData("43c70000 00000004 0000000000000000 00000000 00000000", PduFault.FinalAndContinued)]
    [InlineData("438b0000 00000004 0000000000000000 00000000 00000000", PduFault.InvalidStage)]
    [InlineData("430c0000 00000004 0000000000000000 00000000 00000000", PduFault.InvalidStage)]
    [InlineData("43850000 00000004 0000000000000000 00000000 00000000", PduFault.InvalidStage)]
    [InlineData("43840000 00000004 0000000000000000 00000000 00000000", PduFault.InvalidStage)]
    [InlineData("43820000 00000004 0000000000000000 00000000 00000000", PduFault.InvalidStage)]
    // Logout.
    [InlineData("46820000 00000000 0000000000000000 00000007 00000000", PduFault.None)]
    [InlineData("46830000 00000000 0000000000000000 00000007 00000000", PduFault.InvalidLogoutReason)]
    [InlineData("46000000 00000000 0000000000000000 00000007 00000000", PduFault.MissingFinal)]
    [InlineData("46800000 00000001 0000000000000000 00000007 00000000", PduFault.UnexpectedDataSegment)]
    // SNACK.
    [InlineData("10800000 00000000 0000000000000000 00000007 ffffffff", PduFault.None)]
    [InlineData("10810000 00000000 0000000000000000 ffffffff ffffffff", PduFault.None)]
    [InlineData("10810000 00000000 0000000000000000 00000007 ffffffff", PduFault.InvalidTaskTag)]
    [InlineData("10830000 00000000 0000000000000000 ffffffff ffffffff", PduFault.InvalidTaskTag)]
    [InlineData("10840000 00000000 0000000000000000 00000007 ffffffff", PduFault.InvalidSnack)]
    // NOP-Out.
    [InlineData("00800000 00000004 0000000000000000 00000007 ffffffff", PduFault.None)]
    [InlineData("40800000 00000000 0000000000000000 ffffffff 00000001", PduFault.None)]
    [InlineData("00800000 00000000 0000000000000000 ffffffff 00000001", PduFault.NotImmediate)]
    [InlineData("00000000 00000000 0000000000000000 00000007 ffffffff", PduFault.MissingFinal)]
    // What targets send.
    [InlineData("21820000 00000000 0000000000000000 00000007 00000000", PduFault.None)]
    [InlineData("21860000 00000000 0000000000000000 00000007 00000000", PduFault.InvalidResidual)]
    [InlineData("21980000 00000000 0000000000000000 00000007 00000000", PduFault.InvalidResidual)]
    [InlineData("21020000 00000000 0000000000000000 00000007 00000000", PduFault.MissingFinal)]
    [InlineData("22800000 00000000 0000000000000000 ffffffff 00000000", PduFault.InvalidTaskTag)]
    [InlineData("25810000 00000004 0000000000000000 00000007 ffffffff", PduFault.None)]
    [InlineData("25010000 00000004 0000000000000000 00000007 ffffffff", PduFault.MissingFinal)]
    [InlineData("25870000 00000004 0000000000000000 00000007 ffffffff", PduFault.InvalidResidual)]
    [InlineData("24800000 00000004 0000000000000000 00000007 ffffffff", PduFault.None)]
    [InlineData("24800000 00000004 0000000000000000 00000007 00000001", PduFault.InvalidTargetTransferTag)]
    [InlineData("24000000 00000004 0000000000000000 00000007 ffffffff", PduFault.InvalidTargetTransferTag)]
    [InlineData("31800000 00000000 0000000000000000 00000007 00000001", PduFault.InvalidLength)]
    [InlineData("31800000 00000000 0000000000000000 00000007 ffffffff", PduFault.InvalidTargetTransferTag)]
    [InlineData("20800000 00000000 0000000000000000 ffffffff ffffffff", PduFault.None)]
    [InlineData("20800000 00000000 0000000000000000 00000007 00000008", PduFault.InvalidTargetTransferTag)]
    [InlineData("26000000 00000000 0000000000000000 00000007 00000000", PduFault.MissingFinal)]
    [InlineData("32000000 00000000 0000000000000000 ffffffff 00000000", PduFault.MissingFinal)]
    [InlineData("3f800400 01000030 0000000000000000 ffffffff 00000000", PduFault.AhsNotAllowed)]
    public void A_header_is_judged_by_itself(string start, PduFault expected)
    {
        var header = PduVectorTests.Header(start + Rest);
        var fault = header.Opcode switch
        {
            Opcode.NopOut => new NopOutPdu(in header).Validate(),
            Opcode.ScsiCommand => new ScsiCommandPdu(in header).Validate(),
            Opcode.TaskManagementRequest => new TaskManagementRequestPdu(in header).Validate(),
            Opcode.LoginRequest => new LoginRequestPdu(in header).Validate(),
            Opcode.TextRequest => new TextRequestPdu(in header).Validate(),
            Opcode.DataOut => new DataOutPdu(in header).Validate(),
            Opcode.LogoutRequest => new LogoutRequestPdu(in header).Validate(),
            Opcode.SnackRequest => new SnackRequestPdu(in header).Validate(),
            Opcode.NopIn => new NopInPdu(in header).Validate(),
            Opcode.ScsiResponse => new ScsiResponsePdu(in header).Validate(),
            Opcode.TaskManagementResponse => new TaskManagementResponsePdu(in header).Validate(),
            Opcode.LoginResponse => new LoginResponsePdu(in header).Validate(),
            Opcode.TextResponse => new TextResponsePdu(in header).Validate(),
            Opcode.DataIn => new DataInPdu(in header).Validate(),
            Opcode.LogoutResponse => new LogoutResponsePdu(in header).Validate(),
            Opcode.ReadyToTransfer => new ReadyToTransferPdu(in header).Validate(),
            Opcode.AsyncMessage => new AsyncMessagePdu(in header).Validate(),
            Opcode.Reject => new RejectPdu(in header).Validate(),
            _ => PduFault.ReservedOpcode,
        };
        Assert.Equal(expected, fault);
    }

    [Fact]
    public void Every_opcode_belongs_to_one_side_or_to_none()
    {
        var initiator = new[] { 0x00, 0x01, 0x02, 0x03, 0x04, 0x05, 0x06, 0x10 };
        var target = new[] { 0x20, 0x21, 0x22, 0x23, 0x24, 0x25, 0x26, 0x31, 0x32, 0x3F };
        for (var value = 0; value < 64; value++)
        {
            var opcode = (Opcode)value;
            Assert.Equal(initiator.Contains(value), opcode.IsFromInitiator());
            Assert.Equal(target.Contains(value), opcode.IsFromTarget());
            Assert.Equal(Enum.IsDefined(opcode), opcode.IsFromInitiator() || opcode.IsFromTarget());
            Assert.Equal(initiator.Contains(value) ? PduFault.None : target.Contains(value) ? PduFault.OpcodeOfOtherSide : PduFault.ReservedOpcode, opcode.ValidateFromInitiator());
            Assert.Equal(target.Contains(value) ? PduFault.None : initiator.Contains(value) ? PduFault.OpcodeOfOtherSide : PduFault.ReservedOpcode, opcode.ValidateFromTarget());
        }
    }

    [Theory]
    [InlineData(PduFault.DataDigestMismatch, RejectReason.DataDigestError, ConnectionEndReason.DataDigestError)]
    [InlineData(PduFault.AhsTooLong, RejectReason.InvalidPduField, ConnectionEndReason.AdditionalHeaderTooLong)]
    [InlineData(PduFault.DataSegmentTooLong, RejectReason.ProtocolError, ConnectionEndReason.DataSegmentTooLong)]
    [InlineData(PduFault.InvalidTargetTransferTag, RejectReason.ProtocolError, ConnectionEndReason.InvalidTag)]
    [InlineData(PduFault.InvalidDataOffset, RejectReason.ProtocolError, ConnectionEndReason.InvalidDataOffset)]
    [InlineData(PduFault.ReservedOpcode, RejectReason.CommandNotSupported, ConnectionEndReason.InvalidOpcode)]
    [InlineData(PduFault.TaskTagInUse, RejectReason.ProtocolError, ConnectionEndReason.InvalidTag)]
    [InlineData(PduFault.InvalidSnack, RejectReason.SnackReject, ConnectionEndReason.InvalidPduField)]
    public void A_fault_picks_its_reject_and_its_end(PduFault fault, RejectReason reject, ConnectionEndReason end)
    {
        Assert.Equal(reject, fault.ToRejectReason());
        Assert.Equal(end, fault.ToEndReason());
    }

    [Fact]
    public void Every_fault_ends_a_connection_for_a_reason_and_no_fault_for_none()
    {
        foreach (var fault in Enum.GetValues<PduFault>())
        {
            Assert.Equal(fault == PduFault.None, fault.ToEndReason() == ConnectionEndReason.None);
            Assert.True(Enum.IsDefined(fault.ToRejectReason()));
        }
    }

    [Fact]
    public void Random_headers_are_judged_without_an_exception() => Seeded.Run(2000, random =>
    {
        var header = BasicHeaderSegment.Over(random.NextBytes(48));
        _ = new NopOutPdu(in header).Validate();
        _ = new ScsiCommandPdu(in header).Validate();
        _ = new TaskManagementRequestPdu(in header).Validate();
        _ = new LoginRequestPdu(in header).Validate();
        _ = new TextRequestPdu(in header).Validate();
        _ = new DataOutPdu(in header).Validate();
        _ = new LogoutRequestPdu(in header).Validate();
        _ = new SnackRequestPdu(in header).Validate();
        _ = header.Opcode.ValidateFromInitiator();
    });
}
