using System.CommandLine.Parsing;
using Iscsi.Storage;

namespace IscsiNet.Cli.Parsing;

/// <summary>Parsers of option values that System.CommandLine calls: the value, or an error that names what would be right.</summary>
internal static class Values
{
    public static long Size(ArgumentResult result)
    {
        var text = result.Tokens[^1].Value;
        if (ByteSize.TryParse(text, out var bytes)) return bytes;
        result.AddError($"'{text}' is not a size: it takes {ByteSize.Syntax}.");
        return 0;
    }

    public static ListenSpec[] Listen(ArgumentResult result)
    {
        var specs = new List<ListenSpec>();
        foreach (var token in result.Tokens)
        {
            if (ListenSpec.TryParse(token.Value, out var spec, out var error)) specs.Add(spec);
            else result.AddError(error);
        }

        return [.. specs];
    }

    public static BlockDeviceSpec[] Devices(ArgumentResult result)
    {
        var specs = new List<BlockDeviceSpec>();
        foreach (var token in result.Tokens)
        {
            if (token.Value.StartsWith('-')) result.AddError(UnknownOption(token.Value));
            else if (BlockDeviceSpec.TryParse(token.Value, out var spec, out var error)) specs.Add(spec);
            else result.AddError(error);
        }

        return [.. specs];
    }

    /// <summary>What takes any number of arguments also gets the options nobody knows.</summary>
    private static string UnknownOption(string token) => token.Split('=', ':')[0] switch
    {
        "--http" => "--http is not in this version: there is no HTTP endpoint yet.",
        var option => $"unknown option {option}. (A file of that name is ./{option}.)",
    };
}
