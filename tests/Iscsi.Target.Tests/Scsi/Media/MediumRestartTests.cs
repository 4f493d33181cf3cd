using Iscsi.Protocol;
using Iscsi.Protocol.Scsi;
using Iscsi.Storage;
using Iscsi.Target.Scsi;
using Iscsi.Target.Scsi.Media;
using Iscsi.Target.State;

namespace Iscsi.Target.Tests.Scsi.Media;

/// <summary>Operations on media over a restart of the server, orderly or not.</summary>
public sealed class MediumRestartTests : IDisposable
{
    private const int StepBlocks = 512; // 256 KiB

    private readonly DirectoryInfo _directory = Directory.CreateTempSubdirectory("iscsinet");

    private string StatePath => Path.Combine(_directory.FullName, "state");

    public void Dispose() => _directory.Delete(recursive: true);

    private string? Line() => new UnitState(new ReplaceableFile(StatePath)).Get(UnitMedium.StateName);

    [Theory]
    [InlineData("sanitize-overwrite restricted 31 inverted 00ff running 30 4096")]
    [InlineData("sanitize-overwrite unrestricted 1 same aa failed 0 0")]
    [InlineData("sanitize-block-erase restricted 1 same - running 0 9223372036854775807")]
    [InlineData("format restricted 1 same - running 0 0")]
    public void A_line_of_the_state_is_read_as_it_was_written(string line)
    {
        Assert.True(MediumOperation.TryParse(line, out var operation, out var position, out var hasFailed));
        Assert.Equal(line, operation.ToText(position, hasFailed));
    }

    [Theory]
    [InlineData("")]
    [InlineData("sanitize-crypto-erase restricted 1 same - running 0 0")]
    [InlineData("format maybe 1 same - running 0 0")]
    [InlineData("format restricted 0 same - running 0 0")]
    [InlineData("format restricted 32 same - running 0 0")]
    [InlineData("format restricted 1 other - running 0 0")]
    [InlineData("format restricted 1 same a running 0 0")]
    [InlineData("format restricted 1 same xx running 0 0")]
    [InlineData("format restricted 1 same - waiting 0 0")]
    [InlineData("format restricted 1 same - running 2 0")]
    [InlineData("format restricted 1 same - running 0 -1")]
    [InlineData("format restricted 1 same - running 0 0 0")]
    public void A_line_that_this_version_does_not_know_is_refused_at_start_and_not_guessed(string line)
    {
        new UnitState(new ReplaceableFile(StatePath)).Set((UnitMedium.StateName, line));
        using var device = new DisposableDevice();
        Assert.Throws<InvalidDataException>(() =>
            new LogicalUnitMap(ScsiHarness.TargetName).Add(0, device.Device, new LunOptions { StatePath = StatePath }));
    }

    [Fact]
    public async Task What_was_accepted_is_durable_before_its_status_and_a_killed_server_begins_again_before_anybody_is_served()
    {
        var killed = Path.Combine(_directory.FullName, "killed");
        await using (var device = new StepBlockDevice(MediumHarness.Blocks))
        {
            await using var h = new MediumHarness(device, StatePath);
            await h.OverwriteAsync(MediumHarness.OverwriteList(1, 0xAA), immediate: true);
            File.Copy(StatePath, killed); // what the disk holds when the process ends now
            for (var i = 0; i < 4; i++) device.LetOneEnd();
            await h.Medium.Run;
            Assert.Null(Line());
        }

        await using var after = new MediumHarness(statePath: killed);
        await after.FillDiskAsync(0xEE);
        Assert.Equal("2/04/1B", (await after.SenseAsync(MediumHarness.TestUnitReady)).ToString());
        after.Medium.Resume();
        Assert.Equal(MediumOutcome.Done, await after.Medium.Run);
        await after.GoodAsync(MediumHarness.TestUnitReady);
        Assert.Equal(-1, (await after.ReadDiskAsync()).AsSpan().IndexOfAnyExcept((byte)0xAA));
    }

    [Fact]
    public async Task A_server_that_stops_notes_how_far_it_is_and_the_next_one_goes_on_there()
    {
        await using (var device = new StepBlockDevice(MediumHarness.Blocks))
        {
            await using var h = new MediumHarness(device, StatePath);
            var list = MediumHarness.OverwriteList(0x82, 0x0F);
            await h.OverwriteAsync(list, immediate: true);
            for (var i = 0; i < 5; i++)
            {
                await device.ArrivedAsync();
                device.LetOneEnd();
            }
            await device.ArrivedAsync();
            var stop = h.Medium.StopAsync();
            device.LetOneEnd();
            await stop;
            Assert.Equal(MediumOutcome.Suspended, await h.Medium.Run);
            Assert.Equal("2/04/1B", (await h.SenseAsync(MediumHarness.TestUnitReady)).ToString());
            Assert.Equal($"sanitize-overwrite restricted 2 inverted 0f running 1 {2 * StepBlocks}", Line());
        }

        await using var after = new MediumHarness(statePath: StatePath);
        await after.FillDiskAsync(0xEE);
        Assert.Equal<ushort?>(65536 * 6 / 8, (await after.PollAsync()).Progress);
        after.Medium.Resume();
        Assert.Equal(MediumOutcome.Done, await after.Medium.Run);
        Assert.Null(Line());
        var disk = await after.ReadDiskAsync();
        Assert.Equal(2 * StepBlocks * 512, disk.AsSpan().IndexOfAnyExcept((byte)0xEE));
        Assert.Equal(-1, disk.AsSpan(2 * StepBlocks * 512).IndexOfAnyExcept((byte)0x0F));
    }

    [Fact]
    public async Task A_large_disk_is_not_begun_again_from_its_first_block()
    {
        // Fails in the fourth gigabyte, and says there what the last position was.
        await using var device = new FaultInjectionBlockDevice(new NullBlockDevice(4L << 30), seed: 1, new FaultRule { Range = new BlockRange(7 << 20, 1) });
        await using var h = new MediumHarness(device, StatePath);
        await h.OverwriteAsync(MediumHarness.OverwriteList(1, 0xAA));
        Assert.Equal($"sanitize-overwrite restricted 1 same aa failed 0 {7 << 20}", Line());
    }

    [Fact]
    public async Task A_failure_is_remembered_and_its_exit_too()
    {
        await using (var h = new MediumHarness(new FaultInjectionBlockDevice(new MemoryBlockDevice(1 << 20), seed: 1, new FaultRule()), StatePath))
            await h.SendAsync(MediumHarness.Sanitize(2, unrestricted: true));
        await using (var h = new MediumHarness(statePath: StatePath))
        {
            h.Medium.Resume();
            Assert.Equal("3/31/03", (await h.SenseAsync(MediumHarness.TestUnitReady)).ToString());
            await h.GoodAsync(MediumHarness.Sanitize(OperationCode.SanitizeExitFailureMode));
        }
        await using (var h = new MediumHarness(statePath: StatePath)) await h.GoodAsync(MediumHarness.TestUnitReady);
    }

    [Fact]
    public async Task What_could_not_be_made_durable_was_not_accepted()
    {
        await using var h = new MediumHarness(statePath: Path.Combine(_directory.FullName, "missing", "state"));
        await h.FillDiskAsync(0xEE);
        Assert.Equal("4/44/00", (await h.SenseAsync(MediumHarness.BlockErase)).ToString());
        await h.GoodAsync(MediumHarness.TestUnitReady);
        Assert.Equal(-1, (await h.ReadDiskAsync()).AsSpan().IndexOfAnyExcept((byte)0xEE));
    }

    private sealed class DisposableDevice : IDisposable
    {
        public MemoryBlockDevice Device { get; } = new(1 << 20);

        public void Dispose() => _ = Device.DisposeAsync().AsTask();
    }
}
