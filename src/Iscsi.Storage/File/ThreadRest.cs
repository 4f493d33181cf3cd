using System.Runtime.InteropServices;

namespace Iscsi.Storage;

/// <summary>Where one thread waits until another wakes it. A wake-up that comes first is kept; of several, one.</summary>
/// <remarks>
/// On Linux a wait and a wake-up are one system call each. A monitor takes three, holds its lock meanwhile, and wakes the thread that has
/// waited longest.
/// </remarks>
internal abstract class ThreadRest
{
    public static ThreadRest Create() => Create(LinuxCalls.HasFutex);

    /// <summary>For tests: the one that is meant for systems without.</summary>
    public static ThreadRest Create(bool usesFutex) => usesFutex ? new OnFutex() : new OnMonitor();

    /// <summary>Waits. Only one thread does.</summary>
    public abstract void Wait();

    /// <summary>Ends the wait, or the next one.</summary>
    public abstract void Wake();

    private sealed unsafe class OnFutex : ThreadRest
    {
        private readonly int[] _word = GC.AllocateArray<int>(16, pinned: true); // 1: woken; a cache line of its own
        private readonly int* _address;

        public OnFutex() => _address = (int*)Marshal.UnsafeAddrOfPinnedArrayElement(_word, 0);

        public override void Wait()
        {
            while (Interlocked.Exchange(ref _word[0], 0) == 0) LinuxCalls.FutexWait(_address, 0);
        }

        public override void Wake()
        {
            Volatile.Write(ref _word[0], 1);
            LinuxCalls.FutexWake(_address);
        }
    }

    private sealed class OnMonitor : ThreadRest
    {
        private readonly object _sync = new();
        private bool _isWoken;

        public override void Wait()
        {
            lock (_sync)
            {
                while (!_isWoken) Monitor.Wait(_sync);
                _isWoken = false;
            }
        }

        public override void Wake()
        {
            lock (_sync)
            {
                _isWoken = true;
                Monitor.Pulse(_sync);
            }
        }
    }
}
