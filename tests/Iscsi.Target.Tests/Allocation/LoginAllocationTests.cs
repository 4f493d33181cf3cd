using System.Net;
using System.Net.Sockets;
using Iscsi.Protocol;
using Iscsi.Storage;
using Iscsi.Target.Tests.Raw;

namespace Iscsi.Target.Tests.Allocation;

/// <summary>
/// What a login and a logout leave behind is garbage that the collector has to find before the process has grown past its bound: hosts that log in
/// all day must not make it work. Measured over the whole process, by a client that allocates a socket and nothing else.
/// </summary>
[Collection(nameof(TargetAllocationTests))]
public sealed class LoginAllocationTests
{
    // Measured: 11.4 KiB, of which the client's socket is 1; the queues of the transmit entries alone would be 28 more.
    private const int AllowanceBytes = 15 * 1024;

    private const int LoginCount = 500;
    private const int MaxRuns = 4;

    [Fact]
    public async Task A_login_and_a_logout_allocate_no_more_than_was_measured()
    {
        await using var disk = new MemoryBlockDevice(1 << 20);
        await using var server = new IscsiTargetBuilder()
            .Listen(new IPEndPoint(IPAddress.Loopback, 0))
            .UseMemory(16 << 20)
            .AddTarget(RawTarget.TargetName, target => target.AddLun(0, disk))
            .Build();
        await server.StartAsync();
        var client = new Client(server.Endpoints[0]);
        client.LogInAndOut(LoginCount);
        var bytes = long.MaxValue;
        for (var run = 0; run < MaxRuns && bytes > AllowanceBytes; run++)
        {
            var before = GC.GetTotalAllocatedBytes(precise: true);
            client.LogInAndOut(LoginCount);
            bytes = Math.Min(bytes, (GC.GetTotalAllocatedBytes(precise: true) - before) / LoginCount);
        }
        TestContext.Current.TestOutputHelper?.WriteLine($"{bytes} bytes a login");
        Assert.True(bytes <= AllowanceBytes, $"{bytes} bytes a login");
    }

    // Blocks its thread, as the framework's cheapest calls do.
    private sealed class Client
    {
        private readonly IPEndPoint _target;
        private readonly byte[] _login;
        private readonly byte[] _logout = new byte[BasicHeaderSegment.Size];
        private readonly byte[] _answer = new byte[16 * 1024];

        public Client(IPEndPoint target)
        {
            _target = target;
            var text = new RawLogin().Text();
            _login = new byte[BasicHeaderSegment.Size + ((text.Length + 3) & ~3)];
            LoginRequestPdu.Write(_login, new LoginRequestFields
            {
                IsTransit = true,
                CurrentStage = LoginStage.LoginOperationalNegotiation,
                NextStage = LoginStage.FullFeaturePhase,
                Isid = new RawLogin().Isid,
                Cid = 1,
                CmdSN = 1,
                DataSegmentLength = text.Length,
            });
            text.CopyTo(_login, BasicHeaderSegment.Size);
            LogoutRequestPdu.Write(_logout, new LogoutRequestFields { InitiatorTaskTag = 1, CmdSN = 1, IsImmediate = true });
        }

        public void LogInAndOut(int count)
        {
            for (var i = 0; i < count; i++)
            {
                using var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
                socket.Connect(_target);
                socket.NoDelay = true;
                Exchange(socket, _login, Opcode.LoginResponse);
                Exchange(socket, _logout, Opcode.LogoutResponse);
                socket.Shutdown(SocketShutdown.Send);
                while (socket.Receive(_answer) > 0) { }
            }
        }

        private void Exchange(Socket socket, byte[] request, Opcode opcode)
        {
            socket.Send(request);
            var received = 0;
            var wanted = BasicHeaderSegment.Size;
            while (received < wanted)
            {
                var count = socket.Receive(_answer, received, _answer.Length - received, SocketFlags.None);
                if (count == 0) throw new InvalidOperationException($"The target closed in place of {opcode}.");
                received += count;
                if (received < BasicHeaderSegment.Size) continue;
                var length = (_answer[5] << 16) | (_answer[6] << 8) | _answer[7];
                wanted = BasicHeaderSegment.Size + ((length + 3) & ~3);
            }
            if ((_answer[0] & 0x3f) != (int)opcode || (opcode == Opcode.LoginResponse && _answer[36] != 0))
                throw new InvalidOperationException($"In place of {opcode} came {_answer[0]:x2}, status {_answer[36]:x2}{_answer[37]:x2}.");
        }
    }
}
