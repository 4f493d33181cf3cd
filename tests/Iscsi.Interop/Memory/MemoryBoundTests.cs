using System.Buffers.Binary;

namespace Iscsi.Interop.Memory;

/// <summary>The printed bound of the process, under load.</summary>
public sealed class MemoryBoundTests
{
    private const int MebiByte = 1 << 20;

    [Fact]
    public async Task With_4_MiB_of_memory_commands_of_8_MiB_go_through_and_the_resident_size_stays_under_the_bound()
    {
        const int CommandBytes = 8 * MebiByte;
        using var scratch = new ScratchDirectory();
        await using var daemon = await Daemon.ServeAsync(["--memory", "4MiB"], [scratch.SparseFile("disk.img", 8L * CommandBytes)]);
        var promise = MemoryPromise.Of(daemon);
        Assert.True(promise.Sessions >= 3, daemon.Log);
        Assert.InRange(promise.ProcessBoundBytes, 1, (4 + 96) * (long)MebiByte);
        await using var resident = ResidentSize.Watch(daemon);
        await using var clients = await ClientGroup.OpenAsync(daemon, 1);

        var written = new byte[4][];
        for (var i = 0; i < written.Length; i++)
        {
            written[i] = new byte[CommandBytes];
            new Random(i).NextBytes(written[i]);
        }
        // One alone, then several of one session at once, which together are eight times the budget.
        await clients[0].WriteAsync(0, written[0]);
        await Task.WhenAll(written.Select((data, i) => clients[0].WriteAsync((i + 1L) * CommandBytes, data)));
        var read = Enumerable.Range(0, written.Length).Select(static _ => new byte[CommandBytes]).ToArray();
        await clients[0].ReadAsync(0, read[0]);
        Assert.True(written[0].AsSpan().SequenceEqual(read[0]));
        await Task.WhenAll(read.Select((data, i) => clients[0].ReadAsync((i + 1L) * CommandBytes, data)));

        for (var i = 0; i < written.Length; i++) Assert.True(written[i].AsSpan().SequenceEqual(read[i]), $"command {i} reads other data");
        resident.IsAtMost(promise);
        Assert.Equal(0, await daemon.StopAsync());
    }

    [Fact]
    public async Task With_32_MiB_of_memory_16_sessions_of_32_outstanding_1_MiB_writes_complete_and_the_resident_size_stays_under_the_bound()
    {
        const int Sessions = 16;
        const int Outstanding = 32;
        const int Rounds = 2;
        using var scratch = new ScratchDirectory();
        // All sessions write the same 32 MiB, so that the file doesn't cost the machine its memory.
        await using var daemon = await Daemon.ServeAsync(["--memory", "32MiB"], [scratch.SparseFile("disk.img", (long)Outstanding * MebiByte)]);
        var promise = MemoryPromise.Of(daemon);
        Assert.True(promise.Sessions >= Sessions, daemon.Log);
        Assert.InRange(promise.ProcessBoundBytes, 1, (32 + 96) * (long)MebiByte);
        await using var resident = ResidentSize.Watch(daemon);
        await using var clients = await ClientGroup.OpenAsync(daemon, promise.Sessions);

        for (var round = 0; round < Rounds; round++)
        {
            await Task.WhenAll(Enumerable.Range(0, Sessions).Select(async session =>
            {
                var data = new byte[MebiByte];
                for (var at = 0; at < data.Length; at += 4096) BinaryPrimitives.WriteInt32BigEndian(data.AsSpan(at), session + 1);
                await Task.WhenAll(Enumerable.Range(0, Outstanding).Select(slot => clients[session].WriteAsync((long)slot * MebiByte, data)));
            }));
        }

        var back = new byte[MebiByte];
        for (var slot = 0; slot < Outstanding; slot++)
        {
            await clients[0].ReadAsync((long)slot * MebiByte, back);
            for (var at = 0; at < back.Length; at += 4096) Assert.InRange(BinaryPrimitives.ReadInt32BigEndian(back.AsSpan(at)), 1, Sessions);
        }
        resident.IsAtMost(promise);
        Assert.Equal(0, await daemon.StopAsync());
    }
}
