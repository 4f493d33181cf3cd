namespace Iscsi.Protocol.Tests;

/// <summary>Data-In, cut by the target and put together by the initiator.</summary>
public sealed class ReadSequencingTests
{
    private readonly DataInSegmenter _segmenter = new();
    private readonly DataInReceiver _receiver = new();

    [Fact]
    public void Every_small_read_arrives_once_in_order_and_in_sequences_of_MaxBurstLength()
    {
        var header = new byte[48];
        for (var total = 1u; total <= 12; total++)
        for (var maxSegment = 1; maxSegment <= 6; maxSegment++)
        for (var maxBurst = 1; maxBurst <= 7; maxBurst++)
        for (var chunk = 1; chunk <= 8; chunk++)
        for (var canCarryStatus = 0; canCarryStatus <= 1; canCarryStatus++)
        {
            _segmenter.Begin(total, maxSegment, maxBurst);
            _receiver.Begin(total);
            var sequence = 0;
            var hasStatus = false;
            while (_segmenter.Remaining > 0)
            {
                // A chunk may be longer than what is left: what the CDB wanted beyond the expected length is not sent.
                for (var left = chunk; left > 0 && _segmenter.Remaining > 0;)
                {
                    var segment = _segmenter.Next(left, canCarryStatus == 1);
                    left -= segment.LengthBytes;
                    sequence += segment.LengthBytes;
                    var isLast = _segmenter.Remaining == 0;
                    Check(segment.LengthBytes is > 0 && segment.LengthBytes <= maxSegment);
                    Check(segment.IsFinal == (sequence == maxBurst || isLast));
                    Check(segment.HasStatus == (isLast && canCarryStatus == 1));
                    if (segment.IsFinal) sequence = 0;
                    hasStatus |= segment.HasStatus;
                    DataInPdu.Write(header, segment.ToFields(7, ScsiStatus.Good, Residual.None));
                    var pdu = new DataInPdu(in BasicHeaderSegment.Over(header));
                    Check(pdu.Validate() == PduFault.None);
                    var before = _receiver.ReceivedLength;
                    Check(_receiver.OnDataIn(pdu) == new DataInDecision(PduFault.None, before, segment.LengthBytes));
                }
            }
            Check(hasStatus == (canCarryStatus == 1));
            Check(_receiver.IsComplete(Residual.None) && _receiver.NextDataSN == _segmenter.DataSN);
        }

        static void Check(bool isRight)
        {
            if (!isRight) Assert.Fail("The read went wrong.");
        }
    }

    [Fact]
    public void Status_and_residual_are_in_the_last_PDU_only()
    {
        _segmenter.Begin(10, 6, 100);
        var residual = Residual.Of(16, 10);
        var first = _segmenter.Next(10, canCarryStatus: true).ToFields(7, ScsiStatus.ConditionMet, residual);
        Assert.Equal((false, false, ScsiStatus.Good, false, 0u), (first.IsFinal, first.HasStatus, first.Status, first.Underflow, first.ResidualCount));
        var last = _segmenter.Next(4, canCarryStatus: true).ToFields(7, ScsiStatus.ConditionMet, residual);
        Assert.Equal((true, true, ScsiStatus.ConditionMet, true, 6u), (last.IsFinal, last.HasStatus, last.Status, last.Underflow, last.ResidualCount));
        Assert.Equal((TaskTag.Reserved, 7u, 6u, 1u), (last.TargetTransferTag, last.InitiatorTaskTag, last.BufferOffset, last.DataSN));
    }

    [Fact]
    public void A_read_of_nothing_has_no_Data_In()
    {
        _segmenter.Begin(0, 6, 100);
        Assert.Equal(0u, _segmenter.Remaining);
        Assert.Throws<InvalidOperationException>(() => _segmenter.Next(1, canCarryStatus: true));
    }

    [Theory]
    [InlineData(0u, 4u, 4, PduFault.InvalidDataSN)]
    [InlineData(2u, 4u, 4, PduFault.InvalidDataSN)]
    [InlineData(1u, 0u, 4, PduFault.InvalidDataOffset)] // Over what is there.
    [InlineData(1u, 3u, 4, PduFault.InvalidDataOffset)]
    [InlineData(1u, 5u, 4, PduFault.InvalidDataOffset)] // Leaves a hole.
    [InlineData(1u, 0xFFFFFFFFu, 4, PduFault.InvalidDataOffset)]
    [InlineData(1u, 4u, 7, PduFault.DataOverrun)]
    [InlineData(1u, 4u, 0xFFFFFF, PduFault.DataOverrun)]
    [InlineData(1u, 4u, 6, PduFault.None)]
    [InlineData(1u, 4u, 0, PduFault.None)]
    public void Data_In_must_go_on_where_it_ended_and_stay_inside(uint dataSN, uint offset, int length, PduFault expected)
    {
        _receiver.Begin(10);
        Assert.Equal(new DataInDecision(PduFault.None, 0, 4), Receive(0, 0, 4));
        var decision = Receive(dataSN, offset, length);
        Assert.Equal(expected, decision.Fault);
        Assert.Equal(expected == PduFault.None ? 4u + (uint)length : 4u, _receiver.ReceivedLength);
    }

    [Fact]
    public void Data_In_for_a_command_that_reads_nothing_is_an_overrun()
    {
        _receiver.Begin(0);
        Assert.Equal(PduFault.DataOverrun, Receive(0, 0, 1).Fault);
    }

    [Fact]
    public void A_command_that_ended_early_without_saying_so_is_not_complete()
    {
        _receiver.Begin(10);
        Receive(0, 0, 4);
        Assert.False(_receiver.IsComplete(Residual.None));
        Assert.False(_receiver.IsComplete(new Residual(Overflow: true, Underflow: false, 6)));
        Assert.True(_receiver.IsComplete(new Residual(Overflow: false, Underflow: true, 6)));
        Assert.False(_receiver.IsComplete(new Residual(Overflow: false, Underflow: true, 5)));
    }

    private DataInDecision Receive(uint dataSN, uint offset, int length)
    {
        var header = new byte[48];
        DataInPdu.Write(header, new DataInFields { DataSN = dataSN, BufferOffset = offset, DataSegmentLength = length });
        return _receiver.OnDataIn(new DataInPdu(in BasicHeaderSegment.Over(header)));
    }
}
