using Iscsi.Storage;
using Reservations;

namespace Iscsi.Target.Tests.Allocation;

/// <summary>
/// Nothing is allocated per command, on no thread: target, transport and initiator together, measured over the whole process. Alone in
/// its collection for that reason.
/// </summary>
[Collection(nameof(TargetAllocationTests))]
[CollectionDefinition(nameof(TargetAllocationTests), DisableParallelization = true)]
public sealed class TargetAllocationTests
{
    private const int DeviceBytes = 16 << 20;

    // What a whole run may allocate, however many commands it has. Measured with 10^5 and with 10^6 commands: 192 bytes for the run's own
    // task, 32 for each heartbeat of the server, 1.3 KB for each thread that the pool starts. One object of the smallest size a command
    // would be 2.4 MB.
    private const long RunAllowanceBytes = 4 * 1024;

    // The least of a few runs: now and then the pool's own queue doubles, which takes up to 25 KB, and the runner lives in this process too.
    private const int MaxRuns = 6;

    public static TheoryData<string, bool, int> SmallCommands() => new(
        from device in (string[])["memory", "file on disk", "file in memory"]
        from isWrite in (bool[])[false, true]
        from depth in (int[])[1, 32]
        select (device, isWrite, depth));

    public static TheoryData<string, bool, int> LargeCommands() => new(
        from device in (string[])["memory", "file on disk", "file in memory"]
        from isWrite in (bool[])[false, true]
        from kibibytes in (int[])[64, 256]
        select (device, isWrite, kibibytes));

    [Theory, MemberData(nameof(SmallCommands))]
    public Task A_command_of_4_KiB_allocates_nothing(string device, bool isWrite, int depth) =>
        AssertNothingIsAllocatedAsync(device, isWrite, 4096, depth, commandCount: 100_000);

    [Theory, MemberData(nameof(LargeCommands))]
    public Task A_command_in_bursts_allocates_nothing(string device, bool isWrite, int kibibytes) =>
        AssertNothingIsAllocatedAsync(device, isWrite, kibibytes * 1024, depth: 8, commandCount: 5_000);

    [Theory, InlineData(false), InlineData(true)]
    public Task A_million_commands_over_TCP_allocate_nothing(bool isWrite) =>
        AssertNothingIsAllocatedAsync("file in memory", isWrite, 4096, depth: 32, commandCount: 1_000_000, overTcp: true);

    [Theory]
    [InlineData(1)]
    [InlineData(32)]
    public Task A_durable_write_allocates_nothing(int depth) =>
        AssertNothingIsAllocatedAsync("file on disk", isWrite: true, 4096, depth, commandCount: 10_000, BlockWriteFlags.ForceUnitAccess);

    private static async Task AssertNothingIsAllocatedAsync(
        string device,
        bool isWrite,
        int commandBytes,
        int depth,
        int commandCount,
        BlockWriteFlags flags = BlockWriteFlags.None,
        bool overTcp = false)
    {
        using var scratch = new TestFile(device);
        await using var disk = await scratch.OpenAsync(DeviceBytes);
        await using var pair = await TargetPair.StartAsync(disk, overTcp: overTcp);
        var load = new Load(pair.Disk, isWrite, flags, commandBytes, depth);
        // The warm-up fills every pool.
        await load.RunAsync(commandCount / 4);
        var bytes = long.MaxValue;
        // A longer run has more heartbeats.
        var allowance = Math.Max(RunAllowanceBytes, commandCount / 32);
        for (var run = 0; run < MaxRuns && bytes > allowance; run++)
        {
            var before = GC.GetTotalAllocatedBytes(precise: true);
            await load.RunAsync(commandCount);
            bytes = Math.Min(bytes, GC.GetTotalAllocatedBytes(precise: true) - before);
        }
        TestContext.Current.TestOutputHelper?.WriteLine($"{bytes} bytes for {commandCount} commands");
        Assert.True(bytes <= allowance, $"{bytes} bytes for {commandCount} commands: {(double)bytes / commandCount:0.###} a command");
    }

    /// <summary>Workers that each have one command outstanding. All there is of them is made before, so that a run allocates nothing.</summary>
    private sealed class Load
    {
        private readonly Worker[] _workers;
        private readonly SemaphoreSlim _ended = new(0);
        private int _left;
        private int _running;

        public Load(IBlockDevice disk, bool isWrite, BlockWriteFlags flags, int commandBytes, int depth)
        {
            _workers = [.. Enumerable.Range(0, depth).Select(i => new Worker(this, disk, isWrite, flags, commandBytes, i))];
        }

        public async Task RunAsync(int commandCount)
        {
            _left = commandCount;
            _running = _workers.Length;
            foreach (var worker in _workers) worker.Start();
            await _ended.WaitAsync();
            foreach (var worker in _workers) worker.ThrowIfFailed();
        }

        private bool TryTake() => Interlocked.Decrement(ref _left) >= 0;

        private void WorkerEnded()
        {
            if (Interlocked.Decrement(ref _running) == 0) _ended.Release();
        }

#pragma warning disable CA2012 // each task is consumed once, by the GetResult of its awaiter
        private sealed class Worker(Load load, IBlockDevice disk, bool isWrite, BlockWriteFlags flags, int commandBytes, int number)
        {
            private readonly BlockList _data = BlockList.Over(GC.AllocateArray<byte>(commandBytes, pinned: true));
            private readonly Random _random = new(number);
            private Action? _continue;
            private System.Runtime.CompilerServices.ConfiguredValueTaskAwaitable.ConfiguredValueTaskAwaiter _command;
            private Exception? _failure;

            public void Start()
            {
                _continue ??= Continue;
                Issue();
            }

            public void ThrowIfFailed()
            {
                if (_failure is not null) throw new InvalidOperationException("A command failed.", _failure);
            }

            private void Continue()
            {
                if (TryFinish()) Issue();
            }

            private void Issue()
            {
                while (load.TryTake())
                {
                    var lba = _random.Next(DeviceBytes / commandBytes) * (long)(commandBytes / disk.Info.BlockSize);
                    _command = (isWrite ? disk.WriteAsync(lba, _data, flags) : disk.ReadAsync(lba, _data)).ConfigureAwait(false).GetAwaiter();
                    if (!_command.IsCompleted)
                    {
                        _command.UnsafeOnCompleted(_continue!);
                        return;
                    }
                    if (!TryFinish()) return;
                }
                load.WorkerEnded();
            }

            private bool TryFinish()
            {
                try
                {
                    _command.GetResult();
                    return true;
                }
                catch (Exception e)
                {
                    _failure = e;
                    load.WorkerEnded();
                    return false;
                }
            }
        }
#pragma warning restore CA2012
    }

    private sealed class TestFile(string device) : IDisposable
    {
        private readonly string? _path = device switch
        {
            "memory" => null,
            "file in memory" => Path.Combine(Directory.Exists("/dev/shm") ? "/dev/shm" : Path.GetTempPath(), $"iscsinet-{Guid.NewGuid():N}.img"),
            _ => Path.Combine(Path.GetTempPath(), $"iscsinet-{Guid.NewGuid():N}.img"),
        };

        public async Task<IBlockDevice> OpenAsync(long lengthBytes) => _path is null
            ? new MemoryBlockDevice(lengthBytes)
            : await FileBlockDevice.OpenAsync(_path, new() { CreateWithLength = lengthBytes });

        public void Dispose()
        {
            if (_path is not null) File.Delete(_path);
        }
    }
}
