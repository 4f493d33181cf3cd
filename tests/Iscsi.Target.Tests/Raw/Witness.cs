namespace Iscsi.Target.Tests.Raw;

/// <summary>A second session, which writes and reads back all the time: whatever happens to others must not touch it.</summary>
internal sealed class Witness
{
    private readonly RawClient _client;
    private readonly SemaphoreSlim _turn = new(1);
    private readonly CancellationTokenSource _stop = new();
    private Task _loop = Task.CompletedTask;
    private int _rounds;

    private Witness(RawClient client) => _client = client;

    public static async Task<Witness> StartAsync(RawTarget target)
    {
        var witness = new Witness(await target.LoginAsync(new RawLogin
        {
            Initiator = "iqn.2026-11.net.example:witness",
            Target = RawTarget.WitnessTargetName,
            MaxRecvDataSegmentLength = 65536,
        }));
        await witness.RoundAsync();
        witness._loop = Task.Run(witness.LoopAsync);
        return witness;
    }

    /// <summary>Keeps it from sending until the result is disposed.</summary>
    public async Task<IDisposable> PauseAsync()
    {
        await _turn.WaitAsync();
        return new Resume(_turn);
    }

    /// <summary>Does one more round, which must go well, like all before, and logs out.</summary>
    public async Task StopAsync()
    {
        await _stop.CancelAsync();
        await _loop;
        await RoundAsync();
        await _client.SendPduAsync(_client.Logout(Protocol.LogoutReason.CloseSession));
        Assert.Equal(0, (await _client.ReceiveAsync(Protocol.Opcode.LogoutResponse)).Response);
        await _client.ExpectCloseAsync();
    }

    private async Task LoopAsync()
    {
        while (!_stop.IsCancellationRequested)
        {
            using (await PauseAsync()) await RoundAsync();
            await Task.Delay(1);
        }
    }

    // Small ones from the slot, every eighth through a burst.
    private async Task RoundAsync()
    {
        const ulong lun = 1UL << 48;
        var round = _rounds++;
        var data = RawClient.Pattern(round, round % 8 == 7 ? 32768 : 4096);
        var lba = (uint)(round * 64 % (RawTarget.BlockCount - 64));
        await _client.WriteGoodAsync(lba, data, lun);
        Assert.Equal(data, await _client.ReadGoodAsync(lba, data.Length, lun));
    }

    private sealed class Resume(SemaphoreSlim turn) : IDisposable
    {
        public void Dispose() => turn.Release();
    }
}
