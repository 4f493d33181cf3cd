using System.Net;
using System.Net.Sockets;

namespace Iscsi.Interop.Guests;

/// <summary>
/// Ports that are free now, for those who must know theirs before they listen, or listen on it again. They are below those that the system
/// gives to connections and to listeners that ask for any, of which this machine has many: none of them takes such a port meanwhile.
/// </summary>
internal static class LoopbackPorts
{
    // Linux begins at 32768, IANA at 49152. Each process starts elsewhere.
    private const int First = 15_000;
    private const int Count = 15_000;
    private static int s_next = Environment.ProcessId * 97 % Count;

    public static int Free()
    {
        while (true)
        {
            var port = First + ((Interlocked.Increment(ref s_next) & int.MaxValue) % Count);
            using var listener = new TcpListener(IPAddress.Loopback, port);
            try
            {
                listener.Start();
                return port;
            }
            catch (SocketException e) when (e.SocketErrorCode == SocketError.AddressAlreadyInUse)
            {
                // Somebody else's.
            }
        }
    }
}
