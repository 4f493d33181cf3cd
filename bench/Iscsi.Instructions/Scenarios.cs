using System.Runtime.CompilerServices;
using Iscsi.Storage;
using Iscsi.Target;
using Iscsi.Transport;

namespace Iscsi.Instructions;

/// <summary>A target and its clients in this process, on this thread. What is done from the end of one public method to that of the next is counted under
/// its name.</summary>
internal sealed class Scenarios : IDisposable
{
    private const string TargetName = "iqn.2026-11.net.example:disk";
    private const int Logins = 32;
    private const int SmallCommands = 2048;
    private const int LargeCommands = 256;

    private readonly SteppedLoop _loop = new();
    private readonly MemoryBlockDevice _device = new(16 << 20);
    private readonly DirectListener _listener = new();
    private readonly IscsiTargetServer _server;
    private readonly Client _plain;
    private readonly Client _digests;

    // Changed last in every scenario: a call at the end of a method would be a jump, and callgrind would not see the method's end.
    private int _ended;

    public Scenarios()
    {
        _server = new IscsiTargetBuilder().Listen(_listener).UseMemory(16 << 20).AddTarget(TargetName, target => target.AddLun(0, _device)).Build();
        _server.StartAsync().GetAwaiter().GetResult();
        _plain = Connect(digests: false, number: 1);
        _digests = Connect(digests: true, number: 2);
    }

    /// <summary>Scenarios in the order in which they run, and the operations of each.</summary>
    public static (string Name, int Operations)[] Operations { get; } =
    [
        (nameof(Login), Logins),
        (nameof(Read4KiB), SmallCommands),
        (nameof(Write4KiB), SmallCommands),
        (nameof(Read64KiB), LargeCommands),
        (nameof(Write64KiB), LargeCommands),
        (nameof(Read4KiBWithDigests), SmallCommands),
        (nameof(Write4KiBWithDigests), SmallCommands),
    ];

    [MethodImpl(MethodImplOptions.NoInlining)]
    public void Login()
    {
        for (var i = 0; i < Logins; i++) Connect(digests: false, number: 3).LogOut();
        _ended++;
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    public void Read4KiB()
    {
        _plain.Run(SmallCommands, isWrite: false, bytes: 4096, depth: 32);
        _ended++;
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    public void Write4KiB()
    {
        _plain.Run(SmallCommands, isWrite: true, bytes: 4096, depth: 32);
        _ended++;
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    public void Read64KiB()
    {
        _plain.Run(LargeCommands, isWrite: false, bytes: 64 * 1024, depth: 8);
        _ended++;
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    public void Write64KiB()
    {
        _plain.Run(LargeCommands, isWrite: true, bytes: 64 * 1024, depth: 8);
        _ended++;
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    public void Read4KiBWithDigests()
    {
        _digests.Run(SmallCommands, isWrite: false, bytes: 4096, depth: 32);
        _ended++;
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    public void Write4KiBWithDigests()
    {
        _digests.Run(SmallCommands, isWrite: true, bytes: 4096, depth: 32);
        _ended++;
    }

    public void Dispose()
    {
        _plain.LogOut();
        _digests.LogOut();
        _server.DisposeAsync().AsTask().GetAwaiter().GetResult();
        _device.DisposeAsync().AsTask().GetAwaiter().GetResult();
    }

    private Client Connect(bool digests, int number)
    {
        var (near, far) = InMemoryTransport.CreatePair(new InMemoryTransportOptions { Scheduler = _loop.Scheduler });
        _listener.Offer(far);
        return new Client(near, _loop, TargetName, number, digests);
    }
}
