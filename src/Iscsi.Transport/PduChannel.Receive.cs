using System.Buffers;
using System.IO.Pipelines;
using System.Runtime.CompilerServices;
using Iscsi.Protocol;
using Reservations;

#pragma warning disable CA2012 // each ValueTask is consumed once, by the GetResult of its awaiter

namespace Iscsi.Transport;

public sealed partial class PduChannel
{
    private readonly ReceiveWork _receiveWork;
    private readonly Action _onReceiveCompleted;
    private BlockList? _direct; // most sessions never receive so much at once
    private ConfiguredValueTaskAwaitable<ReadResult>.ConfiguredValueTaskAwaiter _readAwaiter;
    private ConfiguredValueTaskAwaitable<int>.ConfiguredValueTaskAwaiter _directAwaiter;
    private ReceiveStep _step;
    private bool _receivePending;
    private bool _inPayload;
    private bool _inputDrained;
    private bool _inCallback;

    private enum ReceiveStep
    {
        Idle,
        Reading,
        ReceivingDirectly,
    }

    /// <summary>When bytes came last, or when the channel was started: a timestamp of the clock.</summary>
    public long LastReceiveProgress { get; private set; }

    /// <summary>How often bytes came: PDUs that are handled under the same count came together. Wraps around.</summary>
    public int ReceiveCount { get; private set; }

    /// <summary>Whether a header was read whose payload is not complete.</summary>
    public bool IsInsidePayload => _inPayload;

    // The loop: start an operation; if it is done already, handle what it brought and go on, else return and be posted.
    private void Receive()
    {
        for (var buffers = 0; !HasEnded; buffers++)
        {
            if (_step == ReceiveStep.Idle)
            {
                if (buffers >= BuffersPerTurn)
                {
                    _executor.Post(_receiveWork);
                    return;
                }
                if (!StartReceive())
                {
                    Flush();
                    return;
                }
            }
            FinishReceive();
            if (_pendingCount >= _handler.PdusToCollect) Flush();
        }
        if (_step != ReceiveStep.Idle && !_receivePending) FinishReceive();
        TellQuiet();
    }

    private bool StartReceive()
    {
        if (_inPayload && _inputDrained && !IsClosing && Parser.DirectBytesWanted >= DirectReceiveBytes)
        {
            _direct ??= new BlockList(80);
            _direct.Clear();
            Parser.GetDirectDestination(_direct);
            _step = ReceiveStep.ReceivingDirectly;
            _directAwaiter = _transport.ReceiveIntoAsync(_direct).ConfigureAwait(false).GetAwaiter();
            if (_directAwaiter.IsCompleted) return true;
            _receivePending = true;
            _directAwaiter.UnsafeOnCompleted(_onReceiveCompleted);
            return false;
        }
        _step = ReceiveStep.Reading;
        _readAwaiter = _transport.Input.ReadAsync().ConfigureAwait(false).GetAwaiter();
        if (_readAwaiter.IsCompleted) return true;
        _receivePending = true;
        _readAwaiter.UnsafeOnCompleted(_onReceiveCompleted);
        return false;
    }

    private void FinishReceive()
    {
        var step = _step;
        _step = ReceiveStep.Idle;
        LastReceiveProgress = _clock.GetTimestamp(); // once for all PDUs of a buffer
        ReceiveCount++;
        _inCallback = true;
        try
        {
            if (step == ReceiveStep.ReceivingDirectly) FinishDirect(_directAwaiter.GetResult());
            else FinishRead(_readAwaiter.GetResult());
        }
        catch (Exception e) when (e is IOException or OperationCanceledException or ObjectDisposedException)
        {
            if (!HasEnded) _handler.OnInputEnded(_inPayload, e);
        }
        finally
        {
            _inCallback = false;
        }
    }

    private void FinishDirect(int byteCount)
    {
        if (HasEnded) return;
        if (byteCount == 0)
        {
            _handler.OnInputEnded(insidePdu: true, error: null);
            return;
        }
        Parser.OnDirectReceived(byteCount);
        if (IsClosing || Parser.DirectBytesWanted > 0) return;
        // A PDU without padding and digest ends with its data: no further input may come that would say so.
        var none = default(ReadOnlySequence<byte>);
        Parse(ref none);
    }

    private void FinishRead(ReadResult result)
    {
        var input = result.Buffer;
        if (IsClosing) input = input.Slice(input.End);
        else if (!HasEnded) Parse(ref input);
        if (HasEnded || IsClosing) input = input.Slice(input.End);
        _inputDrained = input.IsEmpty;
        _transport.Input.AdvanceTo(input.Start, result.Buffer.End);
        if (HasEnded || !(result.IsCompleted || result.IsCanceled)) return;
        if (IsClosing) EndClosing();
        else _handler.OnInputEnded(_inPayload || !_inputDrained, error: null);
    }

    private void Parse(ref ReadOnlySequence<byte> input)
    {
        while (!HasEnded && !IsClosing)
        {
            if (!_inPayload)
            {
                switch (Parser.ParseHeader(ref input))
                {
                    case PduParseStatus.NeedInput:
                        return;
                    case PduParseStatus.Failed:
                        _handler.OnFramingFault();
                        if (HasEnded || IsClosing) return;
                        break;
                    default:
                        _handler.OnHeader();
                        break;
                }
                _inPayload = true;
                continue;
            }
            switch (Parser.ParsePayload(ref input))
            {
                case PduParseStatus.NeedInput:
                    return;
                case PduParseStatus.Failed:
                    _inPayload = false;
                    _handler.OnFramingFault();
                    break;
                default:
                    _inPayload = false;
                    _handler.OnPdu();
                    break;
            }
        }
    }

    private sealed class ReceiveWork(PduChannel channel) : SerialWork
    {
        protected internal override void Run()
        {
            channel._receivePending = false;
            channel.Receive();
        }
    }
}
