using System.Net.Sockets;
using Iscsi.Storage;
using Reservations;

namespace IscsiNet.Cli.Output;

/// <summary>Exceptions as one line for the user, and the exit code that goes with it.</summary>
internal static class ErrorText
{
    /// <summary>Set to 1, it adds the stack trace, for a report of a bug.</summary>
    public const string TraceVariable = "ISCSINET_TRACE";

    public static (string Message, int ExitCode) Of(Exception exception)
    {
        var (message, exitCode) = Describe(exception);
        return Environment.GetEnvironmentVariable(TraceVariable) == "1" ? ($"{message}\n{exception}", exitCode) : (message, exitCode);
    }

    private static (string Message, int ExitCode) Describe(Exception exception) => exception switch
    {
        UserException user => (user.Message, user.ExitCode),
        BudgetException => (OneLine(exception.Message), ExitCodes.Usage),
        BlockDeviceException { Error: BlockDeviceError.NotFound or BlockDeviceError.NotADisk or BlockDeviceError.InvalidSize } =>
            (OneLine(exception.Message), ExitCodes.Usage),
        ArgumentException argument => (OneLine(WithoutParameter(argument)), ExitCodes.Usage),
        IOException or InvalidDataException or UnauthorizedAccessException or SocketException or TimeoutException or NotSupportedException =>
            (OneLine(exception.Message), ExitCodes.Failed),
        OperationCanceledException => ("stopped before it was done", ExitCodes.Failed),
        _ => ($"{OneLine(exception.Message)} ({exception.GetType().Name}; {TraceVariable}=1 shows where)", ExitCodes.Failed),
    };

    private static string WithoutParameter(ArgumentException exception)
    {
        var suffix = $" (Parameter '{exception.ParamName}')";
        return exception.Message.Replace(suffix, "", StringComparison.Ordinal);
    }

    private static string OneLine(string message) => message.ReplaceLineEndings(" ").Trim();
}
