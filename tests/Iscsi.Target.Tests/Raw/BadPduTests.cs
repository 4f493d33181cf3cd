using Iscsi.Protocol;

namespace Iscsi.Target.Tests.Raw;

/// <summary>PDUs that can't be right, in full feature phase: what they are answered, and why the connection ends.</summary>
public sealed class BadPduTests(ITestOutputHelper output)
{
    [Theory]
    [InlineData(0x07)]
    [InlineData(0x0F)]
    [InlineData(0x11)]
    [InlineData(0x1C)]
    [InlineData(0x1E)]
    [InlineData(0x27)]
    [InlineData(0x33)]
    public async Task An_opcode_that_does_not_exist_is_rejected_as_not_supported_and_ends_the_connection(int opcode)
    {
        await using var target = await RawTarget.StartAsync();
        var client = await target.LoginAsync();
        var header = client.NopOut(dataLength: 5);
        header[0] = (byte)opcode;
        await client.SendPduAsync(header, new byte[5]);
        await target.ExpectRejectAndEndAsync(client, header, RejectReason.CommandNotSupported, ConnectionEndReason.InvalidOpcode);
    }

    [Theory]
    [InlineData(Opcode.NopIn)]
    [InlineData(Opcode.ScsiResponse)]
    [InlineData(Opcode.TaskManagementResponse)]
    [InlineData(Opcode.LoginResponse)]
    [InlineData(Opcode.TextResponse)]
    [InlineData(Opcode.DataIn)]
    [InlineData(Opcode.LogoutResponse)]
    [InlineData(Opcode.ReadyToTransfer)]
    [InlineData(Opcode.AsyncMessage)]
    [InlineData(Opcode.Reject)]
    public async Task An_opcode_of_the_targets_side_is_a_protocol_error_and_ends_the_connection(Opcode opcode)
    {
        await using var target = await RawTarget.StartAsync(witness: false);
        var client = await target.LoginAsync();
        var header = client.NopOut();
        header[0] = (byte)opcode;
        await client.SendPduAsync(header);
        await target.ExpectRejectAndEndAsync(client, header, RejectReason.ProtocolError, ConnectionEndReason.InvalidOpcode);
    }

    [Theory]
    [InlineData((64 * 1024) + 1)]
    [InlineData(0xFFFFFF)]
    public async Task A_data_segment_beyond_MaxRecvDataSegmentLength_ends_the_connection_without_an_answer(int length)
    {
        await using var target = await RawTarget.StartAsync();
        var client = await target.LoginAsync();
        await client.SendAsync(client.NopOut(dataLength: length));
        await client.SendAsync(new byte[100]);
        await client.ExpectCloseAsync();
        await target.ExpectEndAsync(client, ConnectionEndReason.DataSegmentTooLong);
    }

    [Fact]
    public async Task A_data_segment_of_exactly_MaxRecvDataSegmentLength_is_taken()
    {
        await using var target = await RawTarget.StartAsync(witness: false);
        var client = await target.LoginAsync();
        var data = RawClient.Pattern(1, 64 * 1024);
        var command = client.Write(0, 128);
        await client.SendPduAsync(command);
        var r2t = await client.ReceiveAsync(Opcode.ReadyToTransfer);
        Assert.Equal((uint)data.Length, r2t.Residual);
        await client.SendPduAsync(client.DataOut(r2t.Itt, r2t.Ttt, 0, data.Length), data);
        Assert.Equal(ScsiStatus.Good, (await client.ReceiveAsync(Opcode.ScsiResponse)).Status);
        Assert.Equal(data, await client.ReadGoodAsync(0, data.Length));
    }

    [Theory]
    [InlineData(65)]
    [InlineData(255)]
    public async Task An_additional_header_that_is_too_long_is_drained_and_rejected_and_the_connection_lives(int words)
    {
        await using var target = await RawTarget.StartAsync();
        var client = await target.LoginAsync();
        var cmdSN = client.CmdSN;
        var command = client.Write(0, 8, dataLength: 4096);
        command[4] = (byte)words;
        await client.SendAsync(client.Frame(command, RawClient.Pattern(1, 4096), new byte[words * 4]));
        await client.ExpectRejectAsync(RejectReason.InvalidPduField, command);
        // The command was never received: its number is still open.
        client.CmdSN = cmdSN;
        Assert.Equal(new byte[4096], await client.ReadGoodAsync(0, 4096));
        await client.ExpectAliveAsync();
    }

    [Fact]
    public async Task An_additional_header_that_fits_does_not_disturb_a_command()
    {
        await using var target = await RawTarget.StartAsync(witness: false);
        var client = await target.LoginAsync();
        var command = client.TestUnitReady();
        command[4] = 64;
        await client.SendAsync(client.Frame(command, ahs: new byte[256]));
        Assert.Equal(ScsiStatus.Good, (await client.ReceiveAsync(Opcode.ScsiResponse)).Status);
    }

    [Fact]
    public async Task An_additional_header_on_a_request_that_has_none_is_rejected_and_ends_the_connection()
    {
        await using var target = await RawTarget.StartAsync(witness: false);
        var client = await target.LoginAsync();
        var header = client.NopOut();
        header[4] = 1;
        await client.SendAsync(client.Frame(header, ahs: new byte[4]));
        await target.ExpectRejectAndEndAsync(client, header, RejectReason.InvalidPduField, ConnectionEndReason.InvalidPduField);
    }

    [Fact]
    public async Task A_wrong_header_digest_closes_silently()
    {
        await using var target = await RawTarget.StartAsync();
        var client = await target.LoginAsync(new RawLogin { Digests = true });
        await client.ExpectAliveAsync();
        var pdu = client.Frame(client.TestUnitReady());
        pdu[20] ^= 1;
        await client.SendAsync(pdu);
        await client.ExpectCloseAsync();
        await target.ExpectEndAsync(client, ConnectionEndReason.HeaderDigestError);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_wrong_data_digest_is_rejected_and_ends_the_connection_and_nothing_is_stored(bool solicited)
    {
        await using var target = await RawTarget.StartAsync();
        var client = await target.LoginAsync(new RawLogin { Digests = true });
        var before = RawClient.Pattern(1, 4096);
        await client.WriteGoodAsync(0, before);

        var header = client.Write(0, 8, dataLength: solicited ? 0 : 4096);
        if (solicited)
        {
            await client.SendPduAsync(header);
            var r2t = await client.ReceiveAsync(Opcode.ReadyToTransfer);
            header = client.DataOut(r2t.Itt, r2t.Ttt, 0, 4096);
        }
        var pdu = client.Frame(header, RawClient.Pattern(2, 4096));
        pdu[1000] ^= 1;
        await client.SendAsync(pdu);
        await target.ExpectRejectAndEndAsync(client, header, RejectReason.DataDigestError, ConnectionEndReason.DataDigestError);

        var second = await target.LoginAsync();
        Assert.Equal(before, await second.ReadGoodAsync(0, 4096));
    }

    [Fact]
    public async Task A_SNACK_is_rejected_at_error_recovery_level_0_and_the_connection_lives()
    {
        await using var target = await RawTarget.StartAsync();
        var client = await target.LoginAsync();
        var header = new byte[BasicHeaderSegment.Size];
        SnackRequestPdu.Write(header, new SnackRequestFields { Type = SnackType.Status, InitiatorTaskTag = TaskTag.Reserved, TargetTransferTag = TaskTag.Reserved, BegRun = 1 });
        await client.SendPduAsync(header);
        await client.ExpectRejectAsync(RejectReason.SnackReject, header);
        await client.ExpectAliveAsync();
    }

    [Fact]
    public async Task A_login_request_in_full_feature_phase_is_a_protocol_error_and_ends_the_connection()
    {
        await using var target = await RawTarget.StartAsync();
        var client = await target.LoginAsync();
        var text = new RawLogin().Text();
        var header = client.LoginRequest(new RawLogin(), text.Length);
        await client.SendPduAsync(header, text);
        await target.ExpectRejectAndEndAsync(client, header, RejectReason.ProtocolError, ConnectionEndReason.UnexpectedPdu);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_SCSI_PDU_in_a_discovery_session_is_a_protocol_error_and_ends_the_connection(bool isData)
    {
        await using var target = await RawTarget.StartAsync();
        var client = await target.LoginAsync(new RawLogin { SessionType = "Discovery", Target = null });
        var header = isData ? client.DataOut(1, TaskTag.Reserved, 0, 0) : client.TestUnitReady();
        await client.SendPduAsync(header);
        await target.ExpectRejectAndEndAsync(client, header, RejectReason.ProtocolError, ConnectionEndReason.UnexpectedPdu);
    }

    [Fact]
    public async Task A_PDU_cut_off_at_any_byte_ends_only_its_connection()
    {
        await using var target = await RawTarget.StartAsync();
        int[] cuts = [.. Enumerable.Range(0, 53), 100, 512, 4095, 4143];
        foreach (var cut in cuts)
        {
            // The same name again: each login takes the place of the session that was lost.
            var client = await target.LoginAsync();
            var pdu = client.Frame(client.Write(0, 8, dataLength: 4096), RawClient.Pattern(3, 4096));
            await client.SendAsync(pdu.AsMemory(0, cut));
            client.ShutdownSend();
            await client.ExpectCloseAsync();
            await target.ExpectEndAsync(client, cut == 0 ? ConnectionEndReason.PeerClosed : ConnectionEndReason.PeerClosedUnexpectedly);
        }
        var last = await target.LoginAsync();
        Assert.Equal(new byte[4096], await last.ReadGoodAsync(0, 4096));
    }

    [Fact]
    public async Task Random_bytes_before_the_login_end_only_their_connection()
    {
        await using var target = await RawTarget.StartAsync();
        for (var seed = 1; seed <= 60; seed++)
        {
            output.WriteLine($"seed {seed}");
            var client = await target.ConnectAsync();
            await client.SendAsync(RawClient.Pattern(seed, 1 + (seed * 97 % 3000)));
            try
            {
                client.ShutdownSend();
            }
            catch (System.Net.Sockets.SocketException)
            {
                // The target has closed already.
            }
            await client.ReceiveToEndAsync();
            await Poll.UntilAsync(() => target.Log.EndOf(client.LocalEndPoint) is not null, () => $"seed {seed} did not end");
            Assert.Contains(target.Log.EndOf(client.LocalEndPoint)!.Value, NamedReasons);
        }
    }

    [Fact]
    public async Task Random_bytes_after_the_login_end_only_their_connection()
    {
        await using var target = await RawTarget.StartAsync();
        for (var seed = 1001; seed <= 1060; seed++)
        {
            output.WriteLine($"seed {seed}");
            var client = await target.LoginAsync();
            var bytes = RawClient.Pattern(seed, 1 + (seed * 97 % 3000));
            // Half of them look like a PDU at first sight: an opcode that exists, a length that is believable.
            if (seed % 2 == 0 && bytes.Length > 48)
            {
                bytes[0] = (byte)(seed / 2 % 7);
                bytes[4] = 0;
                bytes[5] = 0;
                bytes[6] = 0;
            }
            await client.SendAsync(bytes);
            try
            {
                client.ShutdownSend();
            }
            catch (System.Net.Sockets.SocketException)
            {
                // The target has closed already.
            }
            await client.ReceiveToEndAsync();
            await Poll.UntilAsync(() => target.Log.EndOf(client.LocalEndPoint) is not null, () => $"seed {seed} did not end");
            Assert.Contains(target.Log.EndOf(client.LocalEndPoint)!.Value, NamedReasons);
        }
    }

    // Reasons that are the peer's; a fault of ours is none of them.
    internal static readonly ConnectionEndReason[] NamedReasons =
    [
        ConnectionEndReason.PeerClosed, ConnectionEndReason.PeerClosedUnexpectedly, ConnectionEndReason.TransportError,
        ConnectionEndReason.LoginRefused, ConnectionEndReason.LoggedOut, ConnectionEndReason.HeaderDigestError,
        ConnectionEndReason.DataDigestError, ConnectionEndReason.AdditionalHeaderTooLong, ConnectionEndReason.DataSegmentTooLong,
        ConnectionEndReason.InvalidOpcode, ConnectionEndReason.UnexpectedPdu, ConnectionEndReason.InvalidPduField,
        ConnectionEndReason.InvalidTag, ConnectionEndReason.InvalidDataOffset, ConnectionEndReason.NegotiationError,
        ConnectionEndReason.ControlOverload, ConnectionEndReason.SessionReinstated, ConnectionEndReason.TargetReset,
    ];
}
