using Iscsi.Protocol;

namespace Iscsi.Initiator.Tests;

public sealed class CancellationTests : IAsyncLifetime
{
    private const int Limit = 60_000;

    private static readonly byte[] s_read = [0x28, 0, 0, 0, 0, 0, 0, 0, 8, 0];
    private static readonly byte[] s_write = [0x2A, 0, 0, 0, 0, 0, 0, 0, 8, 0];

    private readonly ScriptedTarget _target = new();
    private readonly CancellationTokenSource _cancellation = new();
    private IscsiSession _session = null!;

    public ValueTask InitializeAsync() => ValueTask.CompletedTask;

    public async ValueTask DisposeAsync()
    {
        await _target.DisposeAsync();
        await _session.DisposeAsync();
        _cancellation.Dispose();
    }

    [Fact(Timeout = Limit)]
    public async Task A_sent_command_is_aborted_and_returns_with_the_answer()
    {
        _session = await _target.ConnectAsync();
        var data = new byte[512];
        var call = _session.ExecuteAsync(5, s_read, data, cancellationToken: _cancellation.Token).AsTask();
        var command = await _target.ReceiveAsync(Opcode.ScsiCommand);
        await _cancellation.CancelAsync();
        var abort = await _target.ReceiveAsync(Opcode.TaskManagementRequest);
        Check(abort);
        Assert.False(call.IsCompleted);
        await _target.SendTaskManagementResponseAsync(abort);
        var exception = await Assert.ThrowsAnyAsync<OperationCanceledException>(() => call);
        Assert.Equal(_cancellation.Token, exception.CancellationToken);
        await _session.PingedAsync(_target);

        void Check(ReceivedPdu request)
        {
            var pdu = new TaskManagementRequestPdu(in request.Header);
            Assert.Equal((TaskManagementFunction.AbortTask, command.Tag, command.CmdSN, 5ul << 48, true),
                (pdu.Function, pdu.ReferencedTaskTag, pdu.RefCmdSN, pdu.Lun, pdu.IsImmediate));
        }
    }

    [Fact(Timeout = Limit)]
    public async Task A_response_that_overtakes_the_abort_is_the_result()
    {
        _session = await _target.ConnectAsync();
        var call = _session.ExecuteAsync(0, s_read, new byte[512], cancellationToken: _cancellation.Token).AsTask();
        var command = await _target.ReceiveAsync(Opcode.ScsiCommand);
        await _cancellation.CancelAsync();
        var abort = await _target.ReceiveAsync(Opcode.TaskManagementRequest);
        await _target.SendDataInAsync(command, 0, 0, new byte[512], hasStatus: true);
        await _target.SendTaskManagementResponseAsync(abort, TaskManagementResponse.TaskDoesNotExist);
        Assert.True((await call).IsGood);
        await _session.PingedAsync(_target);
    }

    [Fact(Timeout = Limit)]
    public async Task An_abort_that_the_target_refuses_leaves_the_command_running()
    {
        _session = await _target.ConnectAsync();
        var call = _session.ExecuteAsync(0, s_read, new byte[512], cancellationToken: _cancellation.Token).AsTask();
        var command = await _target.ReceiveAsync(Opcode.ScsiCommand);
        await _cancellation.CancelAsync();
        await _target.SendTaskManagementResponseAsync(
            await _target.ReceiveAsync(Opcode.TaskManagementRequest), TaskManagementResponse.FunctionNotSupported);
        await _session.PingedAsync(_target);
        Assert.False(call.IsCompleted);
        await _target.SendDataInAsync(command, 0, 0, new byte[512], hasStatus: true);
        Assert.True((await call).IsGood);
    }

    [Fact(Timeout = Limit)]
    public async Task A_command_that_waits_for_the_window_is_just_forgotten()
    {
        _target.Window = 1;
        _session = await _target.ConnectAsync();
        var first = _session.ExecuteAsync(0, s_read, new byte[512]).AsTask();
        var command = await _target.ReceiveAsync(Opcode.ScsiCommand);
        var second = _session.ExecuteAsync(0, s_read, new byte[512], cancellationToken: _cancellation.Token).AsTask();
        await _session.SettleAsync();
        await _cancellation.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => second);
        await _target.SendDataInAsync(command, 0, 0, new byte[512], hasStatus: true);
        await first;
        await _session.PingedAsync(_target); // neither the command nor an abort came before it
    }

    [Fact(Timeout = Limit)]
    public async Task A_call_at_the_submit_gate_is_just_forgotten()
    {
        _session = await _target.ConnectAsync(new() { MaxOutstandingCommands = 1 });
        var first = _session.ExecuteAsync(0, s_read, new byte[512]).AsTask();
        var command = await _target.ReceiveAsync(Opcode.ScsiCommand);
        var second = _session.ExecuteAsync(0, s_read, new byte[512], cancellationToken: _cancellation.Token).AsTask();
        var third = _session.ExecuteAsync(7, s_read, new byte[512]).AsTask();
        await _session.SettleAsync();
        await _cancellation.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => second);
        await _target.SendDataInAsync(command, 0, 0, new byte[512], hasStatus: true);
        await first;
        command = await _target.ReceiveAsync(Opcode.ScsiCommand);
        Assert.Equal(7ul << 48, command.Header.Lun);
        await _target.SendDataInAsync(command, 0, 0, new byte[512], hasStatus: true);
        await third;
    }

    [Fact(Timeout = Limit)]
    public async Task Data_that_wait_in_the_send_queue_hold_the_call_back()
    {
        _session = await _target.ConnectAsync(new() { Offer = new() { MaxBurstLength = 1 << 20, FirstBurstLength = 512 } });
        var data = new byte[1 << 20];
        var call = _session.ExecuteAsync(0, s_write, dataOut: data, cancellationToken: _cancellation.Token).AsTask();
        var command = await _target.ReceiveAsync(Opcode.ScsiCommand);
        var other = _session.ExecuteAsync(0, [0, 0, 0, 0, 0, 0]).AsTask();
        var otherCommand = await _target.ReceiveAsync(Opcode.ScsiCommand);
        // The target asks for everything and then reads no more than the beginning: the ring fills, the rest of the data stays queued.
        await _target.SendR2TAsync(command, 1, 0, 512, data.Length - 512);
        var first = await _target.ReceiveAsync(Opcode.DataOut);
        await _target.SendResponseAsync(command, ScsiStatus.TaskAborted);
        await _target.SendResponseAsync(otherCommand);
        await other;
        Assert.False(call.IsCompleted);
        for (var received = 512 + first.Data.Length; received < data.Length;) received += (await _target.ReceiveAsync(Opcode.DataOut)).Data.Length;
        Assert.Equal(ScsiStatus.TaskAborted, (await call).Status);
    }

    [Fact(Timeout = Limit)]
    public async Task A_token_that_is_cancelled_already_sends_nothing()
    {
        _session = await _target.ConnectAsync();
        await _cancellation.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(
            async () => await _session.ExecuteAsync(0, s_read, new byte[512], cancellationToken: _cancellation.Token));
        await _session.PingedAsync(_target);
    }

    [Fact(Timeout = Limit)]
    public async Task Many_cancellations_at_once_end_every_call()
    {
        _session = await _target.ConnectAsync();
        var calls = Enumerable.Range(0, 20).Select(_ => _session.ExecuteAsync(0, s_read, new byte[512], cancellationToken: _cancellation.Token).AsTask()).ToArray();
        for (var i = 0; i < 20; i++) await _target.ReceiveAsync(Opcode.ScsiCommand);
        await _cancellation.CancelAsync();
        for (var i = 0; i < 20; i++) await _target.SendTaskManagementResponseAsync(await _target.ReceiveAsync(Opcode.TaskManagementRequest));
        foreach (var call in calls) await Assert.ThrowsAnyAsync<OperationCanceledException>(() => call);
        await _session.PingedAsync(_target);
    }
}
