using System.CommandLine;
using Iscsi.Initiator;
using IscsiNet.Cli.Client;
using IscsiNet.Cli.Output;

namespace IscsiNet.Cli.Commands;

/// <summary><c>discover PORTAL</c>.</summary>
internal static class DiscoverCommand
{
    public static Command Create()
    {
        var portal = new Argument<string>("PORTAL") { Description = "host[:port], or iscsi://[user[%secret]@]host[:port]" };
        var client = new ClientOptions();
        var command = new ExampleCommand(
            "discover",
            "Lists the targets that a portal serves to this initiator, and where (SendTargets).",
            ("iscsinet discover 127.0.0.1", "the daemon of this machine"))
        {
            portal,
        };
        client.AddTo(command);
        command.SetAction(async (parsed, cancellationToken) =>
        {
            var text = parsed.GetRequiredValue(portal);
            string? user = null, secret = null;
            if (DiskUrl.IsUrl(text))
            {
                if (!IscsiUrl.TryParse(text, out var url, out var error)) throw UserException.Usage(error);
                (user, secret) = (url.User, url.Secret);
            }

            var targets = await IscsiInitiator.DiscoverAsync(text, client.For(parsed, user, secret), cancellationToken).ConfigureAwait(false);
            if (targets.Count == 0)
            {
                await parsed.InvocationConfiguration.Error.WriteLineAsync("the portal serves no target to this initiator").ConfigureAwait(false);
                return ExitCodes.Done;
            }

            var table = new TextTable("target", "portal");
            foreach (var target in targets)
                foreach (var address in target.Portals)
                    table.Add(target.TargetName, address.ToString());
            await parsed.InvocationConfiguration.Output.WriteAsync(table.ToString()).ConfigureAwait(false);
            return ExitCodes.Done;
        });
        return command;
    }
}
