using Iscsi.Protocol;
using Reservations;

namespace Iscsi.Initiator;

/// <summary>A discovery session: login, SendTargets=All, logout (RFC 7143, 4.3 and appendix C). One request at a time, so it needs no channel.</summary>
internal sealed class DiscoverySession : IReservationOwner, IDisposable
{
    // Long answers come in parts; each has at most our MaxRecvDataSegmentLength.
    private const int MaxResponses = 65536;

    private readonly IscsiUrl _url;
    private readonly IscsiInitiatorOptions _options;
    private readonly SessionMemory _memory;

    private DiscoverySession(IscsiUrl url, IscsiInitiatorOptions options)
    {
        _url = url;
        // The answer is read into the login's memory.
        _options = options with { Offer = options.Offer with { MaxRecvDataSegmentLength = LoginLimits.MaxDataSegmentBytes } };
        _memory = new SessionMemory(this, options.ReceiveBufferBytes, slots: 1);
    }

    public static async Task<IReadOnlyList<DiscoveredTarget>> RunAsync(IscsiUrl url, IscsiInitiatorOptions options, CancellationToken cancellationToken)
    {
        using var session = new DiscoverySession(url, options);
        return await session.RunAsync(cancellationToken).ConfigureAwait(false);
    }

    public void Dispose() => _memory.Dispose();

    // Nothing is ever released by another thread, or waited for.
    void IReservationOwner.Post(ReservationNode node)
    {
    }

    private async Task<IReadOnlyList<DiscoveredTarget>> RunAsync(CancellationToken cancellationToken)
    {
        var connection = await new LoginDriver(_options, _url, _memory).RunAsync(cancellationToken).ConfigureAwait(false);
        await using var transport = connection.Transport.ConfigureAwait(false);
        using var timeout = new CancellationTokenSource(_options.LoginTimeout, _options.Clock);
        using var linked = CancellationTokenSource.CreateLinkedTokenSource(timeout.Token, cancellationToken);
        try
        {
            var targets = await new Exchange(connection, _memory).RunAsync(linked.Token).ConfigureAwait(false);
            return [.. targets.Select(target => Convert(target, connection))];
        }
        catch (OperationCanceledException) when (timeout.IsCancellationRequested && !cancellationToken.IsCancellationRequested)
        {
            throw new IscsiException($"{connection.Place} did not answer SendTargets within {_options.LoginTimeout.TotalSeconds:0.#} s.");
        }
        catch (IOException exception) when (exception is not IscsiException)
        {
            throw new IscsiException($"{connection.Place} closed the connection.", ConnectionEndReason.PeerClosedUnexpectedly, exception);
        }
    }

    private DiscoveredTarget Convert(SendTargetsEntry entry, LoggedInConnection connection)
    {
        // A target without an address is served where it was asked for (appendix C).
        if (entry.Portals.Count == 0)
            return new DiscoveredTarget(entry.TargetName, [new TargetPortal(_url.Host, _url.Port, connection.Login.TargetPortalGroupTag)]);
        var portals = new List<TargetPortal>(entry.Portals.Count);
        foreach (var address in entry.Portals)
        {
            if (!TargetPortal.TryParse(address.Address, out var portal))
                throw new IscsiException($"{connection.Place} answers with an address that is none: {address.Address}");
            portals.Add(portal with { PortalGroupTag = address.TargetPortalGroupTag });
        }
        return new DiscoveredTarget(entry.TargetName, portals);
    }

    private sealed class Exchange(LoggedInConnection connection, SessionMemory memory)
    {
        private readonly PduReader _reader = new(connection.Transport.Input, connection.Parser);
        private readonly PduWriter _writer = new(connection.Transport.Output)
        {
            HeaderDigest = connection.Parser.HeaderDigest,
            DataDigest = connection.Parser.DataDigest,
        };
        private uint _tag;

        public async Task<IReadOnlyList<SendTargetsEntry>> RunAsync(CancellationToken cancellationToken)
        {
            var targets = new SendTargetsReader();
            var targetTransferTag = TaskTag.Reserved;
            for (var count = 0; ; count++)
            {
                WriteText(targetTransferTag, count == 0 ? "SendTargets=All\0"u8 : default);
                await _writer.FlushAsync(cancellationToken).ConfigureAwait(false);
                await ReceiveAsync(Opcode.TextResponse, cancellationToken).ConfigureAwait(false);
                var isFinal = Take(targets, ref targetTransferTag);
                if (isFinal) break;
                if (count == MaxResponses) throw Broken("sends an answer without end");
            }
            if (targets.Finish() != TextFault.None) throw Broken("sends text that ends within a key");
            WriteLogout();
            await _writer.FlushAsync(cancellationToken).ConfigureAwait(false);
            try
            {
                await ReceiveAsync(Opcode.LogoutResponse, cancellationToken).ConfigureAwait(false);
            }
            catch (IscsiException)
            {
                // The answer is here; how the peer takes its leave changes nothing.
            }
            return targets.Targets;
        }

        private bool Take(SendTargetsReader targets, ref uint targetTransferTag)
        {
            var pdu = new TextResponsePdu(in connection.Parser.Header);
            var fault = targets.Feed(memory.LoginResponse.Runs[0].Span[..pdu.DataSegmentLength]);
            if (fault != TextFault.None) throw Broken($"sends text that can't be read ({fault})");
            targetTransferTag = pdu.TargetTransferTag;
            return pdu.IsFinal;
        }

        private void WriteText(uint targetTransferTag, ReadOnlySpan<byte> text)
        {
            Span<byte> header = stackalloc byte[BasicHeaderSegment.Size];
            TextRequestPdu.Write(header, new TextRequestFields
            {
                IsImmediate = true,
                IsFinal = true,
                InitiatorTaskTag = _tag,
                TargetTransferTag = targetTransferTag,
                CmdSN = connection.CmdSN.CmdSN,
                ExpStatSN = connection.ExpStatSN.ExpStatSN,
            });
            _writer.Write(header, default, text);
        }

        private void WriteLogout()
        {
            Span<byte> header = stackalloc byte[BasicHeaderSegment.Size];
            LogoutRequestPdu.Write(header, new LogoutRequestFields
            {
                IsImmediate = true,
                Reason = LogoutReason.CloseSession,
                InitiatorTaskTag = ++_tag,
                CmdSN = connection.CmdSN.CmdSN,
                ExpStatSN = connection.ExpStatSN.ExpStatSN,
            });
            _writer.Write(header);
        }

        private void WritePong()
        {
            var ping = new NopInPdu(in connection.Parser.Header);
            Span<byte> header = stackalloc byte[BasicHeaderSegment.Size];
            NopOutPdu.Write(header, new NopOutFields
            {
                IsImmediate = true,
                Lun = ping.Lun,
                InitiatorTaskTag = TaskTag.Reserved,
                TargetTransferTag = ping.TargetTransferTag,
                CmdSN = connection.CmdSN.CmdSN,
                ExpStatSN = connection.ExpStatSN.ExpStatSN,
            });
            _writer.Write(header);
        }

        // Reads up to the answer; pings that come before it are answered.
        private async ValueTask ReceiveAsync(Opcode wanted, CancellationToken cancellationToken)
        {
            for (var others = 0; ; others++)
            {
                var status = await _reader.ReadHeaderAsync(cancellationToken).ConfigureAwait(false);
                if (status == PduReadStatus.Done)
                {
                    status = connection.Parser.Header.DataSegmentLength == 0
                        ? await _reader.SkipPayloadAsync(cancellationToken).ConfigureAwait(false)
                        : await _reader.ReadPayloadAsync(memory.LoginResponse, cancellationToken: cancellationToken).ConfigureAwait(false);
                }
                if (status == PduReadStatus.Failed) throw Broken($"sends a PDU that can't be read ({connection.Parser.Fault})");
                if (status != PduReadStatus.Done)
                    throw new IscsiException($"{connection.Place} closed the connection.", ConnectionEndReason.PeerClosedUnexpectedly);
                var opcode = connection.Parser.Header.Opcode;
                TakeNumbers();
                if (opcode == wanted && connection.Parser.Header.InitiatorTaskTag == _tag) return;
                if (opcode == Opcode.Reject) throw Broken($"rejects the request ({new RejectPdu(in connection.Parser.Header).Reason})");
                if (opcode is not (Opcode.NopIn or Opcode.AsyncMessage) || others == MaxResponses) throw Broken($"answers with {opcode}");
                if (opcode != Opcode.NopIn || new NopInPdu(in connection.Parser.Header).TargetTransferTag == TaskTag.Reserved) continue;
                WritePong();
                await _writer.FlushAsync(cancellationToken).ConfigureAwait(false);
            }
        }

        private void TakeNumbers()
        {
            // The three numbers are in the same place in every PDU of a target.
            var numbers = new NopInPdu(in connection.Parser.Header);
            connection.CmdSN.Update(numbers.ExpCmdSN, numbers.MaxCmdSN);
            if (connection.Parser.Header.Opcode == Opcode.NopIn && connection.Parser.Header.InitiatorTaskTag == TaskTag.Reserved) return;
            if (!connection.ExpStatSN.Accept(numbers.StatSN)) throw Broken("sends a StatSN that is not the next one");
        }

        private IscsiException Broken(string what) => new($"{connection.Place} {what}.", ConnectionEndReason.UnexpectedPdu);
    }
}
