using System.CommandLine;
using Iscsi.Initiator;
using Iscsi.Storage;
using IscsiNet.Cli.Client;
using IscsiNet.Cli.Output;

namespace IscsiNet.Cli.Commands;

/// <summary><c>luns URL</c>.</summary>
internal static class LunsCommand
{
    public static Command Create()
    {
        var url = DiskUrl.Argument("The target.");
        var client = new ClientOptions();
        var command = new ExampleCommand(
            "luns",
            "Lists the LUNs of a target.",
            ("iscsinet luns iscsi://127.0.0.1/iqn.2026-11.net.iscsinet:disk", "those of the daemon of this machine"))
        {
            url,
        };
        client.AddTo(command);
        command.SetAction(async (parsed, cancellationToken) =>
        {
            var address = parsed.GetRequiredValue(url);
            var session = await IscsiInitiator.ConnectAsync(address, client.For(parsed, address.User, address.Secret), cancellationToken).ConfigureAwait(false);
            await using (session.ConfigureAwait(false))
            {
                var table = new TextTable(">LUN", ">size", ">block", "device", "serial");
                foreach (var lun in await session.ReportLunsAsync(cancellationToken).ConfigureAwait(false))
                {
                    var unit = await session.InquiryAsync(lun, cancellationToken).ConfigureAwait(false);
                    var (size, block) = await SizeAsync(session, unit, cancellationToken).ConfigureAwait(false);
                    table.Add($"{lun}", size, block, $"{unit.Inquiry.Vendor} {unit.Inquiry.Product}".Trim(), unit.SerialNumber ?? "");
                }

                await parsed.InvocationConfiguration.Output.WriteAsync(table.ToString()).ConfigureAwait(false);
            }

            return ExitCodes.Done;
        });
        return command;
    }

    /// <summary>A LUN that is no disk, or not ready, is listed without a size.</summary>
    private static async Task<(string Size, string Block)> SizeAsync(IscsiSession session, LogicalUnitInfo unit, CancellationToken cancellationToken)
    {
        const int directAccess = 0x00;
        if (unit.Inquiry.Peripheral != directAccess) return ("-", "-");
        try
        {
            var disk = await session.OpenDiskAsync(unit.Lun, cancellationToken).ConfigureAwait(false);
            await using (disk.ConfigureAwait(false)) return (ByteSize.Format(disk.Info.LengthBytes), $"{disk.Info.BlockSize}");
        }
        catch (ScsiCommandException)
        {
            return ("-", "-");
        }
    }
}
