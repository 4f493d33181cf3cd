using Iscsi.Target.Memory;
using Reservations;

namespace Iscsi.Target.Scsi.Media;

/// <summary>
/// Everything an operation on a medium ever needs, held for its whole duration: a block of data, then a request of the device. In this order, which is
/// that of the levels, and both before the operation is accepted; while it runs it waits for nobody's memory.
/// </summary>
internal sealed class OperationMemory : IDisposable
{
    private readonly Flow _flow = new();
    private Grant _data;
    private Grant _store;

    private OperationMemory()
    {
    }

    /// <summary>The block.</summary>
    public BlockList Data { get; } = new(1);

    /// <summary>Takes the block if one is free.</summary>
    public static bool TryTake(BackgroundMemory background, out OperationMemory memory)
    {
        memory = new OperationMemory();
        if (!background.Node.TryReserve(memory._flow, BackgroundMemory.Demand, out memory._data)) return false;
        memory.Draw();
        return true;
    }

    /// <summary>Takes the block when one is free: for an operation that was accepted before a restart.</summary>
    public static async ValueTask<OperationMemory> TakeAsync(BackgroundMemory background, CancellationToken cancellationToken)
    {
        var memory = new OperationMemory();
        memory._data = await background.Node.ReserveAsync(memory._flow, TargetLevels.BurstGate, BackgroundMemory.Demand, cancellationToken).ConfigureAwait(false);
        memory.Draw();
        return memory;
    }

    /// <summary>Takes the request of the device, as any command's would be taken.</summary>
    /// <param name="lane">The device's lane; null: it needs none.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    public async ValueTask EnterStoreAsync(StoreLane? lane, CancellationToken cancellationToken)
    {
        if (lane is not null)
            _store = await lane.Node.ReserveAsync(_flow, TargetLevels.StoreGate, lane.Demand, cancellationToken).ConfigureAwait(false);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        if (!_store.IsEmpty) _store.Dispose();
        _store = default;
        Data.Clear();
        if (!_data.IsEmpty) _data.Dispose();
        _data = default;
    }

    private void Draw() => _data.Draw(TargetLevels.Burst, 1, Data);
}
