using System.Globalization;
using System.Text;
using Iscsi.Target;

namespace Architecture.Tests;

/// <summary>docs/scsi-commands.md is the table that the target runs on.</summary>
public sealed class CommandDocumentTests
{
    private const string AcceptVariable = "ISCSINET_ACCEPT_API";

    [Fact]
    public void The_document_of_the_SCSI_commands_is_the_table_that_serves_them()
    {
        var path = Repository.PathOf("docs", "scsi-commands.md");
        var actual = Document();
        if (Environment.GetEnvironmentVariable(AcceptVariable) == "1") File.WriteAllText(path, actual);
        Assert.True(File.Exists(path) && File.ReadAllText(path) == actual,
            $"docs/scsi-commands.md is not what the table of commands says. Write it anew and commit it: {AcceptVariable}=1 dotnet test -c Release tests/Architecture.Tests");
    }

    private static string Document()
    {
        var text = new StringBuilder();
        text.Append("""
            # SCSI commands

            Written from the table that serves them, and compared with it by a test. REPORT SUPPORTED OPERATION CODES tells the same of one LUN.

            - **CDB**: the usage data of SPC-4: a one for every bit that is looked at. A set bit outside is refused with a pointer to it.
            - **Reserved**: what becomes of the command while another initiator port holds a persistent reservation.
            - **Memory**: what the command reserves, in one step, before it is carried out.
            - **Timeout**: what a client should wait, in seconds.

            An operation code that is not here is answered with INVALID COMMAND OPERATION CODE. *Some disks* have the command and others not:
            unmapping needs a device that unmaps, WRITE ATOMIC one that promises atomic writes, and so on.


            """.ReplaceLineEndings("\n"));
        text.Append("| Code | Command | CDB | Data | Reserved | Write protected | Memory | Timeout | Where |\n|---|---|---|---|---|---|---|---|---|\n");
        foreach (var command in ScsiCommandList.All)
        {
            var code = command.ServiceAction is { } action ? $"{command.OperationCode:X2}h/{action:X2}h" : $"{command.OperationCode:X2}h";
            text.Append(CultureInfo.InvariantCulture, $"| {code} | {command.Name} | `{string.Join(' ', command.UsageData.Select(b => b.ToString("X2", CultureInfo.InvariantCulture)))}` ");
            text.Append(CultureInfo.InvariantCulture, $"| {command.Data} | {command.UnderReservation} | {(command.IsRefusedWhenWriteProtected ? "refused" : "served")} ");
            text.Append(CultureInfo.InvariantCulture, $"| {command.Memory} | {command.RecommendedTimeout.TotalSeconds:0} | {(command.DependsOnDevice ? "some disks" : "every disk")} |\n");
        }
        return text.ToString();
    }
}
