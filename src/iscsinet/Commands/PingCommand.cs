using System.CommandLine;
using Iscsi.Initiator;
using IscsiNet.Cli.Client;

namespace IscsiNet.Cli.Commands;

/// <summary><c>ping URL</c>.</summary>
internal static class PingCommand
{
    private static readonly TimeSpan Interval = TimeSpan.FromSeconds(1);

    public static Command Create()
    {
        var url = DiskUrl.Argument("The target.");
        var client = new ClientOptions();
        var count = new Option<int>("--count") { Description = "How often.", HelpName = "N", DefaultValueFactory = _ => 4 };
        count.Validators.Add(result =>
        {
            if (result.Errors.Any() || result.GetValueOrDefault<int>() >= 1) return;
            result.AddError("--count takes 1 or more.");
        });
        var command = new ExampleCommand(
            "ping",
            "Logs in and measures round trips to the target (NOP-Out and NOP-In), one a second.",
            ("iscsinet ping iscsi://127.0.0.1/iqn.2026-11.net.iscsinet:disk", "is it there, and how far away"))
        {
            url, count,
        };
        client.AddTo(command);
        command.SetAction(async (parsed, cancellationToken) =>
        {
            var address = parsed.GetRequiredValue(url);
            var session = await IscsiInitiator.ConnectAsync(address, client.For(parsed, address.User, address.Secret), cancellationToken).ConfigureAwait(false);
            await using (session.ConfigureAwait(false))
            {
                var times = new List<TimeSpan>();
                for (var i = 1; i <= parsed.GetValue(count); i++)
                {
                    if (i > 1) await Task.Delay(Interval, TimeProvider.System, cancellationToken).ConfigureAwait(false);
                    var time = await session.PingAsync(cancellationToken).ConfigureAwait(false);
                    times.Add(time);
                    await parsed.InvocationConfiguration.Output.WriteLineAsync($"{i}: {time.TotalMilliseconds:0.000} ms").ConfigureAwait(false);
                }

                await parsed.InvocationConfiguration.Error.WriteLineAsync(
                    $"least {times.Min().TotalMilliseconds:0.000} ms, mean {times.Average(time => time.TotalMilliseconds):0.000} ms, most {times.Max().TotalMilliseconds:0.000} ms")
                    .ConfigureAwait(false);
            }

            return ExitCodes.Done;
        });
        return command;
    }
}
