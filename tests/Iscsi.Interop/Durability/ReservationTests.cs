using System.Buffers.Binary;
using Iscsi.Initiator;
using Iscsi.Protocol;
using Iscsi.Protocol.Scsi;

namespace Iscsi.Interop.Durability;

/// <summary>A persistent reservation with APTPL, through a killed daemon (SPC-4).</summary>
public sealed class ReservationTests
{
    private const ulong Key = 0x1122334455667788;
    private const byte ExclusiveAccess = 3;
    private static readonly byte[] Write = [0x2A, 0, 0, 0, 0, 0, 0, 0, 1, 0];

    [Fact]
    public async Task A_reservation_with_APTPL_still_keeps_others_out_after_the_daemon_was_killed_and_its_holder_still_gets_in()
    {
        using var scratch = new ScratchDirectory();
        var path = scratch.SparseFile("disk.img", 1 << 20);
        await using (var daemon = await Daemon.ServeAsync(path))
        {
            await using var holder = await ConnectAsync(daemon, 1);
            await ReserveOutAsync(holder, action: 0, type: 0, Parameters(key: 0, actionKey: Key, aptpl: true));
            await ReserveOutAsync(holder, action: 1, ExclusiveAccess, Parameters(Key, actionKey: 0, aptpl: false));
            await using var other = await ConnectAsync(daemon, 2);
            Assert.Equal(ScsiStatus.ReservationConflict, await WriteAsync(other));
            await daemon.KillAsync();
        }
        await using (var daemon = await Daemon.ServeAsync(path))
        {
            await using var other = await ConnectAsync(daemon, 2);
            Assert.Equal(ScsiStatus.ReservationConflict, await WriteAsync(other));
            await using var holder = await ConnectAsync(daemon, 1);
            Assert.Equal(ScsiStatus.Good, await WriteAsync(holder));
            // Once it is cleared, nothing is left of it for the next start.
            await ReserveOutAsync(holder, action: 3, type: 0, Parameters(Key, actionKey: 0, aptpl: false));
            Assert.Equal(ScsiStatus.Good, await WriteAsync(other));
            await daemon.KillAsync();
        }
        await using (var daemon = await Daemon.ServeAsync(path))
        {
            await using var other = await ConnectAsync(daemon, 2);
            Assert.Equal(ScsiStatus.Good, await WriteAsync(other));
        }
    }

    [Fact]
    public async Task A_reservation_without_APTPL_ends_with_the_daemon()
    {
        using var scratch = new ScratchDirectory();
        var path = scratch.SparseFile("disk.img", 1 << 20);
        await using (var daemon = await Daemon.ServeAsync(path))
        {
            await using var holder = await ConnectAsync(daemon, 1);
            await ReserveOutAsync(holder, action: 0, type: 0, Parameters(key: 0, actionKey: Key, aptpl: false));
            await ReserveOutAsync(holder, action: 1, ExclusiveAccess, Parameters(Key, actionKey: 0, aptpl: false));
            await daemon.KillAsync();
        }
        await using (var daemon = await Daemon.ServeAsync(path))
        {
            await using var other = await ConnectAsync(daemon, 2);
            Assert.Equal(ScsiStatus.Good, await WriteAsync(other));
        }
    }

    // The name and the ISID are the initiator port: what is registered belongs to it.
    private static ValueTask<IscsiSession> ConnectAsync(Daemon daemon, int number) => new(IscsiInitiator.ConnectAsync(daemon.Url, new IscsiInitiatorOptions
    {
        InitiatorName = $"iqn.2026-11.net.example:host-{number}",
        Isid = (2ul << 46) | (uint)number,
        LogoutTimeout = TimeSpan.FromSeconds(1),
    }));

    private static async Task<ScsiStatus> WriteAsync(IscsiSession session) => (await RunAsync(session, Write, new byte[512])).Status;

    private static async Task ReserveOutAsync(IscsiSession session, byte action, byte type, byte[] parameters)
    {
        var result = await RunAsync(session, [0x5F, action, type, 0, 0, 0, 0, 0, (byte)parameters.Length, 0], parameters);
        Assert.True(result.IsGood, $"PERSISTENT RESERVE OUT {action}: {result}");
    }

    // Past the unit attentions of a new session and of a reservation that is gone.
    private static async Task<ScsiResult> RunAsync(IscsiSession session, byte[] cdb, byte[] dataOut)
    {
        while (true)
        {
            var result = await session.ExecuteAsync(0, cdb, dataOut: dataOut);
            if (result.Status != ScsiStatus.CheckCondition || result.Sense?.Key != SenseKey.UnitAttention) return result;
        }
    }

    // SPC-4, PERSISTENT RESERVE OUT parameter list: 0| RESERVATION KEY, 8| SERVICE ACTION RESERVATION KEY, 20| APTPL (bit 0)
    private static byte[] Parameters(ulong key, ulong actionKey, bool aptpl)
    {
        var data = new byte[24];
        BinaryPrimitives.WriteUInt64BigEndian(data, key);
        BinaryPrimitives.WriteUInt64BigEndian(data.AsSpan(8), actionKey);
        data[20] = aptpl ? (byte)1 : (byte)0;
        return data;
    }
}
