namespace Iscsi.Interop.Guests;

/// <summary>fio writes at random and reads back what it wrote.</summary>
[Collection(LinuxGuestCollection.Name)]
[Trait("Category", "Foreign")]
public sealed class LoadTests(LinuxGuestFixture guests)
{
    [Theory]
    [InlineData(512, "None")]
    [InlineData(4096, "None")]
    [InlineData(512, "CRC32C")]
    public Task Fio_verifies_what_it_wrote_at_random_over_64_MiB(int blockSize, string dataDigest) => guests.RunAsync(async guest =>
    {
        using var scratch = new ScratchDirectory();
        await using var daemon = await GuestDaemon.ServeAsync($"{scratch.SparseFile("disk.img", 64L << 20)},block-size={blockSize}");

        (await guest.RunAsync(
            $"""
            discover {daemon.Port}
            setting node.conn[0].iscsi.DataDigest {dataDigest}
            login
            disk=$(disk 0)
            {Fio} --bsrange=4k-256k --blockalign=4k
            logout
            """)).Succeeded();
    });

    /// <summary>The deliberate faults use the same.</summary>
    internal const string Fio =
        "fio --name=random --filename=$disk --direct=1 --ioengine=libaio --iodepth=16 --rw=randwrite --size=64M --verify=crc32c --verify_fatal=1 --randseed=7143 --output-format=terse";
}
