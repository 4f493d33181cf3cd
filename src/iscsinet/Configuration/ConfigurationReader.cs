using System.Text;
using System.Text.Json;
using Iscsi.Storage;
using Iscsi.Target;
using IscsiNet.Cli.Commands;
using IscsiNet.Cli.Parsing;

namespace IscsiNet.Cli.Configuration;

/// <summary>Reads a configuration file: all of it is right, or every mistake is told with its place.</summary>
internal static class ConfigurationReader
{
    // A thousand targets with a dozen LUNs each stay far below it; what is larger is no configuration.
    private const long MaxFileBytes = 16 << 20;
    private const int MaxLun = 16383;

    private static readonly JsonDocumentOptions Options = new() { CommentHandling = JsonCommentHandling.Skip, AllowTrailingCommas = true };

    /// <summary>Reads and checks a file.</summary>
    /// <param name="path">The file. Relative paths in it are relative to its directory.</param>
    /// <exception cref="UserException">It can't be read, or something in it is wrong.</exception>
    public static ServerConfiguration Read(string path)
    {
        var fullPath = Path.GetFullPath(path);
        string text;
        try
        {
            if (new FileInfo(fullPath).Length > MaxFileBytes) throw UserException.Usage($"{path} is too large for a configuration.");
            text = File.ReadAllText(fullPath);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw UserException.Usage($"{path} can't be read: {e.Message}");
        }
        var problems = new List<string>();
        var configuration = Parse(text, fullPath, problems);
        if (problems.Count == 0) return configuration!;
        throw UserException.Usage(Describe(path, problems));
    }

    /// <summary>Parses a configuration.</summary>
    /// <param name="text">JSON, with comments and trailing commas where somebody wants them.</param>
    /// <param name="fullPath">Where it came from.</param>
    /// <param name="problems">Takes what is wrong.</param>
    /// <returns>To be used only when nothing is wrong.</returns>
    public static ServerConfiguration? Parse(string text, string fullPath, List<string> problems)
    {
        JsonDocument document;
        try
        {
            document = JsonDocument.Parse(text, Options);
        }
        catch (JsonException e)
        {
            problems.Add($"line {e.LineNumber + 1}: is no JSON: {e.Message}");
            return null;
        }
        using (document) return new Reading(fullPath).Read(ConfigurationNode.Root(document.RootElement, problems));
    }

    /// <summary>Problems for a person.</summary>
    public static string Describe(string path, IReadOnlyList<string> problems) =>
        problems.Count == 1 ? $"{path}: {problems[0]}" : $"{path} has {problems.Count} mistakes:\n  {string.Join("\n  ", problems)}";

    // What has to be unique in the whole file is remembered while it is read.
    private sealed class Reading(string fullPath)
    {
        private readonly string _directory = Path.GetDirectoryName(fullPath)!;
        private HashSet<ushort> _groups = [ListenSpec.MinGroup];
        private readonly Dictionary<string, string> _names = new(StringComparer.Ordinal);
        private readonly Dictionary<string, string> _files = new(StringComparer.Ordinal);

        public ServerConfiguration? Read(ConfigurationNode root)
        {
            if (!root.IsObject("memory", "limits", "portals", "targets")) return null;
            var configuration = new ServerConfiguration
            {
                Path = fullPath,
                Portals = root.Get("portals") is { } portals ? ReadPortals(portals) : [ListenSpec.Default],
                Targets = root.Require("targets", "it takes a list of targets.") is { } targets ? [.. targets.Elements().Select(ReadTarget).OfType<TargetConfiguration>()] : [],
            };
            if (root.Get("limits") is { } limits) configuration = configuration with { Limits = LimitKeys.Read(limits) };
            if (root.Get("memory") is { } memory && memory.TrySize(out var bytes)) configuration = configuration with { MemoryBytes = bytes };
            try
            {
                MemoryBudget.Compute(configuration.MemoryBytes, configuration.Limits);
            }
            catch (Reservations.BudgetException e)
            {
                (root.Get("memory") ?? root).Problem(e.Message);
            }
            return configuration;
        }

        private List<ListenSpec> ReadPortals(ConfigurationNode node)
        {
            var portals = new List<ListenSpec>();
            var elements = node.Elements();
            foreach (var portal in elements)
            {
                if (!portal.IsObject("listen", "announce", "group")) continue;
                if (portal.Require("listen", "it takes an address, such as 127.0.0.1:3260.") is not { } listen || !listen.TryText(out var address)) continue;
                if (!ListenSpec.TryParseEndpoint(address, out var endpoint, out var error))
                {
                    listen.Problem(error);
                    continue;
                }
                var spec = new ListenSpec(endpoint, null);
                if (portal.Get("announce") is { } announce && announce.TryText(out address))
                {
                    if (ListenSpec.TryParseAnnounced(address, out var announced, out error)) spec = spec with { Announce = announced };
                    else announce.Problem(error);
                }
                if (portal.Get("group") is { } group && group.TryNumber(ListenSpec.MinGroup, ListenSpec.MaxGroup, out var tag)) spec = spec with { Group = (ushort)tag };
                if (endpoint.Port != 0 && portals.Exists(other => other.Endpoint.Equals(endpoint))) listen.Problem($"{endpoint} is listened on by another portal already.");
                portals.Add(spec);
            }
            if (elements.Count == 0) node.Problem("is empty: without a portal nobody can connect. Leave it out for 127.0.0.1:3260.");
            _groups = [.. portals.Select(portal => portal.Group)];
            return portals;
        }

        private TargetConfiguration? ReadTarget(ConfigurationNode node)
        {
            if (!node.IsObject("name", "alias", "allow", "chap", "mutualChap", "luns", "asymmetricAccess")) return null;
            var nameNode = node.Require("name", "it takes an iSCSI name, such as iqn.2026-11.net.example:disk.");
            if (nameNode is null || !nameNode.TryText(out var name)) name = "";
            else if (!IscsiName.TryValidate(name, out var reason)) nameNode.Problem(reason);
            else if (!_names.TryAdd(name, node.Place)) nameNode.Problem($"{name} is the name of {_names[name]} already.");

            var numbers = new Dictionary<int, string>();
            return new TargetConfiguration
            {
                Place = node.Place,
                Name = name,
                Rules = ReadRules(node),
                Access = node.Get("asymmetricAccess") is { } access ? AccessConfiguration.Read(access, _directory, _groups) : AccessConfiguration.Default,
                Luns = node.Get("luns") is { } luns ? [.. luns.Elements().Select(lun => ReadLun(lun, numbers)).OfType<LunConfiguration>()] : [],
            };
        }

        private TargetRules ReadRules(ConfigurationNode node)
        {
            string? alias = null;
            node.Get("alias")?.TryText(out alias);
            var allowed = new List<string>();
            foreach (var initiator in node.Get("allow")?.Elements() ?? [])
            {
                if (!initiator.TryText(out var name)) continue;
                if (IscsiName.TryValidate(name, out var reason)) allowed.Add(name);
                else initiator.Problem(reason);
            }
            var accounts = new List<ChapAccount>();
            foreach (var element in node.Get("chap")?.Elements() ?? [])
            {
                if (ReadAccount(element) is not { } account) continue;
                if (accounts.Exists(other => string.Equals(other.Name, account.Name, StringComparison.Ordinal))) element.Problem($"the user {account.Name} is there twice.");
                accounts.Add(account);
            }
            ChapAccount? mutual = null;
            if (node.Get("mutualChap") is { } mutualNode)
            {
                mutual = ReadAccount(mutualNode);
                if (node.Get("chap") is null) mutualNode.Problem("needs chap: a target proves itself only to clients that do so first.");
                if (mutual is not null && accounts.Exists(account => string.Equals(account.Secret, mutual.Secret, StringComparison.Ordinal)))
                    mutualNode.Problem("has the secret of an initiator: they must differ (RFC 7143, 9.2.1).");
            }
            return new TargetRules { Alias = alias, Allowed = new(allowed), Chap = new(accounts), MutualChap = mutual };
        }

        // Secrets are in files of their own, which only the daemon may read; the configuration may be shown around.
        private ChapAccount? ReadAccount(ConfigurationNode node)
        {
            if (!node.IsObject("user", "secretFile")) return null;
            var userNode = node.Require("user", "it takes the CHAP name.");
            var fileNode = node.Require("secretFile", "it takes a file whose first line is the secret.");
            string? user = null, file = null;
            userNode?.TryText(out user);
            fileNode?.TryText(out file);
            if (file is null) return null;
            try
            {
                var secret = ChapSecret.ReadFile(Path.GetFullPath(file, _directory));
                return user is null ? null : new ChapAccount(user, secret);
            }
            catch (UserException e)
            {
                fileNode!.Problem(e.Message);
                return null;
            }
        }

        private LunConfiguration? ReadLun(ConfigurationNode node, Dictionary<int, string> numbers)
        {
            if (!node.IsObject("lun", "kind", "path", "size", "blockSize", "readOnly", "removable", "writeThrough", "direct", "thick", "lowSpace", "serialNumber")) return null;
            long number = -1;
            if (node.Require("lun", $"it takes the LUN, 0 to {MaxLun}.") is { } numberNode && numberNode.TryNumber(0, MaxLun, out number) &&
                !numbers.TryAdd((int)number, node.Place)) numberNode.Problem($"{number} is the LUN of {numbers[(int)number]} already.");

            var disk = new BlockDeviceSpec { Kind = ReadKind(node), Location = "" };
            if (node.Get("size") is { } sizeNode && sizeNode.TrySize(out var size))
            {
                if (size == 0) sizeNode.Problem("a disk of no bytes can't be served.");
                disk = disk with { SizeBytes = size };
            }
            if (node.Get("blockSize") is { } blockSize && blockSize.TryNumber(512, 4096, out var bytes))
            {
                if (bytes is not (512 or 4096)) blockSize.Problem($"is {bytes}; it takes 512 or 4096.");
                disk = disk with { BlockSize = (int)bytes };
            }
            if (disk.SizeBytes is { } length && length % (disk.BlockSize ?? 512) != 0) node.Get("size")!.Problem($"{length} bytes are no multiple of the block size.");
            if (node.Get("readOnly") is { } readOnly && readOnly.TryFlag(out var flag)) disk = disk with { IsReadOnly = flag };
            if (node.Get("removable") is { } removable && removable.TryFlag(out flag)) disk = disk with { IsRemovable = flag };
            if (node.Get("writeThrough") is { } through && through.TryFlag(out flag)) disk = disk with { WriteThrough = flag };
            if (node.Get("direct") is { } direct && direct.TryFlag(out flag)) disk = disk with { Direct = flag };
            if (node.Get("thick") is { } thick && thick.TryFlag(out flag)) disk = disk with { Thick = flag };
            disk = ReadPlace(node, disk);
            long? lowSpace = node.Get("lowSpace") is { } lowSpaceNode && lowSpaceNode.TrySize(out var left) ? left : null;
            string? serial = null;
            if (node.Get("serialNumber") is { } serialNode && serialNode.TryText(out serial) && (serial.Length > 20 || !Ascii.IsValid(serial) || serial.Any(char.IsControl)))
                serialNode.Problem("takes 1 to 20 printable ASCII characters.");
            return new LunConfiguration { Place = node.Place, Number = (int)number, Disk = disk, SerialNumber = serial, LowSpaceBytes = lowSpace };
        }

        private static BlockDeviceKind ReadKind(ConfigurationNode node)
        {
            if (node.Get("kind") is not { } kind || !kind.TryText(out var text)) return BlockDeviceKind.File;
            switch (text)
            {
                case "file":
                    return BlockDeviceKind.File;
                case "memory":
                    return BlockDeviceKind.Memory;
                case "null":
                    return BlockDeviceKind.Null;
            }
            kind.Problem($"is '{text}'; it takes file, memory or null.");
            return BlockDeviceKind.File;
        }

        private BlockDeviceSpec ReadPlace(ConfigurationNode node, BlockDeviceSpec disk)
        {
            if (disk.Kind != BlockDeviceKind.File)
            {
                foreach (var name in (ReadOnlySpan<string>)["path", "writeThrough", "direct", "thick", "lowSpace"])
                    node.Get(name)?.Problem("is for files only.");
                if (node.Get("size") is null) node.Require("size", "a disk without a file needs a size, such as \"256MiB\".");
                return disk with { Location = disk.Kind == BlockDeviceKind.Memory ? "memory" : "null" };
            }
            if (node.Require("path", "it takes the disk's file; a disk in memory has \"kind\": \"memory\".") is not { } pathNode || !pathNode.TryText(out var text)) return disk;
            var path = Path.GetFullPath(text, _directory);
            if (!_files.TryAdd(path, node.Place)) pathNode.Problem($"{path} is the disk of {_files[path]} already: one storage under two LUNs would be two disks over the same blocks.");
            if (Directory.Exists(path)) pathNode.Problem($"{path} is a directory.");
            else if (!File.Exists(path) && (disk.SizeBytes is null || disk.IsReadOnly)) pathNode.Problem($"{path} is not there; with size it is created.");
            else if (!File.Exists(path) && !Directory.Exists(Path.GetDirectoryName(path))) pathNode.Problem($"{path} can't be created: there is no such directory.");
            return disk with { Location = path };
        }
    }
}
