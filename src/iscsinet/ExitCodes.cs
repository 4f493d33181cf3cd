namespace IscsiNet.Cli;

/// <summary>What the process ends with; <c>serve --run</c> ends with its command's exit code instead.</summary>
internal static class ExitCodes
{
    public const int Done = 0;
    public const int Failed = 1;

    /// <summary>The command line or the configuration is wrong; nothing was done.</summary>
    public const int Usage = 2;
}
