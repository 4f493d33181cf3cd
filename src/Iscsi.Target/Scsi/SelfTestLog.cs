using Iscsi.Protocol.Scsi;

namespace Iscsi.Target.Scsi;

/// <summary>A self-test that has ended.</summary>
/// <param name="Code">SELF-TEST CODE of SEND DIAGNOSTIC; 0: the default self-test.</param>
/// <param name="Hours">ACCUMULATED POWER ON HOURS: since the server was started.</param>
/// <param name="FailedAt">ADDRESS OF FIRST FAILURE; null: it passed.</param>
/// <param name="Sense">Why it failed.</param>
internal readonly record struct SelfTestResult(byte Code, ushort Hours, ulong? FailedAt, SenseData Sense);

/// <summary>The twenty latest self-tests, the latest first (SPC-4, Self-Test Results log page).</summary>
internal sealed class SelfTestLog
{
    /// <summary>How many are kept: what the log page has room for.</summary>
    public const int Capacity = 20;

    private readonly Lock _lock = new();
    private readonly List<SelfTestResult> _results = new(Capacity + 1);

    /// <summary>Adds a result.</summary>
    public void Add(SelfTestResult result)
    {
        lock (_lock)
        {
            _results.Insert(0, result);
            if (_results.Count > Capacity) _results.RemoveAt(Capacity);
        }
    }

    /// <summary>Forgets all results.</summary>
    /// <returns>Whether there was one.</returns>
    public bool Reset()
    {
        lock (_lock)
        {
            var isChange = _results.Count > 0;
            _results.Clear();
            return isChange;
        }
    }

    /// <summary>A copy.</summary>
    public SelfTestResult[] ToArray()
    {
        lock (_lock) return [.. _results];
    }
}
