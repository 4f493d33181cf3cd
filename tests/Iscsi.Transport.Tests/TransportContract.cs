using System.Buffers;
using System.Buffers.Binary;
using System.IO.Pipelines;
using Iscsi.Protocol;
using Reservations;

namespace Iscsi.Transport.Tests;

/// <summary>What every transport does. Bounded by a limit a test, so that a hang is a failure.</summary>
public abstract class TransportContract
{
    private const int Limit = 60_000;

    protected abstract ValueTask<(ITransportConnection Client, ITransportConnection Server)> ConnectAsync();

    [Fact(Timeout = Limit)]
    public async Task Bytes_arrive_in_order_in_both_directions()
    {
        await using var pair = await OpenAsync();
        for (var i = 1; i <= 50; i++)
        {
            await pair.Client.SendAsync(Batch(Pattern(48, i)));
            Assert.Equal(Pattern(48, i), await ReadExactlyAsync(pair.Server, 48));
            await pair.Server.SendAsync(Batch(Pattern(i, i + 1)));
            Assert.Equal(Pattern(i, i + 1), await ReadExactlyAsync(pair.Client, i));
        }
    }

    [Fact(Timeout = Limit)]
    public async Task A_batch_of_more_segments_than_a_system_call_takes_arrives_whole()
    {
        await using var pair = await OpenAsync();
        var batch = new OutboundBatch();
        var expected = new List<byte>();
        for (var i = 0; i < 3000; i++)
        {
            var segment = Pattern(1 + (i % 97), i);
            batch.Add(segment);
            expected.AddRange(segment);
        }
        var send = pair.Client.SendAsync(batch).AsTask();
        Assert.Equal(expected.ToArray(), await ReadExactlyAsync(pair.Server, expected.Count));
        await send;
    }

    [Theory(Timeout = Limit)]
    [InlineData(48, 0)]
    [InlineData(48, 100)]
    [InlineData(1 << 20, 0)]
    public async Task A_last_batch_arrives_whole_before_the_end_also_when_something_unread_has_come(int lengthBytes, int unreadBytes)
    {
        await using var pair = await OpenAsync();
        if (unreadBytes > 0)
        {
            // The first byte is taken, and the rest is there with it or comes after it: either way it is not read.
            await pair.Client.SendAsync(Batch(Pattern(1, 3)));
            await ReadExactlyAsync(pair.Server, 1);
            await pair.Client.SendAsync(Batch(Pattern(unreadBytes, 4)));
        }
        var batch = Batch(Pattern(lengthBytes, 5));
        batch.IsLast = true;
        var received = ReadToEndAsync(pair.Client);
        await pair.Server.SendAsync(batch);
        pair.Server.Abort(ConnectionEndReason.LoggedOut);
        Assert.Equal(Pattern(lengthBytes, 5), await received);
    }

    [Fact(Timeout = Limit)]
    public async Task A_16_MiB_batch_reaches_a_slow_reader_byte_for_byte()
    {
        const int length = 16 << 20;
        await using var pair = await OpenAsync(attach: false);
        pair.Server.AttachReceiveMemory(BlockList.Over(Pinned(4096)));
        var data = Pattern(length, 7);
        var batch = new OutboundBatch();
        for (var offset = 0; offset < length; offset += 64 * 1024) batch.Add(data.AsMemory(offset, 64 * 1024));
        var send = pair.Client.SendAsync(batch).AsTask();
        await Task.Yield();
        Assert.Equal(data, await ReadExactlyAsync(pair.Server, length));
        await send;
    }

    [Fact(Timeout = Limit)]
    public async Task A_send_waits_while_the_reader_reads_nothing()
    {
        await using var pair = await OpenAsync();
        var data = Pinned(64 << 20);
        var send = pair.Client.SendAsync(Batch(data)).AsTask();
        Assert.False(send.IsCompleted);
        await ReadExactlyAsync(pair.Server, data.Length);
        await send;
    }

    [Fact(Timeout = Limit)]
    public async Task What_was_not_examined_is_returned_at_once()
    {
        await using var pair = await OpenAsync();
        await pair.Client.SendAsync(Batch(Pattern(10, 1)));
        var first = await AtLeastAsync(pair.Server, 10);
        pair.Server.Input.AdvanceTo(first.Buffer.GetPosition(3), first.Buffer.GetPosition(9));

        var second = pair.Server.Input.ReadAsync();
        Assert.True(second.IsCompletedSuccessfully);
        var result = await second;
        Assert.Equal(Pattern(10, 1)[3..], result.Buffer.ToArray());
        pair.Server.Input.AdvanceTo(result.Buffer.End);
    }

    [Fact(Timeout = Limit)]
    public async Task What_was_examined_is_returned_only_with_more()
    {
        await using var pair = await OpenAsync();
        await pair.Client.SendAsync(Batch(Pattern(10, 1)));
        var first = await AtLeastAsync(pair.Server, 10);
        pair.Server.Input.AdvanceTo(first.Buffer.Start, first.Buffer.End);
        Assert.False(pair.Server.Input.TryRead(out _));

        var read = pair.Server.Input.ReadAsync().AsTask();
        Assert.False(read.IsCompleted);
        await pair.Client.SendAsync(Batch(Pattern(1, 9)));
        var result = await read;
        Assert.Equal((byte[])[.. Pattern(10, 1), .. Pattern(1, 9)], result.Buffer.ToArray());
        pair.Server.Input.AdvanceTo(result.Buffer.End);
    }

    [Fact(Timeout = Limit)]
    public async Task A_reader_that_wants_more_than_the_memory_is_told_so()
    {
        await using var pair = await OpenAsync(attach: false);
        pair.Server.AttachReceiveMemory(BlockList.Over(Pinned(512)));
        await pair.Client.SendAsync(Batch(Pattern(600, 1)));
        var result = await AtLeastAsync(pair.Server, 512);
        pair.Server.Input.AdvanceTo(result.Buffer.Start, result.Buffer.End);
        await Assert.ThrowsAsync<InvalidOperationException>(async () => await pair.Server.Input.ReadAsync());
    }

    [Theory(Timeout = Limit)]
    [InlineData(512, 1)]
    [InlineData(1500, 3)]
    [InlineData(65536, 16)]
    public async Task Messages_of_any_length_survive_the_end_of_the_memory(int memoryBytes, int runs)
    {
        await using var pair = await OpenAsync(attach: false);
        pair.Server.AttachReceiveMemory(Runs(memoryBytes, runs));
        var seed = Environment.TickCount;
        var random = new Random(seed);
        var lengths = Enumerable.Range(0, 2000).Select(_ => random.Next(4, 500)).ToArray();
        var sending = Task.Run(async () =>
        {
            var buffer = Pinned(512);
            for (var i = 0; i < lengths.Length; i++)
            {
                Pattern(lengths[i], i).CopyTo(buffer, 0);
                BinaryPrimitives.WriteInt32LittleEndian(buffer, lengths[i]);
                await pair.Client.SendAsync(Batch(buffer.AsMemory(0, lengths[i])));
            }
        });
        for (var i = 0; i < lengths.Length;)
        {
            var result = await pair.Server.Input.ReadAsync();
            var buffer = result.Buffer;
            while (buffer.Length >= 4)
            {
                var length = BinaryPrimitives.ReadInt32LittleEndian(buffer.Slice(0, 4).ToArray());
                Assert.True(length == lengths[i], $"seed {seed}, message {i}: {length} for {lengths[i]}");
                if (buffer.Length < length) break;
                Assert.Equal(Pattern(length, i)[4..], buffer.Slice(4, length - 4).ToArray());
                buffer = buffer.Slice(length);
                i++;
            }
            pair.Server.Input.AdvanceTo(buffer.Start, buffer.End);
        }
        await sending;
    }

    [Fact(Timeout = Limit)]
    public async Task A_leftover_moves_into_larger_memory()
    {
        await using var pair = await OpenAsync(attach: false);
        pair.Server.AttachReceiveMemory(BlockList.Over(Pinned(512)));
        await pair.Client.SendAsync(Batch(Pattern(512, 1)));
        var result = await AtLeastAsync(pair.Server, 512);
        pair.Server.Input.AdvanceTo(result.Buffer.GetPosition(12), result.Buffer.End);

        pair.Server.AttachReceiveMemory(Runs(2000, 4));
        Assert.False(pair.Server.Input.TryRead(out _));
        await pair.Client.SendAsync(Batch(Pattern(1400, 2)));
        Assert.Equal((byte[])[.. Pattern(512, 1)[12..], .. Pattern(1400, 2)], await ReadExactlyAsync(pair.Server, 1900));
    }

    [Fact(Timeout = Limit)]
    public async Task Memory_that_is_too_small_for_the_leftover_is_refused()
    {
        await using var pair = await OpenAsync();
        await pair.Client.SendAsync(Batch(Pattern(600, 1)));
        var result = await AtLeastAsync(pair.Server, 600);
        pair.Server.Input.AdvanceTo(result.Buffer.Start);
        Assert.Throws<ArgumentException>(() => pair.Server.AttachReceiveMemory(BlockList.Over(Pinned(512))));
        Assert.Throws<ArgumentOutOfRangeException>(() => pair.Server.AttachReceiveMemory(BlockList.Over(Pinned(511))));
    }

    [Fact(Timeout = Limit)]
    public async Task Bytes_are_received_straight_into_many_runs()
    {
        await using var pair = await OpenAsync();
        var data = Pattern(300_000, 3);
        var send = pair.Client.SendAsync(Batch(data)).AsTask();
        var destination = Runs(300_000, 300);
        var received = 0;
        while (received < data.Length)
        {
            var rest = new BlockList(300);
            rest.AddSlice(destination, received, data.Length - received);
            var count = await pair.Server.ReceiveIntoAsync(rest);
            Assert.InRange(count, 1, rest.Length);
            received += count;
        }
        var copy = new byte[data.Length];
        destination.CopyTo(0, copy);
        Assert.Equal(data, copy);
        await send;
    }

    [Theory(Timeout = Limit)]
    [InlineData(1)]
    [InlineData(100)]
    [InlineData(10_000)]
    public async Task What_follows_the_bytes_of_a_list_is_read_from_Input(int followingBytes)
    {
        await using var pair = await OpenAsync();
        var data = Pattern(20_000 + followingBytes, 5);
        var send = pair.Client.SendAsync(Batch(data)).AsTask();
        var destination = Runs(20_000, 3);
        for (var received = 0; received < 20_000;)
        {
            var rest = new BlockList(8);
            rest.AddSlice(destination, received, 20_000 - received);
            received += await pair.Server.ReceiveIntoAsync(rest);
            Assert.Equal(20_000, destination.Length);
        }
        var copy = new byte[20_000];
        destination.CopyTo(0, copy);
        Assert.Equal(data[..20_000], copy);
        Assert.Equal(data[20_000..], await ReadExactlyAsync(pair.Server, followingBytes));
        await send;
    }

    [Fact(Timeout = Limit)]
    public async Task Receiving_into_a_list_waits_for_the_first_byte()
    {
        await using var pair = await OpenAsync();
        var destination = Runs(1000, 2);
        var receive = pair.Server.ReceiveIntoAsync(destination).AsTask();
        Assert.False(receive.IsCompleted);
        await pair.Client.SendAsync(Batch(Pattern(5, 1)));
        Assert.InRange(await receive, 1, 5);
    }

    [Fact(Timeout = Limit)]
    public async Task Receiving_into_a_list_is_refused_while_Input_holds_bytes()
    {
        await using var pair = await OpenAsync();
        await pair.Client.SendAsync(Batch(Pattern(20, 1)));
        var result = await AtLeastAsync(pair.Server, 20);
        await Assert.ThrowsAsync<InvalidOperationException>(async () => await pair.Server.ReceiveIntoAsync(Runs(100, 1)));
        pair.Server.Input.AdvanceTo(result.Buffer.GetPosition(19));
        await Assert.ThrowsAsync<InvalidOperationException>(async () => await pair.Server.ReceiveIntoAsync(Runs(100, 1)));
    }

    [Fact(Timeout = Limit)]
    public async Task A_peer_that_closed_is_read_to_its_last_byte_and_then_as_closed()
    {
        await using var pair = await OpenAsync();
        var sending = SendAndCloseAsync();
        Assert.Equal(Pattern(100_000, 1), await ReadExactlyAsync(pair.Server, 100_000));
        await sending;
        var end = await pair.Server.Input.ReadAsync();
        Assert.True(end.IsCompleted);
        Assert.True(end.Buffer.IsEmpty);
        pair.Server.Input.AdvanceTo(end.Buffer.End);
        Assert.Equal(0, await pair.Server.ReceiveIntoAsync(Runs(100, 1)));

        async Task SendAndCloseAsync()
        {
            await pair.Client.SendAsync(Batch(Pattern(100_000, 1)));
            await pair.Client.DisposeAsync();
        }
    }

    [Fact(Timeout = Limit)]
    public async Task Completing_Output_half_closes()
    {
        await using var pair = await OpenAsync();
        await pair.Client.SendAsync(Batch(Pattern(7, 1)));
        pair.Client.Output.Complete();
        Assert.Equal(Pattern(7, 1), await ReadExactlyAsync(pair.Server, 7));
        Assert.True((await pair.Server.Input.ReadAsync()).IsCompleted);
        await pair.Server.SendAsync(Batch(Pattern(9, 2)));
        Assert.Equal(Pattern(9, 2), await ReadExactlyAsync(pair.Client, 9));
        await Assert.ThrowsAsync<IOException>(async () => await pair.Client.SendAsync(Batch(Pattern(1, 1))));
    }

    [Fact(Timeout = Limit)]
    public async Task Half_a_message_is_delivered_with_the_close()
    {
        await using var pair = await OpenAsync();
        await pair.Client.SendAsync(Batch(Pattern(20, 1)));
        var result = await AtLeastAsync(pair.Server, 20);
        pair.Server.Input.AdvanceTo(result.Buffer.Start, result.Buffer.End);
        await pair.Client.DisposeAsync();
        var end = await pair.Server.Input.ReadAsync();
        Assert.True(end.IsCompleted);
        Assert.Equal(20, end.Buffer.Length);
        pair.Server.Input.AdvanceTo(end.Buffer.Start, end.Buffer.End);
        Assert.True((await pair.Server.Input.ReadAsync()).IsCompleted);
    }

    [Fact(Timeout = Limit)]
    public async Task Abort_completes_a_pending_read_as_closed()
    {
        await using var pair = await OpenAsync();
        var read = pair.Server.Input.ReadAsync().AsTask();
        Assert.False(read.IsCompleted);
        pair.Server.Abort(ConnectionEndReason.Closed);
        Assert.True((await read).IsCompleted);
    }

    [Fact(Timeout = Limit)]
    public async Task Abort_completes_a_pending_receive_with_0()
    {
        await using var pair = await OpenAsync();
        var receive = pair.Server.ReceiveIntoAsync(Runs(100, 2)).AsTask();
        Assert.False(receive.IsCompleted);
        pair.Server.Abort(ConnectionEndReason.Closed);
        Assert.Equal(0, await receive);
    }

    [Fact(Timeout = Limit)]
    public async Task Abort_fails_a_pending_send()
    {
        await using var pair = await OpenAsync();
        var send = pair.Client.SendAsync(Batch(Pinned(64 << 20))).AsTask();
        Assert.False(send.IsCompleted);
        pair.Client.Abort(ConnectionEndReason.PeerNotReading);
        await Assert.ThrowsAsync<IOException>(() => send);
    }

    [Fact(Timeout = Limit)]
    public async Task The_peers_abort_fails_a_pending_send_and_ends_a_pending_read()
    {
        await using var pair = await OpenAsync();
        var send = pair.Client.SendAsync(Batch(Pinned(64 << 20))).AsTask();
        var read = pair.Client.Input.ReadAsync().AsTask();
        pair.Server.Abort(ConnectionEndReason.Closed);
        await Assert.ThrowsAsync<IOException>(() => send);
        Assert.True((await read).IsCompleted);
    }

    [Fact(Timeout = Limit)]
    public async Task After_an_abort_everything_fails_the_way_the_contract_says()
    {
        await using var pair = await OpenAsync();
        pair.Client.Abort(ConnectionEndReason.Closed);
        pair.Client.Abort(ConnectionEndReason.InternalError);
        await Assert.ThrowsAsync<IOException>(async () => await pair.Client.SendAsync(Batch(Pattern(1, 1))));
        Assert.Equal(0, await pair.Client.ReceiveIntoAsync(Runs(10, 1)));
        Assert.True((await pair.Client.Input.ReadAsync()).IsCompleted);
        await pair.Client.DisposeAsync();
        await pair.Client.DisposeAsync();
        pair.Client.Abort(ConnectionEndReason.Closed);
    }

    [Fact(Timeout = Limit)]
    public async Task Disposing_ends_only_after_pending_operations_did()
    {
        await using var pair = await OpenAsync();
        var read = pair.Server.Input.ReadAsync().AsTask();
        var send = pair.Server.SendAsync(Batch(Pinned(64 << 20))).AsTask();
        await pair.Server.DisposeAsync();
        Assert.True((await read).IsCompleted);
        await Assert.ThrowsAsync<IOException>(() => send);
    }

    [Fact(Timeout = Limit)]
    public async Task A_cancelled_read_loses_no_byte()
    {
        await using var pair = await OpenAsync();
        using var cancellation = new CancellationTokenSource();
        var read = pair.Server.Input.ReadAsync(cancellation.Token).AsTask();
        cancellation.Cancel();
        var thrown = await Assert.ThrowsAnyAsync<OperationCanceledException>(() => read);
        Assert.Equal(cancellation.Token, thrown.CancellationToken);
        await pair.Client.SendAsync(Batch(Pattern(30, 1)));
        Assert.Equal(Pattern(30, 1), await ReadExactlyAsync(pair.Server, 30));
    }

    [Fact(Timeout = Limit)]
    public async Task A_cancelled_receive_leaves_the_list_alone_and_loses_no_byte()
    {
        await using var pair = await OpenAsync();
        using var cancellation = new CancellationTokenSource();
        var abandoned = Runs(30, 1);
        var receive = pair.Server.ReceiveIntoAsync(abandoned, cancellation.Token).AsTask();
        cancellation.Cancel();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => receive);
        await pair.Client.SendAsync(Batch(Pattern(30, 1)));
        Assert.Equal(Pattern(30, 1), await ReadExactlyAsync(pair.Server, 30));
        Assert.Equal(new byte[30], abandoned.Runs[0].ToArray());
    }

    [Fact(Timeout = Limit)]
    public async Task CancelPendingRead_cancels_the_pending_read_or_the_next_one()
    {
        await using var pair = await OpenAsync();
        var pending = pair.Server.Input.ReadAsync().AsTask();
        pair.Server.Input.CancelPendingRead();
        var result = await pending;
        Assert.True(result.IsCanceled);
        pair.Server.Input.AdvanceTo(result.Buffer.Start);

        pair.Server.Input.CancelPendingRead();
        result = await pair.Server.Input.ReadAsync();
        Assert.True(result.IsCanceled);
        pair.Server.Input.AdvanceTo(result.Buffer.Start);

        await pair.Client.SendAsync(Batch(Pattern(5, 1)));
        Assert.Equal(Pattern(5, 1), await ReadExactlyAsync(pair.Server, 5));
    }

    [Fact(Timeout = Limit)]
    public async Task Two_sends_or_two_reads_at_once_are_refused()
    {
        await using var pair = await OpenAsync();
        var read = pair.Client.Input.ReadAsync().AsTask();
        await Assert.ThrowsAsync<InvalidOperationException>(async () => await pair.Client.Input.ReadAsync());
        await Assert.ThrowsAsync<InvalidOperationException>(async () => await pair.Client.ReceiveIntoAsync(Runs(1, 1)));
        var send = pair.Client.SendAsync(Batch(Pinned(64 << 20))).AsTask();
        await Assert.ThrowsAsync<InvalidOperationException>(async () => await pair.Client.SendAsync(Batch(Pattern(1, 1))));
        pair.Client.Abort(ConnectionEndReason.Closed);
        await read;
        await Assert.ThrowsAsync<IOException>(() => send);
    }

    [Fact(Timeout = Limit)]
    public async Task A_read_that_was_not_advanced_is_refused()
    {
        await using var pair = await OpenAsync();
        await pair.Client.SendAsync(Batch(Pattern(5, 1)));
        await pair.Server.Input.ReadAsync();
        await Assert.ThrowsAsync<InvalidOperationException>(async () => await pair.Server.Input.ReadAsync());
    }

    [Fact(Timeout = Limit)]
    public async Task The_login_writer_sends_what_was_flushed()
    {
        await using var pair = await OpenAsync();
        for (var round = 0; round < 3; round++)
        {
            Pattern(48, 1).CopyTo(pair.Client.Output.GetMemory(48));
            pair.Client.Output.Advance(48);
            pair.Client.Output.Write(Pattern(20_000, 2));
            var flush = pair.Client.Output.FlushAsync().AsTask();
            Assert.Equal((byte[])[.. Pattern(48, 1), .. Pattern(20_000, 2)], await ReadExactlyAsync(pair.Server, 20_048));
            await flush;
            await pair.Client.SendAsync(Batch(Pattern(8, 3)));
            Assert.Equal(Pattern(8, 3), await ReadExactlyAsync(pair.Server, 8));
        }
    }

    [Fact(Timeout = Limit)]
    public async Task Reading_and_sending_allocate_nothing_in_steady_state()
    {
        await using var pair = await OpenAsync();
        var data = Pattern(4096 + 48, 1);
        var echo = EchoAsync(pair.Server, data.Length);
        var batch = new OutboundBatch();
        await RoundTripsAsync(2000);
        // The least of a few rounds: what the runtime and the test runner allocate beside is not in every one, what we allocate is.
        var allocated = long.MaxValue;
        for (var round = 0; round < 5 && allocated >= 10_000; round++)
        {
            var before = GC.GetTotalAllocatedBytes(precise: true);
            await RoundTripsAsync(10_000);
            allocated = Math.Min(allocated, GC.GetTotalAllocatedBytes(precise: true) - before);
        }
        Assert.True(allocated < 10_000, $"{allocated} bytes for 10,000 round trips");
        await pair.Client.DisposeAsync();
        await echo;

        async Task RoundTripsAsync(int count)
        {
            for (var i = 0; i < count; i++)
            {
                batch.Clear();
                batch.Add(data.AsMemory(0, 48));
                batch.Add(data.AsMemory(48));
                await pair.Client.SendAsync(batch);
                var left = data.Length;
                while (left > 0)
                {
                    var result = await pair.Client.Input.ReadAsync();
                    left -= (int)result.Buffer.Length;
                    pair.Client.Input.AdvanceTo(result.Buffer.End);
                }
            }
        }

        // Half through the attached memory, half straight into a list of two runs.
        static async Task EchoAsync(ITransportConnection connection, int length)
        {
            var answer = new OutboundBatch();
            var reply = Pinned(length);
            var list = new BlockList(2);
            var memory = Pinned(length + 64);
            for (var into = false; ; into = !into)
            {
                var left = length;
                while (left > 0)
                {
                    if (into)
                    {
                        list.Clear();
                        list.Add(memory.AsMemory(0, left / 2));
                        list.Add(memory.AsMemory((left / 2) + 64, left - (left / 2)));
                        var count = await connection.ReceiveIntoAsync(list);
                        if (count == 0) return;
                        left -= count;
                        continue;
                    }
                    var result = await connection.Input.ReadAsync();
                    if (result.IsCompleted && result.Buffer.IsEmpty) return;
                    left -= (int)result.Buffer.Length;
                    connection.Input.AdvanceTo(result.Buffer.End);
                }
                answer.Clear();
                answer.Add(reply);
                await connection.SendAsync(answer);
            }
        }
    }

    protected static byte[] Pinned(int length) => GC.AllocateArray<byte>(length, pinned: true);

    protected static byte[] Pattern(int length, int seed)
    {
        var bytes = Pinned(length);
        for (var i = 0; i < length; i++) bytes[i] = (byte)((i * 31) + (i >> 8) + (seed * 7));
        return bytes;
    }

    protected internal static OutboundBatch Batch(params ReadOnlySpan<ReadOnlyMemory<byte>> segments)
    {
        var batch = new OutboundBatch(4);
        foreach (var segment in segments) batch.Add(segment);
        return batch;
    }

    /// <summary>A list of separate runs: a gap between two keeps them from merging.</summary>
    protected internal static BlockList Runs(int lengthBytes, int count)
    {
        var list = new BlockList(count);
        var memory = Pinned(lengthBytes + count);
        var offset = 0;
        for (var i = 0; i < count; i++)
        {
            var take = (lengthBytes / count) + (i < lengthBytes % count ? 1 : 0);
            list.Add(memory.AsMemory(offset, take));
            offset += take + 1;
        }
        Assert.Equal(count, list.Count);
        return list;
    }

    protected static async Task<ReadResult> AtLeastAsync(ITransportConnection connection, int length)
    {
        for (; ; )
        {
            var result = await connection.Input.ReadAsync();
            if (result.Buffer.Length >= length) return result;
            Assert.False(result.IsCompleted, "closed too early");
            connection.Input.AdvanceTo(result.Buffer.Start, result.Buffer.End);
        }
    }

    internal static Task<byte[]> ReadAsync(ITransportConnection connection, int length) => ReadExactlyAsync(connection, length);

    internal static async Task<byte[]> ReadToEndAsync(ITransportConnection connection)
    {
        var bytes = new List<byte>();
        while (true)
        {
            var result = await connection.Input.ReadAsync();
            bytes.AddRange(result.Buffer.ToArray());
            connection.Input.AdvanceTo(result.Buffer.End);
            if (result.IsCompleted) return [.. bytes];
        }
    }

    protected static async Task<byte[]> ReadExactlyAsync(ITransportConnection connection, int length)
    {
        var bytes = new byte[length];
        var count = 0;
        while (count < length)
        {
            var result = await connection.Input.ReadAsync();
            var take = (int)Math.Min(length - count, result.Buffer.Length);
            var part = result.Buffer.Slice(0, take);
            part.CopyTo(bytes.AsSpan(count));
            count += take;
            connection.Input.AdvanceTo(part.End);
            if (result.IsCompleted && count < length) throw new EndOfStreamException($"closed after {count} of {length} bytes");
        }
        return bytes;
    }

    protected async Task<Pair> OpenAsync(bool attach = true)
    {
        var (client, server) = await ConnectAsync();
        if (attach) server.AttachReceiveMemory(BlockList.Over(Pinned(65536)));
        client.AttachReceiveMemory(BlockList.Over(Pinned(65536)));
        return new Pair(client, server);
    }

    protected sealed record Pair(ITransportConnection Client, ITransportConnection Server) : IAsyncDisposable
    {
        public async ValueTask DisposeAsync()
        {
            await Client.DisposeAsync();
            await Server.DisposeAsync();
        }
    }
}
