using System.CommandLine;
using IscsiNet.Cli.Client;
using IscsiNet.Cli.Copying;
using IscsiNet.Cli.Output;
using IscsiNet.Cli.Parsing;

namespace IscsiNet.Cli.Commands;

/// <summary><c>write URL</c>.</summary>
internal static class WriteCommand
{
    public static Command Create()
    {
        var url = DiskUrl.Argument("The LUN.");
        var client = new ClientOptions();
        var offset = new Option<long>("--offset") { Description = "The first byte. [default: 0]", HelpName = "SIZE", CustomParser = Values.Size };
        var input = new Option<string?>("--input") { Description = "The file to read. [default: standard input]", HelpName = "FILE" };
        var flush = new Option<bool>("--flush") { Description = "Ends with a flush: what was written is durable when the command returns." };
        var command = new ExampleCommand(
            "write",
            "Writes a file or standard input to a LUN. Bytes of a block that are not given stay.",
            ("iscsinet write iscsi://127.0.0.1/iqn.2026-11.net.iscsinet:disk/0 --input image.raw --flush", "an image"),
            ("printf hello | iscsinet write iscsi://127.0.0.1/iqn.2026-11.net.iscsinet:disk/0 --offset 1MiB", "five bytes"))
        {
            url, offset, input, flush,
        };
        client.AddTo(command);
        command.SetAction(async (parsed, cancellationToken) =>
        {
            var address = parsed.GetRequiredValue(url);
            var at = parsed.GetValue(offset);
            var path = parsed.GetValue(input);
            var stream = path is null ? Console.OpenStandardInput() : File.OpenRead(path);
            await using (stream.ConfigureAwait(false))
            {
                var session = await DiskSession.OpenAsync(address, client.For(parsed, address.User, address.Secret), cancellationToken).ConfigureAwait(false);
                await using (session.ConfigureAwait(false))
                {
                    long? length = stream.CanSeek ? stream.Length : null;
                    if (at > session.Disk.Info.LengthBytes || length > session.Disk.Info.LengthBytes - at)
                        throw UserException.Usage($"{length} bytes at {at} do not fit into the disk, which has {session.Disk.Info.LengthBytes}");
                    var elapsed = TransferReport.StartClock();
                    var destination = new DiskEnd(session.Disk);
                    var written = await TransferReport.ShowAsync("write", length, progress =>
                        ChunkPipeline.CopyAsync(new StreamEnd(stream), 0, destination, at, lengthBytes: null, progress, cancellationToken)).ConfigureAwait(false);
                    if (parsed.GetValue(flush)) await destination.FlushAsync(cancellationToken).ConfigureAwait(false);
                    await parsed.InvocationConfiguration.Error.WriteLineAsync(TransferReport.Summary("wrote", written, elapsed())).ConfigureAwait(false);
                }
            }

            return ExitCodes.Done;
        });
        return command;
    }
}
