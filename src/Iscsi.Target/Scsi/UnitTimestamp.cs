namespace Iscsi.Target.Scsi;

/// <summary>The device clock of a logical unit (SPC-4, device clocks): the host's, until an initiator sets it.</summary>
/// <param name="clock">The host's.</param>
internal sealed class UnitTimestamp(TimeProvider clock)
{
    /// <summary>TIMESTAMP ORIGIN: by means outside the standard.</summary>
    public const byte OriginOther = 0x3;

    /// <summary>TIMESTAMP ORIGIN: by SET TIMESTAMP.</summary>
    public const byte OriginSet = 0x2;

    private readonly Lock _lock = new();
    private long _setAt;
    private ulong? _setTo;

    /// <summary>TIMESTAMP ORIGIN and TIMESTAMP: milliseconds since 1970-01-01 UTC, 48 bits.</summary>
    public (byte Origin, ulong Milliseconds) Now
    {
        get
        {
            lock (_lock)
            {
                return _setTo is { } start
                    ? (OriginSet, start + (ulong)clock.GetElapsedTime(_setAt).TotalMilliseconds)
                    : (OriginOther, (ulong)Math.Max(0, clock.GetUtcNow().ToUnixTimeMilliseconds()));
            }
        }
    }

    /// <summary>SET TIMESTAMP. Holds until the server ends: then the host knows better.</summary>
    public void Set(ulong milliseconds)
    {
        lock (_lock)
        {
            _setTo = milliseconds;
            _setAt = clock.GetTimestamp();
        }
    }
}
