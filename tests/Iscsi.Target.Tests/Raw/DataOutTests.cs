using Iscsi.Protocol;

namespace Iscsi.Target.Tests.Raw;

/// <summary>Data a command brings or owes: nonsense tags and offsets, too much and too little (RFC 7143, 11.7, 11.8, 11.4.7.2).</summary>
public sealed class DataOutTests
{
    [Fact]
    public async Task Data_for_no_task_are_a_protocol_error_and_end_the_connection()
    {
        await using var target = await RawTarget.StartAsync();
        var client = await target.LoginAsync();
        var header = client.DataOut(0x5555, TaskTag.Reserved, 0, 512);
        await client.SendPduAsync(header, new byte[512]);
        await target.ExpectRejectAndEndAsync(client, header, RejectReason.ProtocolError, ConnectionEndReason.InvalidTag);
    }

    [Fact]
    public async Task A_transfer_tag_that_was_never_given_is_a_protocol_error_and_ends_the_connection()
    {
        await using var target = await RawTarget.StartAsync();
        var client = await target.LoginAsync();
        await client.SendPduAsync(client.Write(0, 8));
        var r2t = await client.ReceiveAsync(Opcode.ReadyToTransfer);
        var header = client.DataOut(r2t.Itt, r2t.Ttt ^ 0x00010000, 0, 4096);
        await client.SendPduAsync(header, new byte[4096]);
        await target.ExpectRejectAndEndAsync(client, header, RejectReason.ProtocolError, ConnectionEndReason.InvalidTag);
    }

    [Fact]
    public async Task A_transfer_tag_of_an_ended_task_is_a_protocol_error_and_ends_the_connection()
    {
        await using var target = await RawTarget.StartAsync();
        var client = await target.LoginAsync();
        await client.SendPduAsync(client.Write(0, 8));
        var old = await client.ReceiveAsync(Opcode.ReadyToTransfer);
        await client.SendPduAsync(client.DataOut(old.Itt, old.Ttt, 0, 4096), new byte[4096]);
        await client.ReceiveAsync(Opcode.ScsiResponse);
        // The next task gets the same slot: the generation in the tag tells them apart.
        await client.SendPduAsync(client.Write(8, 8));
        var current = await client.ReceiveAsync(Opcode.ReadyToTransfer);
        Assert.NotEqual(old.Ttt, current.Ttt);
        var header = client.DataOut(current.Itt, old.Ttt, 0, 4096);
        await client.SendPduAsync(header, new byte[4096]);
        await target.ExpectRejectAndEndAsync(client, header, RejectReason.ProtocolError, ConnectionEndReason.InvalidTag);
    }

    [Fact]
    public async Task A_transfer_tag_of_another_task_is_a_protocol_error_and_ends_the_connection()
    {
        await using var target = await RawTarget.StartAsync();
        var client = await target.LoginAsync();
        await client.SendPduAsync(client.Write(0, 8));
        await client.SendPduAsync(client.Write(8, 8));
        var one = await client.ReceiveAsync(Opcode.ReadyToTransfer);
        var other = await client.ReceiveAsync(Opcode.ReadyToTransfer);
        var header = client.DataOut(one.Itt, other.Ttt, 0, 4096);
        await client.SendPduAsync(header, new byte[4096]);
        await target.ExpectRejectAndEndAsync(client, header, RejectReason.ProtocolError, ConnectionEndReason.InvalidTag);
    }

    [Theory]
    [InlineData(512u)]
    [InlineData(0xFFFFFE00u)]
    public async Task A_wrong_offset_is_a_protocol_error_and_ends_the_connection_and_nothing_is_stored(uint offset)
    {
        await using var target = await RawTarget.StartAsync();
        var client = await target.LoginAsync();
        await client.SendPduAsync(client.Write(0, 32));
        var r2t = await client.ReceiveAsync(Opcode.ReadyToTransfer);
        var header = client.DataOut(r2t.Itt, r2t.Ttt, offset, 4096);
        await client.SendPduAsync(header, RawClient.Pattern(1, 4096));
        await target.ExpectRejectAndEndAsync(client, header, RejectReason.ProtocolError, ConnectionEndReason.InvalidDataOffset);
        var second = await target.LoginAsync();
        Assert.Equal(new byte[16384], await second.ReadGoodAsync(0, 16384));
    }

    [Fact]
    public async Task A_wrong_DataSN_ends_the_command_after_its_sequence_and_the_connection_lives()
    {
        await using var target = await RawTarget.StartAsync();
        var client = await target.LoginAsync();
        await client.SendPduAsync(client.Write(0, 16));
        var r2t = await client.ReceiveAsync(Opcode.ReadyToTransfer);
        await client.SendPduAsync(client.DataOut(r2t.Itt, r2t.Ttt, 0, 4096, final: false), RawClient.Pattern(1, 4096));
        await client.SendPduAsync(client.DataOut(r2t.Itt, r2t.Ttt, 4096, 2048, final: false, dataSN: 7), RawClient.Pattern(2, 2048));
        await client.ExpectAliveAsync();
        await client.SendPduAsync(client.DataOut(r2t.Itt, r2t.Ttt, 6144, 2048, dataSN: 8), RawClient.Pattern(3, 2048));
        Assert.Equal("B/47/05", (await client.ReceiveAsync(Opcode.ScsiResponse)).SenseText);
        Assert.Equal(new byte[8192], await client.ReadGoodAsync(0, 8192));
    }

    [Theory]
    [InlineData(4096)]
    [InlineData(512)]
    [InlineData(0)]
    public async Task A_solicited_sequence_that_ends_too_early_is_not_enough_data(int length)
    {
        await using var target = await RawTarget.StartAsync();
        var client = await target.LoginAsync();
        await client.SendPduAsync(client.Write(0, 16));
        var r2t = await client.ReceiveAsync(Opcode.ReadyToTransfer);
        await client.SendPduAsync(client.DataOut(r2t.Itt, r2t.Ttt, 0, length), RawClient.Pattern(1, length));
        var status = await client.ReceiveAsync(Opcode.ScsiResponse);
        Assert.Equal("B/0C/0D", status.SenseText);
        Assert.Equal(new byte[8192], await client.ReadGoodAsync(0, 8192));
    }

    [Fact]
    public async Task A_solicited_sequence_with_more_than_was_asked_for_is_drained_to_its_end_and_refused()
    {
        await using var target = await RawTarget.StartAsync();
        var client = await target.LoginAsync();
        await client.SendPduAsync(client.Write(0, 8));
        var r2t = await client.ReceiveAsync(Opcode.ReadyToTransfer);
        await client.SendPduAsync(client.DataOut(r2t.Itt, r2t.Ttt, 0, 8192, final: false), RawClient.Pattern(1, 8192));
        await client.ExpectAliveAsync();
        await client.SendPduAsync(client.DataOut(r2t.Itt, r2t.Ttt, 8192, 512, dataSN: 1), new byte[512]);
        Assert.Equal("B/0C/0D", (await client.ReceiveAsync(Opcode.ScsiResponse)).SenseText);
        Assert.Equal(new byte[4096], await client.ReadGoodAsync(0, 4096));
    }

    [Fact]
    public async Task Unsolicited_data_that_InitialR2T_forbids_are_drained_to_their_end_and_refused()
    {
        await using var target = await RawTarget.StartAsync();
        var client = await target.LoginAsync(); // it offers InitialR2T=No: the target insists on Yes
        var command = client.Write(0, 32, final: false, dataLength: 4096);
        await client.SendPduAsync(command, RawClient.Pattern(1, 4096));
        await client.ExpectAliveAsync(); // no answer before the last of its data
        var itt = RawClient.IttOf(command);
        await client.SendPduAsync(client.DataOut(itt, TaskTag.Reserved, 4096, 2048, final: false), RawClient.Pattern(2, 2048));
        await client.ExpectAliveAsync();
        await client.SendPduAsync(client.DataOut(itt, TaskTag.Reserved, 6144, 2048, dataSN: 1), RawClient.Pattern(2, 2048));
        var status = await client.ReceiveAsync(Opcode.ScsiResponse);
        Assert.Equal("B/0C/0C", status.SenseText);
        Assert.Equal(new byte[16384], await client.ReadGoodAsync(0, 16384));
    }

    [Fact]
    public async Task Immediate_data_beyond_FirstBurstLength_are_refused_and_the_connection_lives()
    {
        await using var target = await RawTarget.StartAsync();
        var client = await target.LoginAsync();
        await client.SendPduAsync(client.Write(0, 32, dataLength: 8192 + 512), RawClient.Pattern(1, 8192 + 512));
        Assert.Equal("B/0C/0C", (await client.ReceiveAsync(Opcode.ScsiResponse)).SenseText);
        Assert.Equal(new byte[16384], await client.ReadGoodAsync(0, 16384));
    }

    [Fact]
    public async Task Immediate_data_of_exactly_FirstBurstLength_are_taken()
    {
        await using var target = await RawTarget.StartAsync();
        var client = await target.LoginAsync();
        var data = RawClient.Pattern(1, 16384);
        var (status, _) = await client.RunAsync(client.Write(0, 32, dataLength: 8192), data);
        Assert.Equal(ScsiStatus.Good, status.Status);
        Assert.Equal(data, await client.ReadGoodAsync(0, 16384));
    }

    [Fact]
    public async Task Immediate_data_beyond_the_announced_length_are_refused()
    {
        await using var target = await RawTarget.StartAsync();
        var client = await target.LoginAsync();
        await client.SendPduAsync(client.Write(0, 8, edtl: 512, dataLength: 4096), RawClient.Pattern(1, 4096));
        Assert.Equal("B/0C/0C", (await client.ReceiveAsync(Opcode.ScsiResponse)).SenseText);
        Assert.Equal(new byte[4096], await client.ReadGoodAsync(0, 4096));
    }

    [Fact]
    public async Task Immediate_data_that_were_negotiated_away_are_refused()
    {
        await using var target = await RawTarget.StartAsync();
        var client = await target.LoginAsync(new RawLogin { ImmediateData = false });
        await client.SendPduAsync(client.Write(0, 8, dataLength: 4096), RawClient.Pattern(1, 4096));
        Assert.Equal("B/0C/0C", (await client.ReceiveAsync(Opcode.ScsiResponse)).SenseText);
        Assert.Equal(new byte[4096], await client.ReadGoodAsync(0, 4096));
    }

    [Fact]
    public async Task A_command_without_data_that_brings_some_is_refused_or_ignores_them_and_the_connection_lives()
    {
        await using var target = await RawTarget.StartAsync();
        var client = await target.LoginAsync();
        await client.SendPduAsync(client.Command(new byte[6], dataLength: 1000), new byte[1000]);
        Assert.Equal("B/0C/0C", (await client.ReceiveAsync(Opcode.ScsiResponse)).SenseText);
        await client.ExpectAliveAsync();
    }

    [Fact]
    public async Task A_peer_that_owes_data_for_25_seconds_since_its_last_byte_loses_its_connection()
    {
        await using var target = await RawTarget.StartAsync();
        var client = await target.LoginAsync();
        await client.SendPduAsync(client.Write(0, 16));
        var r2t = await client.ReceiveAsync(Opcode.ReadyToTransfer);
        await target.AdvanceAsync(TimeSpan.FromSeconds(24));
        await client.SendPduAsync(client.DataOut(r2t.Itt, r2t.Ttt, 0, 4096, final: false), new byte[4096]);
        await client.ExpectAliveAsync();
        await target.AdvanceAsync(TimeSpan.FromSeconds(24.4));
        await client.ExpectAliveAsync();
        await target.AdvanceAsync(TimeSpan.FromSeconds(1.1));
        await client.ExpectCloseAsync();
        await target.ExpectEndAsync(client, ConnectionEndReason.DataOutTimeout);
    }

    [Fact]
    public async Task A_peer_that_owes_the_rest_of_an_unsolicited_sequence_loses_its_connection_too()
    {
        await using var target = await RawTarget.StartAsync();
        var client = await target.LoginAsync();
        await client.SendPduAsync(client.Write(0, 16, final: false));
        await client.ExpectAliveAsync();
        await target.AdvanceAsync(TimeSpan.FromSeconds(25.6));
        await client.ExpectCloseAsync();
        await target.ExpectEndAsync(client, ConnectionEndReason.DataOutTimeout);
    }

    [Fact]
    public async Task A_peer_that_reads_nothing_for_60_seconds_loses_its_connection()
    {
        await using var target = await RawTarget.StartAsync();
        var client = await target.LoginAsync(new RawLogin { MaxRecvDataSegmentLength = 65536 });
        // Two megabytes a command: more than the kernel holds for a peer that doesn't read.
        for (var i = 0; i < 8; i++) await client.SendPduAsync(client.Read(0, RawTarget.BlockCount));
        var session = target.SessionOf(client);
        TimeSpan Stuck() => target.Clock.GetElapsedTime(session.Channel.LastSendProgress);
        // The kernel's buffers are full when nothing has left for ten heartbeats.
        await target.AdvanceUntilAsync(() => session.Channel.IsSending && Stuck() >= TimeSpan.FromSeconds(5), TimeSpan.FromSeconds(60));
        await target.AdvanceUntilAsync(() => target.Log.EndOf(client.LocalEndPoint) is not null, TimeSpan.FromSeconds(65));
        Assert.True(Stuck() >= TimeSpan.FromSeconds(60), $"after {Stuck()}");
        await target.ExpectEndAsync(client, ConnectionEndReason.PeerNotReading);
    }
}
