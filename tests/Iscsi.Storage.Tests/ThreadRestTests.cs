namespace Iscsi.Storage.Tests;

/// <summary>One thread waits, others wake it.</summary>
public sealed class ThreadRestTests
{
    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void A_wake_up_that_comes_first_is_kept(bool usesFutex)
    {
        var rest = Create(usesFutex);
        rest.Wake();
        rest.Wake();
        rest.Wait();
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Nothing_but_a_wake_up_ends_the_wait(bool usesFutex)
    {
        var rest = Create(usesFutex);
        rest.Wake();
        rest.Wait(); // and takes it
        var hasEnded = false;
        var thread = new Thread(() =>
        {
            rest.Wait();
            Volatile.Write(ref hasEnded, true);
        });
        thread.Start();
        Assert.False(thread.Join(50));
        Assert.False(Volatile.Read(ref hasEnded));
        rest.Wake();
        thread.Join();
        Assert.True(hasEnded);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Two_threads_wake_each_other_and_no_wake_up_is_lost(bool usesFutex)
    {
        const int turns = 20_000;
        var here = Create(usesFutex);
        var there = Create(usesFutex);
        var thread = new Thread(() =>
        {
            for (var i = 0; i < turns; i++)
            {
                there.Wait();
                here.Wake();
            }
        });
        thread.Start();
        for (var i = 0; i < turns; i++)
        {
            there.Wake();
            here.Wait();
        }
        thread.Join();
    }

    private static ThreadRest Create(bool usesFutex)
    {
        Assert.SkipWhen(usesFutex && !LinuxCalls.HasFutex, "There is no futex here.");
        return ThreadRest.Create(usesFutex);
    }
}
