using System.CommandLine;
using IscsiNet.Cli.Client;
using IscsiNet.Cli.Copying;
using IscsiNet.Cli.Output;
using IscsiNet.Cli.Parsing;

namespace IscsiNet.Cli.Commands;

/// <summary><c>read URL</c>.</summary>
internal static class ReadCommand
{
    public static Command Create()
    {
        var url = DiskUrl.Argument("The LUN.");
        var client = new ClientOptions();
        var offset = new Option<long>("--offset") { Description = "The first byte. [default: 0]", HelpName = "SIZE", CustomParser = Values.Size };
        var length = new Option<long>("--length") { Description = "How many bytes. [default: to the end]", HelpName = "SIZE", CustomParser = Values.Size };
        var output = new Option<string?>("--output") { Description = "The file to write; what was in it is gone. [default: standard output]", HelpName = "FILE" };
        var command = new ExampleCommand(
            "read",
            "Reads bytes of a LUN to a file or to standard output.",
            ("iscsinet read iscsi://127.0.0.1/iqn.2026-11.net.iscsinet:disk/0 --length 512 | xxd", "the first 512 bytes"),
            ("iscsinet read iscsi://127.0.0.1/iqn.2026-11.net.iscsinet:disk/0 --output backup.img", "all of it"))
        {
            url, offset, length, output,
        };
        client.AddTo(command);
        command.SetAction(async (parsed, cancellationToken) =>
        {
            var address = parsed.GetRequiredValue(url);
            var from = parsed.GetValue(offset);
            var session = await DiskSession.OpenAsync(address, client.For(parsed, address.User, address.Secret), cancellationToken).ConfigureAwait(false);
            await using (session.ConfigureAwait(false))
            {
                var available = session.Disk.Info.LengthBytes;
                var wanted = parsed.GetResult(length) is null ? Math.Max(0, available - from) : parsed.GetValue(length);
                if (from > available || wanted > available - from)
                    throw UserException.Usage($"{wanted} bytes from {from} are not inside the disk, which has {available}");
                var path = parsed.GetValue(output);
                var stream = path is null ? Console.OpenStandardOutput() : File.Create(path);
                await using (stream.ConfigureAwait(false))
                {
                    var elapsed = TransferReport.StartClock();
                    var destination = new StreamEnd(stream);
                    await TransferReport.ShowAsync("read", wanted, progress =>
                        ChunkPipeline.CopyAsync(new DiskEnd(session.Disk), from, destination, 0, wanted, progress, cancellationToken)).ConfigureAwait(false);
                    await destination.FlushAsync(cancellationToken).ConfigureAwait(false);
                    if (path is not null)
                        await parsed.InvocationConfiguration.Error.WriteLineAsync(TransferReport.Summary("read", wanted, elapsed())).ConfigureAwait(false);
                }
            }

            return ExitCodes.Done;
        });
        return command;
    }
}
