using Iscsi.Protocol;

namespace Iscsi.Initiator;

/// <summary>What a control request is.</summary>
internal enum ControlKind : byte
{
    /// <summary>NOP-Out that wants an answer.</summary>
    Ping,

    /// <summary>ABORT TASK of a cancelled call.</summary>
    AbortTask,

    /// <summary>LOGICAL UNIT RESET.</summary>
    LogicalUnitReset,

    /// <summary>Logout of the session.</summary>
    Logout,
}

/// <summary>An immediate request that is no SCSI command. Rare, so it is simply made anew.</summary>
internal sealed class ControlRequest(ControlKind kind)
{
    public ControlKind Kind => kind;

    public ulong Lun { get; init; }

    /// <summary>AbortTask: the task, and the tag and number it had.</summary>
    public ScsiTask? Task { get; init; }

    public uint ReferencedTag { get; init; } = TaskTag.Reserved;

    public uint RefCmdSN { get; init; }

    public uint Tag { get; set; }

    /// <summary>The CmdSN that the request carried: commands of lower numbers were sent before it.</summary>
    public uint CmdSN { get; set; }

    public long SentAt { get; set; }

    /// <summary>The answer; for a ping the round trip's ticks of the clock.</summary>
    public TaskCompletionSource<long> Completion { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

    /// <summary>Ends the request with an exception, which nobody has to look at: our own pings and aborts are not awaited.</summary>
    public void Fail(IscsiException exception)
    {
        Completion.TrySetException(exception);
        _ = Completion.Task.Exception;
    }
}
