using Iscsi.Protocol;
using Iscsi.Transport;
using Reservations;

namespace Iscsi.Target.Sessions;

// What goes out: one writer stamps StatSN, ExpCmdSN and MaxCmdSN in the order of the wire.
internal sealed partial class TargetSession
{
    private RejectBuffers? _rejects; // most sessions never need them

    public void QueueDataIn(
        IPduSendCompletion task, DataInFields fields, BlockList data, int offsetBytes, int lengthBytes, Grant wire)
    {
        _channel.QueuePdu(WriteDataIn(fields, wire), data, offsetBytes, lengthBytes, task, wire: wire);
    }

    public void QueueDataIn(IPduSendCompletion task, DataInFields fields, in OutboundFile file, Grant wire)
    {
        _channel.QueueFilePdu(WriteDataIn(fields, wire), file, task, wire: wire);
    }

    private int WriteDataIn(in DataInFields fields, Grant wire)
    {
        DataInPdu.Write(TakeWireEntry(wire, out var entry), fields with
        {
            StatSN = fields.HasStatus ? _statSN.Take() : 0,
            ExpCmdSN = _window.Numbers.ExpCmdSN,
            MaxCmdSN = _window.Advertise(),
        });
        return entry;
    }

    public void QueueResponse(
        ScsiResponseFields fields, Grant wire, BlockList? sense = null, int senseBytes = 0, IPduSendCompletion? completion = null)
    {
        ScsiResponsePdu.Write(TakeWireEntry(wire, out var entry), fields with
        {
            StatSN = _statSN.Take(),
            ExpCmdSN = _window.Numbers.ExpCmdSN,
            MaxCmdSN = _window.Advertise(),
        });
        _channel.QueuePdu(entry, sense, 0, senseBytes, completion, wire: wire);
    }

    public void QueueR2T(in ReadyToTransferFields fields, Grant wire)
    {
        ReadyToTransferPdu.Write(TakeWireEntry(wire, out var entry), fields with
        {
            StatSN = _statSN.Next,
            ExpCmdSN = _window.Numbers.ExpCmdSN,
            MaxCmdSN = _window.Advertise(),
        });
        _channel.QueuePdu(entry, wire: wire);
    }

    // The grant is the transmitter's from here on: the task no longer holds the wire.
    private Span<byte> TakeWireEntry(Grant wire, out int entry)
    {
        wire.MoveTo(null);
        if (!_channel.TryTakeEntry(out entry)) throw new InvalidOperationException("There are as many transmit entries as wire slots.");
        return _channel.HeaderOf(entry);
    }

    // Control PDUs own prepaid entries; a peer that provokes more of them than there are ends its connection.
    private bool TryTakeControlEntry(out int entry)
    {
        if (_channel.HasEnded || _channel.IsClosing)
        {
            entry = -1;
            return false;
        }
        if (_channel.TryTakeEntry(out entry)) return true;
        End(ConnectionEndReason.ControlOverload);
        return false;
    }

    private void QueueReject(RejectReason reason, ref readonly BasicHeaderSegment rejected)
    {
        _rejects ??= new RejectBuffers();
        if (!_rejects.TryTake(in rejected, out var buffer))
        {
            End(ConnectionEndReason.ControlOverload);
            return;
        }
        if (!TryTakeControlEntry(out var entry))
        {
            buffer.OnPduSent(0, isSent: false);
            return;
        }
        Counters.Rejects++;
        RejectPdu.Write(_channel.HeaderOf(entry), new RejectFields
        {
            Reason = reason,
            DataSegmentLength = BasicHeaderSegment.Size,
            StatSN = _statSN.Take(),
            ExpCmdSN = _window.Numbers.ExpCmdSN,
            MaxCmdSN = _window.Advertise(),
        });
        _channel.QueuePdu(entry, buffer.Data, 0, BasicHeaderSegment.Size, buffer);
    }

    // The header of what was rejected goes back with the Reject (RFC 7143, 11.17): it is kept until it was sent.
    private sealed class RejectBuffers
    {
        private readonly RejectBuffer[] _buffers = [new(), new(), new(), new()];

        public bool TryTake(ref readonly BasicHeaderSegment rejected, out RejectBuffer buffer)
        {
            foreach (var candidate in _buffers)
            {
                if (candidate.IsInUse) continue;
                candidate.Fill(in rejected);
                buffer = candidate;
                return true;
            }
            buffer = null!;
            return false;
        }
    }

    private sealed class RejectBuffer : IPduSendCompletion
    {
        public BlockList Data { get; } =
            BlockList.Over(GC.AllocateUninitializedArray<byte>(BasicHeaderSegment.Size, pinned: true));

        public bool IsInUse { get; private set; }

        public void Fill(ref readonly BasicHeaderSegment rejected)
        {
            Data.CopyFrom(0, rejected);
            IsInUse = true;
        }

        public void OnPduSent(int tag, bool isSent) => IsInUse = false;
    }
}
