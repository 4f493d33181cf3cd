using System.Net;
using Iscsi.Initiator;
using Iscsi.Protocol;
using Iscsi.Protocol.Scsi;
using Iscsi.Storage;
using Iscsi.Transport;
using Microsoft.Win32.SafeHandles;
using Reservations;

namespace Iscsi.Target.Tests.Raw;

public sealed class TmpFsFileReadTests() : FileReadTests("/dev/shm", "tmpfs");

/// <summary>Of what the system has in its cache.</summary>
public sealed class CachedFileReadTests() : FileReadTests(Path.GetTempPath(), "ext4", "ext3", "ext2", "btrfs");

/// <summary>Large reads of a file, which the system sends from there: over real sockets, LUN 2 of the target.</summary>
public abstract class FileReadTests(string directory, params string[] fileSystems) : IAsyncLifetime
{
    private const int DiskBytes = 8 << 20;
    private const ulong FileLun = 2UL << 48;
    private const int ReadBytes = 1 << 20;
    private const ushort ReadBlocks = ReadBytes / 512;

    private readonly string _path = Path.Combine(directory, $"iscsinet-read-{Guid.NewGuid():N}.img");
    private readonly byte[] _content = RawClient.Pattern(1, DiskBytes);
    private FileBlockDevice _disk = null!;

    public async ValueTask InitializeAsync()
    {
        Assert.SkipUnless(EventLoops.IsSupported && Directory.Exists(directory) && fileSystems.Contains(new DriveInfo(directory).DriveFormat),
            $"needs the event loops of Linux, and {directory} on {string.Join(" or ", fileSystems)}");
        await File.WriteAllBytesAsync(_path, _content);
        _disk = await FileBlockDevice.OpenAsync(_path);
    }

    public async ValueTask DisposeAsync()
    {
        GC.SuppressFinalize(this);
        if (_disk is null) return;
        await _disk.DisposeAsync(); // ends only when no read is left in it
        File.Delete(_path);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(32)]
    [InlineData(33)]
    [InlineData(47)]
    [InlineData(48)]
    [InlineData(511)]
    [InlineData(512)]
    [InlineData(513)]
    [InlineData(4096)]
    [InlineData(8191)]
    public async Task Data_sequence_numbers_and_offsets_are_those_of_any_read(int blocks)
    {
        await using var target = await StartAsync();
        foreach (var (segment, burst) in new[] { (512, 512), (8192, 65536), (65536, 262144), (262144, 262144), (1 << 20, 1 << 20) })
        {
            var client = await LoginAsync(target, new() { MaxRecvDataSegmentLength = segment, MaxBurstLength = burst });
            var edtl = (uint)(blocks * 512) + 100; // an underflow, told with the status
            await client.SendPduAsync(client.Read(3, (ushort)blocks, edtl, FileLun));
            var received = new List<byte>();
            for (var dataSN = 0u; ; dataSN++)
            {
                var pdu = await client.ReceiveAsync(Opcode.DataIn);
                Assert.Equal(dataSN, pdu.DataSN);
                Assert.Equal((uint)received.Count, pdu.BufferOffset);
                received.AddRange(pdu.Data);
                Assert.Equal(received.Count % Math.Min(burst, 262144) == 0 || received.Count == blocks * 512, pdu.IsFinal);
                if (!pdu.HasStatus) continue;
                Assert.True(pdu.Underflow);
                Assert.Equal(100u, pdu.Residual);
                break;
            }
            Assert.Equal(_content[(3 * 512)..((3 + blocks) * 512)], received.ToArray());
            Assert.Equal(blocks >= 48, target.SessionOf(client).HasFileReads);
            await client.DisposeAsync();
        }
    }

    [Fact]
    public async Task A_length_that_is_no_multiple_of_four_is_padded()
    {
        await using var target = await StartAsync();
        var client = await LoginAsync(target, new() { MaxRecvDataSegmentLength = 262144 });
        var (status, data) = await client.RunAsync(client.Read(5, 200, 100_001, FileLun));
        Assert.True(status.Overflow);
        Assert.Equal(_content[(5 * 512)..(5 * 512 + 100_001)], data);
        await client.ExpectAliveAsync(); // the next header is where it should be
    }

    [Fact]
    public async Task With_data_digests_data_are_sent_from_memory()
    {
        await using var target = await StartAsync();
        var client = await LoginAsync(target, new() { Digests = true });
        Assert.Equal(_content[..ReadBytes], await client.ReadGoodAsync(0, ReadBytes, FileLun));
        Assert.False(target.SessionOf(client).HasFileReads);
    }

    [Fact]
    public async Task What_many_sessions_read_and_write_at_once_is_what_a_model_says()
    {
        var seed = Random.Shared.Next();
        TestContext.Current.TestOutputHelper?.WriteLine($"seed {seed}");
        var server = new IscsiTargetBuilder().Listen(new IPEndPoint(IPAddress.Loopback, 0)).UseMemory(16 << 20)
            .AddTarget(RawTarget.TargetName, t => t.AddLun(0, _disk)).Build();
        await server.StartAsync();
        // Each worker has a part of the disk of its own, and two share a session.
        const int workers = 8, partBytes = DiskBytes / workers;
        var sessions = new List<IscsiSession>();
        for (var i = 0; i < workers / 2; i++) sessions.Add(await IscsiInitiator.ConnectAsync($"iscsi://{server.Endpoints[0]}/{RawTarget.TargetName}"));
        await Task.WhenAll(Enumerable.Range(0, workers).Select(worker => Task.Run(async () =>
        {
            var random = new Random(seed + worker);
            await using var disk = await sessions[worker / 2].OpenDiskAsync(0);
            var model = _content.AsMemory(worker * partBytes, partBytes);
            for (var i = 0; i < 60; i++)
            {
                var bytes = 512 * random.Next(1, random.Next(3) == 0 ? partBytes / 512 : 200);
                var offset = 512 * random.Next((partBytes - bytes) / 512 + 1);
                var memory = GC.AllocateArray<byte>(bytes, pinned: true);
                var lba = (worker * partBytes + offset) / 512;
                if (random.Next(3) == 0)
                {
                    random.NextBytes(memory);
                    await disk.WriteAsync(lba, BlockList.Over(memory));
                    memory.CopyTo(model[offset..]);
                }
                else
                {
                    await disk.ReadAsync(lba, BlockList.Over(memory));
                    Assert.True(model.Span.Slice(offset, bytes).SequenceEqual(memory), $"worker {worker}, step {i}");
                }
            }
        })));
        foreach (var session in sessions) await session.DisposeAsync();
        await server.DisposeAsync();
    }

    [Fact]
    public async Task A_peer_that_takes_little_at_a_time_gets_everything()
    {
        await using var target = await StartAsync();
        var client = await LoginAsync(target, new() { MaxRecvDataSegmentLength = 262144 }, socket => socket.ReceiveBufferSize = 4096);
        var reads = new List<byte[]>();
        for (var i = 0; i < 6; i++) reads.Add(client.Read((uint)(i * ReadBlocks), ReadBlocks, lun: FileLun));
        foreach (var read in reads) await client.SendPduAsync(read);
        var data = reads.ToDictionary(RawClient.IttOf, _ => new List<byte>());
        for (var left = reads.Count; left > 0;)
        {
            var pdu = await client.ReceiveAsync(Opcode.DataIn);
            Assert.Equal((uint)data[pdu.Itt].Count, pdu.BufferOffset);
            data[pdu.Itt].AddRange(pdu.Data);
            if (pdu.HasStatus) left--;
        }
        for (var i = 0; i < reads.Count; i++) Assert.Equal(_content[(i * ReadBytes)..((i + 1) * ReadBytes)], data[RawClient.IttOf(reads[i])].ToArray());
    }

    [Fact]
    public async Task A_file_that_was_made_shorter_is_a_check_condition_and_the_session_lives()
    {
        await using var target = await StartAsync();
        var client = await LoginAsync(target, new() { MaxRecvDataSegmentLength = 262144 });
        SetLength(ReadBytes / 2);
        var (status, _) = await client.RunAsync(client.Read(0, ReadBlocks, lun: FileLun));
        Assert.Equal(ScsiStatus.CheckCondition, status.Status);
        await client.ExpectAliveAsync();
    }

    [Fact]
    public async Task A_file_that_is_made_shorter_under_a_read_ends_the_connection_and_what_came_is_the_files()
    {
        const int newLength = 4096;
        await using var target = await StartAsync();
        var client = await StuckReaderAsync(target);
        SetLength(newLength);
        var received = await ReceiveBytesAsync(client);
        foreach (var (offset, data) in received)
        {
            var expected = _content[(int)offset..((int)offset + data.Length)];
            // Where the cache keeps many pages in one piece, the system zeroes those behind the new end before it gives them up.
            for (var i = Math.Max(0, newLength - (int)offset); i < data.Length && directory != "/dev/shm"; i++)
                if (data[i] == 0) expected[i] = 0;
            Assert.Equal(expected, data);
        }
        await target.ExpectEndAsync(client, ConnectionEndReason.TransportError);
    }

    [Fact]
    public async Task A_read_that_is_aborted_while_it_is_sent_ends_when_its_data_have_left()
    {
        await using var target = await StartAsync();
        var client = await StuckReaderAsync(target);
        var abort = client.TaskManagement(TaskManagementFunction.AbortTaskSet, lun: FileLun);
        await client.SendPduAsync(abort);
        while ((await client.ReceiveAsync()).Itt != RawClient.IttOf(abort))
        {
        }
        await client.ExpectAliveAsync();
        Assert.Equal(_content[..ReadBytes], await client.ReadGoodAsync(0, ReadBytes, FileLun));
    }

    [Fact]
    public async Task A_connection_that_is_lost_while_data_are_sent_leaves_nothing_in_the_device()
    {
        await using var target = await StartAsync();
        var client = await StuckReaderAsync(target);
        var close = _disk.DisposeAsync().AsTask();
        Assert.False(close.IsCompleted);
        client.Reset();
        await close;
    }

    [Fact]
    public async Task An_ORDERED_write_waits_until_the_peer_has_what_an_older_read_sends_from_the_file()
    {
        const int blocks = 64;
        await using var target = await StartAsync();
        var client = await LoginAsync(target, new() { MaxRecvDataSegmentLength = 262144 }, socket => socket.ReceiveBufferSize = 4096);
        var session = target.SessionOf(client);
        // The target's socket takes all of it, and the peer's next to nothing: the read has ended, its bytes are still the file's.
        await client.SendPduAsync(client.Read(0, blocks, lun: FileLun));
        await Poll.UntilAsync(() => session.HasFileReads && session.Window.InProgress == 0, () => "The socket did not take it.");
        var fresh = RawClient.Pattern(2, 4096);
        var write = client.Write(blocks - 8, 8, lun: FileLun, attribute: TaskAttribute.Ordered, dataLength: fresh.Length);
        await client.SendPduAsync(write, fresh);
        await Poll.UntilAsync(() => session.Window.Numbers.ExpCmdSN == client.CmdSN, () => "The write did not come.");
        var handled = new TaskCompletionSource();
        session.Post(handled.SetResult);
        await handled.Task;
        var other = await LoginAsync(target, new() { Initiator = "iqn.2026-11.net.example:other" });
        Assert.Equal(_content[((blocks - 8) * 512)..(blocks * 512)], await other.ReadGoodAsync(blocks - 8, 4096, FileLun));

        var data = new List<byte>();
        while (data.Count < blocks * 512) data.AddRange((await client.ReceiveAsync(Opcode.DataIn)).Data);
        Assert.Equal(_content[..(blocks * 512)], data.ToArray());
        var answer = client.ReceiveAsync(Opcode.ScsiResponse);
        while (!answer.IsCompleted)
        {
            target.Clock.Advance(TimeSpan.FromMilliseconds(1));
            await Task.WhenAny(answer, Task.Delay(1));
        }
        Assert.Equal(RawClient.IttOf(write), (await answer).Itt);
        Assert.Equal(fresh, await client.ReadGoodAsync(blocks - 8, 4096, FileLun));
    }

    [Fact]
    public async Task What_is_sent_from_the_file_takes_no_request_of_the_device()
    {
        await using var device = new OneRequestFile(_disk);
        await using var target = await RawTarget.StartAsync(witness: false, configure: target => target.AddLun(2, device));
        var client = await LoginAsync(target, new() { MaxRecvDataSegmentLength = 262144 });
        var data = RawClient.Pattern(2, 4096);
        var write = client.Write(0, 8, lun: FileLun, dataLength: data.Length);
        await client.SendPduAsync(write, data);
        await device.IsWriting.Task;
        Assert.Equal(_content[65536..(65536 + ReadBytes)], await client.ReadGoodAsync(65536 / 512, ReadBytes, FileLun));
        Assert.True(target.SessionOf(client).HasFileReads);
        device.MayWrite.SetResult();
        Assert.Equal(RawClient.IttOf(write), (await client.ReceiveAsync(Opcode.ScsiResponse)).Itt);
    }

    private Task<RawTarget> StartAsync() => RawTarget.StartAsync(witness: false, configure: target => target.AddLun(2, _disk));

    private static async Task<RawClient> LoginAsync(RawTarget target, RawLogin login, Action<System.Net.Sockets.Socket>? configure = null)
    {
        var client = await target.LoginAsync(login, configure);
        await client.RunAsync(client.TestUnitReady(FileLun)); // takes the unit attention of the new nexus
        return client;
    }

    // Seven reads of 1 MiB are more than the socket takes.
    private async Task<RawClient> StuckReaderAsync(RawTarget target)
    {
        var client = await LoginAsync(target, new() { MaxRecvDataSegmentLength = 262144 }, socket => socket.ReceiveBufferSize = 4096);
        for (var i = 0; i < 7; i++) await client.SendPduAsync(client.Read(0, ReadBlocks, lun: FileLun));
        await Poll.UntilAsync(() => target.SessionOf(client).Channel.IsSending && target.SessionOf(client).HasFileReads, () => "Nothing is being sent.");
        return client;
    }

    private void SetLength(long lengthBytes)
    {
        // The device's lock keeps other openers of .NET out, but not the file's name.
        Assert.Equal(0, Truncate(_path, lengthBytes));
    }

    private static async Task<List<(uint Offset, byte[] Data)>> ReceiveBytesAsync(RawClient client)
    {
        var all = new List<(uint, byte[])>();
        while (await client.TryReceiveAsync() is { } pdu)
            if (pdu.Opcode == Opcode.DataIn) all.Add((pdu.BufferOffset, pdu.Data));
        return all;
    }

    [System.Runtime.InteropServices.DllImport("libc", EntryPoint = "truncate")]
    private static extern int Truncate([System.Runtime.InteropServices.MarshalAs(System.Runtime.InteropServices.UnmanagedType.LPUTF8Str)] string path, long length);

    /// <summary>A file that takes one request at a time, whose writes wait.</summary>
    private sealed class OneRequestFile(FileBlockDevice file) : IFileBackedBlockDevice
    {
        public event Action<IBlockDevice>? InfoChanged
        {
            add { }
            remove { }
        }

        public TaskCompletionSource IsWriting { get; } = new();

        public TaskCompletionSource MayWrite { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public BlockDeviceInfo Info => file.Info with { Store = new StoreNeed(1, 0) };

        public bool StaysAtHand => file.StaysAtHand;

        public bool TryBeginFileRead(BlockRange range, out SafeFileHandle handle, out long offsetBytes) => file.TryBeginFileRead(range, out handle, out offsetBytes);

        public void EndFileRead() => file.EndFileRead();

        public ValueTask ReadAsync(long lba, BlockList destination, CancellationToken cancellationToken = default) =>
            file.ReadAsync(lba, destination, cancellationToken);

        public async ValueTask WriteAsync(long lba, BlockList source, BlockWriteFlags flags = default, CancellationToken cancellationToken = default)
        {
            IsWriting.SetResult();
            await MayWrite.Task;
            await file.WriteAsync(lba, source, flags, cancellationToken);
        }

        public ValueTask FlushAsync(CancellationToken cancellationToken = default) => file.FlushAsync(cancellationToken);

        public ValueTask WriteZeroesAsync(BlockRange range, BlockWriteFlags flags = default, CancellationToken cancellationToken = default) =>
            file.WriteZeroesAsync(range, flags, cancellationToken);

        public ValueTask UnmapAsync(BlockRange range, CancellationToken cancellationToken = default) => file.UnmapAsync(range, cancellationToken);

        public ValueTask<int> GetExtentsAsync(BlockRange range, Memory<BlockExtent> extents, CancellationToken cancellationToken = default) =>
            file.GetExtentsAsync(range, extents, cancellationToken);

        public ValueTask DisposeAsync() => default; // the file is the test's
    }
}
