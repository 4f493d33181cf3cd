using System.Diagnostics.CodeAnalysis;
using System.Text.Json;
using Iscsi.Storage;

namespace IscsiNet.Cli.Configuration;

/// <summary>
/// A value of a configuration file with its place. Reading goes on after a mistake, so that one look finds all of them: what is wrong is
/// noted with its place, and read as if it were not there.
/// </summary>
internal sealed class ConfigurationNode
{
    private readonly JsonElement _element;
    private readonly List<string> _problems;

    private ConfigurationNode(JsonElement element, string place, List<string> problems)
    {
        _element = element;
        _problems = problems;
        Place = place;
    }

    /// <summary>Where it is: <c>targets[1].luns[0].path</c>; empty for the whole file.</summary>
    public string Place { get; }

    public static ConfigurationNode Root(JsonElement element, List<string> problems) => new(element, "", problems);

    /// <summary>Notes what is wrong with it.</summary>
    public void Problem(string message) => _problems.Add(Place.Length == 0 ? message : $"{Place}: {message}");

    /// <summary>It is an object, and has no members but these, each at most once.</summary>
    public bool IsObject(params ReadOnlySpan<string> members)
    {
        if (_element.ValueKind != JsonValueKind.Object)
        {
            Problem($"is {Kind(_element)}; it takes an object {{ … }} with {string.Join(", ", members.ToArray())}.");
            return false;
        }
        var seen = new HashSet<string>(StringComparer.Ordinal);
        foreach (var member in _element.EnumerateObject())
        {
            if (!members.Contains(member.Name)) Child(member.Name, member.Value).Problem($"is not known; there are {string.Join(", ", members.ToArray())}.");
            else if (!seen.Add(member.Name)) Child(member.Name, member.Value).Problem("is there twice.");
        }
        return true;
    }

    /// <summary>A member; null where there is none.</summary>
    public ConfigurationNode? Get(string name) =>
        _element.ValueKind == JsonValueKind.Object && _element.TryGetProperty(name, out var value) ? Child(name, value) : null;

    /// <summary>A member that has to be there.</summary>
    public ConfigurationNode? Require(string name, string what)
    {
        var node = Get(name);
        if (node is null) _problems.Add($"{Join(name)}: is missing; {what}");
        return node;
    }

    /// <summary>The elements of a list; none where it is no list.</summary>
    public IReadOnlyList<ConfigurationNode> Elements()
    {
        if (_element.ValueKind != JsonValueKind.Array)
        {
            Problem($"is {Kind(_element)}; it takes a list [ … ].");
            return [];
        }
        return [.. _element.EnumerateArray().Select((element, i) => new ConfigurationNode(element, $"{Place}[{i}]", _problems))];
    }

    /// <summary>A text that is not empty.</summary>
    public bool TryText([NotNullWhen(true)] out string? text)
    {
        text = _element.ValueKind == JsonValueKind.String ? _element.GetString() : null;
        if (!string.IsNullOrEmpty(text)) return true;
        Problem(text is null ? $"is {Kind(_element)}; it takes a text." : "is empty.");
        text = null;
        return false;
    }

    public bool TryFlag(out bool flag)
    {
        flag = _element.ValueKind == JsonValueKind.True;
        if (_element.ValueKind is JsonValueKind.True or JsonValueKind.False) return true;
        Problem($"is {Kind(_element)}; it takes true or false.");
        return false;
    }

    public bool TryNumber(long minimum, long maximum, out long number)
    {
        number = 0;
        if (_element.ValueKind == JsonValueKind.Number && _element.TryGetInt64(out number) && number >= minimum && number <= maximum) return true;
        Problem($"is {(_element.ValueKind == JsonValueKind.Number ? _element.GetRawText() : Kind(_element))}; it takes a whole number from {minimum} to {maximum}.");
        return false;
    }

    /// <summary>Bytes: a number, or a text such as <c>64MiB</c>.</summary>
    public bool TrySize(out long bytes)
    {
        bytes = 0;
        if (_element.ValueKind == JsonValueKind.Number && _element.TryGetInt64(out bytes) && bytes >= 0) return true;
        if (_element.ValueKind == JsonValueKind.String && ByteSize.TryParse(_element.GetString(), out bytes)) return true;
        Problem($"is {_element.GetRawText()}; it takes a number of bytes, or {ByteSize.Syntax}, in quotes.");
        return false;
    }

    /// <summary>Time in seconds, with fractions.</summary>
    public bool TrySeconds(out TimeSpan time)
    {
        time = default;
        if (_element.ValueKind == JsonValueKind.Number && _element.TryGetDouble(out var seconds) && seconds is >= 0 and <= 86400)
        {
            time = TimeSpan.FromSeconds(seconds);
            return true;
        }
        Problem($"is {_element.GetRawText()}; it takes seconds, 0 to 86400.");
        return false;
    }

    private ConfigurationNode Child(string name, JsonElement value) => new(value, Join(name), _problems);

    private string Join(string name) => Place.Length == 0 ? name : $"{Place}.{name}";

    private static string Kind(JsonElement element) => element.ValueKind switch
    {
        JsonValueKind.Object => "an object",
        JsonValueKind.Array => "a list",
        JsonValueKind.String => "a text",
        JsonValueKind.Number => "a number",
        JsonValueKind.True or JsonValueKind.False => "true or false",
        _ => "null",
    };
}
