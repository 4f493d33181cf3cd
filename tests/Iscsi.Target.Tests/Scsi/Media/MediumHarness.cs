using Iscsi.Protocol;
using Iscsi.Protocol.Scsi;
using Iscsi.Storage;
using Iscsi.Target.Memory;
using Iscsi.Target.Scsi;
using Iscsi.Target.Scsi.AsymmetricAccess;
using Iscsi.Target.Scsi.Media;
using Reservations;

namespace Iscsi.Target.Tests.Scsi.Media;

/// <summary>A logical unit with the memory that operations on its medium take. Its end checks that all of it came back.</summary>
internal sealed class MediumHarness : IAsyncDisposable
{
    public const int Blocks = 2048;

    public static readonly byte[] TestUnitReady = [OperationCode.TestUnitReady, 0, 0, 0, 0, 0];
    public static readonly byte[] RequestSense = [OperationCode.RequestSense, 0, 0, 0, 252, 0];
    public static readonly byte[] BlockErase = Sanitize(OperationCode.SanitizeBlockErase);

    private readonly List<IDisposable> _memory = [];

    /// <param name="device">The device; null: a memory disk.</param>
    /// <param name="statePath">A file for the state.</param>
    /// <param name="isRemovable">Whether the medium can be ejected.</param>
    /// <param name="store">What a request of the device takes; null: nothing.</param>
    public MediumHarness(IBlockDevice? device = null, string? statePath = null, bool isRemovable = false, StoreNeed store = default)
    {
        Device = device ?? new MemoryBlockDevice(Blocks * 512);
        Units = new LogicalUnitMap(ScsiHarness.TargetName, portGroups: new TargetPortGroups([1], new AsymmetricAccessOptions { AllowExplicitChange = true }));
        Unit = Units.Add(0, Device, new LunOptions { StatePath = statePath, IsRemovable = isRemovable });
        var budget = MemoryBudget.Compute(1 << 20, new TargetLimits());
        Root = ReservationRoot.Create(new ReservationOptions
        {
            BudgetBytes = budget.BudgetBytes,
            Levels = TargetLevels.All,
            OrderCheck = OrderCheck.Full,
            Slots = [new SlotBudget(TargetLevels.Store, 4, 0)],
        });
        Background = new BackgroundMemory(Root, budget);
        Lane = StoreLane.Create(Root, "store", store);
        if (Lane is not null) _memory.Add(Lane);
        _memory.Add(Background);
        _memory.Add(Root);
        Unit.Medium.UseMemory(Background, Lane);
        Nexus = NewNexus();
    }

    public IBlockDevice Device { get; }

    public LogicalUnitMap Units { get; }

    public LogicalUnit Unit { get; }

    public UnitMedium Medium => Unit.Medium;

    public ScsiNexus Nexus { get; }

    public ReservationRoot Root { get; }

    /// <summary>Memory for one operation at a time.</summary>
    public BackgroundMemory Background { get; }

    public StoreLane? Lane { get; }

    public static byte[] Sanitize(byte serviceAction, int listLength = 0, bool immediate = false, bool unrestricted = false) =>
        [OperationCode.Sanitize, (byte)(serviceAction | (immediate ? 0x80 : 0) | (unrestricted ? 0x20 : 0)), 0, 0, 0, 0, 0, (byte)(listLength >> 8), (byte)listLength, 0];

    public static byte[] OverwriteList(byte flagsAndCount, params byte[] pattern) =>
        [flagsAndCount, 0, (byte)(pattern.Length >> 8), (byte)pattern.Length, .. pattern];

    public ScsiNexus NewNexus()
    {
        var nexus = new ScsiNexus("iqn.2026-11.net.example:host", 0x400000000001, 1);
        Units.Attach(nexus);
        nexus.ClearAll(UnitAttention.All);
        return nexus;
    }

    /// <summary>Begins a command; its memory is there.</summary>
    public (ScsiRequest Request, ScsiStep Step) Begin(byte[] cdb, byte[]? dataOut = null, ScsiNexus? nexus = null)
    {
        var r = new ScsiRequest
        {
            Nexus = nexus ?? Nexus,
            Units = Units,
            Cdb = Cdb.From(cdb),
            ExpectedDataTransferLength = (uint)(dataOut?.Length ?? 8192),
            ExpectsDataIn = dataOut is null,
            ExpectsDataOut = dataOut is not null,
        };
        r.DataIn.Add(new byte[ScsiLimits.ParameterDataInCapacity]);
        var step = ScsiDispatcher.Begin(r);
        if (step is ScsiStep.CollectDataOut) r.DataOut.Add(dataOut.AsMemory(0, r.DataOutNeeded));
        Assert.True(r.DataOutNeeded + r.ScratchBytes <= Unit.Limits.AllAtOnceBytes);
        return (r, step);
    }

    /// <summary>Runs a command to its status.</summary>
    public async Task<ScsiRequest> SendAsync(byte[] cdb, byte[]? dataOut = null, ScsiNexus? nexus = null)
    {
        var (r, step) = Begin(cdb, dataOut, nexus);
        if (step is ScsiStep.CollectDataOut or ScsiStep.Execute) await ScsiDispatcher.ExecuteAsync(r).AsTask().WaitAsync(TimeSpan.FromSeconds(60));
        r.ConsumeUnitAttention();
        return r;
    }

    public Task<ScsiRequest> OverwriteAsync(byte[] list, bool immediate = false, bool unrestricted = false) =>
        SendAsync(Sanitize(OperationCode.SanitizeOverwrite, list.Length, immediate, unrestricted), list);

    public async Task GoodAsync(byte[] cdb, byte[]? dataOut = null, ScsiNexus? nexus = null)
    {
        var r = await SendAsync(cdb, dataOut, nexus);
        Assert.True(r.Status == ScsiStatus.Good, $"{r.Status} {r.Sense}");
    }

    public async Task<SenseData> SenseAsync(byte[] cdb, byte[]? dataOut = null, ScsiNexus? nexus = null)
    {
        var r = await SendAsync(cdb, dataOut, nexus);
        Assert.Equal(ScsiStatus.CheckCondition, r.Status);
        return r.Sense;
    }

    /// <summary>What REQUEST SENSE says.</summary>
    public async Task<SenseData> PollAsync()
    {
        var r = await SendAsync(RequestSense);
        Assert.Equal(ScsiStatus.Good, r.Status);
        var bytes = new byte[r.DataInLength];
        r.DataIn.CopyTo(0, bytes);
        Assert.True(SenseData.TryParse(bytes, out var sense));
        return sense;
    }

    /// <summary>The whole disk.</summary>
    public async Task<byte[]> ReadDiskAsync()
    {
        var bytes = new byte[Device.Info.LengthBytes];
        await Device.ReadAsync(0, BlockList.Over(bytes));
        return bytes;
    }

    /// <summary>Fills the disk.</summary>
    public async Task FillDiskAsync(byte value)
    {
        var bytes = new byte[Device.Info.LengthBytes];
        Array.Fill(bytes, value);
        await Device.WriteAsync(0, BlockList.Over(bytes));
    }

    public async ValueTask DisposeAsync()
    {
        if (Device is Raw.GatedBlockDevice gated) gated.Open();
        await Medium.StopAsync().WaitAsync(TimeSpan.FromSeconds(60));
        Assert.True(Unit.Ranges.IsFree);
        foreach (var memory in _memory) memory.Dispose(); // throws when a grant is open
        await Device.DisposeAsync();
    }
}
