namespace Iscsi.Target.Tests.Memory;

/// <summary>The system's clock, which leaps forward when a test says so: deadlines pass without waiting for them.</summary>
internal sealed class LeapingClock : TimeProvider
{
    private long _ahead;

    public override long TimestampFrequency => System.TimestampFrequency;

    public override long GetTimestamp() => System.GetTimestamp() + Interlocked.Read(ref _ahead);

    public void Leap(TimeSpan by) => Interlocked.Add(ref _ahead, (long)(by.TotalSeconds * TimestampFrequency));
}
