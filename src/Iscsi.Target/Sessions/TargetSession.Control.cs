using Iscsi.Protocol;
using Iscsi.Target.Diagnostics;
using Iscsi.Target.Tasks;
using Iscsi.Transport;

#pragma warning disable CA1001 // what it owns ends with the session, on its executor: Finish

namespace Iscsi.Target.Sessions;

// Requests other than SCSI commands, out of the connection's control reserve: NOP, Text, Logout.
internal sealed partial class TargetSession : IPduSendCompletion
{
    // RFC 7143, 4.2.2.1: a target takes at least one immediate task management and one other immediate request at any time.
    private const int ImmediateSlots = 8;

    // Of these, with room for data: an echo, or an immediate SCSI command.
    private const int ImmediateDataSlots = 2;
    private const int SlotBytes = LoginLimits.MaxDataSegmentBytes;

    private readonly TargetTask?[] _immediate = new TargetTask?[ImmediateSlots];
    private int _immediateInUse;
    private SendTargetsWriter? _sendTargets;
    private int _textLength;
    private uint _textTag = 1;
    private bool _isTextInFlight;
    private volatile bool _isDraining;
    private ConnectionEndReason _stopReason;

    /// <summary>Whether the session takes no new commands because the server, or its target, stops.</summary>
    public bool IsDraining => _isDraining;

    /// <summary>The one slot of a discovery session, in the connection's reserve.</summary>
    public TargetTask CreateDiscoveryTask()
    {
        var task = Core.TaskPool.Get();
        task.CreditData.AddSlice(_connection.LoginText, ImmediateDataSlots * SlotBytes, SlotBytes);
        return task;
    }

    // Made when it is first used: their number is counted in the process bound, and most sessions use none or one.
    private TargetTask PrepareImmediateTask(int index)
    {
        var task = Core.TaskPool.Get();
        task.ImmediateIndex = index;
        if (index < ImmediateDataSlots) task.CreditData.AddSlice(_connection.LoginText, index * SlotBytes, SlotBytes);
        return task;
    }

    private TargetTask? TakeImmediateSlot(ref readonly BasicHeaderSegment header)
    {
        var needsData = header.DataSegmentLength > 0 || header.Opcode == Opcode.ScsiCommand;
        for (var i = needsData ? 0 : ImmediateSlots - 1; i >= 0 && i < (needsData ? ImmediateDataSlots : ImmediateSlots); i += needsData ? 1 : -1)
        {
            if ((_immediateInUse & (1 << i)) != 0) continue;
            _immediateInUse |= 1 << i;
            return _immediate[i] ??= PrepareImmediateTask(i);
        }
        return null;
    }

    private void ReturnImmediateSlot(TargetTask task) => _immediateInUse &= ~(1 << task.ImmediateIndex);

    private void ReleaseControlReserve()
    {
        foreach (var task in _immediate)
            if (task is not null) Core.TaskPool.Return(task);
        _sendTargets?.Dispose();
    }

    private void OnNopOut(TargetTask task)
    {
        if (!TryTakeControlEntry(out var entry))
        {
            task.End();
            return;
        }
        var byteCount = Math.Min(task.DataBytes, Parameters.PeerMaxRecvDataSegmentLength);
        NopInPdu.Write(_channel.HeaderOf(entry), new NopInFields
        {
            InitiatorTaskTag = task.InitiatorTaskTag,
            TargetTransferTag = TaskTag.Reserved,
            Lun = task.Header.Lun,
            DataSegmentLength = byteCount,
            StatSN = _statSN.Take(),
            ExpCmdSN = _window.Numbers.ExpCmdSN,
            MaxCmdSN = _window.Advertise(),
        });
        if (byteCount > 0)
        {
            task.AwaitAnswerSent();
            _channel.QueuePdu(entry, task.CreditData, 0, byteCount, task);
            return;
        }
        _channel.QueuePdu(entry);
        task.End();
    }

    private void OnTextRequest(TargetTask task)
    {
        var request = new TextRequestPdu(in task.Header);
        var isContinuation = request.TargetTransferTag != TaskTag.Reserved;
        var fits = _textLength + task.DataBytes <= _connection.TextIn.Length || !isContinuation;
        if (_isTextInFlight || !fits || (isContinuation && request.TargetTransferTag != _textTag))
        {
            QueueReject(RejectReason.ProtocolError, in task.Header);
            task.End();
            EndAfterFlush(ConnectionEndReason.NegotiationError);
            return;
        }
        if (!isContinuation)
        {
            // A new exchange ends one that was not finished (RFC 7143, 11.10.4).
            _sendTargets?.Dispose();
            _sendTargets = null;
            _textLength = 0;
        }
        var text = _connection.TextIn.Runs[0].Span;
        task.CreditData.CopyTo(0, text.Slice(_textLength, task.DataBytes));
        _textLength += task.DataBytes;

        if (request.IsContinued) AnswerText(task, byteCount: 0, isFinal: false, isContinued: false);
        else AnswerText(task, text[.._textLength], request.IsFinal);
    }

    private void AnswerText(TargetTask task, ReadOnlySpan<byte> text, bool isRequestFinal)
    {
        var room = _connection.TextOut.Runs[0].Span;
        room = room[..Math.Min(room.Length, Parameters.PeerMaxRecvDataSegmentLength)];
        var answer = new TextBuilder(room);
        if (_sendTargets is null)
        {
            var result = FullFeatureText.Read(text, Parameters.SessionType, ref answer);
            if (result.Fault != TextFault.None || answer.IsOverflowed)
            {
                QueueReject(RejectReason.ProtocolError, in task.Header);
                task.End();
                EndAfterFlush(ConnectionEndReason.NegotiationError);
                return;
            }
            if (result.MaxRecvDataSegmentLength is { } length) Parameters = Parameters with { PeerMaxRecvDataSegmentLength = length };
            if (result.SendTargets != SendTargetsScope.None)
                _sendTargets = new SendTargetsWriter(Core.ListTargets(this, result.SendTargets, result.TargetName, _transport.LocalEndPoint));
        }
        _textLength = 0;
        var byteCount = answer.LengthBytes;
        var more = false;
        if (_sendTargets is not null && byteCount < room.Length)
        {
            var part = _sendTargets.Next(room[byteCount..]);
            byteCount += part.LengthBytes;
            more = part.IsContinued;
        }
        if (!more)
        {
            _sendTargets?.Dispose();
            _sendTargets = null;
        }
        AnswerText(task, byteCount, isFinal: !more && isRequestFinal, isContinued: more);
    }

    private void AnswerText(TargetTask task, int byteCount, bool isFinal, bool isContinued)
    {
        if (TryTakeControlEntry(out var entry))
        {
            TextResponsePdu.Write(_channel.HeaderOf(entry), new TextResponseFields
            {
                IsFinal = isFinal,
                IsContinued = isContinued,
                Lun = task.Header.Lun,
                InitiatorTaskTag = task.InitiatorTaskTag,
                TargetTransferTag = isFinal ? TaskTag.Reserved : ++_textTag,
                DataSegmentLength = byteCount,
                StatSN = _statSN.Take(),
                ExpCmdSN = _window.Numbers.ExpCmdSN,
                MaxCmdSN = _window.Advertise(),
            });
            _isTextInFlight = true;
            _channel.QueuePdu(entry, _connection.TextOut, 0, byteCount, this);
        }
        task.End();
    }

    void IPduSendCompletion.OnPduSent(int tag, bool isSent) => _isTextInFlight = false;

    private void OnLogout(TargetTask task)
    {
        var request = new LogoutRequestPdu(in task.Header);
        var response = request.Reason switch
        {
            LogoutReason.CloseConnection when request.Cid != Cid => LogoutResponse.CidNotFound,
            LogoutReason.RemoveConnectionForRecovery => LogoutResponse.RecoveryNotSupported,
            _ => LogoutResponse.Success,
        };
        // Then nothing is in progress for which the initiator could still owe data: the Logout Request was its last PDU (RFC 7143, 11.14).
        var isLast = _tasks.Count == 1;
        if (response == LogoutResponse.Success)
        {
            IsEnding = true;
            Target?.Units.ReleaseReservations(Nexus);
            StopTasks(except: task);
        }
        if (TryTakeControlEntry(out var entry))
        {
            LogoutResponsePdu.Write(_channel.HeaderOf(entry), new LogoutResponseFields
            {
                Response = response,
                InitiatorTaskTag = task.InitiatorTaskTag,
                Time2Wait = 0,
                Time2Retain = 0,
                StatSN = _statSN.Take(),
                ExpCmdSN = _window.Numbers.ExpCmdSN,
                MaxCmdSN = _window.Advertise(),
            });
            _channel.QueuePdu(entry);
        }
        task.End();
        if (response == LogoutResponse.Success) EndAfterFlush(ConnectionEndReason.LoggedOut, mayPeerSend: !isLast);
    }

    // What is queued still leaves; the peer gets two seconds to close after that.
    private void EndAfterFlush(ConnectionEndReason reason, bool mayPeerSend = true)
    {
        if (_channel.HasEnded || _channel.IsClosing) return;
        IsEnding = true;
        _closingSince = Now;
        _closingReason = reason;
        StopTasks();
        _channel.EndAfterFlush(reason, mayPeerSend);
    }

    /// <summary>
    /// The server, or the target, stops: what is lost is closed; an open session takes no more commands, and ends when those in progress were answered.
    /// </summary>
    /// <param name="reason">Why: the server stops, or the target is removed.</param>
    public void StopOrderly(ConnectionEndReason reason)
    {
        _stopReason = reason;
        _isDraining = true;
        if (OrphanedAt is not null) Close();
    }

    /// <summary>It does not wait any longer.</summary>
    public void StopNow()
    {
        if (OrphanedAt is not null) Close();
        else if (_channel is { HasEnded: false }) End(_stopReason);
    }

    // At the end of a batch, so that the last response has its place before the message.
    private void EndIfDrained()
    {
        if (!_isDraining || _tasks.Count != 0 || _channel is null || _channel.HasEnded || _channel.IsClosing) return;
        if (!TryTakeControlEntry(out var entry)) return;
        AsyncMessagePdu.Write(_channel.HeaderOf(entry), new AsyncMessageFields
        {
            AsyncEvent = AsyncEvent.ConnectionDropped,
            Parameter1 = Cid,
            StatSN = _statSN.Take(),
            ExpCmdSN = _window.Numbers.ExpCmdSN,
            MaxCmdSN = _window.Advertise(),
        });
        _channel.QueuePdu(entry);
        TargetLog.SessionStopping(Core.Logger, InitiatorName, Tsih);
        EndAfterFlush(_stopReason);
    }
}
