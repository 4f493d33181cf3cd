using Microsoft.Win32.SafeHandles;

namespace IscsiNet.Cli.Copying;

/// <summary>A file, in any order. A new one stays sparse where the data are zeroes.</summary>
internal sealed class FileEnd : IChunkSource, IChunkDestination, IDisposable
{
    private readonly SafeFileHandle _file;
    private readonly bool _isNew;

    private FileEnd(SafeFileHandle file, bool isNew)
    {
        _file = file;
        _isNew = isNew;
        LengthBytes = RandomAccess.GetLength(file);
    }

    public long LengthBytes { get; }

    public bool IsSequential => false;

    public static FileEnd Open(string path) =>
        new(File.OpenHandle(path, FileMode.Open, FileAccess.Read, FileShare.Read, FileOptions.Asynchronous), isNew: false);

    /// <summary>Creates a file of zeroes; what was there is gone.</summary>
    public static FileEnd Create(string path, long lengthBytes)
    {
        var file = File.OpenHandle(path, FileMode.Create, FileAccess.ReadWrite, FileShare.None, FileOptions.Asynchronous);
        try
        {
            RandomAccess.SetLength(file, lengthBytes);
            return new FileEnd(file, isNew: true);
        }
        catch
        {
            file.Dispose();
            throw;
        }
    }

    public async ValueTask<int> ReadAsync(long offsetBytes, Memory<byte> buffer, CancellationToken cancellationToken)
    {
        var done = 0;
        while (done < buffer.Length)
        {
            var count = await RandomAccess.ReadAsync(_file, buffer[done..], offsetBytes + done, cancellationToken).ConfigureAwait(false);
            if (count == 0) break;
            done += count;
        }

        return done;
    }

    public ValueTask WriteAsync(long offsetBytes, ReadOnlyMemory<byte> data, CancellationToken cancellationToken) =>
        _isNew && data.Span.IndexOfAnyExcept((byte)0) < 0 ? default : RandomAccess.WriteAsync(_file, data, offsetBytes, cancellationToken);

    public ValueTask FlushAsync(CancellationToken cancellationToken)
    {
        RandomAccess.FlushToDisk(_file);
        return default;
    }

    public void Dispose() => _file.Dispose();
}
