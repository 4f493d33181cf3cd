using Iscsi.Storage;

namespace Iscsi.Target.Tasks;

// What passes by the Store level, because it takes none of the device's requests: reads of what the device has at hand, and flushes that share
// one of its own. Neither waits for memory or a thread, so the order of the levels is not touched.
internal sealed partial class TargetTask
{
    // FUA data were written by ordinary writes: a flush is due before the status.
    private bool _flushesLast;

    // Whether the device is asked for a flush now. Not by LogicalUnit.FlushAsync, whose frames are too few for many at a time.
    private bool IsFlush => _plan switch
    {
        Plan.Read => _flushesFirst,
        Plan.Write => _ioStep == IoStep.Flush,
        Plan.Execute => Request.OnlyFlushes,
        _ => false,
    };

    // Not what the system is to send from the file: that has no memory to be read into.
    private bool TryReadAtOnce() =>
        _plan is Plan.Read && _lane is not null && !_flushesFirst && _fileDevice is null && Request.Unit!.Shortcuts is { } device && device.TryRead(CurrentLba, _io);

    // Several durable writes at a time are better written one by one and flushed together; one alone is better made durable by itself.
    private BlockWriteFlags ChunkFlags(BlockWriteFlags flags)
    {
        if ((flags & BlockWriteFlags.ForceUnitAccess) == BlockWriteFlags.None || _plan is not Plan.Write) return flags;
        if (_lane is not { SharesFlushes: true } || Request.Unit!.Shortcuts is not { PrefersFlush: true }) return flags;
        _flushesLast = true;
        return flags & ~BlockWriteFlags.ForceUnitAccess;
    }

    // The memory of the chunks has gone back already.
    private void FlushLast()
    {
        _flushesLast = false;
        _ioStep = IoStep.Flush;
        StartIo();
    }
}
