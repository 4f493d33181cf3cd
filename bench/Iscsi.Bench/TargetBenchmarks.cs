using BenchmarkDotNet.Attributes;
using Iscsi.Initiator;
using Iscsi.Storage;
using Iscsi.Target;
using Iscsi.Transport;

namespace Iscsi.Bench;

/// <summary>
/// Commands from our initiator to our target and back, both in this process over the in-memory transport, to a disk in memory: the whole way
/// without the kernel.
/// </summary>
[MemoryDiagnoser]
public class TargetBenchmarks : IDisposable
{
    /// <summary>Commands of one invocation.</summary>
    public const int Commands = 2048;

    private const string TargetName = "iqn.2026-11.net.example:disk";

    private readonly MemoryBlockDevice _device = new(16 << 20);
    private readonly IscsiTargetServer _server;
    private readonly IscsiSession _session;
    private readonly IscsiBlockDevice _disk;
    private readonly CommandLoad _unitReady;
    private readonly CommandLoad _read;
    private readonly CommandLoad _write;
    private readonly CommandLoad _readLarge;
    private readonly CommandLoad _writeLarge;

    /// <summary>Connects.</summary>
    public TargetBenchmarks()
    {
        var listener = new InMemoryTransportListener();
        _server = new IscsiTargetBuilder().Listen(listener).AddTarget(TargetName, target => target.AddLun(0, _device)).Build();
        _server.StartAsync().GetAwaiter().GetResult();
        _session = IscsiInitiator.ConnectAsync($"iscsi://local/{TargetName}", new() { Connector = listener }).GetAwaiter().GetResult();
        _disk = _session.OpenDiskAsync(0).GetAwaiter().GetResult();
        _unitReady = new CommandLoad(_session, _disk, CommandKind.UnitReady, 0, depth: 32);
        _read = new CommandLoad(_session, _disk, CommandKind.Read, 4096, depth: 32);
        _write = new CommandLoad(_session, _disk, CommandKind.Write, 4096, depth: 32);
        _readLarge = new CommandLoad(_session, _disk, CommandKind.Read, 64 * 1024, depth: 8);
        _writeLarge = new CommandLoad(_session, _disk, CommandKind.Write, 64 * 1024, depth: 8);
    }

    /// <summary>Dispatch alone: a command without data.</summary>
    [Benchmark(OperationsPerInvoke = Commands)]
    public void TestUnitReady() => _unitReady.Run(Commands);

    /// <summary>4 KiB random reads, depth 32.</summary>
    [Benchmark(OperationsPerInvoke = Commands)]
    public void Read4KiB() => _read.Run(Commands);

    /// <summary>4 KiB random writes, depth 32.</summary>
    [Benchmark(OperationsPerInvoke = Commands)]
    public void Write4KiB() => _write.Run(Commands);

    /// <summary>64 KiB reads, depth 8: through G-Burst.</summary>
    [Benchmark(OperationsPerInvoke = Commands)]
    public void Read64KiB() => _readLarge.Run(Commands);

    /// <summary>64 KiB writes, depth 8: R2T and Data-Out.</summary>
    [Benchmark(OperationsPerInvoke = Commands)]
    public void Write64KiB() => _writeLarge.Run(Commands);

    /// <inheritdoc/>
    [GlobalCleanup]
    public void Dispose()
    {
        _disk.DisposeAsync().AsTask().GetAwaiter().GetResult();
        _session.DisposeAsync().AsTask().GetAwaiter().GetResult();
        _server.DisposeAsync().AsTask().GetAwaiter().GetResult();
        _device.DisposeAsync().AsTask().GetAwaiter().GetResult();
        GC.SuppressFinalize(this);
    }
}
