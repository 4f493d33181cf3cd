namespace Iscsi.Storage;

/// <summary>
/// Tells which pages of a file the system has in its cache, read and not just being read: the file is mapped for that, and never touched there.
/// </summary>
/// <remarks>
/// About 75 ns a page (mincore). The system may drop a page at any time; what is told is what was. The mapping takes address space, no memory.
/// </remarks>
internal sealed class CachedPages : IDisposable
{
    private readonly LinuxCalls _calls;
    private readonly nint _address;
    private readonly long _mappedBytes; // with a page behind the end

    private CachedPages(LinuxCalls calls, nint address, long mappedBytes)
    {
        _calls = calls;
        _address = address;
        _mappedBytes = mappedBytes;
    }

    /// <summary>Of a file as long as it is now.</summary>
    /// <returns>Null where the system does not tell: it calls all pages of a file there that the process may not write to and does not own.</returns>
    public static CachedPages? TryCreate(LinuxCalls calls, int fd, long lengthBytes)
    {
        var pageBytes = Environment.SystemPageSize;
        var end = (lengthBytes + pageBytes - 1) & -pageBytes;
        if (lengthBytes <= 0 || calls.MapUntouchable(fd, end + pageBytes) is not (> 0 and var address)) return null;
        var pages = new CachedPages(calls, (nint)address, end + pageBytes);
        // No page can be there behind the end.
        if (!calls.IsInCore((nint)address + (nint)end, pageBytes)) return pages;
        pages.Dispose();
        return null;
    }

    /// <summary>Whether all pages of a range are there.</summary>
    public bool Has(long offsetBytes, long lengthBytes)
    {
        var end = offsetBytes + lengthBytes;
        if (end > _mappedBytes) return false;
        for (var start = offsetBytes & -Environment.SystemPageSize; start < end; start += LinuxCalls.MostInCoreBytes)
            if (!_calls.IsInCore(_address + (nint)start, Math.Min(end - start, LinuxCalls.MostInCoreBytes))) return false;
        return true;
    }

    public void Dispose() => _ = _calls.Unmap(_address, _mappedBytes);
}
