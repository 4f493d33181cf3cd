using System.CommandLine;
using Iscsi.Initiator;
using IscsiNet.Cli.Client;

namespace IscsiNet.Cli.Commands;

/// <summary><c>inquiry URL</c>.</summary>
internal static class InquiryCommand
{
    public static Command Create()
    {
        var url = DiskUrl.Argument("The LUN.");
        var client = new ClientOptions();
        var command = new ExampleCommand(
            "inquiry",
            "Shows who a LUN says it is: standard INQUIRY data, serial number, designators.",
            ("iscsinet inquiry iscsi://127.0.0.1/iqn.2026-11.net.iscsinet:disk/0", "the first disk of the daemon of this machine"))
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
                var unit = await session.InquiryAsync(address.Lun ?? 0, cancellationToken).ConfigureAwait(false);
                var output = parsed.InvocationConfiguration.Output;
                var inquiry = unit.Inquiry;
                await output.WriteLineAsync($"qualifier:    {inquiry.Peripheral >> 5}").ConfigureAwait(false);
                await output.WriteLineAsync($"type:         {inquiry.Peripheral & 0x1F:X2}h").ConfigureAwait(false);
                await output.WriteLineAsync($"vendor:       {inquiry.Vendor}").ConfigureAwait(false);
                await output.WriteLineAsync($"product:      {inquiry.Product}").ConfigureAwait(false);
                await output.WriteLineAsync($"revision:     {inquiry.Revision}").ConfigureAwait(false);
                await output.WriteLineAsync($"version:      {inquiry.Version:X2}h").ConfigureAwait(false);
                await output.WriteLineAsync($"removable:    {(inquiry.IsRemovable ? "yes" : "no")}").ConfigureAwait(false);
                await output.WriteLineAsync($"serial:       {unit.SerialNumber ?? "none"}").ConfigureAwait(false);
                foreach (var designator in unit.Designators) await output.WriteLineAsync($"designator:   {designator}").ConfigureAwait(false);
                await output.WriteLineAsync($"VPD pages:    {string.Join(' ', unit.VpdPages.Select(page => $"{page:X2}h"))}").ConfigureAwait(false);
            }

            return ExitCodes.Done;
        });
        return command;
    }
}
