using System.CommandLine;
using Iscsi.Storage;
using IscsiNet.Cli.Client;

namespace IscsiNet.Cli.Commands;

/// <summary><c>capacity URL</c>.</summary>
internal static class CapacityCommand
{
    public static Command Create()
    {
        var url = DiskUrl.Argument("The LUN.");
        var client = new ClientOptions();
        var bytesOnly = new Option<bool>("--bytes") { Description = "The number of bytes and nothing else." };
        var command = new ExampleCommand(
            "capacity",
            "Shows the size of a LUN and what it can do.",
            ("iscsinet capacity --bytes iscsi://127.0.0.1/iqn.2026-11.net.iscsinet:disk/0", "for a script"))
        {
            url, bytesOnly,
        };
        client.AddTo(command);
        command.SetAction(async (parsed, cancellationToken) =>
        {
            var address = parsed.GetRequiredValue(url);
            var session = await DiskSession.OpenAsync(address, client.For(parsed, address.User, address.Secret), cancellationToken).ConfigureAwait(false);
            await using (session.ConfigureAwait(false))
            {
                var output = parsed.InvocationConfiguration.Output;
                var info = session.Disk.Info;
                if (parsed.GetValue(bytesOnly))
                {
                    await output.WriteLineAsync($"{info.LengthBytes}").ConfigureAwait(false);
                    return ExitCodes.Done;
                }

                await output.WriteLineAsync($"size:          {info.LengthBytes} bytes ({ByteSize.Format(info.LengthBytes)})").ConfigureAwait(false);
                await output.WriteLineAsync($"blocks:        {info.BlockCount} of {info.BlockSize} bytes, {info.PhysicalBlockBlocks} a physical block").ConfigureAwait(false);
                await output.WriteLineAsync($"access:        {(info.IsReadOnly ? "read-only" : "read-write")}").ConfigureAwait(false);
                await output.WriteLineAsync($"write cache:   {(info.HasVolatileWriteCache ? "yes, until a flush" : "no")}").ConfigureAwait(false);
                await output.WriteLineAsync($"unmap:         {(info.Unmap == DeviceSupport.None ? "no" : info.UnmappedReadsZero ? "yes, reads as zeroes" : "yes")}").ConfigureAwait(false);
            }

            return ExitCodes.Done;
        });
        return command;
    }
}
