using System.Globalization;
using System.Text;
using Microsoft.Extensions.Logging;

namespace IscsiNet.Cli.Logging;

/// <summary>
/// One line an event on standard error: time, level, category, event id, text. A service manager adds nothing that is missing here, and
/// the hosting stack's console logger would cost 20 ms of start for colours that a log file does not want.
/// </summary>
/// <param name="writer">Where lines go.</param>
/// <param name="minimum">The least level that is written.</param>
/// <param name="clock">The time of the lines.</param>
internal sealed class StandardErrorLoggerFactory(TextWriter writer, LogLevel minimum, TimeProvider clock) : ILoggerFactory
{
    private readonly Lock _lock = new();

    public ILogger CreateLogger(string categoryName) => new Logger(this, categoryName);

    /// <summary>There is one place for the log.</summary>
    public void AddProvider(ILoggerProvider provider) => throw new NotSupportedException("The log goes to standard error only.");

    public void Dispose()
    {
    }

    private void Write(LogLevel level, string category, EventId eventId, string message, Exception? exception)
    {
        var line = new StringBuilder(160);
        line.Append(clock.GetLocalNow().ToString("HH:mm:ss.fff", CultureInfo.InvariantCulture))
            .Append(' ').Append(Name(level)).Append(' ').Append(category)
            .Append('[').Append(eventId.Id).Append("] ").Append(message.ReplaceLineEndings(" "));
        if (exception is not null) line.AppendLine().Append(exception);
        lock (_lock) writer.WriteLine(line.ToString());
    }

    private static string Name(LogLevel level) => level switch
    {
        LogLevel.Trace => "trace",
        LogLevel.Debug => "debug",
        LogLevel.Information => "info ",
        LogLevel.Warning => "warn ",
        LogLevel.Error => "error",
        _ => "fatal",
    };

    private sealed class Logger(StandardErrorLoggerFactory factory, string category) : ILogger
    {
        public IDisposable? BeginScope<TState>(TState state)
            where TState : notnull => null;

        public bool IsEnabled(LogLevel logLevel) => logLevel >= factory.Minimum && logLevel != LogLevel.None;

        public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter)
        {
            if (IsEnabled(logLevel)) factory.Write(logLevel, category, eventId, formatter(state, exception), exception);
        }
    }

    private LogLevel Minimum => minimum;
}
