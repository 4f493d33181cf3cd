using System.Buffers.Binary;
using Iscsi.Protocol;
using Iscsi.Protocol.Scsi;

namespace Iscsi.Initiator;

/// <content>What comes in. The place of every payload is known when its header is: the caller's memory, the slot's, or none.</content>
public sealed partial class IscsiSession
{
    private void OnHeader()
    {
        ref readonly var header = ref _channel.Parser.Header;
        _lastReceived = _options.Clock.GetTimestamp();
        var fault = header.Opcode switch
        {
            Opcode.DataIn => OnDataInHeader(new DataInPdu(in header)),
            Opcode.ScsiResponse => OnScsiResponseHeader(new ScsiResponsePdu(in header)),
            Opcode.ReadyToTransfer => Plain(new ReadyToTransferPdu(in header).Validate()),
            Opcode.NopIn => Plain(new NopInPdu(in header).Validate()),
            Opcode.TaskManagementResponse => Plain(new TaskManagementResponsePdu(in header).Validate()),
            Opcode.LogoutResponse => Plain(new LogoutResponsePdu(in header).Validate()),
            Opcode.Reject => OnControlHeader(new RejectPdu(in header).Validate()),
            Opcode.AsyncMessage => OnControlHeader(new AsyncMessagePdu(in header).Validate()),
            _ => PduFault.UnexpectedPdu,
        };
        if (fault != PduFault.None) EndByFault(fault);
    }

    private PduFault Plain(PduFault fault)
    {
        if (fault == PduFault.None && _channel.Parser.Header.DataSegmentLength > 0) _channel.Parser.DiscardPayload();
        return fault;
    }

    private PduFault OnControlHeader(PduFault fault)
    {
        var length = _channel.Parser.Header.DataSegmentLength;
        if (fault != PduFault.None || length == 0) return fault;
        if (length <= _memory.Control.Length) _channel.Parser.CollectInto(_memory.Control, 0);
        else _channel.Parser.DiscardPayload();
        return PduFault.None;
    }

    private PduFault OnDataInHeader(DataInPdu pdu)
    {
        var fault = pdu.Validate();
        if (fault != PduFault.None) return fault;
        if (FindSent(pdu.InitiatorTaskTag) is not { } slot) return PduFault.InvalidTaskTag;
        var decision = slot.Receiver.OnDataIn(pdu);
        if (decision.Fault != PduFault.None) return decision.Fault;
        if (decision.LengthBytes > 0)
            _channel.Parser.CollectInto(slot.Task!.Data!, slot.Task.DataOffset + (int)decision.OffsetBytes);
        return PduFault.None;
    }

    private PduFault OnScsiResponseHeader(ScsiResponsePdu pdu)
    {
        var fault = pdu.Validate();
        if (fault != PduFault.None) return fault;
        if (FindSent(pdu.InitiatorTaskTag) is not { } slot) return PduFault.InvalidTaskTag;
        if (pdu.DataSegmentLength == 0) return PduFault.None;
        if (pdu.DataSegmentLength <= slot.Response.Length) _channel.Parser.CollectInto(slot.Response, 0);
        else _channel.Parser.DiscardPayload();
        return PduFault.None;
    }

    private TaskSlot? FindSent(uint tag) =>
        _tags.TryFind(tag, out var index) && _slots[index].Task is { State: ScsiTaskState.Sent, HasOutcome: false } ? _slots[index] : null;

    private void OnPdu()
    {
        ref readonly var header = ref _channel.Parser.Header;
        // ExpCmdSN and MaxCmdSN are in the same place in every PDU of a target.
        var numbers = new NopInPdu(in header);
        _cmdSN.Update(numbers.ExpCmdSN, numbers.MaxCmdSN);
        if (UsesStatSN(in header) && !_expStatSN.Accept(numbers.StatSN))
        {
            End(ConnectionEndReason.InvalidPduField,
                $"the target sent StatSN {numbers.StatSN} in a {header.Opcode} where {_expStatSN.ExpStatSN} was next: a status is lost");
            return;
        }
        switch (header.Opcode)
        {
            case Opcode.DataIn:
                OnDataIn(new DataInPdu(in header));
                break;
            case Opcode.ScsiResponse:
                OnScsiResponse(new ScsiResponsePdu(in header));
                break;
            case Opcode.ReadyToTransfer:
                OnReadyToTransfer(new ReadyToTransferPdu(in header));
                break;
            case Opcode.NopIn:
                OnNopIn(new NopInPdu(in header));
                break;
            case Opcode.TaskManagementResponse:
                OnTaskManagementResponse(new TaskManagementResponsePdu(in header));
                break;
            case Opcode.LogoutResponse:
                OnLogoutResponse(new LogoutResponsePdu(in header));
                break;
            case Opcode.Reject:
                OnReject(new RejectPdu(in header));
                break;
            case Opcode.AsyncMessage:
                OnAsyncMessage(new AsyncMessagePdu(in header));
                break;
        }
    }

    // A NOP-In that answers nothing, an R2T and a Data-In without status carry the next number and do not use it (RFC 7143, 4.2.2.2).
    private static bool UsesStatSN(in BasicHeaderSegment header) => header.Opcode switch
    {
        Opcode.ReadyToTransfer => false,
        Opcode.NopIn => header.InitiatorTaskTag != TaskTag.Reserved,
        Opcode.DataIn => new DataInPdu(in header).HasStatus,
        _ => true,
    };

    private void OnDataIn(DataInPdu pdu)
    {
        if (!pdu.HasStatus) return;
        // Looked up at the header; nothing but this task's own PDUs can have come between.
        var slot = FindSent(pdu.InitiatorTaskTag)!;
        OnStatus(slot, pdu.Status, new Residual(pdu.Overflow, pdu.Underflow, pdu.ResidualCount), sense: null);
    }

    private void OnScsiResponse(ScsiResponsePdu pdu)
    {
        var slot = FindSent(pdu.InitiatorTaskTag)!;
        if (pdu.Response != ScsiServiceResponse.CommandCompleted)
        {
            Fail(slot.Task!, new IscsiException($"{Place}: the target failed to execute the command (response {(byte)pdu.Response:X2}h)."));
            return;
        }
        OnStatus(slot, pdu.Status, new Residual(pdu.Overflow, pdu.Underflow, pdu.ResidualCount), ReadSense(slot, pdu.DataSegmentLength));
    }

    // RFC 7143, 11.4.7: SenseLength (2 bytes), sense data.
    private static SenseData? ReadSense(TaskSlot slot, int lengthBytes)
    {
        if (lengthBytes < 2 || lengthBytes > slot.Response.Length) return null;
        var data = slot.Response.Runs[0].Span[..lengthBytes];
        var length = Math.Min(BinaryPrimitives.ReadUInt16BigEndian(data), lengthBytes - 2);
        return SenseData.TryParse(data.Slice(2, length), out var sense) ? sense : null;
    }

    private void OnStatus(TaskSlot slot, ScsiStatus status, Residual residual, SenseData? sense)
    {
        var task = slot.Task!;
        var transferred = task.IsWrite
            ? task.DataLength - (residual.Underflow ? Math.Min(residual.Count, task.DataLength) : 0)
            : slot.Receiver.ReceivedLength;
        if (status == ScsiStatus.Good && !task.IsWrite && !slot.Receiver.IsComplete(residual))
        {
            Fail(task, new IscsiException(
                $"{Place}: the target sent {slot.Receiver.ReceivedLength} of {task.DataLength} bytes, residual {residual.Count}, and called that good."));
            return;
        }
        task.Result = new ScsiResult { Status = status, Sense = sense, Residual = residual, TransferredBytes = transferred };
        task.HasOutcome = true;
        InitiatorMetrics.CommandEnded(status, transferred, task.IsWrite);
        StopSendingData(slot);
        Settle(task);
    }

    /// <summary>Ends a task that has its outcome, or tries again; not before the send queue has let go of its data.</summary>
    private void Settle(ScsiTask task)
    {
        if (task.PdusQueued > 0) return;
        if (task.MayRetry && !task.CancelRequested && !task.Result.IsGood && TryAgain(task)) return;
        if (_failedTasks is not null && _failedTasks.Remove(task, out var failure)) EndCall(task, failure);
        else if (task.CancelRequested && task.Result.Status == ScsiStatus.TaskAborted) EndCancelled(task);
        else EndCall(task);
    }

    private bool TryAgain(ScsiTask task)
    {
        switch (task.Result.Status)
        {
            case ScsiStatus.CheckCondition when task.Result.Sense is { Key: SenseKey.UnitAttention } sense:
                if (sense.Additional == AdditionalSense.CapacityDataHasChanged) task.Disk?.OnCapacityChanged();
                if (++task.UnitAttentions > _options.UnitAttentionRetries || RefusalOfNewCalls() is not null) return false;
                FreeTag(task);
                MakeReady(task);
                return true;
            case ScsiStatus.Busy or ScsiStatus.TaskSetFull:
                return BackOff(task);
            default:
                return false;
        }
    }

    // Failures that wait for the send queue to let go of the data: rare, so they stand beside the tasks.
    private Dictionary<ScsiTask, IscsiException>? _failedTasks;

    private void Fail(ScsiTask task, IscsiException failure)
    {
        task.HasOutcome = true;
        task.Result = new ScsiResult { Status = ScsiStatus.TaskAborted };
        (_failedTasks ??= []).TryAdd(task, failure);
        StopSendingData(_slots[task.Index]);
        Settle(task);
    }

    // The target has terminated the task without a response of its own.
    private void Terminate(ScsiTask task)
    {
        task.HasOutcome = true;
        task.Result = new ScsiResult { Status = ScsiStatus.TaskAborted };
        StopSendingData(_slots[task.Index]);
        Settle(task);
    }

    private void OnReadyToTransfer(ReadyToTransferPdu pdu)
    {
        if (FindSent(pdu.InitiatorTaskTag) is not { } slot || !slot.Task!.IsWrite)
        {
            EndByFault(PduFault.InvalidTaskTag);
            return;
        }
        var fault = slot.Sequencer.OnR2T(pdu);
        // Also of a task that is being aborted: until the answer to the abort the target may wait for these data.
        if (fault != PduFault.None) EndByFault(fault);
        else StartSendingData(slot);
    }

    private void OnNopIn(NopInPdu pdu)
    {
        if (pdu.InitiatorTaskTag != TaskTag.Reserved)
        {
            if (TakeControl(pdu.InitiatorTaskTag, ControlKind.Ping) is { } ping)
                ping.Completion.TrySetResult(_options.Clock.GetTimestamp() - ping.SentAt);
            else EndByFault(PduFault.InvalidTaskTag);
        }
        else if (pdu.TargetTransferTag != TaskTag.Reserved)
        {
            AnswerPing(pdu.Lun, pdu.TargetTransferTag);
        }
    }

    private void OnTaskManagementResponse(TaskManagementResponsePdu pdu)
    {
        var request = TakeControl(pdu.InitiatorTaskTag, ControlKind.AbortTask) ?? TakeControl(pdu.InitiatorTaskTag, ControlKind.LogicalUnitReset);
        if (request is null)
        {
            EndByFault(PduFault.InvalidTaskTag);
            return;
        }
        var response = pdu.Response;
        if (request.Task is { } task)
        {
            // "Does not exist" means that its response came before this one, or that it never got there: either way it is over.
            if (response is TaskManagementResponse.FunctionComplete or TaskManagementResponse.TaskDoesNotExist &&
                task.Index >= 0 && task.Tag == request.ReferencedTag && !task.HasOutcome)
                Terminate(task);
        }
        else if (response == TaskManagementResponse.FunctionComplete)
        {
            TerminateAll(request);
        }
        request.Completion.TrySetResult((long)response);
    }

    // LOGICAL UNIT RESET: the tasks that were sent before it get no response any more (RFC 7143, 11.5.1).
    private void TerminateAll(ControlRequest reset)
    {
        foreach (var slot in _slots)
        {
            if (slot.Task is { State: ScsiTaskState.Sent, HasOutcome: false } task && task.Lun == reset.Lun &&
                SerialNumber.IsBefore(task.CmdSN, reset.CmdSN))
                Terminate(task);
        }
    }

    private ControlRequest? TakeControl(uint tag, ControlKind kind)
    {
        if (!_tags.TryFind(tag, out var index) || _slots[index].Control is not { } request || request.Kind != kind) return null;
        _slots[index].Control = null;
        _tags.Free(tag);
        _activeControls--;
        return request;
    }

    private void OnReject(RejectPdu pdu)
    {
        InitiatorLog.Rejected(_log, Place, pdu.Reason);
        if (pdu.DataSegmentLength < BasicHeaderSegment.Size || pdu.DataSegmentLength > _memory.Control.Length) return;
        ref readonly var rejected = ref BasicHeaderSegment.Over(_memory.Control.Runs[0].Span);
        if (!_tags.TryFind(rejected.InitiatorTaskTag, out var index)) return;
        var failure = new IscsiException($"{Place} rejected the {rejected.Opcode}: {pdu.Reason}.");
        if (rejected.Opcode == Opcode.ScsiCommand && FindSent(rejected.InitiatorTaskTag) is { } slot) Fail(slot.Task!, failure);
        else if (_slots[index].Control is { } request && TakeControl(rejected.InitiatorTaskTag, request.Kind) is not null)
            request.Fail(failure);
    }

    private void OnAsyncMessage(AsyncMessagePdu pdu)
    {
        InitiatorLog.AsyncMessage(_log, Place, pdu.AsyncEvent, pdu.Parameter1, pdu.Parameter2, pdu.Parameter3);
        switch (pdu.AsyncEvent)
        {
            case AsyncEvent.LogoutRequested:
                BeginLogout("the target asked for a logout", TimeSpan.FromSeconds(pdu.Parameter3)); // 11.9.1: no later than Parameter3 seconds
                break;
            case AsyncEvent.ConnectionDropped or AsyncEvent.SessionDropped:
                End(ConnectionEndReason.PeerClosedUnexpectedly, "the target announced that it drops the session");
                break;
        }
    }

    private void OnFramingFault() => EndByFault(_channel.Parser.Fault);

    private void EndByFault(PduFault fault) =>
        End(fault.ToEndReason(), $"the target broke a rule of iSCSI: {fault} in a {_channel.Parser.Header.Opcode}");

    private void OnInputEnded(bool insidePdu, Exception? error)
    {
        if (error is not null) End(ConnectionEndReason.TransportError, error.Message);
        else if (_logoutRequest is not null && _openCalls == 0 && !insidePdu)
        {
            // istgt, for one, now and then closes before its answer is out. What was asked for has happened, and no call was pending.
            End(ConnectionEndReason.LoggedOut, "the target closed the connection when it was asked to log the session out");
            _logout!.TrySetResult(); // who awaits it finds the session ended
        }
        else End(ConnectionEndReason.PeerClosedUnexpectedly, insidePdu ? "the target closed the connection within a PDU" : "the target closed the connection");
    }

    private void OnFault(Exception exception)
    {
        InitiatorLog.Fault(_log, exception, Place);
        if (_channel is not null) End(ConnectionEndReason.InternalError, $"a fault of the initiator: {exception.Message}", exception);
    }
}
