using Spectre.Console;

namespace IscsiNet.Cli.Output;

/// <summary>A progress bar with rate and remaining time on standard error.</summary>
internal static class ProgressBar
{
    /// <summary>Shows the bar until the work has ended, in whatever way.</summary>
    public static Task ShowAsync(string name, long lengthBytes, Func<long> done, Task work, TimeSpan refreshInterval)
    {
        var console = AnsiConsole.Create(new AnsiConsoleSettings { Out = new AnsiConsoleOutput(Console.Error) });
        return console.Progress()
            .AutoClear(true)
            .Columns(
                new TaskDescriptionColumn(),
                new ProgressBarColumn(),
                new PercentageColumn(),
                new DownloadedColumn(),
                new TransferSpeedColumn(),
                new RemainingTimeColumn())
            .StartAsync(async context =>
            {
                var bar = context.AddTask(name, maxValue: lengthBytes);
                while (!work.IsCompleted)
                {
                    bar.Value = done();
                    await Task.WhenAny(work, Task.Delay(refreshInterval, TimeProvider.System)).ConfigureAwait(false);
                }

                bar.Value = done();
            });
    }
}
