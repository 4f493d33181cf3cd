using System.Net;
using System.Net.Sockets;

namespace Iscsi.Interop.Guests;

/// <summary>Ports that are free now, for those who must know theirs before they listen.</summary>
internal static class LoopbackPorts
{
    public static int Free()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        return ((IPEndPoint)listener.LocalEndpoint).Port;
    }
}
