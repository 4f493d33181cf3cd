using System.CommandLine;
using Iscsi.Protocol;
using Iscsi.Storage;
using Iscsi.Target;
using IscsiNet.Cli.Output;
using IscsiNet.Cli.Parsing;

namespace IscsiNet.Cli.Commands;

/// <summary><c>show memory | commands | keys | limits</c>: what the program knows about itself, from the tables that it runs on.</summary>
internal static class ShowCommand
{
    public static Command Create() => new("show", "Shows what the daemon would do: its memory, SCSI commands, text keys and limits.")
    {
        Memory(),
        Commands(),
        Keys(),
        Limits(),
    };

    private static ExampleCommand Memory()
    {
        var size = new Option<long>("--memory") { Description = "The budget. [default: 64MiB]", HelpName = "SIZE", CustomParser = Values.Size };
        var command = new ExampleCommand(
            "memory",
            "Shows where a memory budget goes and how many sessions it promises.",
            ("iscsinet show memory --memory 4MiB", "a small one"))
        {
            size,
        };
        command.SetAction(parsed =>
        {
            var budget = MemoryBudget.Compute(parsed.GetResult(size) is null ? ServeOptions.DefaultMemoryBytes : parsed.GetValue(size), new TargetLimits());
            var table = new TextTable("term", ">bytes", ">size");
            foreach (var (term, bytes) in budget.Terms) table.Add(term, $"{bytes}", ByteSize.Format(bytes));
            var output = parsed.InvocationConfiguration.Output;
            output.WriteLine(budget.Describe());
            output.Write(table);
        });
        return command;
    }

    private static Command Commands()
    {
        var command = new Command("commands", "Shows the SCSI commands, and what memory each may demand.");
        command.SetAction(static parsed =>
        {
            var table = new TextTable("code", "command", ">CDB", "data", "memory", "device");
            foreach (var row in ScsiCommandList.All)
            {
                var code = row.ServiceAction is { } action ? $"{row.OperationCode:X2}h/{action:X2}h" : $"{row.OperationCode:X2}h";
                table.Add(code, row.Name, $"{row.CdbLength}", row.Data, row.Memory, row.DependsOnDevice ? "where it can" : "any");
            }

            parsed.InvocationConfiguration.Output.Write(table);
        });
        return command;
    }

    private static Command Keys()
    {
        var command = new Command("keys", "Shows the text keys of RFC 7143: who sends them when, how they are negotiated.");
        command.SetAction(static parsed =>
        {
            var table = new TextTable("key", "section", "senders", "use", "rule", "default", "purpose");
            foreach (var key in TextKeyTable.All)
                table.Add(key.Name, key.Section, $"{key.Senders}", $"{key.Use}", $"{key.Rule}", key.Default ?? "", key.Summary);
            parsed.InvocationConfiguration.Output.Write(table);
        });
        return command;
    }

    private static Command Limits()
    {
        var command = new Command("limits", "Shows every bound of a target with its default.");
        command.SetAction(static parsed => parsed.InvocationConfiguration.Output.Write(LimitsTable.Of(new TargetLimits())));
        return command;
    }
}
