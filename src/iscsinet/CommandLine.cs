using System.CommandLine;
using System.CommandLine.Help;
using IscsiNet.Cli.Commands;
using IscsiNet.Cli.Output;

namespace IscsiNet.Cli;

/// <summary>The whole command line: parse, run one command, turn what went wrong into one line and an exit code.</summary>
internal static class CommandLine
{
    public const string ProgramName = "iscsinet";

    /// <summary>Runs a command line.</summary>
    /// <param name="args">Without the program's name.</param>
    /// <param name="output">What a machine may read.</param>
    /// <param name="error">What is meant for a person.</param>
    /// <returns>The exit code.</returns>
    public static async Task<int> RunAsync(string[] args, TextWriter output, TextWriter error)
    {
        var root = Build();
        var parsed = root.Parse(args);
        var place = parsed.CommandResult.Command is RootCommand ? ProgramName : $"{ProgramName} {parsed.CommandResult.Command.Name}";
        if (parsed.Errors.Count > 0 && parsed.Action is not HelpWithExamples)
        {
            var message = parsed.UnmatchedTokens.Count > 0 ? $"unknown command or argument '{parsed.UnmatchedTokens[0]}'" : parsed.Errors[0].Message.TrimEnd('.');
            await error.WriteLineAsync($"{place}: {message} (see {place} --help)").ConfigureAwait(false);
            return ExitCodes.Usage;
        }

        // Signals are the commands' own: serve drains, the others end at once, as the system has it.
        var configuration = new InvocationConfiguration
        {
            Output = output,
            Error = error,
            EnableDefaultExceptionHandler = false,
            ProcessTerminationTimeout = null,
        };
        try
        {
            return await parsed.InvokeAsync(configuration).ConfigureAwait(false);
        }
        catch (Exception exception)
        {
            var (message, exitCode) = ErrorText.Of(exception);
            await error.WriteLineAsync($"{place}: {message}").ConfigureAwait(false);
            return exitCode;
        }
    }

    internal static RootCommand Build()
    {
        var root = new RootCommand("Serves files as iSCSI disks with all data memory reserved in advance, and uses iSCSI disks of others.")
        {
            ServeCommand.Create(),
            CheckConfigCommand.Create(),
            DiscoverCommand.Create(),
            InquiryCommand.Create(),
            CapacityCommand.Create(),
            LunsCommand.Create(),
            ReadCommand.Create(),
            WriteCommand.Create(),
            CopyCommand.Create(),
            PingCommand.Create(),
            PerfCommand.Create(),
            ShowCommand.Create(),
        };
        var help = root.Options.OfType<HelpOption>().Single();
        help.Action = new HelpWithExamples((HelpAction)help.Action!);
        return root;
    }
}
