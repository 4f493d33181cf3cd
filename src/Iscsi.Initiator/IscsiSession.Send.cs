using Iscsi.Protocol;

namespace Iscsi.Initiator;

/// <content>What leaves: at the end of each batch of work everything that is ready is queued and sent at once.</content>
public sealed partial class IscsiSession
{
    // A target takes at least one immediate task management request and one other at a time (RFC 7143, 4.2.2.1); more of ours wait.
    private const int MaxControlRequests = 4;

    private readonly Queue<ControlRequest> _controls = new();

    // Tasks that have Data-Out to send, in the order in which they got it: unsolicited data leave in the order of their commands.
    private TaskSlot? _firstSender;
    private TaskSlot? _lastSender;
    private int _activeControls;
    private int _activeCommands;

    private void OnBatchEnd()
    {
        if (_channel is null) return;
        if (_channel.HasEnded)
        {
            TellDrained();
            return;
        }
        ContinueLogout();
        // Sending may free entries at once, and with them there is more to queue.
        while (QueueAll())
        {
            _channel.Flush();
            if (_channel.HasEnded) return;
        }
        ArmPing();
    }

    private bool QueueAll()
    {
        var queued = false;
        while (_controls.Count > 0 && _activeControls < MaxControlRequests && _channel.TryTakeEntry(out var entry))
        {
            queued = true;
            QueueControl(entry, _controls.Dequeue());
        }
        // After the logout request nothing else may leave (RFC 7143, 11.14).
        if (_logoutRequest is not null) return queued;
        while (_firstSender is not null && _channel.FreeEntries > SessionMemory.ControlEntries)
        {
            queued = true;
            QueueDataOut(_firstSender);
        }
        while (_ready.First is { } task && _cmdSN.CanSend && _channel.FreeEntries > SessionMemory.ControlEntries)
        {
            queued = true;
            _ready.Remove(task);
            QueueCommand(task);
        }
        return queued;
    }

    private void QueueCommand(ScsiTask task)
    {
        _channel.TryTakeEntry(out var entry);
        var slot = _slots[task.Index];
        slot.Receiver.Begin(task.IsWrite ? 0 : (uint)task.DataLength);
        slot.Sequencer.Begin(_sequence, Parameters.PeerMaxRecvDataSegmentLength, task.IsWrite ? (uint)task.DataLength : 0);
        task.CmdSN = _cmdSN.Take();
        task.State = ScsiTaskState.Sent;
        var immediate = task.IsWrite ? slot.Sequencer.ImmediateLength : 0;
        ScsiCommandPdu.Write(_channel.HeaderOf(entry), new ScsiCommandFields
        {
            IsFinal = !task.IsWrite || slot.Sequencer.IsCommandFinal,
            IsRead = !task.IsWrite && task.DataLength > 0,
            IsWrite = task.IsWrite,
            Attribute = TaskAttribute.Simple,
            DataSegmentLength = immediate,
            Lun = task.Lun,
            InitiatorTaskTag = task.Tag,
            ExpectedDataTransferLength = (uint)task.DataLength,
            CmdSN = task.CmdSN,
            ExpStatSN = _expStatSN.ExpStatSN,
            Cdb = task.Cdb.ReadOnlyBytes,
        });
        QueueWithData(task, entry, 0, immediate);
        if (task.IsWrite && slot.Sequencer.HasNext) StartSendingData(slot);
    }

    private void QueueDataOut(TaskSlot slot)
    {
        var task = slot.Task!;
        if (!slot.Sequencer.TryNext(out var segment))
        {
            StopSendingData(slot);
            return;
        }
        _channel.TryTakeEntry(out var entry);
        DataOutPdu.Write(_channel.HeaderOf(entry), segment.ToFields(task.Tag) with { ExpStatSN = _expStatSN.ExpStatSN });
        QueueWithData(task, entry, (int)segment.BufferOffset, segment.LengthBytes);
        if (!slot.Sequencer.HasNext) StopSendingData(slot);
    }

    private void QueueWithData(ScsiTask task, int entry, int offset, int length)
    {
        if (length == 0)
        {
            _channel.QueuePdu(entry);
            return;
        }
        task.PdusQueued++;
        _channel.QueuePdu(entry, task.Data, task.DataOffset + offset, length, _inner, task.Index);
    }

    private void OnDataSent(int index)
    {
        var task = _slots[index].Task!;
        task.PdusQueued--;
        if (task.HasOutcome && !_channel.HasEnded) Settle(task);
    }

    private void StartSendingData(TaskSlot slot)
    {
        if (slot.IsSendingData) return;
        slot.IsSendingData = true;
        slot.NextSender = null;
        if (_lastSender is null) _firstSender = slot;
        else _lastSender.NextSender = slot;
        _lastSender = slot;
    }

    private void StopSendingData(TaskSlot slot)
    {
        if (!slot.IsSendingData) return;
        slot.IsSendingData = false;
        TaskSlot? previous = null;
        for (var other = _firstSender; other != slot; other = other!.NextSender) previous = other;
        if (previous is null) _firstSender = slot.NextSender;
        else previous.NextSender = slot.NextSender;
        if (_lastSender == slot) _lastSender = previous;
        slot.NextSender = null;
    }

    /// <summary>Queues a control request. It leaves at the end of the batch, or when an earlier one was answered; after a logout none does.</summary>
    private void Send(ControlRequest request)
    {
        if (_logoutRequest is null || request == _logoutRequest) _controls.Enqueue(request);
    }

    private void QueueControl(int entry, ControlRequest request)
    {
        // The command may have ended while the request waited.
        if (request.Task is { } task && !(task.Index >= 0 && task.Tag == request.ReferencedTag && !task.HasOutcome))
        {
            _channel.ReturnEntry(entry);
            return;
        }
        _tags.TryAllocate(out var tag, out var index);
        request.Tag = tag;
        request.CmdSN = _cmdSN.CmdSN;
        request.SentAt = _options.Clock.GetTimestamp();
        _slots[index].Control = request;
        _activeControls++;
        WriteControl(_channel.HeaderOf(entry), request);
        _channel.QueuePdu(entry);
    }

    private void WriteControl(Span<byte> header, ControlRequest request)
    {
        switch (request.Kind)
        {
            case ControlKind.Ping:
                NopOutPdu.Write(header, new NopOutFields
                {
                    IsImmediate = true,
                    InitiatorTaskTag = request.Tag,
                    TargetTransferTag = TaskTag.Reserved,
                    CmdSN = request.CmdSN,
                    ExpStatSN = _expStatSN.ExpStatSN,
                });
                break;
            case ControlKind.Logout:
                LogoutRequestPdu.Write(header, new LogoutRequestFields
                {
                    IsImmediate = true,
                    Reason = LogoutReason.CloseSession,
                    InitiatorTaskTag = request.Tag,
                    CmdSN = request.CmdSN,
                    ExpStatSN = _expStatSN.ExpStatSN,
                });
                break;
            default:
                TaskManagementRequestPdu.Write(header, new TaskManagementRequestFields
                {
                    IsImmediate = true,
                    Function = request.Kind == ControlKind.AbortTask
                        ? TaskManagementFunction.AbortTask
                        : TaskManagementFunction.LogicalUnitReset,
                    Lun = request.Lun,
                    InitiatorTaskTag = request.Tag,
                    ReferencedTaskTag = request.ReferencedTag,
                    CmdSN = request.CmdSN,
                    ExpStatSN = _expStatSN.ExpStatSN,
                    RefCmdSN = request.RefCmdSN,
                });
                break;
        }
    }

    // The entries that commands and data leave free are for this; a target that sends more pings than it reads answers has lost its claim.
    private void AnswerPing(ulong lun, uint targetTransferTag)
    {
        if (!_channel.TryTakeEntry(out var entry))
        {
            End(ConnectionEndReason.ControlOverload, "the target sends pings and does not read the answers");
            return;
        }
        NopOutPdu.Write(_channel.HeaderOf(entry), new NopOutFields
        {
            IsImmediate = true,
            Lun = lun,
            InitiatorTaskTag = TaskTag.Reserved,
            TargetTransferTag = targetTransferTag,
            CmdSN = _cmdSN.CmdSN,
            ExpStatSN = _expStatSN.ExpStatSN,
        });
        _channel.QueuePdu(entry);
    }
}
