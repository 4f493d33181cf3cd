
namespace Iscsi.Storage.Tests;

/// <summary>Every device and decorator that keeps data, by name, for tests that hold for all of them.</summary>
internal static class TestDevices
{
    private static readonly string[] Names =
    [
        "memory", "file", "file tmpfs", "file direct", "file direct tmpfs", "file write-through", "file thick", "file tricky", "file portable",
        "faults", "delay", "volatile cache", "volatile cache small",
    ];

    public static TheoryData<string, int> All()
    {
        var data = new TheoryData<string, int>();
        foreach (var name in Names)
        {
            data.Add(name, 512);
            data.Add(name, 4096);
        }
        return data;
    }

    public static async Task<TestDevice> OpenAsync(string name, int blockSize, long blockCount)
    {
        var length = blockSize * blockCount;
        var options = new FileBlockDeviceOptions { BlockSize = blockSize, CreateWithLength = length };
        switch (name)
        {
            case "memory":
                return new(new MemoryBlockDevice(length, blockSize), null);
            case "faults":
                return new(new FaultInjectionBlockDevice(new MemoryBlockDevice(length, blockSize), 1), null);
            case "delay":
                var delays = new BlockDelays(TimeSpan.FromMicroseconds(1), TimeSpan.Zero, TimeSpan.Zero, TimeSpan.Zero);
                return new(new DelayBlockDevice(new MemoryBlockDevice(length, blockSize), delays), null);
            case "volatile cache":
                return new(new VolatileCacheBlockDevice(new MemoryBlockDevice(length, blockSize), 1), null);
            case "volatile cache small":
                return new(new VolatileCacheBlockDevice(new MemoryBlockDevice(length, blockSize), 1, maxCachedBlocks: 3), null);
        }
        options = name switch
        {
            "file direct" or "file direct tmpfs" => options with { Direct = true },
            "file write-through" => options with { WriteThrough = true },
            "file thick" => options with { FullyProvisioned = true },
            "file tricky" => options with { Calls = new TrickyCalls() },
            "file portable" => options with { UsePortablePath = true },
            _ => options,
        };
        var file = new TempFile(inMemory: name is "file tmpfs" or "file direct tmpfs");
        try
        {
            return new(await FileBlockDevice.OpenAsync(file.Path, options), file);
        }
        catch (BlockDeviceException e) when (options.Direct && e.Error == BlockDeviceError.NotSupported)
        {
            Assert.Skip(e.Message);
            throw;
        }
    }
}

/// <summary>A device, and the file below that goes with it.</summary>
internal sealed class TestDevice(IBlockDevice device, TempFile? file) : IAsyncDisposable
{
    public IBlockDevice Device => device;

    public async ValueTask DisposeAsync()
    {
        await device.DisposeAsync();
        file?.Dispose();
    }
}

/// <summary>The path of a file that is not there yet, and is not there afterwards.</summary>
internal sealed class TempFile : IDisposable
{
    private const string TmpFs = "/dev/shm";

    public TempFile(bool inMemory = false)
    {
        Assert.SkipWhen(inMemory && !Directory.Exists(TmpFs), "There is no /dev/shm here.");
        Path = System.IO.Path.Join(inMemory ? TmpFs : System.IO.Path.GetTempPath(), $"iscsi-storage-{Guid.NewGuid():N}.img");
    }

    public string Path { get; }

    public void Dispose() => File.Delete(Path);
}

/// <summary>Real calls in their least convenient form: interrupted, short, and never ready at once.</summary>
internal sealed unsafe class TrickyCalls : LinuxCalls
{
    private int _turn;

    public override long Read(int fd, IoVector* vectors, int count, long offsetBytes, int flags)
    {
        var turn = Interlocked.Increment(ref _turn);
        if (turn % 5 == 0) return -Linux.EIntr;
        if (flags != 0 && turn % 3 == 0) return -Linux.EAgain;
        return turn % 2 == 0 ? Short(vectors, count, turn, v => base.Read(fd, v, 1, offsetBytes, flags)) : base.Read(fd, vectors, count, offsetBytes, flags);
    }

    public override long Write(int fd, IoVector* vectors, int count, long offsetBytes, int flags)
    {
        var turn = Interlocked.Increment(ref _turn);
        if (turn % 5 == 0) return -Linux.EIntr;
        return turn % 2 == 0 ? Short(vectors, count, turn, v => base.Write(fd, v, 1, offsetBytes, flags)) : base.Write(fd, vectors, count, offsetBytes, flags);
    }

    public override long SyncData(int fd) => Interlocked.Increment(ref _turn) % 3 == 0 ? -Linux.EIntr : base.SyncData(fd);

    public override long Allocate(int fd, int mode, long offsetBytes, long lengthBytes)
    {
        if (Interlocked.Increment(ref _turn) % 3 == 0) return -Linux.EIntr;
        return (mode & Linux.FallocZeroRange) != 0 ? -Linux.EOpNotSupp : base.Allocate(fd, mode, offsetBytes, lengthBytes);
    }

    private static long Short(IoVector* vectors, int count, int turn, OneVector call)
    {
        Assert.True(count > 0);
        var one = new IoVector { Base = vectors[0].Base, Length = Math.Max(1, vectors[0].Length - turn % 600) };
        return call(&one);
    }

    private delegate long OneVector(IoVector* vector);
}
