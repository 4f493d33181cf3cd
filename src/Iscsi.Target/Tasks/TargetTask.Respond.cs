using System.Buffers.Binary;
using Iscsi.Protocol;
using Iscsi.Protocol.Scsi;
using Iscsi.Target.Memory;
using Iscsi.Target.Scsi;
using Reservations;

namespace Iscsi.Target.Tasks;

// The end of a SCSI command: parameter data, status, sense, residual; and the Wire gate for everything that leaves.
internal sealed partial class TargetTask
{
    private WireStep _wireStep;
    private bool _isResponseQueued;
    private bool _isDraining;

    private enum WireStep : byte
    {
        DataIn,
        R2T,
        Response,
    }

    private Residual CurrentResidual
    {
        get
        {
            return Request.Status == ScsiStatus.Good
                ? Residual.Compute(ExpectedDirection, ExpectedDataTransferLength, Request.Direction, Request.TransferLength)
                : Residual.Of(ExpectedDataTransferLength, _plan == Plan.Read ? _segmenter.OffsetBytes : _offsetBytes);
        }
    }

    // The command is carried out, or refused. What it still occupies below Credit goes back before it waits for the wire.
    private void Complete()
    {
        if (!WaitsForQueueError()) CompleteNow();
    }

    private void CompleteNow()
    {
        if (!Request.AnswersFromScratch) ReleaseBurst();
        if (_plan is not Plan.Read) _offsetBytes = Request.Status == ScsiStatus.Good ? _totalBytes : 0;
        var byteCount = Request.Status == ScsiStatus.Good && ExpectsDataIn
            ? (int)Math.Min(Request.DataInLength, ExpectedDataTransferLength)
            : 0;
        if (byteCount > 0)
        {
            SendParameterData(byteCount);
            return;
        }
        if (TryEnterWire(WireStep.Response, out var grant)) SendResponse(grant);
    }

    private bool TryEnterWire(WireStep step, out Grant grant)
    {
        CheckHoldsNoRange();
        _wireStep = step;
        State = TaskState.WaitingForWire;
        if (!Session.WireNode.Reserve(Flow, TargetLevels.WireGate, ConnectionReserve.WireDemand, _wireWaiter, out grant)) return false;
        State = TaskState.Running;
        return true;
    }

    private void OnWire(Grant grant)
    {
        State = TaskState.Running;
        if (_isAborted || Session.Channel.HasEnded)
        {
            grant.Dispose();
            _isAborted = true;
            FinishAborted();
            return;
        }
        switch (_wireStep)
        {
            case WireStep.DataIn:
                SendDataIn(grant);
                SendNext();
                break;
            case WireStep.R2T:
                SendR2T(grant);
                break;
            default:
                SendResponse(grant);
                break;
        }
    }

    private void SendResponse(Grant wire)
    {
        var residual = CurrentResidual;
        var fields = new ScsiResponseFields
        {
            Response = ScsiServiceResponse.CommandCompleted,
            Status = Request.Status,
            InitiatorTaskTag = InitiatorTaskTag,
            Overflow = residual.Overflow,
            Underflow = residual.Underflow,
            ResidualCount = residual.Count,
            StatusQualifier = Qualifier,
            ExpDataSN = _plan == Plan.Read ? _segmenter.DataSN : 0,
        };
        var senseBytes = WriteSense();
        var session = Session;
        Request.ConsumeUnitAttention();
        if (senseBytes == 0 && _pdusInFlight == 0)
        {
            // The response needs nothing of the slot: the slot is free in this step, and the response may carry its number.
            // What waited for this task in its task set runs, and may answer, only behind it.
            wire.MoveTo(null);
            var unit = _unit;
            End(enablesNext: false);
            session.QueueResponse(fields, wire);
            if (unit is not null) session.EnableDormant(unit);
            return;
        }
        _isResponseQueued = true;
        _pdusInFlight++;
        State = TaskState.Sending;
        session.QueueResponse(fields with { DataSegmentLength = senseBytes }, wire, _sense, senseBytes, this);
    }

    // RFC 7143, 11.4.7: SenseLength in two bytes, then the sense data.
    private int WriteSense()
    {
        if (Request.Status != ScsiStatus.CheckCondition) return 0;
        var bytes = _sense.Runs[0].Span;
        var sense = Request.Sense;
        var length = Request.Unit is { Control.DescriptorFormatSense: true } ? sense.WriteDescriptor(bytes[2..]) : sense.WriteFixed(bytes[2..]);
        BinaryPrimitives.WriteUInt16BigEndian(bytes, (ushort)length);
        return length + 2;
    }
}
