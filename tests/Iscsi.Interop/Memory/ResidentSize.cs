using System.Globalization;

namespace Iscsi.Interop.Memory;

/// <summary>Watches the resident size of a process for as long as a test runs.</summary>
internal sealed class ResidentSize : IAsyncDisposable
{
    // Often enough for every peak that lasts: memory that was touched stays resident until a collection gives it back.
    private static readonly TimeSpan Period = TimeSpan.FromMilliseconds(20);

    private static readonly bool AreDisksMapped = new DriveInfo(Path.GetTempPath()).DriveFormat == "tmpfs";

    private readonly PeriodicTimer _timer = new(Period);
    private readonly int _processId;
    private readonly Task _loop;
    private long _peakBytes;

    private ResidentSize(int processId)
    {
        _processId = processId;
        _loop = RunAsync();
    }

    /// <summary>The largest value seen.</summary>
    public long PeakBytes => Math.Max(Interlocked.Read(ref _peakBytes), BytesOf(_processId));

    public static ResidentSize Watch(Daemon daemon)
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "the resident size is read from /proc");
        return new ResidentSize(daemon.ProcessId);
    }

    /// <summary>VmRSS of a process; without RssShmem where the disks lie on tmpfs, whose pages are mapped and not the process's.</summary>
    public static long BytesOf(int processId) => FieldOf(processId, "VmRSS:") - (AreDisksMapped ? FieldOf(processId, "RssShmem:") : 0);

    /// <summary>Fails the test when the process was larger than it promised.</summary>
    public void IsAtMost(MemoryPromise promise)
    {
        var peak = PeakBytes;
        TestContext.Current.TestOutputHelper?.WriteLine($"resident size at most {peak / 1048576.0:F1} MiB, bound {promise.ProcessBoundBytes >> 20} MiB");
        Assert.True(peak <= promise.ProcessBoundBytes, $"the resident size reached {peak >> 10} KiB, the bound is {promise.ProcessBoundBytes >> 10} KiB");
    }

    private static long FieldOf(int processId, string name)
    {
        foreach (var line in File.ReadLines($"/proc/{processId}/status"))
        {
            if (!line.StartsWith(name, StringComparison.Ordinal)) continue;
            return long.Parse(line.AsSpan(name.Length, line.Length - name.Length - " kB".Length), NumberStyles.AllowLeadingWhite, CultureInfo.InvariantCulture) * 1024;
        }
        throw new InvalidOperationException($"process {processId} has ended");
    }

    public async ValueTask DisposeAsync()
    {
        _timer.Dispose();
        await _loop;
    }

    private async Task RunAsync()
    {
        try
        {
            while (await _timer.WaitForNextTickAsync())
            {
                var now = BytesOf(_processId);
                if (now > _peakBytes) Interlocked.Exchange(ref _peakBytes, now);
            }
        }
        catch (Exception exception) when (exception is IOException or InvalidOperationException)
        {
            // The process has ended: the peak is known.
        }
    }
}
