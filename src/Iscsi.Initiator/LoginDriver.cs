using Iscsi.Protocol;
using Iscsi.Transport;

namespace Iscsi.Initiator;

/// <summary>A connection that has logged in.</summary>
internal sealed record LoggedInConnection(
    ITransportConnection Transport, PduParser Parser, InitiatorLoginMachine Login, CmdSNCounter CmdSN, ExpStatSNCounter ExpStatSN, string Place);

/// <summary>Connects and logs in, following redirections: the I/O around <see cref="InitiatorLoginMachine"/>.</summary>
internal sealed class LoginDriver(IscsiInitiatorOptions options, IscsiUrl url, SessionMemory memory)
{
    // RFC 7143 leaves the first number to the initiator.
    private const uint FirstCmdSN = 1;

    private readonly InitiatorLoginOptions _login = LoginOptions(options, url);

    /// <summary>Connects and logs in; to a discovery session when the URL names no target.</summary>
    public async Task<LoggedInConnection> RunAsync(CancellationToken cancellationToken)
    {
        using var timeout = new CancellationTokenSource(options.LoginTimeout, options.Clock);
        using var linked = CancellationTokenSource.CreateLinkedTokenSource(timeout.Token, cancellationToken);
        var portal = new TargetPortal(url.Host, url.Port, null);
        try
        {
            for (var redirects = 0; ; redirects++)
            {
                var (connection, redirect) = await TryAsync(portal, linked.Token).ConfigureAwait(false);
                if (connection is not null) return connection;
                if (redirects == options.MaxRedirects)
                    throw new IscsiException($"{portal} redirects to {redirect}, the {redirects + 1}th redirection in a row: that looks like a circle.");
                portal = redirect!;
            }
        }
        catch (OperationCanceledException) when (timeout.IsCancellationRequested && !cancellationToken.IsCancellationRequested)
        {
            throw new IscsiException(
                $"{portal} did not complete the login within {options.LoginTimeout.TotalSeconds:0.#} s.", ConnectionEndReason.LoginTimeout);
        }
    }

    // T (bits 7 and 6 of the first byte) = 10b: the rest is random (RFC 7143, 11.12.5).
    private static ulong RandomIsid() => (2ul << 46) | (ulong)Random.Shared.NextInt64(1L << 40);

    private async Task<(LoggedInConnection? Connection, TargetPortal? Redirect)> TryAsync(TargetPortal portal, CancellationToken cancellationToken)
    {
        ITransportConnection transport;
        try
        {
            transport = await options.Connector.ConnectAsync((url with { Host = portal.Host, Port = portal.Port }).EndPoint, cancellationToken)
                .ConfigureAwait(false);
        }
        catch (IOException exception) when (exception is not IscsiException)
        {
            throw new IscsiException(exception.Message, ConnectionEndReason.TransportError, exception);
        }
        var keep = false;
        try
        {
            transport.AttachReceiveMemory(memory.Receive);
            var parser = new PduParser(new PduParserLimits());
            var machine = new InitiatorLoginMachine(_login, memory.LoginText);
            var (connection, redirect) = await ExchangeAsync(portal, transport, parser, machine, cancellationToken).ConfigureAwait(false);
            keep = connection is not null;
            return (connection, redirect);
        }
        catch (IOException exception) when (exception is not IscsiException)
        {
            throw Closed(portal, exception);
        }
        finally
        {
            if (!keep) await transport.DisposeAsync().ConfigureAwait(false);
        }
    }

    private async Task<(LoggedInConnection? Connection, TargetPortal? Redirect)> ExchangeAsync(
        TargetPortal portal, ITransportConnection transport, PduParser parser, InitiatorLoginMachine machine, CancellationToken cancellationToken)
    {
        var reader = new PduReader(transport.Input, parser);
        var writer = new PduWriter(transport.Output);
        var cmdSN = new CmdSNCounter(FirstCmdSN);
        ExpStatSNCounter? expStatSN = null;
        var step = machine.Start(memory.LoginRequest.Span);
        while (step.Action == InitiatorLoginAction.Send)
        {
            Write(writer, step.Request with { ExpStatSN = expStatSN?.ExpStatSN ?? 0 });
            await writer.FlushAsync(cancellationToken).ConfigureAwait(false);
            await ReceiveAsync(portal, reader, cancellationToken).ConfigureAwait(false);
            var fields = Fields(in parser.Header);
            // A refusal may come from a target that has no status numbers yet.
            if (expStatSN is null) expStatSN = new ExpStatSNCounter(fields.StatSN);
            else if (!expStatSN.Accept(fields.StatSN) && fields.StatusClass == 0) throw Failed(portal, LoginFault.BadResponse, "StatSN");
            cmdSN.Update(fields.ExpCmdSN, fields.MaxCmdSN);
            step = machine.Receive(fields, memory.LoginResponse.Runs[0].Span[..fields.DataSegmentLength], memory.LoginRequest.Span);
        }
        switch (step.Action)
        {
            case InitiatorLoginAction.Complete:
                parser.Limits.MaxDataSegmentLength = machine.Parameters!.OwnMaxRecvDataSegmentLength;
                parser.HeaderDigest = machine.Parameters.HeaderDigestCrc32C;
                parser.DataDigest = machine.Parameters.DataDigestCrc32C;
                return (new LoggedInConnection(transport, parser, machine, cmdSN, expStatSN!, Place(portal)), null);
            case InitiatorLoginAction.Redirected when TargetPortal.TryParse(machine.RedirectAddress ?? "", out var redirect):
                return (null, redirect);
            case InitiatorLoginAction.Redirected:
                throw Failed(portal, LoginFault.BadValue, $"TargetAddress={machine.RedirectAddress}");
            case InitiatorLoginAction.Refused:
                throw IscsiLoginException.Refused(Place(portal), machine.Status);
            default:
                throw Failed(portal, step.Fault, machine.FaultDetail);
        }
    }

    private void Write(PduWriter writer, in LoginRequestFields request)
    {
        Span<byte> header = stackalloc byte[BasicHeaderSegment.Size];
        LoginRequestPdu.Write(header, request);
        writer.Write(header, default, memory.LoginRequest.Span[..request.DataSegmentLength]);
    }

    private async ValueTask ReceiveAsync(TargetPortal portal, PduReader reader, CancellationToken cancellationToken)
    {
        var status = await reader.ReadHeaderAsync(cancellationToken).ConfigureAwait(false);
        if (status == PduReadStatus.Done)
        {
            if (reader.Parser.Header.Opcode != Opcode.LoginResponse) throw Failed(portal, LoginFault.BadResponse, reader.Parser.Header.Opcode.ToString());
            status = reader.Parser.Header.DataSegmentLength == 0
                ? await reader.SkipPayloadAsync(cancellationToken).ConfigureAwait(false)
                : await reader.ReadPayloadAsync(memory.LoginResponse, cancellationToken: cancellationToken).ConfigureAwait(false);
        }
        if (status == PduReadStatus.Failed) throw Failed(portal, LoginFault.BadResponse, reader.Parser.Fault.ToString());
        if (status != PduReadStatus.Done) throw Closed(portal, null);
        if (new LoginResponsePdu(in reader.Parser.Header).Validate() is not PduFault.None and var fault)
            throw Failed(portal, LoginFault.BadResponse, fault.ToString());
    }

    private static LoginResponseFields Fields(in BasicHeaderSegment header)
    {
        var pdu = new LoginResponsePdu(in header);
        return new LoginResponseFields
        {
            IsTransit = pdu.IsTransit,
            IsContinued = pdu.IsContinued,
            CurrentStage = pdu.CurrentStage,
            NextStage = pdu.NextStage,
            VersionMax = pdu.VersionMax,
            VersionActive = pdu.VersionActive,
            DataSegmentLength = pdu.DataSegmentLength,
            Isid = pdu.Isid,
            Tsih = pdu.Tsih,
            InitiatorTaskTag = pdu.InitiatorTaskTag,
            StatSN = pdu.StatSN,
            ExpCmdSN = pdu.ExpCmdSN,
            MaxCmdSN = pdu.MaxCmdSN,
            StatusClass = pdu.StatusClass,
            StatusDetail = pdu.StatusDetail,
        };
    }

    private static InitiatorLoginOptions LoginOptions(IscsiInitiatorOptions options, IscsiUrl url) => new()
    {
        InitiatorName = options.InitiatorName,
        InitiatorAlias = options.InitiatorAlias,
        TargetName = url.TargetName,
        Isid = options.Isid ?? RandomIsid(),
        CmdSN = FirstCmdSN,
        Offer = options.Offer,
        Chap = Credentials("CHAP", options.ChapUser ?? url.User, options.ChapSecret ?? url.Secret),
        MutualChap = Credentials("mutual CHAP", options.MutualChapUser, options.MutualChapSecret),
        ChapOptions = ChapOptions.Default with { Algorithms = options.ChapAlgorithms },
    };

    private static ChapCredentials? Credentials(string what, string? name, string? secret)
    {
        if (name is null && secret is null) return null;
        if (name is null) throw new ArgumentException($"There is a {what} secret and no name.");
        if (secret is null) throw new ArgumentException($"There is a {what} name, {name}, and no secret.");
        return new ChapCredentials(name, System.Text.Encoding.UTF8.GetBytes(secret));
    }

    private string Place(TargetPortal portal) => url.TargetName is null ? portal.ToString() : $"{url.TargetName} at {portal}";

    private IscsiLoginException Failed(TargetPortal portal, LoginFault fault, string? detail) => IscsiLoginException.Failed(Place(portal), fault, detail);

    private static IscsiException Closed(TargetPortal portal, IOException? exception) =>
        new($"{portal} closed the connection during the login.", ConnectionEndReason.PeerClosedUnexpectedly, exception);
}
