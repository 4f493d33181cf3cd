using Reservations;

namespace Iscsi.Storage.Tests;

/// <summary>Nothing is allocated per call, on no thread. Alone in its collection, because the whole process is measured.</summary>
[Collection(nameof(AllocationTests))]
[CollectionDefinition(nameof(AllocationTests), DisableParallelization = true)]
public sealed class AllocationTests
{
    private const int Calls = 10_000;
    private const int Blocks = 1024;

    public static TheoryData<string, int> Devices() => new(
        from name in (string[])["memory", "file", "file tmpfs", "file direct"]
        from depth in (int[])[1, 32]
        select (name, depth));

    [Theory, MemberData(nameof(Devices))]
    public async Task A_read_or_write_allocates_nothing(string name, int depth)
    {
        await using var test = await TestDevices.OpenAsync(name, 4096, Blocks);
        var lists = Enumerable.Range(0, depth).Select(_ => BlockList.Over(TestMemory.Pinned(4096))).ToArray();
        // The best of some: the runtime's own threads are measured too.
        Assert.Equal(0, await Task.Run(() => LeastAllocatedAsync(test.Device, lists)));
    }

    [Theory]
    [InlineData("file", 1)]
    [InlineData("file", 32)]
    [InlineData("file tmpfs", 32)]
    [InlineData("file portable", 32)]
    public async Task A_flush_allocates_nothing(string name, int depth)
    {
        await using var test = await TestDevices.OpenAsync(name, 4096, Blocks);
        Assert.Equal(0, await Task.Run(() => LeastAllocatedByFlushesAsync(test.Device, depth)));
    }

#pragma warning disable CA2012 // each task is awaited once
    private static async Task<long> LeastAllocatedByFlushesAsync(IBlockDevice device, int depth)
    {
        var pending = new ValueTask[depth];
        var least = long.MaxValue;
        for (var attempt = 0; attempt < 6 && least > 0; attempt++)
        {
            var before = GC.GetTotalAllocatedBytes(precise: true);
            for (var call = 0; call < Calls / 10;)
            {
                for (var i = 0; i < pending.Length; i++, call++) pending[i] = device.FlushAsync();
                for (var i = 0; i < pending.Length; i++) await pending[i];
            }
            least = Math.Min(least, GC.GetTotalAllocatedBytes(precise: true) - before);
        }
        return least;
    }

    /// <summary>One method for the warm-up and the measurement, so that its own state machine is there before.</summary>
    private static async Task<long> LeastAllocatedAsync(IBlockDevice device, BlockList[] lists)
    {
        var pending = new ValueTask[lists.Length];
        var least = long.MaxValue;
        for (var attempt = 0; attempt < 6 && least > 0; attempt++)
        {
            var before = GC.GetTotalAllocatedBytes(precise: true);
            for (var call = 0; call < Calls;)
            {
                for (var i = 0; i < pending.Length; i++, call++)
                {
                    pending[i] = (call & 1) == 0
                        ? device.WriteAsync(call * 7 % Blocks, lists[i])
                        : device.ReadAsync(call * 5 % Blocks, lists[i]);
                }
                for (var i = 0; i < pending.Length; i++) await pending[i];
            }
            least = Math.Min(least, GC.GetTotalAllocatedBytes(precise: true) - before);
        }
        return least;
    }
#pragma warning restore CA2012
}
