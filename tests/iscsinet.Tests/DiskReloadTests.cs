using System.Runtime.InteropServices;
using Iscsi.Storage;
using IscsiNet.Cli.Serving;

namespace IscsiNet.Cli.Tests;

public sealed class DiskReloadTests : IDisposable
{
    private readonly string _path = Path.GetTempFileName();
    private readonly StringWriter _report = new();

    public void Dispose() => File.Delete(_path);

    [Fact]
    public async Task A_file_that_was_made_longer_is_served_so()
    {
        await using var disk = await OpenAsync();
        IBlockDevice[] disks = [new MemoryBlockDevice(1 << 20, 512), disk];
        SetLength(2 << 20);

        await DiskReload.RunAsync(disks, _report);

        Assert.Equal(2 << 20, disk.Info.LengthBytes);
        Assert.Equal($"LUN 1 has 2 MiB now{Environment.NewLine}", _report.ToString());
    }

    [Fact]
    public async Task A_file_that_did_not_change_is_not_talked_about()
    {
        await using var disk = await OpenAsync();
        IBlockDevice[] disks = [disk];

        await DiskReload.RunAsync(disks, _report);

        Assert.Equal("", _report.ToString());
    }

    [Fact]
    public async Task A_length_that_can_not_be_served_leaves_the_disk_as_it_was()
    {
        await using var disk = await OpenAsync();
        IBlockDevice[] disks = [disk];
        SetLength((1 << 20) + 1);

        await DiskReload.RunAsync(disks, _report);

        Assert.Equal(1 << 20, disk.Info.LengthBytes);
        Assert.StartsWith("LUN 0 stays as it was: ", _report.ToString(), StringComparison.Ordinal);
    }

    private async Task<FileBlockDevice> OpenAsync()
    {
        using (var file = File.OpenWrite(_path)) file.SetLength(1 << 20);
        return await FileBlockDevice.OpenAsync(_path, new());
    }

    /// <summary>Past the lock by which the open device keeps other programs of this runtime out.</summary>
    private void SetLength(long lengthBytes) => Assert.Equal(0, Truncate(_path, lengthBytes));

    [DllImport("libc", EntryPoint = "truncate", CharSet = CharSet.Ansi, BestFitMapping = false, ThrowOnUnmappableChar = true)]
    private static extern int Truncate(string path, long lengthBytes);
}
