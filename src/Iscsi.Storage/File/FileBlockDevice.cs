using Reservations;

namespace Iscsi.Storage;

/// <summary>
/// A disk in a file, or on a block device of the host: sparse, with holes, direct I/O where asked for, and locked against a
/// second opener.
/// </summary>
/// <remarks>
/// <para>On 64-bit Linux, cached reads and everything on tmpfs complete on the caller's thread; what can block runs on the
/// device's own threads, where the caller also goes on after it, and must not block: other calls may be waiting for the same
/// thread. A call that waits for a thread allocates nothing. On other systems .NET's file calls are used: no unmap, no extents, zeroes are written.</para>
/// <para>A writable file on tmpfs of up to 4 GiB is mapped, within an eighth of the memory there is: its pages count as resident memory of the
/// process then. The process handles SIGBUS from there on, for its own copies, and passes others on.</para>
/// <para>After a failed flush (or durable write) every later write and flush is refused with
/// <see cref="BlockDeviceError.Latched"/>, because the kernel may have dropped the data and would report success next
/// time.</para>
/// </remarks>
public sealed partial class FileBlockDevice : IBlockDevice
{
    // Zeroing more than this by writing is given to a thread even where nothing blocks.
    private const long MaxInlineZeroBytes = 256 * 1024;

    private readonly ActivityGate _gate = new();
    private readonly SemaphoreSlim _resizing = new(1, 1);
    private readonly FileBackend _backend;
    private readonly StoreThreads _threads;
    private readonly FlushGroup _flushes;
    private readonly bool _neverBlocks;
    private readonly bool _writeThrough;
    private BlockDeviceInfo _info;

    private FileBlockDevice(FileBackend backend, FileBlockDeviceOptions options, long lengthBytes)
    {
        _backend = backend;
        _neverBlocks = backend.NeverBlocks;
        _writeThrough = options.WriteThrough;
        _threads = new StoreThreads(backend, _gate, options.StoreThreads);
        _flushes = new FlushGroup(backend, _gate);
        _info = backend.Describe(lengthBytes);
        if (_neverBlocks) return;
        _threads.Start();
        if (!options.IsReadOnly) _flushes.Start();
    }

    /// <inheritdoc/>
    public event Action<IBlockDevice>? InfoChanged;

    /// <inheritdoc/>
    public BlockDeviceInfo Info => Volatile.Read(ref _info);

    /// <summary>The file's full path.</summary>
    public string Path => _backend.Path;

    /// <summary>
    /// Syncs of the file so far: one for each <see cref="FlushAsync"/>, or for several that came while another sync ran; one for a
    /// durable zeroing or unmap, one when the file was created or resized. Durable writes are not among them where the system can write
    /// durably in one call.
    /// </summary>
    public long FlushCount => _backend.SyncCount;

    /// <inheritdoc/>
    public ValueTask ReadAsync(long lba, BlockList destination, CancellationToken cancellationToken = default)
    {
        if (cancellationToken.IsCancellationRequested) return ValueTask.FromCanceled(cancellationToken);
        var done = 0;
        try
        {
            var offsetBytes = BlockDeviceChecks.OffsetOf(Info, lba, destination);
            _gate.Enter(this);
            var isHandedOver = false;
            try
            {
                if (_neverBlocks) _backend.Read(offsetBytes, destination, 0);
                else done = _backend.ReadWithoutWaiting(offsetBytes, destination);
                if (_neverBlocks || done == destination.Length) return default;
                var request = Rent(StoreRequest.Operation.Read, offsetBytes);
                request.List = destination;
                request.DoneBytes = done;
                isHandedOver = true;
                return Submit(request);
            }
            finally
            {
                if (!isHandedOver) _gate.Leave();
            }
        }
        catch (Exception e)
        {
            return ValueTask.FromException(e);
        }
    }

    /// <inheritdoc/>
    public ValueTask WriteAsync(long lba, BlockList source,
        BlockWriteFlags flags = BlockWriteFlags.None, CancellationToken cancellationToken = default)
    {
        if (cancellationToken.IsCancellationRequested) return ValueTask.FromCanceled(cancellationToken);
        try
        {
            var info = Info;
            BlockDeviceChecks.CheckWritable(info);
            var offsetBytes = BlockDeviceChecks.OffsetOf(info, lba, source);
            if (_neverBlocks)
            {
                WriteHere(offsetBytes, source, IsDurable(flags));
                return default;
            }
            var request = Enter(StoreRequest.Operation.Write, offsetBytes);
            request.List = source;
            request.IsDurable = IsDurable(flags);
            return Submit(request);
        }
        catch (Exception e)
        {
            return ValueTask.FromException(e);
        }
    }

    /// <inheritdoc/>
    /// <remarks>Flushes at the same time share syncs: those that come while one runs are served together by the next.</remarks>
    public ValueTask FlushAsync(CancellationToken cancellationToken = default)
    {
        if (cancellationToken.IsCancellationRequested) return ValueTask.FromCanceled(cancellationToken);
        try
        {
            if (Info.IsReadOnly)
            {
                ObjectDisposedException.ThrowIf(_gate.IsClosed, this);
                return default; // nothing was written
            }
            var request = Enter(StoreRequest.Operation.Flush, 0);
            if (_neverBlocks) return Start(request, runHere: true);
            var task = request.Task;
            _flushes.Join(request);
            return task;
        }
        catch (Exception e)
        {
            return ValueTask.FromException(e);
        }
    }

    /// <inheritdoc/>
    public ValueTask WriteZeroesAsync(BlockRange range,
        BlockWriteFlags flags = BlockWriteFlags.None, CancellationToken cancellationToken = default)
    {
        if (cancellationToken.IsCancellationRequested) return ValueTask.FromCanceled(cancellationToken);
        try
        {
            var request = EnterChange(StoreRequest.Operation.Zero, range);
            request.MayUnmap = (flags & BlockWriteFlags.MayUnmap) != BlockWriteFlags.None;
            request.IsDurable = IsDurable(flags);
            return Start(request, runHere: _neverBlocks && (request.MayUnmap || request.LengthBytes <= MaxInlineZeroBytes));
        }
        catch (Exception e)
        {
            return ValueTask.FromException(e);
        }
    }

    /// <inheritdoc/>
    /// <remarks>The whole range reads as zeroes afterwards, also the parts that could not be deallocated.</remarks>
    public ValueTask UnmapAsync(BlockRange range, CancellationToken cancellationToken = default)
    {
        if (cancellationToken.IsCancellationRequested) return ValueTask.FromCanceled(cancellationToken);
        try
        {
            var request = EnterChange(StoreRequest.Operation.Unmap, range);
            request.IsDurable = _writeThrough;
            return Start(request, runHere: _neverBlocks);
        }
        catch (Exception e)
        {
            return ValueTask.FromException(e);
        }
    }

    /// <inheritdoc/>
    public ValueTask<int> GetExtentsAsync(BlockRange range, Memory<BlockExtent> extents,
        CancellationToken cancellationToken = default)
    {
        if (cancellationToken.IsCancellationRequested) return ValueTask.FromCanceled<int>(cancellationToken);
        try
        {
            BlockDeviceChecks.Check(Info, range);
            var request = Enter(StoreRequest.Operation.Extents, 0);
            request.Range = range;
            request.Extents = extents;
            if (_neverBlocks) return new(RunHere(request));
            var task = request.ResultTask;
            HandOver(request);
            return task;
        }
        catch (Exception e)
        {
            return ValueTask.FromException<int>(e);
        }
    }

    /// <summary>
    /// Closes the file, after the calls inside have ended. Does not flush: what was to be durable has been flushed.
    /// </summary>
    public async ValueTask DisposeAsync()
    {
        if (!await _gate.CloseAsync().ConfigureAwait(false)) return;
        _threads.Stop();
        _flushes.Stop();
        _backend.Dispose();
        _resizing.Dispose();
    }
}
