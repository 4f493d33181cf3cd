using System.CommandLine;
using Iscsi.Initiator;
using IscsiNet.Cli.Client;
using IscsiNet.Cli.Copying;
using IscsiNet.Cli.Output;

namespace IscsiNet.Cli.Commands;

/// <summary><c>copy SRC DST</c>.</summary>
internal static class CopyCommand
{
    public static Command Create()
    {
        var source = new Argument<string>("SRC") { Description = "A file, or iscsi://[user[%secret]@]host[:port]/iqn[/lun]" };
        var destination = new Argument<string>("DST") { Description = "As SRC. A file is made anew, sparse where the data are zeroes; a LUN keeps what is behind the copy." };
        var verify = new Option<bool>("--verify") { Description = "Reads both back and compares them." };
        var client = new ClientOptions();
        var command = new ExampleCommand(
            "copy",
            "Copies a whole file or LUN to a file or LUN, and flushes it.",
            ("iscsinet copy image.raw iscsi://127.0.0.1/iqn.2026-11.net.iscsinet:disk/0 --verify", "an image onto a disk"),
            ("iscsinet copy iscsi://127.0.0.1/iqn.2026-11.net.iscsinet:disk/0 backup.raw", "a disk into a file"))
        {
            source, destination, verify,
        };
        client.AddTo(command);
        command.SetAction(async (parsed, cancellationToken) =>
        {
            var from = parsed.GetRequiredValue(source);
            var to = parsed.GetRequiredValue(destination);
            if (!DiskUrl.IsUrl(from) && !DiskUrl.IsUrl(to) && string.Equals(Path.GetFullPath(from), Path.GetFullPath(to), StringComparison.Ordinal))
                throw UserException.Usage("SRC and DST are the same file");
            var left = await OpenAsync(from, Login, lengthBytes: null, cancellationToken).ConfigureAwait(false);
            await using (left.ConfigureAwait(false))
            {
                var right = await OpenAsync(to, Login, left.LengthBytes, cancellationToken).ConfigureAwait(false);
                await using (right.ConfigureAwait(false))
                    await CopyAsync(left, right, parsed.GetValue(verify), parsed.InvocationConfiguration.Error, cancellationToken).ConfigureAwait(false);
            }

            return ExitCodes.Done;

            IscsiInitiatorOptions Login(IscsiUrl url) => client.For(parsed, url.User, url.Secret);
        });
        return command;
    }

    private static async Task CopyAsync(CopyEnd left, CopyEnd right, bool verify, TextWriter error, CancellationToken cancellationToken)
    {
        var length = left.LengthBytes;
        var elapsed = TransferReport.StartClock();
        await TransferReport.ShowAsync("copy", length, progress =>
            ChunkPipeline.CopyAsync(left.Source, 0, right.Destination, 0, length, progress, cancellationToken)).ConfigureAwait(false);
        await right.Destination.FlushAsync(cancellationToken).ConfigureAwait(false);
        await error.WriteLineAsync(TransferReport.Summary("copied", length, elapsed())).ConfigureAwait(false);
        if (!verify) return;

        elapsed = TransferReport.StartClock();
        var difference = await TransferReport.ShowAsync("verify", length, progress =>
            ChunkPipeline.FindDifferenceAsync(left.Source, right.Source, length, progress, cancellationToken)).ConfigureAwait(false);
        if (difference is { } offset) throw new UserException($"the copy differs from its source at byte {offset}");
        await error.WriteLineAsync(TransferReport.Summary("verified", length, elapsed())).ConfigureAwait(false);
    }

    /// <summary>Opens an end.</summary>
    /// <param name="text">A path or a URL.</param>
    /// <param name="login">How to log in.</param>
    /// <param name="lengthBytes">What must fit: it is a destination; null: it is the source.</param>
    /// <param name="cancellationToken">Gives up.</param>
    private static async Task<CopyEnd> OpenAsync(string text, Func<IscsiUrl, IscsiInitiatorOptions> login, long? lengthBytes, CancellationToken cancellationToken)
    {
        if (!DiskUrl.IsUrl(text))
        {
            var file = lengthBytes is { } length ? FileEnd.Create(text, length) : FileEnd.Open(text);
            return new CopyEnd(file, file, file.LengthBytes, owner: null, file);
        }

        var url = DiskUrl.ParseTarget(text);
        var session = await DiskSession.OpenAsync(url, login(url), cancellationToken).ConfigureAwait(false);
        var available = session.Disk.Info.LengthBytes;
        if (lengthBytes > available)
        {
            await session.DisposeAsync().ConfigureAwait(false);
            throw UserException.Usage($"{lengthBytes} bytes do not fit into {url}, which has {available}");
        }

        var disk = new DiskEnd(session.Disk);
        return new CopyEnd(disk, disk, available, session, file: null);
    }

    private sealed class CopyEnd(IChunkSource source, IChunkDestination destination, long lengthBytes, DiskSession? owner, FileEnd? file) : IAsyncDisposable
    {
        public IChunkSource Source => source;

        public IChunkDestination Destination => destination;

        public long LengthBytes => lengthBytes;

        public ValueTask DisposeAsync()
        {
            file?.Dispose();
            return owner?.DisposeAsync() ?? default;
        }
    }
}
