using Iscsi.Target.Scsi;
using Iscsi.Transport;

namespace Iscsi.Target.Sessions;

// Reads that are sent from the device's file have ended when the socket has taken them, but their bytes are read again until the peer has them. That
// is nobody's concern but an ORDERED command's, which must not change what an older read returns: it waits until everything that was
// queued before its turn came is acknowledged. (Over loopback an acknowledged byte is in the peer's queue by reference, until that takes it in: there
// the promise is only as good as the peer is quick.)
internal sealed partial class TargetSession
{
    private static readonly TimeSpan AcknowledgementDelay = TimeSpan.FromMilliseconds(1);

    private readonly List<LogicalUnit> _unitsBehindFileReads = [];
    private ITimer? _acknowledgementTimer;
    private AcknowledgementWork? _acknowledgementWork;
    private bool _hasFileReads;

    /// <summary>Whether reads were sent from the file, for tests.</summary>
    internal bool HasFileReads => _hasFileReads;

    /// <summary>A read is going to be sent from the device's file.</summary>
    public void OnFileRead() => _hasFileReads = true;

    /// <summary>Whether an ORDERED task, for which nothing older is left, has to wait for the peer to have what older ones sent.</summary>
    /// <param name="unit">Its logical unit, whose task set is looked at again later.</param>
    /// <param name="mark">The task's: how far the peer must be; 0 before the first question.</param>
    public bool MustWaitForFileReads(LogicalUnit unit, ref long mark)
    {
        if (!_hasFileReads) return false;
        if (mark == 0) mark = _channel.QueuedBytes;
        if (_channel.AcknowledgedBytes >= mark) return false;
        if (!_unitsBehindFileReads.Contains(unit)) _unitsBehindFileReads.Add(unit);
        _acknowledgementWork ??= new AcknowledgementWork(this);
        _acknowledgementTimer ??= Core.Clock.CreateTimer(
            static session => ((TargetSession)session!).Executor.Post(((TargetSession)session)._acknowledgementWork!),
            this, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
        _acknowledgementTimer.Change(AcknowledgementDelay, Timeout.InfiniteTimeSpan);
        return true;
    }

    // Whoever still has to wait asks again, and is noted again.
    private void LookBehindFileReads()
    {
        var units = _unitsBehindFileReads.ToArray();
        _unitsBehindFileReads.Clear();
        foreach (var unit in units) EnableDormant(unit);
    }

    private sealed class AcknowledgementWork(TargetSession session) : SerialWork
    {
        protected override void Run() => session.LookBehindFileReads();
    }
}
