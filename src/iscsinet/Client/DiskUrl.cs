using System.CommandLine;
using System.CommandLine.Parsing;
using Iscsi.Initiator;

namespace IscsiNet.Cli.Client;

/// <summary>The argument <c>URL</c>: a target, and a LUN of it, 0 where the URL names none.</summary>
internal static class DiskUrl
{
    public const string Scheme = "iscsi://";

    public static Argument<IscsiUrl> Argument(string description) => new("URL")
    {
        Description = description + " iscsi://[user[%secret]@]host[:port]/iqn[/lun]",
        CustomParser = Parse,
    };

    public static bool IsUrl(string text) => text.StartsWith(Scheme, StringComparison.OrdinalIgnoreCase);

    /// <summary>Parses a URL that must name a target.</summary>
    /// <exception cref="UserException">It is none.</exception>
    public static IscsiUrl ParseTarget(string text)
    {
        if (!IscsiUrl.TryParse(text, out var url, out var error)) throw UserException.Usage(error);
        return url.TargetName is null ? throw UserException.Usage(NoTarget(text)) : url;
    }

    private static IscsiUrl? Parse(ArgumentResult result)
    {
        var text = result.Tokens[0].Value;
        if (!IscsiUrl.TryParse(text, out var url, out var error)) result.AddError(error);
        else if (url.TargetName is null) result.AddError(NoTarget(url.ToString()));
        return url;
    }

    private static string NoTarget(string text) => $"'{text}' names no target; 'iscsinet discover' lists those of a portal.";
}
