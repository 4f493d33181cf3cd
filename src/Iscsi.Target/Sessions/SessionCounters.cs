namespace Iscsi.Target.Sessions;

/// <summary>What a session did; written by its owner, read by status.</summary>
internal sealed class SessionCounters
{
    public long Commands { get; set; }

    public long BytesRead { get; set; }

    public long BytesWritten { get; set; }

    /// <summary>Requests outside the window, ignored.</summary>
    public long IgnoredCommands { get; set; }

    /// <summary>Bytes that had no place.</summary>
    public long DrainedBytes { get; set; }

    public long Rejects { get; set; }
}
