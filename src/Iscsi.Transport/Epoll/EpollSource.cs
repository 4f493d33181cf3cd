namespace Iscsi.Transport;

/// <summary>What a loop waits for.</summary>
internal abstract class EpollSource
{
    /// <summary>Names it in the loop's table; of the loop.</summary>
    public ulong Token { get; set; }

    /// <summary>Whether it is a connection: loops are given new ones by how many they have.</summary>
    public virtual bool IsConnection => true;

    /// <summary>Something has changed. On the loop's thread; may come once more after the source was removed.</summary>
    /// <param name="events">EPOLLIN and its like.</param>
    public abstract void OnEvents(uint events);
}
