namespace Iscsi.Protocol.Tests;

public sealed class R2TSequencerTests
{
    private static readonly DataSequenceParameters Unsolicited =
        new() { InitialR2T = false, ImmediateData = true, FirstBurstLength = 8, MaxBurstLength = 16 };

    private static readonly DataSequenceParameters Solicited =
        new() { InitialR2T = true, ImmediateData = true, FirstBurstLength = 8, MaxBurstLength = 16 };

    private readonly R2TSequencer _sequencer = new();

    [Fact]
    public void A_write_without_unsolicited_data_asks_for_all_of_it_in_bursts()
    {
        _sequencer.Begin(Solicited, 40, immediateBytes: 0, isFinal: true);
        Assert.Equal(new R2TRequest(0, 77, 0, 16), _sequencer.Request(77, burstBytes: 100));
        Assert.True(_sequencer is { OwesData: true, HasOutstandingR2T: true, CanRequest: false, IsComplete: false });
        Assert.Equal(Stored(0, 10, endsSequence: false), DataOut(77, 0, 0, 10, isFinal: false));
        Assert.Equal(Stored(10, 6, endsSequence: true), DataOut(77, 1, 10, 6, isFinal: true));
        Assert.Equal(new R2TRequest(1, 78, 16, 12), _sequencer.Request(78, burstBytes: 12));
        Assert.Equal(Stored(16, 12, endsSequence: true), DataOut(78, 0, 16, 12, isFinal: true));
        Assert.Equal(new R2TRequest(2, 79, 28, 12), _sequencer.Request(79, burstBytes: 100));
        Assert.Equal(Stored(28, 12, endsSequence: true), DataOut(79, 0, 28, 12, isFinal: true));
        Assert.True(_sequencer.IsComplete);
    }

    [Fact]
    public void A_command_PDU_starts_it()
    {
        var header = new byte[48];
        ScsiCommandPdu.Write(header, new ScsiCommandFields { IsWrite = true, ExpectedDataTransferLength = 40, DataSegmentLength = 8 });
        _sequencer.Begin(Unsolicited, new ScsiCommandPdu(in BasicHeaderSegment.Over(header)));
        Assert.Equal((40u, 8u, true), (_sequencer.ExpectedLength, _sequencer.ReceivedLength, _sequencer.OwesData));

        ScsiCommandPdu.Write(header, new ScsiCommandFields { IsRead = true, IsFinal = true, ExpectedDataTransferLength = 40 });
        _sequencer.Begin(Unsolicited, new ScsiCommandPdu(in BasicHeaderSegment.Over(header)));
        Assert.Equal((0u, true, WriteCondition.None), (_sequencer.ExpectedLength, _sequencer.IsComplete, _sequencer.Condition));
    }

    [Theory]
    [InlineData(true, 0, 1)] // Data with a command that writes nothing.
    [InlineData(true, 40, 9)] // More than FirstBurstLength.
    [InlineData(true, 4, 5)] // More than was announced.
    [InlineData(false, 40, 1)] // ImmediateData=No.
    public void Immediate_data_that_are_not_welcome_are_unexpected(bool immediateData, uint expected, int immediateBytes)
    {
        _sequencer.Begin(Solicited with { ImmediateData = immediateData }, expected, immediateBytes, isFinal: true);
        Assert.Equal(WriteCondition.UnexpectedUnsolicitedData, _sequencer.Condition);
        Assert.True(_sequencer is { OwesData: false, CanRequest: false, IsComplete: false });
    }

    [Fact]
    public void Unsolicited_data_without_agreement_are_unexpected_and_drained_to_their_end()
    {
        _sequencer.Begin(Solicited, 40, immediateBytes: 4, isFinal: false);
        Assert.Equal(WriteCondition.UnexpectedUnsolicitedData, _sequencer.Condition);
        Assert.True(_sequencer.OwesData);
        Assert.Equal(DataOutDisposition.Discard, DataOut(TaskTag.Reserved, 0, 4, 4, isFinal: false).Disposition);
        Assert.True(_sequencer.OwesData);
        Assert.Equal(DataOutDisposition.Discard, DataOut(TaskTag.Reserved, 1, 8, 4, isFinal: true).Disposition);
        Assert.True(_sequencer is { OwesData: false, CanRequest: false, IsComplete: false });
    }

    [Fact]
    public void More_unsolicited_data_than_FirstBurstLength_are_unexpected_and_drained_to_their_end()
    {
        _sequencer.Begin(Unsolicited, 40, immediateBytes: 4, isFinal: false);
        Assert.Equal(new DataOutDecision { Disposition = DataOutDisposition.Discard }, DataOut(TaskTag.Reserved, 0, 4, 5, isFinal: false));
        Assert.Equal(WriteCondition.UnexpectedUnsolicitedData, _sequencer.Condition);
        Assert.Equal(new DataOutDecision { Disposition = DataOutDisposition.Discard, EndsSequence = true }, DataOut(TaskTag.Reserved, 1, 9, 1, isFinal: true));
        Assert.False(_sequencer.OwesData);
    }

    [Fact]
    public void Fewer_unsolicited_data_than_FirstBurstLength_are_an_incorrect_amount_when_more_is_to_be_written()
    {
        _sequencer.Begin(Unsolicited, 40, immediateBytes: 4, isFinal: false);
        Assert.Equal(Stored(4, 3, endsSequence: true), DataOut(TaskTag.Reserved, 0, 4, 3, isFinal: true));
        Assert.Equal(WriteCondition.IncorrectAmountOfData, _sequencer.Condition);
        Assert.True(_sequencer is { OwesData: false, CanRequest: false, IsComplete: false });
    }

    [Fact]
    public void Fewer_unsolicited_data_than_the_whole_write_are_made_up_for_by_R2T_when_all_would_have_fitted()
    {
        _sequencer.Begin(Unsolicited, 8, immediateBytes: 0, isFinal: false);
        DataOut(TaskTag.Reserved, 0, 0, 5, isFinal: true);
        Assert.Equal(WriteCondition.None, _sequencer.Condition);
        Assert.Equal(new R2TRequest(0, 1, 5, 3), _sequencer.Request(1, 100));
    }

    [Fact]
    public void Immediate_data_alone_may_be_fewer_than_FirstBurstLength()
    {
        _sequencer.Begin(Unsolicited, 40, immediateBytes: 3, isFinal: true);
        Assert.Equal(WriteCondition.None, _sequencer.Condition);
        Assert.Equal(new R2TRequest(0, 1, 3, 16), _sequencer.Request(1, 100));
    }

    [Fact]
    public void An_empty_Data_Out_may_end_what_immediate_data_filled()
    {
        _sequencer.Begin(Unsolicited, 40, immediateBytes: 8, isFinal: false);
        Assert.Equal(Stored(8, 0, endsSequence: true), DataOut(TaskTag.Reserved, 0, 8, 0, isFinal: true));
        Assert.Equal(WriteCondition.None, _sequencer.Condition);
        Assert.True(_sequencer.CanRequest);
    }

    [Theory]
    [InlineData(15, true)] // F before all of it.
    [InlineData(17, true)]
    [InlineData(17, false)]
    public void An_answer_of_another_length_than_asked_for_is_an_incorrect_amount(int length, bool isFinal)
    {
        _sequencer.Begin(Solicited, 40, immediateBytes: 0, isFinal: true);
        _sequencer.Request(77, 100);
        DataOut(77, 0, 0, length, isFinal);
        Assert.Equal(WriteCondition.IncorrectAmountOfData, _sequencer.Condition);
        Assert.Equal(!isFinal, _sequencer.OwesData);
        Assert.False(_sequencer.IsComplete);
    }

    [Theory]
    [InlineData(78u, 1u, 4u, 4, PduFault.InvalidTargetTransferTag)]
    [InlineData(TaskTag.Reserved, 1u, 4u, 4, PduFault.InvalidTargetTransferTag)]
    [InlineData(77u, 1u, 3u, 4, PduFault.InvalidDataOffset)]
    [InlineData(77u, 1u, 5u, 4, PduFault.InvalidDataOffset)]
    [InlineData(77u, 1u, 0xFFFFFFFCu, 4, PduFault.InvalidDataOffset)]
    [InlineData(77u, 1u, 4u, 12, PduFault.MissingFinal)]
    public void A_nonsense_tag_number_or_offset_is_a_fault_and_changes_nothing(uint tag, uint dataSN, uint offset, int length, PduFault expected)
    {
        _sequencer.Begin(Solicited, 40, immediateBytes: 0, isFinal: true);
        _sequencer.Request(77, 100);
        DataOut(77, 0, 0, 4, isFinal: false);
        Assert.Equal(new DataOutDecision { Disposition = DataOutDisposition.Fault, Fault = expected }, DataOut(tag, dataSN, offset, length, isFinal: false));
        Assert.Equal((4u, WriteCondition.None, true), (_sequencer.ReceivedLength, _sequencer.Condition, _sequencer.OwesData));
        Assert.Equal(Stored(4, 12, endsSequence: true), DataOut(77, 1, 4, 12, isFinal: true));
    }

    [Theory]
    [InlineData(0u)]
    [InlineData(2u)]
    [InlineData(uint.MaxValue)]
    public void A_wrong_DataSN_means_a_lost_PDU_and_ends_the_command_after_its_sequence(uint dataSN)
    {
        _sequencer.Begin(Solicited, 40, immediateBytes: 0, isFinal: true);
        _sequencer.Request(77, 100);
        DataOut(77, 0, 0, 4, isFinal: false);
        Assert.Equal(DataOutDisposition.Discard, DataOut(77, dataSN, 4, 4, isFinal: false).Disposition);
        Assert.Equal((WriteCondition.ProtocolServiceCrcError, true), (_sequencer.Condition, _sequencer.OwesData));
        Assert.Equal(DataOutDisposition.Discard, DataOut(77, 5, 8, 8, isFinal: true).Disposition);
        Assert.False(_sequencer.OwesData || _sequencer.CanRequest || _sequencer.IsComplete);
    }

    [Fact]
    public void Data_that_nobody_asked_for_are_a_fault()
    {
        _sequencer.Begin(Solicited, 40, immediateBytes: 0, isFinal: true);
        Assert.Equal(PduFault.InvalidTargetTransferTag, DataOut(TaskTag.Reserved, 0, 0, 4, isFinal: true).Fault);
        Assert.Equal(PduFault.InvalidTargetTransferTag, DataOut(5, 0, 0, 4, isFinal: true).Fault);
    }

    [Fact]
    public void What_the_CDB_does_not_want_is_neither_stored_nor_asked_for()
    {
        _sequencer.Begin(Unsolicited, 40, immediateBytes: 2, isFinal: false);
        _sequencer.LimitTo(5);
        Assert.Equal(Stored(2, 2, endsSequence: false), DataOut(TaskTag.Reserved, 0, 2, 2, isFinal: false));
        Assert.Equal(Stored(4, 1, endsSequence: false), DataOut(TaskTag.Reserved, 1, 4, 2, isFinal: false));
        Assert.Equal(Stored(6, 0, endsSequence: true), DataOut(TaskTag.Reserved, 2, 6, 2, isFinal: true));
        Assert.True(_sequencer is { IsComplete: true, CanRequest: false, WantedLength: 5, ReceivedLength: 8 });
    }

    [Fact]
    public void A_CDB_that_wants_more_than_was_announced_gets_what_was_announced()
    {
        _sequencer.Begin(Solicited, 10, immediateBytes: 0, isFinal: true);
        _sequencer.LimitTo(1L << 40);
        Assert.Equal(10u, _sequencer.WantedLength);
        _sequencer.LimitTo(-1);
        Assert.True(_sequencer.IsComplete);
    }

    [Fact]
    public void An_abandoned_task_drains_what_it_is_owed_and_asks_for_nothing()
    {
        _sequencer.Begin(Solicited, 40, immediateBytes: 0, isFinal: true);
        _sequencer.Request(77, 100);
        _sequencer.Abandon();
        Assert.Equal(DataOutDisposition.Discard, DataOut(77, 5, 39, 100, isFinal: false).Disposition);
        Assert.Equal(PduFault.InvalidTargetTransferTag, DataOut(78, 0, 0, 1, isFinal: false).Fault);
        Assert.True(_sequencer.OwesData);
        Assert.True(DataOut(77, 6, 0, 1, isFinal: true).EndsSequence);
        Assert.True(_sequencer is { OwesData: false, CanRequest: false, IsComplete: false });
    }

    [Fact]
    public void A_write_of_4_GiB_less_one_byte_is_counted_to_its_end()
    {
        var parameters = Solicited with { MaxBurstLength = 0xFFFFFF };
        _sequencer.Begin(parameters, uint.MaxValue, immediateBytes: 0, isFinal: true);
        var sum = 0UL;
        while (_sequencer.CanRequest)
        {
            var request = _sequencer.Request(1, int.MaxValue);
            sum += request.DesiredDataTransferLength;
            DataOut(1, 0, request.BufferOffset, (int)request.DesiredDataTransferLength, isFinal: true);
        }
        Assert.Equal(uint.MaxValue, sum);
        Assert.True(_sequencer.IsComplete);
    }

    [Fact]
    public void Asking_when_nothing_is_wanted_is_our_own_mistake_and_throws()
    {
        _sequencer.Begin(Solicited, 40, immediateBytes: 0, isFinal: true);
        Assert.Throws<ArgumentOutOfRangeException>(() => _sequencer.Request(1, 0));
        Assert.Throws<ArgumentOutOfRangeException>(() => _sequencer.Request(TaskTag.Reserved, 1));
        _sequencer.Request(1, 1);
        Assert.Throws<InvalidOperationException>(() => _sequencer.Request(2, 1));
    }

    [Fact]
    public void No_history_of_a_hostile_initiator_stores_a_byte_twice_or_outside_or_out_of_order() => Seeded.Run(3000, random =>
    {
        var parameters = new DataSequenceParameters
        {
            InitialR2T = random.NextBool(), ImmediateData = random.NextBool(), FirstBurstLength = random.Next(1, 6), MaxBurstLength = random.Next(1, 8),
        };
        var expected = (uint)random.Next(0, 12);
        var immediate = random.Next(0, 4);
        _sequencer.Begin(parameters, expected, immediate, random.NextBool());
        if (random.NextBool()) _sequencer.LimitTo(random.Next(0, 14));
        var stored = _sequencer.Condition == WriteCondition.None ? (uint)immediate : 0;
        for (var step = 0; step < 30; step++)
        {
            if (_sequencer.CanRequest && random.Next(3) == 0) _sequencer.Request(1, random.Next(1, 9));
            var tag = random.Next(4) switch { 0 => TaskTag.Reserved, 1 => 2u, _ => _sequencer.HasOutstandingR2T ? 1u : TaskTag.Reserved };
            var condition = _sequencer.Condition;
            var decision = DataOut(tag, (uint)random.Next(3), random.NextBool() ? _sequencer.ReceivedLength : (uint)random.Next(14), random.Next(5), random.NextBool());
            switch (decision.Disposition)
            {
                case DataOutDisposition.Store:
                    Assert.Equal(WriteCondition.None, condition);
                    Assert.Equal(stored, decision.OffsetBytes);
                    Assert.True(decision.OffsetBytes + (uint)decision.UsefulBytes <= Math.Max(_sequencer.WantedLength, decision.OffsetBytes));
                    stored = _sequencer.ReceivedLength;
                    Assert.True(stored <= expected);
                    break;
                case DataOutDisposition.Discard:
                    Assert.NotEqual(WriteCondition.None, _sequencer.Condition);
                    break;
                default:
                    Assert.NotEqual(PduFault.None, decision.Fault);
                    break;
            }
            Assert.False(_sequencer.IsComplete && _sequencer.Condition != WriteCondition.None);
            if (_sequencer.IsComplete) Assert.True(stored >= _sequencer.WantedLength);
        }
    });

    [Fact]
    public void A_write_allocates_nothing()
    {
        Write();
        // The runtime itself allocates a little on this thread while it compiles: the best of some rounds is what the code does.
        var allocated = long.MaxValue;
        for (var round = 0; round < 6 && allocated != 0; round++)
        {
            var before = GC.GetAllocatedBytesForCurrentThread();
            for (var i = 0; i < 1000; i++) Write();
            allocated = GC.GetAllocatedBytesForCurrentThread() - before;
        }
        Assert.Equal(0, allocated);

        void Write()
        {
            _sequencer.Begin(Solicited, 16, 0, isFinal: true);
            _sequencer.Request(1, 100);
            Span<byte> header = stackalloc byte[48];
            DataOutPdu.Write(header, new DataOutFields { TargetTransferTag = 1, DataSegmentLength = 16, IsFinal = true });
            _sequencer.OnDataOut(new DataOutPdu(in BasicHeaderSegment.Over(header)));
            if (!_sequencer.IsComplete) throw new InvalidOperationException();
        }
    }

    private DataOutDecision DataOut(uint tag, uint dataSN, uint offset, int length, bool isFinal)
    {
        var header = new byte[48];
        DataOutPdu.Write(header, new DataOutFields
        {
            InitiatorTaskTag = 1, TargetTransferTag = tag, DataSN = dataSN, BufferOffset = offset, DataSegmentLength = length, IsFinal = isFinal,
        });
        return _sequencer.OnDataOut(new DataOutPdu(in BasicHeaderSegment.Over(header)));
    }

    private static DataOutDecision Stored(uint offset, int useful, bool endsSequence) =>
        new() { Disposition = DataOutDisposition.Store, OffsetBytes = offset, UsefulBytes = useful, EndsSequence = endsSequence };
}
