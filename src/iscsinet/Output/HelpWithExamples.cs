using System.CommandLine;
using System.CommandLine.Help;
using System.CommandLine.Invocation;
using IscsiNet.Cli.Commands;

namespace IscsiNet.Cli.Output;

/// <summary>The usual help, then the command's examples.</summary>
internal sealed class HelpWithExamples(HelpAction help) : SynchronousCommandLineAction
{
    public override int Invoke(ParseResult parseResult)
    {
        var exitCode = help.Invoke(parseResult);
        if (parseResult.CommandResult.Command is not ExampleCommand { Examples.Length: > 0 } command) return exitCode;
        var output = parseResult.InvocationConfiguration.Output;
        output.WriteLine("Examples:");
        foreach (var (line, purpose) in command.Examples)
        {
            output.WriteLine($"  {purpose}:");
            output.WriteLine($"    {line}");
        }

        output.WriteLine();
        return exitCode;
    }
}
