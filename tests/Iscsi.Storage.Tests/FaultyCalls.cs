namespace Iscsi.Storage.Tests;

/// <summary>Real calls that fail or are counted on demand.</summary>
internal sealed unsafe class FaultyCalls : LinuxCalls
{
    private int _transfers;

    public int Syncs { get; private set; }

    public int DurableWrites { get; private set; }

    /// <summary>Reads and writes by a call.</summary>
    public int Transfers => Volatile.Read(ref _transfers);

    /// <summary>The errno of the next sync; 0: none.</summary>
    public int SyncError { get; set; }

    /// <summary>The errno of every read until it is reset.</summary>
    public int ReadError { get; set; }

    /// <summary>Called before each read with its offset, length and flags: the longest that may be read, a negative errno, or null.</summary>
    public Func<long, long, int, long?>? OnRead { get; set; }

    /// <summary>Called in each write with its offset and flags: the errno it fails with, or 0.</summary>
    public Func<long, int, int>? OnWrite { get; set; }

    /// <summary>The errno of every write until it is reset.</summary>
    public int WriteError { get; set; }

    /// <summary>The errno of every durable write until it is reset.</summary>
    public int DurableWriteError { get; set; }

    public int AllocateError { get; set; }

    public int DirectError { get; set; }

    /// <summary>Whether the file seems to be a block device.</summary>
    public bool IsBlockDevice { get; set; }

    /// <summary>The file system that the file seems to be on; null: the one it is on.</summary>
    public long? FileSystemMagic { get; set; }

    /// <summary>Whether pages seem to be in memory; null: whether they are.</summary>
    public bool? AreInCore { get; set; }

    /// <summary>What direct I/O is aligned to, by statx; 0: it does not say; null: what the file system says.</summary>
    public int? DirectAlignment { get; set; }

    /// <summary>What direct I/O needs, whatever statx says.</summary>
    public int SectorBytes { get; set; } = 1;

    /// <summary>While it is there, writes wait for it.</summary>
    public ManualResetEventSlim? WriteGate { get; set; }

    /// <summary>Called in each sync, with its number from 1; the errno it fails with, or 0.</summary>
    public Func<int, int>? OnSync { get; set; }

    public override long SyncData(int fd)
    {
        Syncs++;
        if (OnSync is { } onSync) return -onSync(Syncs);
        if (SyncError == 0) return base.SyncData(fd);
        var error = SyncError;
        SyncError = 0;
        return -error;
    }

    public override long Read(int fd, IoVector* vectors, int count, long offsetBytes, int flags)
    {
        Interlocked.Increment(ref _transfers);
        if (ReadError != 0) return -ReadError;
        if (vectors->Length % SectorBytes != 0) return -Linux.EInval;
        if (OnRead is not { } onRead) return base.Read(fd, vectors, count, offsetBytes, flags);
        var length = 0L;
        for (var i = 0; i < count; i++) length += vectors[i].Length;
        switch (onRead(offsetBytes, length, flags))
        {
            case null:
                return base.Read(fd, vectors, count, offsetBytes, 0);
            case < 0 and var error:
                return error;
            case { } most:
                var part = new IoVector { Base = vectors->Base, Length = (nint)Math.Min(most, vectors->Length) };
                return base.Read(fd, &part, 1, offsetBytes, 0);
        }
    }

    public override long Write(int fd, IoVector* vectors, int count, long offsetBytes, int flags)
    {
        Interlocked.Increment(ref _transfers);
        WriteGate?.Wait();
        if ((flags & Linux.RwfDSync) != 0)
        {
            DurableWrites++;
            if (DurableWriteError != 0) return -DurableWriteError;
        }
        if (OnWrite?.Invoke(offsetBytes, flags) is { } error and not 0) return -error;
        return WriteError != 0 ? -WriteError : base.Write(fd, vectors, count, offsetBytes, flags);
    }

    public override long Allocate(int fd, int mode, long offsetBytes, long lengthBytes) =>
        AllocateError != 0 ? -AllocateError : base.Allocate(fd, mode, offsetBytes, lengthBytes);

    public override long Stat(int fd, out FileStatus status)
    {
        var result = base.Stat(fd, out status);
        if (IsBlockDevice) status.Mode = Linux.TypeBlockDevice;
        if (DirectAlignment is not { } alignment) return result;
        status.Mask = alignment == 0 ? status.Mask & ~Linux.StatXDirectAlignment : status.Mask | Linux.StatXDirectAlignment;
        status.DirectOffsetAlignment = status.DirectMemoryAlignment = (uint)alignment;
        return result;
    }

    public override long FileSystem(int fd, out FileSystemStatus status)
    {
        var result = base.FileSystem(fd, out status);
        if (FileSystemMagic is { } magic) status.Magic = magic;
        return result;
    }

    public override bool IsInCore(nint address, long lengthBytes) => AreInCore ?? base.IsInCore(address, lengthBytes);

    public override long SetDirect(int fd) => DirectError != 0 ? -DirectError : base.SetDirect(fd);
}
