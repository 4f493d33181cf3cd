using Iscsi.Protocol.Scsi;

namespace Iscsi.Target.Scsi.Copy;

/// <summary>
/// What is known about one copy: while it runs, and after it for RECEIVE COPY STATUS and its like (SPC-4, managing third-party copies).
/// Written by the task that copies, read by any.
/// </summary>
internal sealed class CopyRecord(ScsiNexus nexus, uint listIdentifier, byte serviceAction, bool isHeld)
{
    private readonly TaskCompletionSource _ended = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private volatile bool _isAbortRequested;
    private volatile CopyStatus _status;
    private long _transferredBytes;
    private int _operations;
    private int _segments;

    /// <summary>The nexus that sent the command.</summary>
    public ScsiNexus Nexus { get; } = nexus;

    /// <summary>LIST IDENTIFIER: unique among the copies of a nexus that are identified.</summary>
    public uint ListIdentifier { get; } = listIdentifier;

    /// <summary>SERVICE ACTION of the command that began the copy.</summary>
    public byte ServiceAction { get; } = serviceAction;

    /// <summary>Whether the copy is identified by its list identifier and its results are held (LIST ID USAGE other than 11b).</summary>
    public bool IsHeld { get; } = isHeld;

    /// <summary>How far it is. The rest is final once this is no longer <see cref="CopyStatus.InProgress"/>.</summary>
    public CopyStatus Status => _status;

    /// <summary>Bytes written so far.</summary>
    public long TransferredBytes => Interlocked.Read(ref _transferredBytes);

    /// <summary>Segment descriptors that were processed.</summary>
    public int Segments => Volatile.Read(ref _segments);

    /// <summary>Requests to devices, modulo 2^16 in OPERATION COUNTER.</summary>
    public int Operations => Volatile.Read(ref _operations);

    /// <summary>Why it failed.</summary>
    public SenseData Sense { get; private set; }

    /// <summary>The token that POPULATE TOKEN made; null: none.</summary>
    public RodToken? Token { get; set; }

    /// <summary>Whether COPY OPERATION ABORT asks the copy to stop.</summary>
    public bool IsAbortRequested => _isAbortRequested;

    /// <summary>Ends when the copy has: no request of it is under way.</summary>
    public Task Ended => _ended.Task;

    /// <summary>Whether the status is still to be received; owned by <see cref="UnitCopies"/>.</summary>
    internal bool HasStatus { get; set; } = true;

    /// <summary>Whether the failed segment details are still to be received; owned by <see cref="UnitCopies"/>.</summary>
    internal bool HasDetails { get; set; } = true;

    /// <summary>Asks the copy to stop before its next request.</summary>
    public void RequestAbort() => _isAbortRequested = true;

    public void OnOperation() => Interlocked.Increment(ref _operations);

    public void OnSegment() => Interlocked.Increment(ref _segments);

    public void OnTransferred(long bytes) => Interlocked.Add(ref _transferredBytes, bytes);

    /// <summary>The copy has ended. Only the first end counts.</summary>
    public void End(CopyStatus status, SenseData sense)
    {
        if (_status != CopyStatus.InProgress) return;
        Sense = sense;
        _status = status;
        _ended.TrySetResult();
    }
}

/// <summary>How far a copy is.</summary>
internal enum CopyStatus
{
    /// <summary>It runs.</summary>
    InProgress,

    /// <summary>All is copied.</summary>
    Completed,

    /// <summary>It ended with CHECK CONDITION.</summary>
    Failed,

    /// <summary>It was stopped: by COPY OPERATION ABORT, task management, or the end of the session.</summary>
    Aborted,
}
