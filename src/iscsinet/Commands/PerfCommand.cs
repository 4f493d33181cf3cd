using System.CommandLine;
using Iscsi.Initiator;
using Iscsi.Protocol;
using Iscsi.Storage;
using IscsiNet.Cli.Client;
using IscsiNet.Cli.Measuring;
using IscsiNet.Cli.Output;
using IscsiNet.Cli.Parsing;
using IscsiNet.Cli.Serving;

namespace IscsiNet.Cli.Commands;

/// <summary><c>perf URL</c>.</summary>
internal static class PerfCommand
{
    private const long MaxMemoryBytes = 1L << 30;

    public static Command Create()
    {
        var url = DiskUrl.Argument("The LUN.");
        var client = new ClientOptions();
        var read = new Option<bool>("--read") { Description = "Reads only; so it does without any of these three." };
        var write = new Option<bool>("--write") { Description = "Writes only. Destroys what is on the LUN." };
        var writePercent = new Option<int>("--write-percent") { Description = "Reads and writes: how many of a hundred are writes.", HelpName = "P" };
        var overwrite = new Option<bool>("--overwrite") { Description = "What is on the LUN may be destroyed; nothing is written without it." };
        var size = new Option<long>("--size") { Description = "Bytes of an I/O. [default: 4KiB]", HelpName = "SIZE", CustomParser = Values.Size };
        var random = new Option<bool>("--random") { Description = "At random places; so it does without --sequential." };
        var sequential = new Option<bool>("--sequential") { Description = "One I/O after the other, each session in a part of its own." };
        var depth = new Option<int>("--depth") { Description = "I/Os outstanding in each session, 1 to 4096.", HelpName = "N", DefaultValueFactory = _ => 32 };
        var sessions = new Option<int>("--sessions") { Description = "Sessions, 1 to 256.", HelpName = "N", DefaultValueFactory = _ => 1 };
        var seconds = new Option<double>("--seconds") { Description = "How long, after a warm-up of 0.3 s. Ctrl+C ends it early.", HelpName = "S", DefaultValueFactory = _ => 10 };
        var digests = new Option<bool>("--digests") { Description = "Asks for CRC32C header and data digests." };
        var json = new Option<bool>("--json") { Description = "Prints one JSON object instead of a table." };
        var seed = new Option<int>("--seed") { Description = "Of the random numbers.", HelpName = "N", DefaultValueFactory = _ => 1 };
        var command = new ExampleCommand(
            "perf",
            "Loads a LUN and says how fast it is: I/Os a second, throughput, latencies. Reads, where it is not told to write.",
            ("iscsinet perf iscsi://127.0.0.1/iqn.2026-11.net.iscsinet:disk/0", "4 KiB reads at random places, 32 at a time"),
            ("iscsinet perf iscsi://127.0.0.1/iqn.2026-11.net.iscsinet:disk/0 --sequential --size 1MiB --depth 8 --json", "throughput, for a program"),
            ("iscsinet perf iscsi://127.0.0.1/iqn.2026-11.net.iscsinet:disk/0 --write-percent 30 --overwrite", "a mix that destroys what is on the disk"))
        {
            url, read, write, writePercent, overwrite, size, random, sequential, depth, sessions, seconds, digests, json, seed,
        };
        client.AddTo(command);
        command.SetAction(async (parsed, cancellationToken) =>
        {
            var address = parsed.GetRequiredValue(url);
            var load = new PerfLoad(
                (int)CheckedSize(parsed.GetResult(size) is null ? 4096 : parsed.GetValue(size)),
                IsRandom: !parsed.GetValue(sequential),
                PercentOf(parsed.GetValue(read), parsed.GetValue(write), parsed.GetResult(writePercent) is null ? null : parsed.GetValue(writePercent)),
                Between(depth.Name, parsed.GetValue(depth), 1, 4096),
                TimeSpan.FromSeconds(Between(seconds.Name, parsed.GetValue(seconds), 0.1, 86400)),
                parsed.GetValue(seed));
            var sessionCount = Between(sessions.Name, parsed.GetValue(sessions), 1, 256);
            if (parsed.GetValue(random) && !load.IsRandom) throw UserException.Usage("--random and --sequential exclude each other");
            if (load.WritePercent > 0 && !parsed.GetValue(overwrite))
                throw UserException.Usage($"writing destroys what is on {address}; add --overwrite if it may be lost, or leave writing out");
            if ((long)load.SizeBytes * load.Depth * sessionCount > MaxMemoryBytes)
                throw UserException.Usage("--size times --depth times --sessions is more than 1 GiB of memory; make one of them smaller");

            var login = client.For(parsed, address.User, address.Secret) with { MaxOutstandingCommands = load.Depth };
            if (parsed.GetValue(digests))
                login = login with { Offer = login.Offer with { HeaderDigest = DigestOffer.Crc32C, DataDigest = DigestOffer.Crc32C } };
            var open = new List<DiskSession>();
            try
            {
                for (var i = 0; i < sessionCount; i++)
                {
                    open.Add(await DiskSession.OpenAsync(address, login, cancellationToken).ConfigureAwait(false));
                    if (i == 0) Check(load, sessionCount, open[0].Disk.Info, address);
                }

                return await MeasureAsync(load, [.. open.Select(session => session.Disk)], address, parsed.GetValue(json), parsed.InvocationConfiguration).ConfigureAwait(false);
            }
            finally
            {
                foreach (var session in open) await session.DisposeAsync().ConfigureAwait(false);
            }
        });
        return command;
    }

    private static async Task<int> MeasureAsync(PerfLoad load, IReadOnlyList<IBlockDevice> disks, IscsiUrl url, bool isJson, InvocationConfiguration console)
    {
        if (load.WritePercent > 0)
            await console.Error.WriteLineAsync($"overwriting any of the {disks[0].Info.LengthBytes} bytes of {url}").ConfigureAwait(false);
        using var signal = new ShutdownSignal();
        var result = await new PerfRun(load, disks).RunAsync(signal.Requested).ConfigureAwait(false);
        await console.Output.WriteAsync(isJson ? PerfReport.Json(result) : PerfReport.Table(result)).ConfigureAwait(false);
        if (result.FirstError is { } error)
            await console.Error.WriteLineAsync($"{result.Errors} I/Os failed, the first: {ErrorText.Of(error).Message}").ConfigureAwait(false);
        return result.HasFailed ? ExitCodes.Failed : ExitCodes.Done;
    }

    private static void Check(PerfLoad load, int sessionCount, BlockDeviceInfo disk, IscsiUrl url)
    {
        if (load.SizeBytes % disk.BlockSize != 0)
            throw UserException.Usage($"--size {load.SizeBytes} is no multiple of the block of {url}, which has {disk.BlockSize} bytes");
        if (disk.LengthBytes / load.SizeBytes < (long)load.Depth * sessionCount)
        {
            throw UserException.Usage(
                $"{url} has {disk.LengthBytes} bytes, less than {load.Depth} I/Os of {load.SizeBytes} bytes for each of {sessionCount} sessions; make --size, --depth or --sessions smaller");
        }

        if (load.WritePercent > 0 && disk.IsReadOnly) throw UserException.Usage($"{url} is read-only; measure it with --read");
    }

    private static int PercentOf(bool isRead, bool isWrite, int? percent)
    {
        if ((isRead ? 1 : 0) + (isWrite ? 1 : 0) + (percent is null ? 0 : 1) > 1)
            throw UserException.Usage("--read, --write and --write-percent exclude each other");
        return isWrite ? 100 : Between("--write-percent", percent ?? 0, 0, 100);
    }

    private static long CheckedSize(long bytes) =>
        bytes is >= 512 and <= 64 << 20 ? bytes : throw UserException.Usage("--size takes 512 bytes to 64 MiB");

    private static T Between<T>(string name, T value, T minimum, T maximum)
        where T : IComparable<T> =>
        value.CompareTo(minimum) >= 0 && value.CompareTo(maximum) <= 0 ? value
            : throw UserException.Usage(FormattableString.Invariant($"{name} takes {minimum} to {maximum}"));
}
