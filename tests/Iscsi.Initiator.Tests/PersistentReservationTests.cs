using System.Buffers.Binary;
using System.Text;
using Iscsi.Protocol;
using Iscsi.Storage;
using Iscsi.Target;
using Iscsi.Transport;
using Reservations;

namespace Iscsi.Initiator.Tests;

/// <summary>Persistent reservations (SPC-4) through both sides: what needs the task engine, the wire, or a restart.</summary>
public sealed class PersistentReservationTests
{
    private const int Limit = 60_000;
    private const string Name = "iqn.2026-11.net.example:disk1";
    private const ulong KeyA = 0xA;
    private const ulong KeyB = 0xB;
    private const byte Register = 0x00;
    private const byte Reserve = 0x01;
    private const byte PreemptAndAbort = 0x05;
    private const byte ExclusiveAccess = 0x03;

    [Fact(Timeout = Limit)]
    public async Task Preempt_and_abort_answers_when_the_others_task_has_left_the_store_and_that_one_never_answers()
    {
        await using var listener = new InMemoryTransportListener();
        await using var device = new GatedBlockDevice(new MemoryBlockDevice(1 << 20));
        await using var server = new IscsiTargetBuilder().Listen(listener).UseMemory(16 << 20).AddTarget(Name, target => target.AddLun(0, device)).Build();
        await server.StartAsync();
        await using var a = await ConnectAsync(listener, "a");
        await using var b = await ConnectAsync(listener, "b");
        await OutAsync(a, Register, 0, KeyA);
        await OutAsync(b, Register, 0, KeyB);
        await OutAsync(a, Reserve, KeyA, 0, ExclusiveAccess);

        var read = a.ExecuteAsync(0, [0x28, 0, 0, 0, 0, 0, 0, 0, 1, 0], dataIn: new byte[512]).AsTask();
        await device.Entered.Task;
        await a.PingAsync(); // its session has left the read at the device
        var preempt = OutAsync(b, PreemptAndAbort, KeyB, KeyA, ExclusiveAccess);
        // The reservation has moved when b's key is the only one; the command waits on.
        while ((await InAsync(b, 0, 64)).Length != 16) await Task.Yield();
        await a.PingAsync(); // what b's session has posted to a's has run: the read is stopped
        Assert.False(preempt.IsCompleted);
        device.Open.SetResult();
        await preempt;
        await a.PingAsync();
        Assert.False(read.IsCompleted);

        var next = await a.ExecuteAsync(0, [0x00, 0, 0, 0, 0, 0]);
        Assert.Equal("6/2A/05", next.Sense.ToString());
        Assert.Equal(ScsiStatus.ReservationConflict, (await a.ExecuteAsync(0, [0x28, 0, 0, 0, 0, 0, 0, 0, 1, 0], dataIn: new byte[512])).Status);
        await a.DisposeAsync();
        await Assert.ThrowsAnyAsync<Exception>(() => read);
    }

    // The first server is not stopped in between: what counts is what was written before GOOD.
    [Fact(Timeout = Limit)]
    public async Task A_reservation_with_APTPL_keeps_others_out_after_a_crash()
    {
        var directory = Directory.CreateTempSubdirectory("iscsinet");
        var path = Path.Combine(directory.FullName, "disk.img.reservations");
        await using var listener = new InMemoryTransportListener();
        await using var device = new MemoryBlockDevice(1 << 20);
        await using var server = Serve(listener, device, path);
        await server.StartAsync();
        await using (var a = await ConnectAsync(listener, "a"))
        {
            await OutAsync(a, Register, 0, KeyA, flags: 0x01);
            await OutAsync(a, Reserve, KeyA, 0, ExclusiveAccess);
        }

        await using var secondListener = new InMemoryTransportListener();
        await using var secondDevice = new MemoryBlockDevice(1 << 20);
        await using var second = Serve(secondListener, secondDevice, path);
        await second.StartAsync();
        await using var again = await ConnectAsync(secondListener, "a");
        await using var other = await ConnectAsync(secondListener, "b");
        byte[] read = [0x28, 0, 0, 0, 0, 0, 0, 0, 1, 0];
        Assert.Equal(ScsiStatus.ReservationConflict, (await other.ExecuteAsync(0, read, dataIn: new byte[512])).Status);
        Assert.True((await again.ExecuteAsync(0, read, dataIn: new byte[512])).IsGood);
        // PTPL_C and PTPL_A
        var capabilities = await InAsync(other, 2, 8);
        Assert.Equal((1, 1), (capabilities[2] & 1, capabilities[3] & 1));
        directory.Delete(recursive: true);
    }

    [Fact(Timeout = Limit)]
    public async Task A_damaged_reservation_file_stops_the_build()
    {
        var directory = Directory.CreateTempSubdirectory("iscsinet");
        var path = Path.Combine(directory.FullName, "disk.img.reservations");
        await File.WriteAllTextAsync(path, "iscsinet persistent reservations 1\npersist yes\n");
        await using var listener = new InMemoryTransportListener();
        await using var device = new MemoryBlockDevice(1 << 20);
        Assert.Contains(path, Assert.Throws<InvalidDataException>(() => Serve(listener, device, path)).Message, StringComparison.Ordinal);
        directory.Delete(recursive: true);
    }

    // More than the slot of a command holds, both ways: the list comes, and the status goes, through a burst.
    [Fact(Timeout = Limit)]
    public async Task A_hundred_registrants_with_long_names_are_registered_and_told()
    {
        await using var listener = new InMemoryTransportListener();
        await using var device = new MemoryBlockDevice(1 << 20);
        await using var server = new IscsiTargetBuilder().Listen(listener).UseMemory(16 << 20).AddTarget(Name, target => target.AddLun(0, device)).Build();
        await server.StartAsync();
        await using var a = await ConnectAsync(listener, "a");
        var names = Enumerable.Range(0, 100).Select(i => $"iqn.2026-11.net.example:{i:d3}{new string('x', 120)}").ToArray();
        byte[] ids = [.. names.SelectMany(TransportId)];
        var length = new byte[4];
        BinaryPrimitives.WriteInt32BigEndian(length, ids.Length);
        await OutAsync(a, Register, 0, KeyA, flags: 0x08, more: [.. length, .. ids]);

        var status = await InAsync(a, 3, ushort.MaxValue);
        Assert.True(status.Length > 8192);
        Assert.Equal(status.Length - 8, BinaryPrimitives.ReadInt32BigEndian(status.AsSpan(4)));
        var text = Encoding.UTF8.GetString(status);
        Assert.All(names, name => Assert.Contains(name + ",i,0x000000000005", text, StringComparison.Ordinal));
    }

    private static byte[] TransportId(string name)
    {
        var text = Encoding.UTF8.GetBytes(name + ",i,0x000000000005\0");
        var id = new byte[4 + ((text.Length + 3) / 4 * 4)];
        id[0] = 0x45;
        BinaryPrimitives.WriteUInt16BigEndian(id.AsSpan(2), (ushort)(id.Length - 4));
        text.CopyTo(id, 4);
        return id;
    }

    private static IscsiTargetServer Serve(InMemoryTransportListener listener, IBlockDevice device, string path) =>
        new IscsiTargetBuilder().Listen(listener).UseMemory(16 << 20)
            .AddTarget(Name, target => target.AddLun(0, device, new LunOptions { ReservationsPath = path })).Build();

    private static async Task<IscsiSession> ConnectAsync(InMemoryTransportListener listener, string host)
    {
        var session = await IscsiInitiator.ConnectAsync(
            new IscsiUrl { Host = "local", TargetName = Name },
            new() { Connector = listener, InitiatorName = $"iqn.2026-11.net.example:{host}", Isid = 0x400000000000UL + host[0] });
        // The attention of a new nexus.
        while (!(await session.ExecuteAsync(0, [0x00, 0, 0, 0, 0, 0])).IsGood) await Task.Yield();
        return session;
    }

    private static async Task OutAsync(
        IscsiSession session, byte action, ulong key, ulong serviceActionKey, byte type = 0, byte flags = 0, byte[]? more = null)
    {
        byte[] list = [.. new byte[24], .. more ?? []];
        BinaryPrimitives.WriteUInt64BigEndian(list, key);
        BinaryPrimitives.WriteUInt64BigEndian(list.AsSpan(8), serviceActionKey);
        list[20] = flags;
        var result = await session.ExecuteAsync(0, [0x5F, action, type, 0, 0, 0, 0, (byte)(list.Length >> 8), (byte)list.Length, 0], dataOut: list);
        Assert.True(result.IsGood, $"{result.Status} {result.Sense}");
    }

    private static async Task<byte[]> InAsync(IscsiSession session, byte action, ushort allocationLength)
    {
        var data = new byte[allocationLength];
        var result = await session.ExecuteAsync(
            0, [0x5E, action, 0, 0, 0, 0, 0, (byte)(allocationLength >> 8), (byte)allocationLength, 0], dataIn: data);
        Assert.True(result.IsGood, $"{result.Status} {result.Sense}");
        return data[..(int)result.TransferredBytes];
    }

    /// <summary>Reads wait until the test lets them.</summary>
    private sealed class GatedBlockDevice(IBlockDevice inner) : IBlockDevice
    {
        public TaskCompletionSource Entered { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public TaskCompletionSource Open { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public BlockDeviceInfo Info => inner.Info;

        public event Action<IBlockDevice>? InfoChanged
        {
            add => inner.InfoChanged += value;
            remove => inner.InfoChanged -= value;
        }

        public async ValueTask ReadAsync(long lba, BlockList destination, CancellationToken cancellationToken = default)
        {
            Entered.TrySetResult();
            await Open.Task;
            await inner.ReadAsync(lba, destination, cancellationToken);
        }

        public ValueTask WriteAsync(long lba, BlockList source, BlockWriteFlags flags = BlockWriteFlags.None, CancellationToken cancellationToken = default) =>
            inner.WriteAsync(lba, source, flags, cancellationToken);

        public ValueTask FlushAsync(CancellationToken cancellationToken = default) => inner.FlushAsync(cancellationToken);

        public ValueTask WriteZeroesAsync(BlockRange range, BlockWriteFlags flags = BlockWriteFlags.None, CancellationToken cancellationToken = default) =>
            inner.WriteZeroesAsync(range, flags, cancellationToken);

        public ValueTask UnmapAsync(BlockRange range, CancellationToken cancellationToken = default) => inner.UnmapAsync(range, cancellationToken);

        public ValueTask<int> GetExtentsAsync(BlockRange range, Memory<BlockExtent> extents, CancellationToken cancellationToken = default) =>
            inner.GetExtentsAsync(range, extents, cancellationToken);

        public ValueTask DisposeAsync() => inner.DisposeAsync();
    }
}
