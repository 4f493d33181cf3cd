using Reservations;

namespace Iscsi.Storage;

/// <content>How a call gets through: the gate, a pooled request, and this thread or a store thread.</content>
public sealed partial class FileBlockDevice
{
    private bool IsDurable(BlockWriteFlags flags) => _writeThrough || (flags & BlockWriteFlags.ForceUnitAccess) != BlockWriteFlags.None;

    private StoreRequest EnterChange(StoreRequest.Operation operation, BlockRange range)
    {
        var info = Info;
        BlockDeviceChecks.CheckWritable(info);
        BlockDeviceChecks.Check(info, range);
        var request = Enter(operation, range.Lba * info.BlockSize);
        request.LengthBytes = range.Count * info.BlockSize;
        return request;
    }

    private StoreRequest Enter(StoreRequest.Operation operation, long offsetBytes)
    {
        _gate.Enter(this);
        return Rent(operation, offsetBytes);
    }

    private StoreRequest Rent(StoreRequest.Operation operation, long offsetBytes)
    {
        var request = _threads.Rent();
        request.What = operation;
        request.OffsetBytes = offsetBytes;
        return request;
    }

    private void WriteHere(long offsetBytes, BlockList source, bool durable)
    {
        _gate.Enter(this);
        try
        {
            _backend.Write(offsetBytes, source, durable);
        }
        finally
        {
            _gate.Leave();
        }
    }

    private ValueTask Start(StoreRequest request, bool runHere)
    {
        if (!runHere) return Submit(request);
        RunHere(request);
        return default;
    }

    private ValueTask Submit(StoreRequest request)
    {
        // Taken first: once it is handed over, the request may have ended.
        var task = request.Task;
        HandOver(request);
        return task;
    }

    private void HandOver(StoreRequest request)
    {
        try
        {
            _threads.Submit(request);
        }
        catch
        {
            _gate.Leave(); // no thread could be started
            throw;
        }
    }

    private int RunHere(StoreRequest request)
    {
        try
        {
            return request.Execute(_backend);
        }
        finally
        {
            _gate.Leave();
            request.List = null;
            request.Extents = default;
            _threads.Return(request);
        }
    }
}
