using IscsiNet.Cli.Logging;
using IscsiNet.Cli.Output;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Time.Testing;

namespace IscsiNet.Cli.Tests;

public sealed class OutputTests
{
    [Fact]
    public void A_table_aligns_its_columns()
    {
        var table = new TextTable(">n", "name", "rest");
        table.Add("1", "a", "x");
        table.Add("10", "bcde", "y");
        Assert.Equal("""
             n  name  rest
             1  a     x
            10  bcde  y

            """, table.ToString(), ignoreLineEndingDifferences: true);
    }

    [Fact]
    public void A_log_event_is_one_line_with_time_level_category_and_id()
    {
        using var writer = new StringWriter();
        var clock = new FakeTimeProvider(new DateTimeOffset(2026, 11, 22, 13, 14, 15, 160, TimeSpan.Zero));
        using var factory = new StandardErrorLoggerFactory(writer, LogLevel.Information, clock);

        Log(factory.CreateLogger("Iscsi.Target"), LogLevel.Warning, "two\nlines");

        Assert.Equal("13:14:15.160 warn  Iscsi.Target[7] two lines", writer.ToString().TrimEnd());
    }

    [Theory]
    [InlineData(LogLevel.Information, LogLevel.Debug)]
    [InlineData(LogLevel.None, LogLevel.Critical)]
    public void An_event_below_the_least_level_is_not_written(LogLevel minimum, LogLevel level)
    {
        using var writer = new StringWriter();
        using var factory = new StandardErrorLoggerFactory(writer, minimum, TimeProvider.System);

        Log(factory.CreateLogger("Iscsi.Target"), level, "nothing");

        Assert.Empty(writer.ToString());
    }

    private static void Log(ILogger logger, LogLevel level, string text) =>
        logger.Log(level, new EventId(7), text, exception: null, static (state, _) => state);
}
