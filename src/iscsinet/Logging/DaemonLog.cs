using Microsoft.Extensions.Logging;

namespace IscsiNet.Cli.Logging;

/// <summary>Events of the daemon itself, 4000 to 4999.</summary>
internal static partial class DaemonLog
{
    [LoggerMessage(4000, LogLevel.Information, "{Path} was read again: {Changes} changes")]
    public static partial void Reloaded(ILogger logger, string path, int changes);

    [LoggerMessage(4001, LogLevel.Error, "{Path} was read again and nothing is changed: {Problem}")]
    public static partial void ReloadRefused(ILogger logger, string path, string problem);

    [LoggerMessage(4002, LogLevel.Error, "{Path} was read again, but not all of it could be done: {Problem}")]
    public static partial void ReloadIncomplete(ILogger logger, string path, string problem);
}
