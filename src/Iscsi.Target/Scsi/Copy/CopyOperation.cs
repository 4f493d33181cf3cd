using Iscsi.Protocol;
using Iscsi.Protocol.Scsi;
using Iscsi.Storage;

namespace Iscsi.Target.Scsi.Copy;

// NextExtent ─▶ Reading ─▶ Writing ─▶ Reading … ─▶ NextExtent … ─▶ over
//      └────────(zeroes)────▶ Writing …

/// <summary>
/// A third-party copy as a machine: it says what is to be asked of which device next, and is told how that ended. It waits for nothing and
/// holds nothing; the driver enters range locks and Store gates for one request at a time, so a copy between two disks never holds
/// something of the one while it waits for the other. Used by the owner of its task only.
/// </summary>
internal abstract class CopyOperation(CopyRecord record)
{
    private CopyExtent _extent;
    private CopyIo _io;
    private long _done;
    private long _chunkBytes;
    private Step _step;
    private bool _isZeroed;

    private enum Step : byte
    {
        NextExtent,
        Reading,
        Writing,
        Alone,
    }

    /// <summary>What RECEIVE COPY STATUS tells about it.</summary>
    public CopyRecord Record { get; } = record;

    /// <summary>Whether its next or current request concerns a logical unit other than the one that was sent the command.</summary>
    public bool Touches(LogicalUnit unit) => ReferenceEquals(_io.Unit, unit) ||
        (_step != Step.NextExtent && (ReferenceEquals(_extent.Source, unit) || ReferenceEquals(_extent.Destination, unit)));

    /// <summary>What to ask next.</summary>
    /// <returns>False: the copy is over, and the status is set.</returns>
    public bool TryNext(ScsiRequest r, out CopyIo io)
    {
        io = default;
        if (Record.IsAbortRequested)
        {
            r.Fail(Failure(default, AdditionalSense.None));
            return End(r);
        }
        switch (_step)
        {
            case Step.NextExtent:
                if (!TryNextExtent(r, out _extent)) return r.Status == ScsiStatus.Good && TryGetBarrier(out var range) ? Alone(r, range, out io) : End(r);
                _done = 0;
                return NextChunk(r, out io);
            case Step.Reading:
                // What was read may be written only if it still is what the copy is of.
                return CheckSource(r) ? Write(r, out io) : End(r);
            case Step.Writing:
                _done += _chunkBytes;
                Record.OnTransferred(_chunkBytes);
                if (_done < _extent.LengthBytes) return NextChunk(r, out io);
                _step = Step.NextExtent;
                return TryNext(r, out io);
            default:
                return End(r);
        }
    }

    /// <summary>The device has done it; the range is still entered.</summary>
    public void OnIoEnded(ScsiRequest r)
    {
        if (_step == Step.Alone) OnAlone(r);
    }

    /// <summary>The device has failed.</summary>
    public void OnIoFailed(ScsiRequest r, Exception error)
    {
        if (error is BlockDeviceException { Error: BlockDeviceError.NoSpace }) _io.Unit.Space.OnNoSpace();
        // A write through the cache is a write and a flush in one; which of them failed is not known.
        if (_io is { Kind: CopyIoKind.Write, Unit.WritesThrough: true } && !ScsiErrors.IsRefusal(error)) _io.Unit.LatchWriteError();
        r.Fail(Failure(_io, ScsiErrors.Sense(error, _io.IsWrite)));
        End(r);
    }

    /// <summary>The blocks of the request can't be reached any more.</summary>
    public void OnRefused(ScsiRequest r, SenseData cause)
    {
        r.Fail(Failure(_io, cause));
        End(r);
    }

    /// <summary>The task was stopped: nothing of it runs any more.</summary>
    public void OnAborted()
    {
        OnEnd();
        Record.End(CopyStatus.Aborted, default);
    }

    /// <summary>The copy is over, for whatever reason: it uses nothing any more. Called at least once.</summary>
    protected virtual void OnEnd()
    {
    }

    /// <summary>The next extent, checked; false with a status other than GOOD: it cannot be copied.</summary>
    protected abstract bool TryNextExtent(ScsiRequest r, out CopyExtent extent);

    /// <summary>What the initiator is told when a request of the copy manager fails.</summary>
    /// <param name="io">The request; default: no request is to blame.</param>
    /// <param name="cause">What the device says; no sense: it cannot be asked at all.</param>
    protected abstract SenseData Failure(in CopyIo io, SenseData cause);

    /// <summary>What the initiator is told when the copy ends for a reason of its own.</summary>
    protected SenseData Failure(in CopyIo io, AdditionalSense additional) => Failure(io, new SenseData(SenseKey.CopyAborted, additional));

    /// <summary>Whether what was just read may still be written; false with a status: not.</summary>
    protected virtual bool CheckSource(ScsiRequest r) => true;

    /// <summary>At the end of the extents: blocks to be alone with, once.</summary>
    protected virtual bool TryGetBarrier(out BlockRange range)
    {
        range = default;
        return false;
    }

    /// <summary>The copy manager is alone with the blocks.</summary>
    protected virtual void OnAlone(ScsiRequest r)
    {
    }

    private bool Alone(ScsiRequest r, BlockRange range, out CopyIo io)
    {
        _step = Step.Alone;
        io = _io = new CopyIo(CopyIoKind.Barrier, r.Unit!, range);
        return true;
    }

    private bool NextChunk(ScsiRequest r, out CopyIo io)
    {
        var destination = _extent.Destination;
        if (_extent.Source is not { } source)
        {
            var most = ScsiCapabilities.CanWriteZeroes(destination) ? destination.Limits.MaximumWriteSameBytes : WholeBlocks(r.Scratch.Length, destination, destination);
            _chunkBytes = Math.Min(most, _extent.LengthBytes - _done);
            return Write(r, out io);
        }
        _chunkBytes = Math.Min(WholeBlocks(r.Scratch.Length, source, destination), _extent.LengthBytes - _done);
        r.SetWindow(r.Scratch, (int)_chunkBytes);
        io = new CopyIo(CopyIoKind.Read, source, Blocks(source, _extent.SourceLba));
        return Begin(r, io, Step.Reading);
    }

    private bool Write(ScsiRequest r, out CopyIo io)
    {
        var destination = _extent.Destination;
        var kind = CopyIoKind.Write;
        if (_extent.Source is null)
        {
            if (ScsiCapabilities.CanWriteZeroes(destination)) kind = CopyIoKind.WriteZeroes;
            else ZeroScratch(r);
        }
        io = new CopyIo(kind, destination, Blocks(destination, _extent.DestinationLba));
        return Begin(r, io, Step.Writing);
    }

    // Reservations and the state of a unit are looked at before every request: a nexus that is preempted meanwhile writes no more.
    private bool Begin(ScsiRequest r, in CopyIo io, Step step)
    {
        _io = io;
        if (CopyAccess.Check(r, io) is { } sense)
        {
            r.Fail(Failure(io, sense));
            return End(r);
        }
        _step = step;
        Record.OnOperation();
        return true;
    }

    private BlockRange Blocks(LogicalUnit unit, long lba)
    {
        var blockSize = unit.Info.BlockSize;
        var offset = _extent.IsBackwards ? _extent.LengthBytes - _done - _chunkBytes : _done;
        return new BlockRange(lba + (offset / blockSize), _chunkBytes / blockSize);
    }

    private void ZeroScratch(ScsiRequest r)
    {
        if (!_isZeroed) r.Scratch.Zero();
        _isZeroed = true;
        r.SetWindow(r.Scratch, (int)_chunkBytes);
    }

    private bool End(ScsiRequest r)
    {
        OnEnd();
        Record.End(
            r.Status == ScsiStatus.Good ? CopyStatus.Completed : Record.IsAbortRequested ? CopyStatus.Aborted : CopyStatus.Failed,
            r.Status == ScsiStatus.CheckCondition ? r.Sense : default);
        return false;
    }

    // Block sizes are powers of two.
    private static int WholeBlocks(int bytes, LogicalUnit a, LogicalUnit b)
    {
        var blockSize = Math.Max(a.Info.BlockSize, b.Info.BlockSize);
        return bytes / blockSize * blockSize;
    }
}
