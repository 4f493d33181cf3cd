using System.Reflection;
using System.Xml.Linq;

namespace Architecture.Tests;

/// <summary>Who may know whom: the arrows between the projects, and the few packages and framework parts that each may use.</summary>
public sealed class DependencyTests
{
    private static readonly Dictionary<string, string[]> Arrows = new(StringComparer.Ordinal)
    {
        ["Reservations"] = [],
        ["Iscsi.Storage"] = ["Reservations"],
        ["Iscsi.Protocol"] = ["Reservations"],
        ["Iscsi.Transport"] = ["Iscsi.Protocol", "Reservations"],
        ["Iscsi.Target"] = ["Iscsi.Protocol", "Iscsi.Storage", "Iscsi.Transport"],
        ["Iscsi.Initiator"] = ["Iscsi.Protocol", "Iscsi.Storage", "Iscsi.Transport"],
        ["Iscsi.Hosting"] = ["Iscsi.Initiator", "Iscsi.Target"],
        ["iscsinet"] = ["Iscsi.Hosting"],
    };

    // The interfaces of logging, and object pools; what hosts them is Iscsi.Hosting's business alone.
    private static readonly Dictionary<string, string[]> Packages = new(StringComparer.Ordinal)
    {
        ["Iscsi.Target"] = ["Microsoft.Extensions.Logging.Abstractions", "Microsoft.Extensions.ObjectPool"],
        ["Iscsi.Initiator"] = ["Microsoft.Extensions.Logging.Abstractions"],
        ["Iscsi.Hosting"] = ["Microsoft.Extensions."],
        ["iscsinet"] = ["Microsoft.Extensions.", "Spectre.Console", "System.CommandLine", "OpenTelemetry"],
    };

    public static TheoryData<string> Projects() => [.. Arrows.Keys];

    [Fact]
    public void Every_project_of_src_has_its_place() =>
        Assert.Equal(
            Arrows.Keys.Order(StringComparer.Ordinal),
            Directory.EnumerateFiles(Repository.PathOf("src"), "*.csproj", SearchOption.AllDirectories)
                .Select(path => Path.GetFileNameWithoutExtension(path)!).Order(StringComparer.Ordinal));

    [Theory, MemberData(nameof(Projects))]
    public void A_project_refers_only_to_projects_it_may_know(string project)
    {
        var references = Items(project, "ProjectReference").Select(path => Path.GetFileNameWithoutExtension(path)!);
        Assert.Empty(references.Except(Arrows[project], StringComparer.Ordinal));
    }

    [Theory, MemberData(nameof(Projects))]
    public void A_project_uses_only_packages_it_may_use(string project)
    {
        var allowed = Packages.GetValueOrDefault(project, []);
        Assert.All(Items(project, "PackageReference"), name => Assert.Contains(allowed, start => name.StartsWith(start, StringComparison.Ordinal)));
    }

    [Theory, MemberData(nameof(Repository.AllLibraries), MemberType = typeof(Repository))]
    public void A_built_library_refers_only_to_libraries_below_it(string library)
    {
        var ours = ReferencesOf(library).Where(Arrows.ContainsKey);
        Assert.Empty(ours.Except(Below(library), StringComparer.Ordinal));
    }

    [Theory, MemberData(nameof(Repository.AllLibraries), MemberType = typeof(Repository))]
    public void Only_the_transport_knows_a_socket(string library) =>
        Assert.Equal(library == "Iscsi.Transport", ReferencesOf(library).Contains("System.Net.Sockets"));

    [Theory]
    [InlineData("Reservations")]
    [InlineData("Iscsi.Storage")]
    [InlineData("Iscsi.Protocol")]
    [InlineData("Iscsi.Transport")]
    public void What_is_below_target_and_initiator_refers_to_the_framework_alone(string library) =>
        Assert.DoesNotContain(ReferencesOf(library), name => name.StartsWith("Microsoft.", StringComparison.Ordinal));

    // Machines are told the time: a clock inside would make them untestable.
    [Fact]
    public void The_protocol_has_no_clock()
    {
        string[] clocks = ["TimeProvider", "Stopwatch", "DateTime.", "DateTimeOffset.", "Environment.Tick"];
        Assert.Empty(Repository.SourcesOf("Iscsi.Protocol")
            .Where(source => clocks.Any(clock => source.Text.Contains(clock, StringComparison.Ordinal))).Select(source => source.Path));
    }

    private static string[] ReferencesOf(string library) => [.. Assembly.Load(library).GetReferencedAssemblies().Select(name => name.Name!)];

    private static IEnumerable<string> Below(string project) => Arrows[project].Concat(Arrows[project].SelectMany(Below)).Distinct(StringComparer.Ordinal);

    private static IEnumerable<string> Items(string project, string kind) =>
        XDocument.Load(Repository.PathOf("src", project, project + ".csproj")).Descendants(kind).Select(item => item.Attribute("Include")!.Value);
}
