namespace Iscsi.Protocol.Tests;

public sealed class DataOutSequencerTests
{
    private static readonly DataSequenceParameters Parameters =
        new() { InitialR2T = false, ImmediateData = true, FirstBurstLength = 10, MaxBurstLength = 16, MaxOutstandingR2T = 2 };

    private readonly DataOutSequencer _sequencer = new(2);

    [Fact]
    public void Immediate_then_unsolicited_then_solicited_data_are_cut()
    {
        _sequencer.Begin(Parameters, maxRecvDataSegmentLength: 4, expectedLength: 20);
        Assert.Equal((4, false), (_sequencer.ImmediateLength, _sequencer.IsCommandFinal));
        Assert.Equal(new DataOutSegment(0, TaskTag.Reserved, 0, 4, 4, IsFinal: false), Next());
        // An R2T that comes early waits for the end of the unsolicited sequence.
        Assert.Equal(PduFault.None, R2T(0, 55, 10, 6));
        Assert.Equal(new DataOutSegment(0, TaskTag.Reserved, 1, 8, 2, IsFinal: true), Next());
        Assert.Equal(PduFault.None, R2T(1, 56, 16, 4));
        Assert.Equal(new DataOutSegment(3, 55, 0, 10, 4, IsFinal: false), Next());
        Assert.Equal(new DataOutSegment(3, 55, 1, 14, 2, IsFinal: true), Next());
        Assert.Equal(new DataOutSegment(3, 56, 0, 16, 4, IsFinal: true), Next());
        Assert.False(_sequencer.HasNext);
        Assert.False(_sequencer.TryNext(out _));
    }

    [Theory]
    [InlineData(true, true, 20u, 4, true)]
    [InlineData(true, false, 20u, 0, true)]
    [InlineData(false, true, 4u, 4, true)]
    [InlineData(false, true, 5u, 4, false)]
    [InlineData(false, false, 5u, 0, false)]
    [InlineData(false, true, 0u, 0, true)]
    public void The_command_carries_what_was_agreed_on(bool initialR2T, bool immediateData, uint length, int immediateLength, bool isFinal)
    {
        _sequencer.Begin(Parameters with { InitialR2T = initialR2T, ImmediateData = immediateData }, 4, length);
        Assert.Equal((immediateLength, isFinal), (_sequencer.ImmediateLength, _sequencer.IsCommandFinal));
        Assert.Equal(!isFinal, _sequencer.HasNext);
    }

    [Theory]
    [InlineData(1u, 0u, 4u, PduFault.InvalidDataSN)]
    [InlineData(0u, 17u, 4u, PduFault.DataOverrun)]
    [InlineData(0u, 0xFFFFFFFFu, 4u, PduFault.DataOverrun)]
    [InlineData(0u, 0u, 0xFFFFFFFFu, PduFault.DataOverrun)]
    [InlineData(0u, 0u, 17u, PduFault.DataOverrun)]
    [InlineData(0u, 0u, 0u, PduFault.InvalidLength)]
    public void An_R2T_for_what_is_not_there_is_a_fault_and_is_not_answered(uint r2tSN, uint offset, uint length, PduFault expected)
    {
        _sequencer.Begin(Parameters with { InitialR2T = true }, 4, 20);
        Assert.Equal(expected, R2T(r2tSN, 1, offset, length));
        Assert.False(_sequencer.HasNext);
    }

    [Fact]
    public void More_R2Ts_than_were_agreed_on_are_a_fault()
    {
        _sequencer.Begin(Parameters with { InitialR2T = true }, 4, 20);
        Assert.Equal(PduFault.None, R2T(0, 1, 0, 8));
        Assert.Equal(PduFault.None, R2T(1, 2, 8, 4));
        Assert.Equal(PduFault.UnexpectedPdu, R2T(2, 3, 12, 4));
        Next();
        Assert.Equal(PduFault.UnexpectedPdu, R2T(2, 3, 12, 4));
        Next();
        Assert.Equal(PduFault.None, R2T(2, 3, 12, 4));
        Assert.Throws<ArgumentOutOfRangeException>(() => _sequencer.Begin(Parameters with { MaxOutstandingR2T = 3 }, 4, 20));
    }

    private DataOutSegment Next()
    {
        Assert.True(_sequencer.TryNext(out var segment));
        return segment;
    }

    private PduFault R2T(uint r2tSN, uint tag, uint offset, uint length)
    {
        var header = new byte[48];
        ReadyToTransferPdu.Write(header, new R2TRequest(r2tSN, tag, offset, length).ToFields(3, 7));
        return _sequencer.OnR2T(new ReadyToTransferPdu(in BasicHeaderSegment.Over(header)));
    }
}
