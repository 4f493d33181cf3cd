using System.CommandLine;
using IscsiNet.Cli.Configuration;

namespace IscsiNet.Cli.Commands;

/// <summary><c>check-config FILE</c>: what <c>serve --config</c> would say, without opening a disk or a port.</summary>
internal static class CheckConfigCommand
{
    private static readonly Argument<string> File = new("FILE") { Description = "The configuration file." };

    public static Command Create()
    {
        var command = new ExampleCommand(
            "check-config",
            "Checks a configuration file: every mistake with its place, or what it would serve. No disk or port is opened.",
            ("iscsinet check-config /etc/iscsinet.json && systemctl reload iscsinet", "a reload only where the file is right"))
        {
            File,
        };
        command.SetAction(static parsed =>
        {
            var path = parsed.GetValue(File)!;
            var configuration = ConfigurationReader.Read(path);
            var luns = configuration.Targets.Sum(target => target.Luns.Count);
            parsed.InvocationConfiguration.Output.WriteLine($"{path}: {configuration.Targets.Count} targets with {luns} LUNs on {configuration.Portals.Count} portals");
            return ExitCodes.Done;
        });
        return command;
    }
}
