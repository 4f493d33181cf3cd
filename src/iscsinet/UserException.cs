namespace IscsiNet.Cli;

/// <summary>Something the user can act on: one line that says what is wrong and what to do, and the exit code.</summary>
internal sealed class UserException(string message, int exitCode = ExitCodes.Failed, Exception? innerException = null)
    : Exception(message, innerException)
{
    public int ExitCode => exitCode;

    /// <summary>A mistake on the command line.</summary>
    public static UserException Usage(string message) => new(message, ExitCodes.Usage);
}
