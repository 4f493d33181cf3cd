using Iscsi.Protocol;
using Iscsi.Target.Tests.Raw;

namespace Iscsi.Target.Tests.Conformance;

/// <summary>Bursts and sequences: how Data-In are cut, how data are asked for (RFC 7143, 11.7, 11.8).</summary>
public sealed class SequenceTests
{
    [Theory]
    [InlineData(1024, 4096)]
    [InlineData(3000, 8191)]
    [InlineData(512, 512)]
    [InlineData(65536, 65536)]
    public async Task Data_In_keep_to_the_segment_and_end_a_sequence_at_each_MaxBurstLength(int segment, int burst)
    {
        await using var target = await RawTarget.StartAsync(witness: false);
        var client = await target.LoginAsync(new RawLogin { MaxRecvDataSegmentLength = segment, MaxBurstLength = burst, FirstBurstLength = 512 });
        var medium = RawClient.Pattern(1, 300 * 1024);
        await client.RunAsync(client.Write(0, 600), medium);
        await client.SendPduAsync(client.Read(0, 600));
        var inBurst = 0;
        var dataSN = 0u;
        var data = new List<byte>();
        while (true)
        {
            var pdu = await client.ReceiveAsync(Opcode.DataIn);
            Assert.Equal(dataSN++, pdu.DataSN);
            Assert.Equal((uint)data.Count, pdu.BufferOffset);
            Assert.InRange(pdu.Data.Length, 1, segment);
            data.AddRange(pdu.Data);
            inBurst += pdu.Data.Length;
            Assert.InRange(inBurst, 1, burst);
            Assert.Equal(inBurst == burst || data.Count == medium.Length, pdu.IsFinal);
            if (pdu.IsFinal) inBurst = 0;
            Assert.Equal(data.Count == medium.Length, pdu.HasStatus);
            if (pdu.HasStatus) break;
        }
        Assert.Equal(medium, data);
    }

    [Theory]
    [InlineData(4096)]
    [InlineData(8191)]
    [InlineData(262144)]
    public async Task Data_are_asked_for_in_order_one_R2T_at_a_time_of_at_most_MaxBurstLength(int burst)
    {
        await using var target = await RawTarget.StartAsync(witness: false);
        var client = await target.LoginAsync(new RawLogin { MaxBurstLength = burst, FirstBurstLength = 512 });
        var data = RawClient.Pattern(2, 600 * 512);
        var command = client.Write(0, 600);
        await client.SendPduAsync(command);
        var received = 0u;
        var r2tSN = 0u;
        while (received < data.Length)
        {
            var r2t = await client.ReceiveAsync(Opcode.ReadyToTransfer);
            Assert.Equal((RawClient.IttOf(command), r2tSN++, received), (r2t.Itt, r2t.DataSN, r2t.BufferOffset));
            Assert.InRange(r2t.Residual, 1u, (uint)burst);
            Assert.NotEqual(TaskTag.Reserved, r2t.Ttt);
            Assert.Equal(client.ExpStatSN, r2t.StatSN);
            await client.ExpectAliveAsync(); // nothing more is asked for before this is answered
            await client.SendSequenceAsync(r2t, data);
            received += r2t.Residual;
        }
        Assert.Equal(ScsiStatus.Good, (await client.ReceiveAsync(Opcode.ScsiResponse)).Status);
        Assert.Equal(data, await client.ReadGoodAsync(0, data.Length));
    }

    [Fact]
    public async Task A_command_as_large_as_the_disk_passes_through_a_small_budget()
    {
        await using var target = await RawTarget.StartAsync(witness: false, memoryBytes: 4L << 20);
        var client = await target.LoginAsync(new RawLogin { MaxRecvDataSegmentLength = 262144 });
        var data = RawClient.Pattern(3, RawTarget.BlockCount * 512);
        var (status, _) = await client.RunAsync(client.Write(0, RawTarget.BlockCount), data);
        Assert.Equal(ScsiStatus.Good, status.Status);
        for (var round = 0; round < 4; round++) Assert.Equal(data, await client.ReadGoodAsync(0, data.Length));
    }
}
