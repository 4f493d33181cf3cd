namespace Iscsi.Protocol.Tests;

/// <summary>Both ends of a write, one against the other, over every small combination of lengths and agreements.</summary>
public sealed class WriteSequencingTests
{
    private static readonly bool[] Both = [false, true];

    [Fact]
    public void Every_small_write_brings_every_wanted_byte_once_and_in_order()
    {
        var runs = 0;
        var initiator = new DataOutSequencer();
        var target = new R2TSequencer();
        foreach (var initialR2T in Both)
        foreach (var immediateData in Both)
        for (var firstBurst = 1; firstBurst <= 4; firstBurst++)
        for (var maxBurst = firstBurst; maxBurst <= 5; maxBurst++)
        for (var maxSegment = 1; maxSegment <= 5; maxSegment++)
        for (var expected = 0u; expected <= 7; expected++)
        for (var wanted = 0; wanted <= 8; wanted++)
        for (var burst = 1; burst <= 6; burst += 1 + (burst / 3))
        {
            var parameters = new DataSequenceParameters
            {
                InitialR2T = initialR2T, ImmediateData = immediateData, FirstBurstLength = firstBurst, MaxBurstLength = maxBurst,
            };
            Run(initiator, target, parameters, maxSegment, expected, wanted, burst);
            runs++;
        }
        Assert.True(runs > 50_000);
    }

    private static void Run(
        DataOutSequencer initiator, R2TSequencer target, DataSequenceParameters parameters, int maxSegment, uint expected, int cdbLength, int burst)
    {
        initiator.Begin(parameters, maxSegment, expected);
        target.Begin(parameters, expected, initiator.ImmediateLength, initiator.IsCommandFinal);
        Check(initiator.ImmediateLength == 0 || parameters.ImmediateData, "immediate data without agreement");
        Check(target.OwesData == !initiator.IsCommandFinal, "F of the command");
        var received = (uint)initiator.ImmediateLength;
        var useful = Math.Min(received, Math.Min(expected, (uint)cdbLength));
        target.LimitTo(cdbLength);
        var wanted = Math.Min(expected, (uint)cdbLength);
        Check(target.WantedLength == wanted, "wanted");

        var header = new byte[48];
        uint r2tCount = 0, sequenceSent = 0, sequenceLength = uint.MaxValue;
        for (var step = 0; ; step++)
        {
            Check(step < 100, "an end");
            if (initiator.TryNext(out var segment))
            {
                Check(segment.LengthBytes <= maxSegment, "MaxRecvDataSegmentLength");
                DataOutPdu.Write(header, segment.ToFields(7));
                var decision = target.OnDataOut(new DataOutPdu(in BasicHeaderSegment.Over(header)));
                Check(decision is { Disposition: DataOutDisposition.Store, Fault: PduFault.None }, "stored");
                Check(decision.OffsetBytes == received && segment.BufferOffset == received, "order");
                received += (uint)segment.LengthBytes;
                useful += (uint)decision.UsefulBytes;
                sequenceSent += (uint)segment.LengthBytes;
                Check(sequenceSent <= sequenceLength, "length of a sequence");
                Check(decision.EndsSequence == segment.IsFinal && target.OwesData == !segment.IsFinal, "F");
                if (segment.TargetTransferTag == TaskTag.Reserved)
                    Check(received <= parameters.FirstBurstLength && r2tCount == 0, "FirstBurstLength");
                continue;
            }
            Check(!target.OwesData, "data are owed and do not come");
            if (!target.CanRequest) break;
            var request = target.Request(100 + r2tCount, burst);
            Check(request.R2TSN == r2tCount++ && request.BufferOffset == received, "R2T order");
            Check(request.DesiredDataTransferLength >= 1 && request.DesiredDataTransferLength <= Math.Min(burst, parameters.MaxBurstLength), "R2T length");
            Check(request.BufferOffset + request.DesiredDataTransferLength <= wanted, "R2T past what is wanted");
            ReadyToTransferPdu.Write(header, request.ToFields(9, 7));
            var pdu = new ReadyToTransferPdu(in BasicHeaderSegment.Over(header));
            Check(pdu.Validate() == PduFault.None && initiator.OnR2T(pdu) == PduFault.None, "R2T accepted");
            sequenceSent = 0;
            sequenceLength = request.DesiredDataTransferLength;
        }
        Check(target.IsComplete && target.Condition == WriteCondition.None, "complete");
        Check(useful == wanted, "every wanted byte");
        Check(received >= wanted && received == target.ReceivedLength, "received");
    }

    private static void Check(bool isRight, string what)
    {
        if (!isRight) Assert.Fail($"Wrong: {what}.");
    }
}
