namespace Iscsi.Interop;

/// <summary>A directory of its own for one test or fixture, removed with everything in it.</summary>
internal sealed class ScratchDirectory : IDisposable
{
    private readonly string _path = Directory.CreateTempSubdirectory("iscsinet-interop-").FullName;

    public string File(string name) => Path.Combine(_path, name);

    /// <summary>A sparse file of zeroes.</summary>
    public string SparseFile(string name, long lengthBytes)
    {
        var path = File(name);
        using var file = System.IO.File.Create(path);
        file.SetLength(lengthBytes);
        return path;
    }

    /// <summary>A file of random bytes that a seed repeats.</summary>
    public string RandomFile(string name, long lengthBytes, int seed)
    {
        var path = File(name);
        var random = new Random(seed);
        var buffer = new byte[1 << 20];
        using var file = System.IO.File.Create(path);
        for (var left = lengthBytes; left > 0; left -= buffer.Length)
        {
            random.NextBytes(buffer);
            file.Write(buffer, 0, (int)Math.Min(left, buffer.Length));
        }

        return path;
    }

    public void Dispose() => Directory.Delete(_path, recursive: true);
}
