using System.Diagnostics;

namespace Iscsi.Target.Tests.Raw;

/// <summary>Waits for something that happens on another thread: looks often, gives up late.</summary>
internal static class Poll
{
    public static Task UntilAsync(Func<bool> isDone, Func<string> what) => UntilAsync(() => Task.FromResult(isDone()), what);

    public static async Task UntilAsync(Func<Task<bool>> isDone, Func<string> what)
    {
        var watch = Stopwatch.StartNew();
        while (!await isDone())
        {
            if (watch.Elapsed > RawClient.Limit) throw new TimeoutException(what());
            await Task.Delay(2);
        }
    }
}
