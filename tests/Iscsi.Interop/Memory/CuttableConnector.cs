using System.Net;
using Iscsi.Protocol;
using Iscsi.Transport;

namespace Iscsi.Interop.Memory;

/// <summary>Connects over TCP and can cut what it connected, as a cable that is pulled: no logout.</summary>
internal sealed class CuttableConnector : ITransportConnector
{
    private static readonly ITransportConnector Tcp = new SocketTransport();
    private ITransportConnection? _last;

    public async ValueTask<ITransportConnection> ConnectAsync(EndPoint endPoint, CancellationToken cancellationToken = default) =>
        _last = await Tcp.ConnectAsync(endPoint, cancellationToken);

    public void Cut() => _last!.Abort(ConnectionEndReason.TransportError);
}
