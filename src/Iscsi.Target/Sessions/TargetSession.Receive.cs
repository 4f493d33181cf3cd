using Iscsi.Protocol;
using Iscsi.Target.Diagnostics;
using Iscsi.Target.Tasks;

namespace Iscsi.Target.Sessions;

// What comes in. Nothing here waits: a header either has its place already, or its payload is drained.
internal sealed partial class TargetSession
{
    // By Initiator Task Tag; one that has answered and was displaced, by a number above all tags.
    private readonly Dictionary<ulong, TargetTask> _tasks = []; // grows to the depth that the initiator uses, once
    private readonly IgnoredTags _ignored = new();
    private TargetTask? _collecting;
    private TargetTask? _arriving;
    private PduFault _rejectAfterPayload;
    private BasicHeaderSegment _rejectedHeader;

    public CreditWindow Window => _window;

    /// <summary>What the login agreed on for data.</summary>
    public DataSequenceParameters DataSequence => _dataSequence ??= new DataSequenceParameters
    {
        InitialR2T = Parameters.InitialR2T,
        ImmediateData = Parameters.ImmediateData,
        FirstBurstLength = Parameters.FirstBurstLength,
        MaxBurstLength = Parameters.MaxBurstLength,
        MaxOutstandingR2T = Parameters.MaxOutstandingR2T,
    };

    private DataSequenceParameters? _dataSequence;

    /// <summary>The time, as a timestamp of the clock.</summary>
    public long Now => Core.Clock.GetTimestamp();

    /// <summary>Whether the payload of a PDU of the task is being received, into its memory or to be thrown away.</summary>
    public bool IsCollectingFor(TargetTask task) => ReferenceEquals(_collecting, task) || ReferenceEquals(_arriving, task);

    // Half of what the peer waits for: each send costs both sides a wake-up, and with one half in its hands the peer is not idle while we go on.
    int Transport.IPduChannelHandler.PdusToCollect => Math.Max(1, _window.InProgress / 2);

    void Transport.IPduChannelHandler.OnHeader()
    {
        _arriving = null;
        _collecting = null;
        _rejectAfterPayload = PduFault.None;
        var parser = _channel.Parser;
        ref readonly var header = ref parser.Header;
        var fault = header.Opcode switch
        {
            Opcode.ScsiCommand => OnScsiCommandHeader(in header),
            Opcode.DataOut => OnDataOutHeader(in header),
            Opcode.NopOut => OnRequestHeader(in header, new NopOutPdu(in header).Validate()),
            Opcode.TaskManagementRequest => OnRequestHeader(in header, new TaskManagementRequestPdu(in header).Validate()),
            Opcode.TextRequest => OnRequestHeader(in header, new TextRequestPdu(in header).Validate()),
            Opcode.LogoutRequest => OnRequestHeader(in header, new LogoutRequestPdu(in header).Validate()),
            Opcode.SnackRequest => PduFault.InvalidSnack,
            Opcode.LoginRequest => PduFault.UnexpectedPdu,
            _ => header.Opcode.IsFromTarget() ? PduFault.OpcodeOfOtherSide : PduFault.ReservedOpcode,
        };
        if (fault == PduFault.None || _channel.HasEnded) return;
        // The answer waits for the payload, which is no use to anybody.
        RejectAfterPayload(fault, in header);
        parser.DiscardPayload();
    }

    void Transport.IPduChannelHandler.OnPdu()
    {
        if (_rejectAfterPayload != PduFault.None)
        {
            Reject(_rejectAfterPayload, in _rejectedHeader);
            return;
        }
        var task = _arriving ?? _collecting;
        var isDataOut = _arriving is null;
        _collecting = null;
        _arriving = null;
        if (task is null) return;
        if (isDataOut)
        {
            task.OnDataOutComplete();
            return;
        }
        if (task.IsImmediate)
        {
            Execute(task);
            return;
        }
        var isAborted = task.IsAborted;
        var cmdSN = task.CmdSN;
        task.Hold();
        // Aborted while its payload came in: the number is received, the task is over.
        _window.Accept(task, cmdSN, LastReceived);
        if (isAborted && task.State == TaskState.Held && ReferenceEquals(task.Session, this)) task.EndHeldAborted();
    }

    void Transport.IPduChannelHandler.OnFramingFault()
    {
        var parser = _channel.Parser;
        var fault = parser.Fault;
        switch (fault)
        {
            case PduFault.AhsTooLong:
                // Drained, then rejected; the connection lives.
                RejectAfterPayload(fault, in parser.Header);
                parser.Drain();
                break;
            case PduFault.DataDigestMismatch:
                Reject(fault, in parser.Header);
                EndAfterFlush(ConnectionEndReason.DataDigestError);
                break;
            default:
                // A wrong header digest, or a length that can't be believed: no boundary of the stream is known any more.
                End(fault.ToEndReason());
                break;
        }
    }

    void Transport.IPduChannelHandler.OnInputEnded(bool insidePdu, Exception? error)
    {
        var reason = error is not null ? ConnectionEndReason.TransportError
            : insidePdu || (_tasks.Count > 0 && Target is not null) ? ConnectionEndReason.PeerClosedUnexpectedly
            : ConnectionEndReason.PeerClosed;
        End(reason);
    }

    /// <summary>Executes a request whose turn has come.</summary>
    public void Execute(TargetTask task)
    {
        if (task.IsAborted)
        {
            task.EndHeldAborted();
            return;
        }
        var opcode = task.Header.Opcode;
        if (opcode != Opcode.ScsiCommand) task.BeginAnswer();
        switch (opcode)
        {
            case Opcode.ScsiCommand:
                Counters.Commands++;
                task.ExecuteScsi();
                break;
            case Opcode.NopOut:
                OnNopOut(task);
                break;
            case Opcode.TextRequest:
                OnTextRequest(task);
                break;
            case Opcode.TaskManagementRequest:
                OnTaskManagement(task);
                break;
            default:
                OnLogout(task);
                break;
        }
    }

    private PduFault OnScsiCommandHeader(ref readonly BasicHeaderSegment header)
    {
        var pdu = new ScsiCommandPdu(in header);
        var fault = pdu.Validate();
        if (fault != PduFault.None) return fault;
        if (Target is null) return PduFault.UnexpectedPdu;
        var task = TakeSlot(in header, out fault);
        if (task is null) return fault;
        if (!TryAddTask(task, pdu.InitiatorTaskTag)) return ReturnSlot(task, PduFault.TaskTagInUse);

        task.Begin(this, in header, LastReceived);
        task.BeginData();
        _arriving = task;
        if (header.DataSegmentLength == 0) return PduFault.None;
        if (task.TakesImmediateData)
        {
            _collecting = task;
            _channel.Parser.CollectInto(task.CreditData, 0);
        }
        else
        {
            Discard(header.DataSegmentLength);
        }
        return PduFault.None;
    }

    private PduFault OnRequestHeader(ref readonly BasicHeaderSegment header, PduFault fault)
    {
        if (fault != PduFault.None) return fault;
        if (header.Opcode == Opcode.NopOut && header.InitiatorTaskTag == TaskTag.Reserved)
        {
            // The answer to a ping of ours, or a bare sign of life: nothing to do but to take it in.
            OnPong(in header);
            Discard(header.DataSegmentLength);
            return PduFault.None;
        }
        _lastRequest = LastReceived;
        var task = TakeSlot(in header, out fault);
        if (task is null) return fault;
        if (!TryAddTask(task, header.InitiatorTaskTag)) return ReturnSlot(task, PduFault.TaskTagInUse);
        task.Begin(this, in header, LastReceived);
        _arriving = task;
        if (header.DataSegmentLength == 0) return PduFault.None;
        if (header.DataSegmentLength <= task.CreditData.Length)
        {
            _collecting = task;
            _channel.Parser.CollectInto(task.CreditData, 0);
        }
        else
        {
            // A slot holds 8 KiB; what an echo or a text has beyond it, nobody needs.
            task.TruncateData();
            Discard(header.DataSegmentLength);
        }
        return PduFault.None;
    }

    private PduFault OnDataOutHeader(ref readonly BasicHeaderSegment header)
    {
        var pdu = new DataOutPdu(in header);
        var fault = pdu.Validate();
        if (fault != PduFault.None) return fault;
        if (Target is null) return PduFault.UnexpectedPdu;

        TargetTask? task;
        if (pdu.TargetTransferTag == TaskTag.Reserved)
        {
            if (!_tasks.TryGetValue(pdu.InitiatorTaskTag, out task) || task.Header.Opcode != Opcode.ScsiCommand)
                return DrainLate(_ignored.Contains(pdu.InitiatorTaskTag, pdu.IsFinal), header.DataSegmentLength, PduFault.InvalidTaskTag);
        }
        else
        {
            task = _transferTags is not null && _transferTags.TryFind(pdu.TargetTransferTag, out var index) ? _transfers[index] : null;
            if (task is null || task.InitiatorTaskTag != pdu.InitiatorTaskTag)
                return DrainLate(_voidTags.Contains(pdu.TargetTransferTag, pdu.IsFinal), header.DataSegmentLength, PduFault.InvalidTargetTransferTag);
        }

        fault = task.OnDataOut(in header, out var place, out var offset);
        if (fault != PduFault.None) return fault;
        _collecting = task;
        if (header.DataSegmentLength == 0) return PduFault.None;
        if (place is not null) _channel.Parser.CollectInto(place, offset);
        else Discard(header.DataSegmentLength);
        return PduFault.None;
    }

    // Data of a command that was ignored, or of a task that was aborted: they have no place, and are no fault.
    private PduFault DrainLate(bool isKnown, int byteCount, PduFault fault)
    {
        if (!isKnown) return fault;
        Discard(byteCount);
        return PduFault.None;
    }

    private void Discard(int byteCount)
    {
        if (byteCount == 0) return;
        _channel.Parser.DiscardPayload();
        Counters.DrainedBytes += byteCount;
        Core.Metrics.Drained(byteCount);
    }

    // The slot of a request: out of the window, or out of the connection's reserve for an immediate one.
    private TargetTask? TakeSlot(ref readonly BasicHeaderSegment header, out PduFault fault)
    {
        fault = PduFault.None;
        if (header.IsImmediate)
        {
            var slot = TakeImmediateSlot(in header);
            if (slot is null) fault = PduFault.TooManyImmediate;
            return slot;
        }
        var cmdSN = new ScsiCommandPdu(in header).CmdSN;
        if (!_isDraining && _window.Classify(cmdSN) is CommandArrival.InOrder or CommandArrival.Hold) return _window.Take();
        Ignore(in header);
        return null;
    }

    // RFC 7143, 4.2.2.1: outside the window, or a duplicate: ignored without an answer.
    private void Ignore(ref readonly BasicHeaderSegment header)
    {
        Counters.IgnoredCommands++;
        Core.Metrics.CommandIgnored();
        if (header.Opcode == Opcode.ScsiCommand && !header.IsFinal) _ignored.Add(header.InitiatorTaskTag);
        Discard(header.DataSegmentLength);
    }

    private PduFault ReturnSlot(TargetTask slot, PduFault fault)
    {
        if (slot.ImmediateIndex >= 0) ReturnImmediateSlot(slot);
        else _window.Return(slot);
        return fault;
    }

    private void RejectAfterPayload(PduFault fault, ref readonly BasicHeaderSegment header)
    {
        _rejectAfterPayload = fault;
        _rejectedHeader = header;
    }

    // A Reject with the header in it; what the peer can't have meant ends the connection, what it could, does not.
    private void Reject(PduFault fault, ref readonly BasicHeaderSegment header)
    {
        _rejectAfterPayload = PduFault.None;
        QueueReject(fault.ToRejectReason(), in header);
        TargetLog.Rejected(Core.Logger, InitiatorName, header.Opcode, fault);
        if (fault is PduFault.TooManyImmediate or PduFault.AhsTooLong or PduFault.InvalidSnack) return;
        EndAfterFlush(fault.ToEndReason());
    }
}
