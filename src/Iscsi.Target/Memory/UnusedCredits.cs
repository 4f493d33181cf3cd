namespace Iscsi.Target.Memory;

/// <summary>
/// The quarter of the surplus that may back credits nobody uses yet: what sessions widen their windows from. A credit that was
/// advertised can't be called in, so however many sessions widen their windows, three quarters of the surplus stay for work.
/// </summary>
internal sealed class UnusedCredits
{
    private readonly int _total;
    private int _free;

    /// <param name="total">Credits that all sessions together may have open beyond their floors without a command for them.</param>
    public UnusedCredits(int total)
    {
        _total = total;
        _free = total;
    }

    /// <summary>Credits that may be taken now. Any thread.</summary>
    public int Free => Volatile.Read(ref _free);

    /// <summary>A session's fair part when so many are there.</summary>
    public int Share(int sessions) => _total / Math.Max(sessions, 1);

    /// <summary>Takes credits, all or none. Any thread.</summary>
    public bool TryTake(int count)
    {
        while (true)
        {
            var free = Volatile.Read(ref _free);
            if (free < count) return false;
            if (Interlocked.CompareExchange(ref _free, free - count, free) == free) return true;
        }
    }

    /// <summary>Gives credits back. Any thread.</summary>
    public void Return(int count) => Interlocked.Add(ref _free, count);
}
