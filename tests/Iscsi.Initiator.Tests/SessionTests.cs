using Iscsi.Protocol;
using Iscsi.Protocol.Scsi;
using Microsoft.Extensions.Time.Testing;

namespace Iscsi.Initiator.Tests;

/// <summary>A session against a target that does, PDU by PDU, what the test says.</summary>
public sealed class SessionTests : IAsyncLifetime
{
    private const int Limit = 60_000;

    private static readonly byte[] s_read = [0x28, 0, 0, 0, 0, 0, 0, 0, 8, 0];
    private static readonly byte[] s_write = [0x2A, 0, 0, 0, 0, 0, 0, 0, 8, 0];

    private ScriptedTarget _target = new();
    private IscsiSession? _session;

    public ValueTask InitializeAsync() => ValueTask.CompletedTask;

    // The target's end is closed first: what a test leaves open is no reason to wait.
    public async ValueTask DisposeAsync()
    {
        await _target.DisposeAsync();
        if (_session is not null) await _session.DisposeAsync();
    }

    [Fact(Timeout = Limit)]
    public async Task Data_in_lands_in_the_callers_memory_with_its_status()
    {
        var session = await OpenAsync();
        var data = new byte[4096];
        var call = session.ExecuteAsync(3, s_read, data).AsTask();
        var command = await _target.ReceiveAsync(Opcode.ScsiCommand);
        Check(command);
        await _target.SendDataInAsync(command, 0, 0, Pattern(1000, 1));
        await _target.SendDataInAsync(command, 1, 1000, Pattern(3096, 2), hasStatus: true);
        Assert.Equal(new ScsiResult { TransferredBytes = 4096 }, await call);
        Assert.Equal([.. Pattern(1000, 1), .. Pattern(3096, 2)], data);

        static void Check(ReceivedPdu command)
        {
            var pdu = new ScsiCommandPdu(in command.Header);
            Assert.True(pdu is { IsRead: true, IsWrite: false, IsFinal: true, IsImmediate: false });
            Assert.Equal(4096u, pdu.ExpectedDataTransferLength);
            Assert.Equal(3ul << 48, pdu.Lun);
            Assert.Equal(s_read, pdu.Cdb[..10].ToArray());
            Assert.Equal(TaskAttribute.Simple, pdu.Attribute);
        }
    }

    [Fact(Timeout = Limit)]
    public async Task Large_data_in_is_received_straight_and_ends_with_its_last_byte()
    {
        _target = new ScriptedTarget { Offer = new() { MaxRecvDataSegmentLength = 65536, MaxBurstLength = 1 << 20 } };
        var session = await OpenAsync();
        var data = new byte[144 << 10];
        var call = session.ExecuteAsync(0, s_read, data).AsTask();
        var command = await _target.ReceiveAsync(Opcode.ScsiCommand);
        for (var i = 0; i < 3; i++) await _target.SendDataInAsync(command, (uint)i, i * 49152, Pattern(49152, i), hasStatus: i == 2);
        Assert.True((await call).IsGood);
        Assert.Equal([.. Pattern(49152, 0), .. Pattern(49152, 1), .. Pattern(49152, 2)], data);
    }

    [Fact(Timeout = Limit)]
    public async Task A_response_of_its_own_ends_a_read_and_its_residual_is_told()
    {
        var session = await OpenAsync();
        var data = new byte[255];
        var call = session.ExecuteAsync(0, s_read, data).AsTask();
        var command = await _target.ReceiveAsync(Opcode.ScsiCommand);
        await _target.SendDataInAsync(command, 0, 0, Pattern(36, 1), isFinal: true);
        await _target.SendResponseAsync(command, residual: new Residual(Overflow: false, Underflow: true, 219));
        var result = await call;
        Assert.Equal(36, result.TransferredBytes);
        Assert.Equal(219u, result.Residual.Count);
        Assert.Equal(Pattern(36, 1), data[..36]);
    }

    [Fact(Timeout = Limit)]
    public async Task Missing_data_that_are_called_good_are_an_error()
    {
        var session = await OpenAsync();
        var call = session.ExecuteAsync(0, s_read, new byte[100]).AsTask();
        var command = await _target.ReceiveAsync(Opcode.ScsiCommand);
        await _target.SendDataInAsync(command, 0, 0, Pattern(36, 1), hasStatus: true);
        Assert.Contains("36 of 100", (await Assert.ThrowsAsync<IscsiException>(() => call)).Message, StringComparison.Ordinal);
    }

    [Theory(Timeout = Limit)]
    [InlineData(0, 0, 101)]
    [InlineData(0, 1, 100)]
    [InlineData(0, 100, 1)]
    [InlineData(1, 0, 100)]
    [InlineData(0, -1, 50)]
    public async Task Data_in_outside_its_place_ends_the_session_and_touches_nothing(int dataSN, int offset, int length)
    {
        var session = await OpenAsync();
        var memory = new byte[300];
        var call = session.ExecuteAsync(0, s_read, memory.AsMemory(100, 100)).AsTask();
        var command = await _target.ReceiveAsync(Opcode.ScsiCommand);
        await _target.SendDataInAsync(command, (uint)dataSN, offset, Pattern(length, 1), hasStatus: true);
        var exception = await Assert.ThrowsAsync<IscsiException>(() => call);
        Assert.Equal(ConnectionEndReason.InvalidDataOffset, exception.EndReason);
        Assert.Equal(new byte[300], memory);
    }

    [Fact(Timeout = Limit)]
    public async Task A_write_sends_immediate_data_and_answers_each_R2T()
    {
        _target = new ScriptedTarget { Offer = new() { FirstBurstLength = 1000, MaxRecvDataSegmentLength = 4096, MaxBurstLength = 65536 } };
        var session = await OpenAsync();
        var data = Pattern(12_000, 5);
        var call = session.ExecuteAsync(0, s_write, dataOut: data).AsTask();
        var command = await _target.ReceiveAsync(Opcode.ScsiCommand);
        Assert.True(command.Header.IsFinal);
        Assert.Equal(data[..1000], command.Data);

        await _target.SendR2TAsync(command, 77, 0, 1000, 5000);
        await CheckDataOutAsync(77, 0, 1000, 4096, isFinal: false);
        await CheckDataOutAsync(77, 1, 5096, 904, isFinal: true);
        await _target.SendR2TAsync(command, 78, 1, 6000, 6000);
        await CheckDataOutAsync(78, 0, 6000, 4096, isFinal: false);
        await CheckDataOutAsync(78, 1, 10096, 1904, isFinal: true);
        await _target.SendResponseAsync(command);
        Assert.Equal(12_000, (await call).TransferredBytes);

        async Task CheckDataOutAsync(uint tag, uint dataSN, int offset, int length, bool isFinal)
        {
            var pdu = await _target.ReceiveAsync(Opcode.DataOut);
            Check(pdu);
            Assert.Equal(data[offset..(offset + length)], pdu.Data);

            void Check(ReceivedPdu received)
            {
                var view = new DataOutPdu(in received.Header);
                Assert.Equal((command.Tag, tag, dataSN, (uint)offset, isFinal),
                    (view.InitiatorTaskTag, view.TargetTransferTag, view.DataSN, view.BufferOffset, view.IsFinal));
            }
        }
    }

    [Fact(Timeout = Limit)]
    public async Task Without_InitialR2T_the_first_burst_follows_unasked()
    {
        _target = new ScriptedTarget { Offer = new() { InitialR2T = false, ImmediateData = false, FirstBurstLength = 8192, MaxRecvDataSegmentLength = 4096 } };
        var options = _target.Options;
        var session = await OpenAsync(options with { Offer = options.Offer with { InitialR2T = false } });
        var data = Pattern(10_000, 5);
        var call = session.ExecuteAsync(0, s_write, dataOut: data).AsTask();
        var command = await _target.ReceiveAsync(Opcode.ScsiCommand);
        Assert.False(command.Header.IsFinal);
        Assert.Empty(command.Data);
        Assert.Equal(data[..4096], (await _target.ReceiveAsync(Opcode.DataOut)).Data);
        var last = await _target.ReceiveAsync(Opcode.DataOut);
        Assert.Equal(data[4096..8192], last.Data);
        Assert.True(last.Header.IsFinal);
        await _target.SendR2TAsync(command, 1, 0, 8192, 1808);
        Assert.Equal(data[8192..], (await _target.ReceiveAsync(Opcode.DataOut)).Data);
        await _target.SendResponseAsync(command);
        Assert.True((await call).IsGood);
    }

    [Theory(Timeout = Limit)]
    [InlineData(0, 4096, 4097)]
    [InlineData(0, 8192, 1)]
    [InlineData(1, 0, 512)]
    [InlineData(0, 0, 0)]
    public async Task An_R2T_for_data_that_are_not_there_ends_the_session(int r2tSN, int offset, int length)
    {
        var session = await OpenAsync();
        var call = session.ExecuteAsync(0, s_write, dataOut: new byte[8192]).AsTask();
        await _target.SendR2TAsync(await _target.ReceiveAsync(Opcode.ScsiCommand), 1, (uint)r2tSN, offset, length);
        await Assert.ThrowsAsync<IscsiException>(() => call);
        Assert.NotEqual(ConnectionEndReason.None, session.EndReason);
    }

    [Fact(Timeout = Limit)]
    public async Task Sense_data_are_part_of_the_result_and_words_in_the_exception()
    {
        var session = await OpenAsync();
        var call = session.ExecuteAsync(0, s_read, new byte[512]).AsTask();
        var command = await _target.ReceiveAsync(Opcode.ScsiCommand);
        var sense = new SenseData(SenseKey.IllegalRequest, AdditionalSense.InvalidFieldInCdb) { Field = new FieldPointer(InCdb: true, 2, 6) };
        await _target.SendResponseAsync(command, ScsiStatus.CheckCondition, sense, new Residual(false, true, 512));
        var result = await call;
        Assert.Equal(ScsiStatus.CheckCondition, result.Status);
        Assert.Equal(sense, result.Sense);
        var exception = Assert.Throws<ScsiCommandException>(() => result.ThrowIfFailed("READ (10)"));
        Assert.Equal("READ (10) failed: illegal request, invalid field in CDB (5/24/00), byte 2 bit 6 of the CDB.", exception.Message);
    }

    [Fact(Timeout = Limit)]
    public async Task A_closed_window_keeps_commands_in_the_order_of_the_calls()
    {
        _target.Window = 1;
        var session = await OpenAsync();
        var calls = Enumerable.Range(0, 5).Select(i => session.ExecuteAsync(0, [0x28, 0, 0, 0, 0, (byte)i, 0, 0, 1, 0], new byte[512]).AsTask()).ToArray();
        for (var i = 0; i < 5; i++)
        {
            var command = await _target.ReceiveAsync(Opcode.ScsiCommand);
            Assert.Equal(i, command.Cdb[5]);
            await _target.SendDataInAsync(command, 0, 0, Pattern(512, i), hasStatus: true);
        }
        Assert.All(await Task.WhenAll(calls), result => Assert.True(result.IsGood));
    }

    [Fact(Timeout = Limit)]
    public async Task Calls_beyond_the_limit_wait_at_the_submit_gate_in_order()
    {
        var session = await OpenAsync(new() { MaxOutstandingCommands = 2 });
        var calls = Enumerable.Range(0, 6).Select(i => session.ExecuteAsync(0, [0x28, 0, 0, 0, 0, (byte)i, 0, 0, 1, 0], new byte[512]).AsTask()).ToArray();
        var first = await _target.ReceiveAsync(Opcode.ScsiCommand);
        var second = await _target.ReceiveAsync(Opcode.ScsiCommand);
        await session.PingedAsync(_target); // nothing else came before the ping
        foreach (var command in new[] { first, second }) await _target.SendDataInAsync(command, 0, 0, new byte[512], hasStatus: true);
        for (var i = 2; i < 6; i++)
        {
            var command = await _target.ReceiveAsync(Opcode.ScsiCommand);
            Assert.Equal(i, command.Cdb[5]);
            await _target.SendDataInAsync(command, 0, 0, new byte[512], hasStatus: true);
        }
        await Task.WhenAll(calls);
    }

    [Fact(Timeout = Limit)]
    public async Task A_ping_of_the_target_is_answered()
    {
        await OpenAsync();
        await _target.SendNopInAsync(targetTransferTag: 0x1234);
        Check(await _target.ReceiveAsync(Opcode.NopOut));

        static void Check(ReceivedPdu received)
        {
            var answer = new NopOutPdu(in received.Header);
            Assert.True(answer.IsImmediate);
            Assert.Equal((TaskTag.Reserved, 0x1234u), (answer.InitiatorTaskTag, answer.TargetTransferTag));
        }
    }

    [Fact(Timeout = Limit)]
    public async Task A_ping_of_ours_measures_the_round_trip()
    {
        var clock = new FakeTimeProvider();
        var session = await OpenAsync(new() { Clock = clock });
        var ping = session.PingAsync();
        var request = await _target.ReceiveAsync(Opcode.NopOut);
        clock.Advance(TimeSpan.FromMilliseconds(7));
        await _target.SendNopInAsync(request.Tag);
        Assert.Equal(TimeSpan.FromMilliseconds(7), await ping);
    }

    [Fact(Timeout = Limit)]
    public async Task A_logout_waits_for_pending_calls_and_takes_no_new_ones()
    {
        var session = await OpenAsync();
        var call = session.ExecuteAsync(0, s_read, new byte[512]).AsTask();
        var command = await _target.ReceiveAsync(Opcode.ScsiCommand);
        var logout = session.LogoutAsync();
        await Assert.ThrowsAsync<IscsiException>(async () => await session.ExecuteAsync(0, s_read, new byte[512]));
        await _target.SendDataInAsync(command, 0, 0, new byte[512], hasStatus: true);
        await call;
        await _target.SendLogoutResponseAsync(await _target.ReceiveAsync(Opcode.LogoutRequest));
        await logout;
        Assert.Equal(ConnectionEndReason.LoggedOut, session.EndReason);
        Assert.Equal(ConnectionEndReason.LoggedOut,
            (await Assert.ThrowsAsync<IscsiException>(async () => await session.ExecuteAsync(0, s_read, new byte[512]))).EndReason);
    }

    [Fact(Timeout = Limit)]
    public async Task A_target_that_asks_for_a_logout_gets_it_when_pending_calls_have_ended()
    {
        var session = await OpenAsync();
        var call = session.ExecuteAsync(0, s_read, new byte[512]).AsTask();
        var command = await _target.ReceiveAsync(Opcode.ScsiCommand);
        await _target.SendAsyncMessageAsync(AsyncEvent.LogoutRequested, parameter3: 5);
        await _target.SendDataInAsync(command, 0, 0, new byte[512], hasStatus: true);
        Assert.True((await call).IsGood);
        await _target.SendLogoutResponseAsync(await _target.ReceiveAsync(Opcode.LogoutRequest));
        Assert.Null(await _target.TryReceiveAsync());
        Assert.Equal(ConnectionEndReason.LoggedOut, session.EndReason);
    }

    [Fact(Timeout = Limit)]
    public async Task The_logout_that_was_asked_for_does_not_wait_longer_than_the_target_allows()
    {
        var clock = new FakeTimeProvider();
        var session = await OpenAsync(new() { Clock = clock });
        var call = session.ExecuteAsync(0, s_read, new byte[512]).AsTask();
        await _target.ReceiveAsync(Opcode.ScsiCommand);
        await _target.SendAsyncMessageAsync(AsyncEvent.LogoutRequested, parameter3: 3);
        // The answer to a ping of the target says that the message was handled: the session's own pings are refused from then on.
        await _target.SendNopInAsync(targetTransferTag: 0x1234);
        await _target.ReceiveAsync(Opcode.NopOut);
        clock.Advance(TimeSpan.FromSeconds(4));
        await _target.SendLogoutResponseAsync(await _target.ReceiveAsync(Opcode.LogoutRequest));
        await Assert.ThrowsAsync<IscsiException>(() => call);
    }

    [Fact(Timeout = Limit)]
    public async Task A_logout_that_is_never_answered_ends_with_the_connection()
    {
        var clock = new FakeTimeProvider();
        var session = await OpenAsync(new() { Clock = clock });
        var logout = session.LogoutAsync();
        await _target.ReceiveAsync(Opcode.LogoutRequest);
        await session.SettleAsync();
        clock.Advance(TimeSpan.FromSeconds(10.1));
        await session.SettleAsync();
        clock.Advance(TimeSpan.FromSeconds(10.1));
        Assert.Equal(ConnectionEndReason.PingTimeout, (await Assert.ThrowsAsync<IscsiException>(() => logout)).EndReason);
    }

    [Fact(Timeout = Limit)]
    public async Task A_target_that_closes_in_place_of_an_answer_to_the_logout_has_logged_out()
    {
        var session = await OpenAsync();
        var logout = session.LogoutAsync();
        await _target.ReceiveAsync(Opcode.LogoutRequest);
        await _target.Transport.DisposeAsync();
        await logout;
        Assert.Equal(ConnectionEndReason.LoggedOut, session.EndReason);
    }

    [Fact(Timeout = Limit)]
    public async Task A_dropped_session_fails_its_calls()
    {
        var session = await OpenAsync();
        var call = session.ExecuteAsync(0, s_read, new byte[512]).AsTask();
        await _target.ReceiveAsync(Opcode.ScsiCommand);
        await _target.SendAsyncMessageAsync(AsyncEvent.SessionDropped);
        await Assert.ThrowsAsync<IscsiException>(() => call);
        Assert.Equal(ConnectionEndReason.PeerClosedUnexpectedly, session.EndReason);
    }

    [Fact(Timeout = Limit)]
    public async Task A_rejected_command_fails_alone()
    {
        var session = await OpenAsync();
        var rejected = session.ExecuteAsync(0, s_read, new byte[512]).AsTask();
        var other = session.ExecuteAsync(0, s_read, new byte[512]).AsTask();
        await _target.SendRejectAsync(await _target.ReceiveAsync(Opcode.ScsiCommand), RejectReason.CommandNotSupported);
        Assert.Contains("CommandNotSupported", (await Assert.ThrowsAsync<IscsiException>(() => rejected)).Message, StringComparison.Ordinal);
        await _target.SendDataInAsync(await _target.ReceiveAsync(Opcode.ScsiCommand), 0, 0, new byte[512], hasStatus: true);
        Assert.True((await other).IsGood);
    }

    [Fact(Timeout = Limit)]
    public async Task A_lost_connection_fails_every_pending_and_every_later_call()
    {
        var session = await OpenAsync(new() { MaxOutstandingCommands = 2 });
        var calls = Enumerable.Range(0, 5).Select(_ => session.ExecuteAsync(0, s_read, new byte[512]).AsTask()).ToArray();
        await _target.ReceiveAsync(Opcode.ScsiCommand);
        await _target.Transport.DisposeAsync();
        foreach (var call in calls)
            Assert.Equal(ConnectionEndReason.PeerClosedUnexpectedly, (await Assert.ThrowsAsync<IscsiException>(() => call)).EndReason);
        await Assert.ThrowsAsync<IscsiException>(async () => await session.ExecuteAsync(0, s_read, new byte[512]));
        await Assert.ThrowsAsync<IscsiException>(() => session.PingAsync());
        await Assert.ThrowsAsync<IscsiException>(() => session.LogoutAsync());
    }

    [Fact(Timeout = Limit)]
    public async Task A_lost_status_number_ends_the_session()
    {
        var session = await OpenAsync();
        var call = session.ExecuteAsync(0, s_read, new byte[512]).AsTask();
        var command = await _target.ReceiveAsync(Opcode.ScsiCommand);
        _target.StatSN++;
        await _target.SendDataInAsync(command, 0, 0, new byte[512], hasStatus: true);
        Assert.Contains("a status is lost", (await Assert.ThrowsAsync<IscsiException>(() => call)).Message, StringComparison.Ordinal);
    }

    [Fact(Timeout = Limit)]
    public async Task A_response_to_a_task_that_does_not_exist_ends_the_session()
    {
        var session = await OpenAsync();
        var call = session.ExecuteAsync(0, s_read, new byte[512]).AsTask();
        var command = await _target.ReceiveAsync(Opcode.ScsiCommand);
        var stranger = command.Header;
        stranger.Bytes[19] ^= 0x40;
        await _target.SendResponseAsync(new ReceivedPdu(stranger, []));
        Assert.Equal(ConnectionEndReason.InvalidTag, (await Assert.ThrowsAsync<IscsiException>(() => call)).EndReason);
    }

    [Theory(Timeout = Limit)]
    [InlineData(Opcode.LoginResponse)]
    [InlineData(Opcode.TextResponse)]
    [InlineData((Opcode)0x3C)]
    [InlineData(Opcode.ScsiCommand)]
    public async Task A_pdu_that_has_no_place_ends_the_session(Opcode opcode)
    {
        var session = await OpenAsync();
        var call = session.ExecuteAsync(0, s_read, new byte[512]).AsTask();
        await _target.ReceiveAsync(Opcode.ScsiCommand);
        await _target.SendAsync(header => header[0] = (byte)opcode);
        Assert.Equal(ConnectionEndReason.UnexpectedPdu, (await Assert.ThrowsAsync<IscsiException>(() => call)).EndReason);
    }

    [Fact(Timeout = Limit)]
    public async Task Random_bytes_end_the_session_and_nothing_else()
    {
        var seed = Environment.TickCount;
        var random = new Random(seed);
        for (var round = 0; round < 50; round++)
        {
            await using var target = new ScriptedTarget();
            var session = await target.ConnectAsync();
            var call = session.ExecuteAsync(0, s_read, new byte[512]).AsTask();
            await target.ReceiveAsync(Opcode.ScsiCommand);
            var bytes = GC.AllocateArray<byte>(600, pinned: true);
            random.NextBytes(bytes);
            // Half of the rounds an opcode that exists.
            if (round % 2 == 0) bytes[0] = (byte)(0x20 + (round % 7));
            bytes[4] = 0;
            var batch = new Transport.OutboundBatch();
            batch.Add(bytes);
            await target.Transport.SendAsync(batch);
            await target.Transport.DisposeAsync();
            var exception = await Assert.ThrowsAsync<IscsiException>(() => call);
            Assert.True(exception.EndReason is not ConnectionEndReason.None and not ConnectionEndReason.InternalError, $"seed {seed}: {exception.Message}");
            await session.DisposeAsync();
        }
    }

    [Theory(Timeout = Limit)]
    [InlineData(true, false)]
    [InlineData(false, true)]
    [InlineData(true, true)]
    public async Task Digests_are_sent_and_checked(bool header, bool data)
    {
        var offer = new OperationalOffer
        {
            HeaderDigest = header ? DigestOffer.Crc32C : DigestOffer.None,
            DataDigest = data ? DigestOffer.Crc32C : DigestOffer.None,
            FirstBurstLength = 999,
        };
        _target = new ScriptedTarget { Offer = offer };
        var options = _target.Options;
        var session = await OpenAsync(options with
        {
            Offer = options.Offer with { HeaderDigest = DigestOffer.NoneThenCrc32C, DataDigest = DigestOffer.NoneThenCrc32C },
        });
        Assert.Equal((header, data), (session.Parameters.HeaderDigestCrc32C, session.Parameters.DataDigestCrc32C));
        var written = Pattern(5001, 3);
        var write = session.ExecuteAsync(0, s_write, dataOut: written).AsTask();
        var command = await _target.ReceiveAsync(Opcode.ScsiCommand);
        await _target.SendR2TAsync(command, 9, 0, 999, 4002);
        var dataOut = await _target.ReceiveAsync(Opcode.DataOut);
        Assert.Equal(written, (byte[])[.. command.Data, .. dataOut.Data]);
        await _target.SendResponseAsync(command);
        Assert.True((await write).IsGood);

        var back = new byte[50_001];
        var read = session.ExecuteAsync(0, s_read, back).AsTask();
        command = await _target.ReceiveAsync(Opcode.ScsiCommand);
        await _target.SendDataInAsync(command, 0, 0, Pattern(50_001, 4), hasStatus: true);
        Assert.True((await read).IsGood);
        Assert.Equal(Pattern(50_001, 4), back);
    }

    [Fact(Timeout = Limit)]
    public async Task A_silent_target_is_pinged_and_then_given_up()
    {
        var clock = new FakeTimeProvider();
        var session = await OpenAsync(new() { Clock = clock });
        var call = session.ExecuteAsync(0, s_read, new byte[512]).AsTask();
        await _target.ReceiveAsync(Opcode.ScsiCommand);
        await session.SettleAsync();
        clock.Advance(TimeSpan.FromSeconds(10.1));
        await _target.ReceiveAsync(Opcode.NopOut);
        await session.SettleAsync();
        clock.Advance(TimeSpan.FromSeconds(10.1));
        var exception = await Assert.ThrowsAsync<IscsiException>(() => call);
        Assert.Equal(ConnectionEndReason.PingTimeout, exception.EndReason);
    }

    [Fact(Timeout = Limit)]
    public async Task A_target_that_answers_the_ping_is_waited_for()
    {
        var clock = new FakeTimeProvider();
        var session = await OpenAsync(new() { Clock = clock });
        var call = session.ExecuteAsync(0, s_read, new byte[512]).AsTask();
        var command = await _target.ReceiveAsync(Opcode.ScsiCommand);
        for (var i = 0; i < 5; i++)
        {
            await session.SettleAsync();
            clock.Advance(TimeSpan.FromSeconds(10.1));
            await _target.SendNopInAsync((await _target.ReceiveAsync(Opcode.NopOut)).Tag);
            await session.PingedAsync(_target);
        }
        await _target.SendDataInAsync(command, 0, 0, new byte[512], hasStatus: true);
        Assert.True((await call).IsGood);
    }

    [Fact(Timeout = Limit)]
    public async Task A_logical_unit_reset_ends_what_was_sent_before_it_there()
    {
        var session = await OpenAsync();
        var there = session.ExecuteAsync(1, s_read, new byte[512]).AsTask();
        var elsewhere = session.ExecuteAsync(2, s_read, new byte[512]).AsTask();
        await _target.ReceiveAsync(Opcode.ScsiCommand);
        var survivor = await _target.ReceiveAsync(Opcode.ScsiCommand);
        var reset = session.LogicalUnitResetAsync(1);
        await _target.SendTaskManagementResponseAsync(await _target.ReceiveAsync(Opcode.TaskManagementRequest));
        Assert.Equal(TaskManagementResponse.FunctionComplete, await reset);
        Assert.Equal(ScsiStatus.TaskAborted, (await there).Status);
        await _target.SendDataInAsync(survivor, 0, 0, new byte[512], hasStatus: true);
        Assert.True((await elsewhere).IsGood);
    }

    [Fact(Timeout = Limit)]
    public async Task Arguments_that_make_no_command_are_refused()
    {
        var session = await OpenAsync();
        await Assert.ThrowsAsync<ArgumentException>(async () => await session.ExecuteAsync(0, []));
        await Assert.ThrowsAsync<ArgumentException>(async () => await session.ExecuteAsync(0, new byte[17]));
        await Assert.ThrowsAsync<ArgumentException>(async () => await session.ExecuteAsync(0, s_read, new byte[1], new byte[1]));
        await Assert.ThrowsAsync<ArgumentOutOfRangeException>(async () => await session.ExecuteAsync(16384, s_read));
    }

    private async Task<IscsiSession> OpenAsync(IscsiInitiatorOptions? options = null) => _session = await _target.ConnectAsync(options);

    private static byte[] Pattern(int length, int seed)
    {
        var bytes = new byte[length];
        for (var i = 0; i < length; i++) bytes[i] = (byte)((i * 31) + (i >> 8) + (seed * 7));
        return bytes;
    }
}

internal static class SessionExtensions
{
    /// <summary>A round trip: all that was sent before has been handled on both sides.</summary>
    public static async Task PingedAsync(this IscsiSession session, ScriptedTarget target)
    {
        var ping = session.PingAsync();
        var request = target.ReceiveAsync(Opcode.NopOut);
        await await Task.WhenAny(ping, request); // a ping that is refused is never received
        await target.SendNopInAsync((await request).Tag);
        await ping;
    }
}
