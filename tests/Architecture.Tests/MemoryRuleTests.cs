using System.Reflection;
using System.Text.RegularExpressions;
using Reservations;

namespace Architecture.Tests;

/// <summary>The rules of reserved memory that a reader of one file can't see: where memory comes from, and where it is waited for.</summary>
public sealed partial class MemoryRuleTests
{
    // Each is a proven place of the hierarchy: what the caller holds there ranks above what it waits for. A new one needs that proof too.
    private static readonly string[] Waits =
    [
        "src/Iscsi.Initiator/IscsiSession.Submit.cs: InitiatorLevels.SubmitGate",
        "src/Iscsi.Target/Scsi/Media/OperationMemory.cs: TargetLevels.BurstGate",
        "src/Iscsi.Target/Scsi/Media/OperationMemory.cs: TargetLevels.StoreGate",
        "src/Iscsi.Target/Tasks/TargetTask.Respond.cs: TargetLevels.WireGate",
        "src/Iscsi.Target/Tasks/TargetTask.Scsi.cs: TargetLevels.BurstGate",
        "src/Iscsi.Target/Tasks/TargetTask.Scsi.cs: TargetLevels.StoreGate",
    ];

    [Theory, MemberData(nameof(Repository.AllLibraries), MemberType = typeof(Repository))]
    public void No_memory_comes_from_a_shared_pool(string library) =>
        Assert.Empty(Repository.SourcesOf(library).Where(source => SharedPool().IsMatch(source.Text)).Select(source => source.Path));

    [Fact]
    public void Memory_is_waited_for_at_the_named_gates_alone()
    {
        var waits = Repository.Libraries.Where(library => library != "Reservations").SelectMany(Repository.SourcesOf)
            .SelectMany(source => Wait().Matches(source.Text).Select(match => $"{source.Path.Replace('\\', '/')}: {match.Groups[1].Value}"));
        Assert.Equal(Waits, waits.Order(StringComparer.Ordinal));
    }

    [Fact]
    public void Gates_are_made_in_the_two_tables_of_levels_alone()
    {
        var makers = Repository.Libraries.Where(library => library != "Reservations").SelectMany(Repository.SourcesOf)
            .Where(source => NewGate().IsMatch(source.Text)).Select(source => Path.GetFileName(source.Path)).Order(StringComparer.Ordinal);
        Assert.Equal(["InitiatorLevels.cs", "TargetLevels.cs"], makers);
    }

    // Of what is held while one waits at a gate everything ranks above it; so the gates of one table, in the order in which a task passes
    // them, descend.
    [Fact]
    public void The_gates_of_the_target_descend()
    {
        var levels = Assembly.Load("Iscsi.Target").GetType("Iscsi.Target.Memory.TargetLevels", throwOnError: true)!;
        var ranks = ((string[])["BurstGate", "StoreGate", "WireGate"]).Select(name => ((Gate)levels.GetField(name)!.GetValue(null)!).Level.Rank).ToArray();
        Assert.Equal(ranks.OrderDescending(), ranks);
        Assert.Equal(ranks.Length, ranks.Distinct().Count());
    }

    [GeneratedRegex(@"\bArrayPool\b|\bMemoryPool<\w+>\.Shared\b")]
    private static partial Regex SharedPool();

    // Reserve and ReserveAsync wait; TryReserve and Prepaid don't. The second argument is the gate.
    [GeneratedRegex(@"\.Reserve(?:Async)?\(\s*[^,()]+,\s*([^,()]+),")]
    private static partial Regex Wait();

    [GeneratedRegex(@"\bnew Gate\(|\bGate \w+ = new\(")]
    private static partial Regex NewGate();
}
