using Iscsi.Protocol;
using Iscsi.Protocol.Scsi;
using Iscsi.Storage;
using Iscsi.Target.Scsi.Copy;
using Reservations;

namespace Iscsi.Target.Scsi;

/// <summary>
/// One SCSI command between the task engine and the SCSI layer. Pooled and reused: the engine resets it, fills in the first part,
/// and reads the second. The SCSI layer allocates nothing for it and never waits for memory.
/// </summary>
internal sealed class ScsiRequest
{
    private Action? _abort;

    // In: set by the engine.

    /// <summary>The session.</summary>
    public ScsiNexus Nexus { get; set; } = null!;

    /// <summary>The target's logical units.</summary>
    public LogicalUnitMap Units { get; set; } = null!;

    /// <summary>The LUN field of the command.</summary>
    public ulong Lun { get; set; }

    /// <summary>The command.</summary>
    public Cdb Cdb;

    /// <summary>Expected Data Transfer Length of the iSCSI command (RFC 7143, 11.3.4).</summary>
    public uint ExpectedDataTransferLength { get; set; }

    /// <summary>The R bit of the iSCSI command: data to the initiator are expected.</summary>
    public bool ExpectsDataIn { get; set; }

    /// <summary>The W bit of the iSCSI command: data from the initiator are expected.</summary>
    public bool ExpectsDataOut { get; set; }

    /// <summary>Whether the task attribute is ACA.</summary>
    public bool IsAca { get; set; }

    /// <summary>
    /// Gathered data-out, for <see cref="ScsiStep.CollectDataOut"/>: at most <see cref="DataOutNeeded"/> bytes, fewer when the
    /// initiator offered fewer.
    /// </summary>
    public BlockList DataOut { get; } = new(16);

    /// <summary>
    /// Room for parameter data, <see cref="ScsiLimits.ParameterDataInCapacity"/> bytes or more. Needed by Begin of every command
    /// that is not a write.
    /// </summary>
    public BlockList DataIn { get; } = new(16);

    /// <summary>Scratch memory, <see cref="ScratchBytes"/> bytes or more, for the execute steps.</summary>
    public BlockList Scratch { get; } = new(32);

    /// <summary>Ends the work of <see cref="ScsiDispatcher.ExecuteAsync"/> early, between two requests to the device.</summary>
    public CancellationToken Cancellation { get; set; }

    /// <summary>The task was aborted: ends the wait of a command that asked for that, see <see cref="MakeAbortable"/>.</summary>
    public void Abort() => _abort?.Invoke();

    /// <summary>Stops tasks of other sessions; null: there are none.</summary>
    public IUnitTasks? Tasks { get; set; }

    // Out: set by the SCSI layer.

    /// <summary>The logical unit; null when the LUN is wrong.</summary>
    public LogicalUnit? Unit { get; internal set; }

    /// <summary>The row of the command table; null for an unknown command.</summary>
    public ScsiCommandRow? Row { get; internal set; }

    /// <summary>The status.</summary>
    public ScsiStatus Status { get; internal set; }

    /// <summary>Sense data of CHECK CONDITION.</summary>
    public SenseData Sense { get; internal set; }

    /// <summary>Bytes in <see cref="DataIn"/> to send, not yet truncated to the Expected Data Transfer Length.</summary>
    public int DataInLength { get; internal set; }

    /// <summary>
    /// Whether <see cref="DataIn"/> is the <see cref="Scratch"/> memory, which then is kept until the data are sent.
    /// </summary>
    public bool AnswersFromScratch { get; internal set; }

    /// <summary>Whether the command ends only when tasks of other sessions have (PREEMPT AND ABORT).</summary>
    public bool AwaitsOtherTasks { get; internal set; }

    /// <summary>Where the data go, by the CDB.</summary>
    public DataDirection Direction { get; internal set; }

    /// <summary>
    /// Bytes the CDB wants to transfer: residual and truncation are computed from it and <see
    /// cref="ExpectedDataTransferLength"/>.
    /// </summary>
    public long TransferLength { get; internal set; }

    /// <summary>The blocks of the medium steps.</summary>
    public MediumTransfer Transfer { get; internal set; }

    /// <summary>
    /// Bytes to gather for <see cref="ScsiStep.CollectDataOut"/>; at most <see cref="ScsiLimits.AllAtOnceBytes"/>, scratch
    /// included.
    /// </summary>
    public int DataOutNeeded { get; internal set; }

    /// <summary>Scratch bytes to provide for the execute steps.</summary>
    public int ScratchBytes { get; internal set; }

    /// <summary>
    /// The blocks that ExecuteAsync changes; it runs while they are entered in <see cref="LogicalUnit.Ranges"/>. Count 0: it changes none. The
    /// medium steps are entered chunk by chunk.
    /// </summary>
    public BlockRange LockedRange { get; internal set; }

    /// <summary>Whether ExecuteAsync must be alone with these blocks.</summary>
    public bool IsAloneWithRange { get; internal set; }

    /// <summary>Whether ExecuteAsync asks the device for something, and so needs a Store slot and its bounce blocks.</summary>
    public bool NeedsStore { get; internal set; }

    /// <summary>Whether a flush is all that ExecuteAsync asks the device for.</summary>
    public bool OnlyFlushes { get; internal set; }

    /// <summary>
    /// Whether <see cref="LockedRange"/> holds more than what is changed: then Execute says itself what it is about to change.
    /// </summary>
    public bool LocksMoreThanItChanges { get; internal set; }

    /// <summary>The third-party copy that the command carries out; null: none.</summary>
    public CopyOperation? Copy { get; internal set; }

    /// <summary>Conditions that end when this status is queued: see <see cref="ConsumeUnitAttention"/>.</summary>
    internal UnitAttention ReportedAttention { get; set; }

    /// <summary>Whether the conditions end for all logical units of the nexus (REPORT LUNS).</summary>
    internal bool ReportedAttentionOfAllUnits { get; set; }

    /// <summary>A part of <see cref="Scratch"/> or <see cref="DataOut"/>, for one request to the device.</summary>
    internal BlockList Window { get; } = new(32);

    /// <summary>Values that Begin computed and Execute uses.</summary>
    internal ScsiWork Work;

    /// <summary>Makes the object ready for another command. Memory lists are cleared, not released: they own nothing.</summary>
    public void Reset()
    {
        Nexus = null!;
        Units = null!;
        Lun = 0;
        Cdb = default;
        ExpectedDataTransferLength = 0;
        ExpectsDataIn = false;
        ExpectsDataOut = false;
        IsAca = false;
        DataOut.Clear();
        DataIn.Clear();
        Scratch.Clear();
        Cancellation = default;
        _abort = null;
        Tasks = null;
        ResetResult();
    }

    /// <summary>The status has been queued: the unit attention it reported has been delivered.</summary>
    public void ConsumeUnitAttention()
    {
        if (ReportedAttention == UnitAttention.None) return;
        if (ReportedAttentionOfAllUnits) Nexus.ClearAll(ReportedAttention);
        else if (Unit is not null) Nexus.Clear(Unit, ReportedAttention);
        ReportedAttention = UnitAttention.None;
    }

    /// <summary>For a command that may take hours in Execute: <see cref="Cancellation"/> is signalled when its task is aborted.</summary>
    internal void MakeAbortable()
    {
        // It has no timer and no handle, so there is nothing to dispose.
        var source = new CancellationTokenSource();
        _abort = source.Cancel;
        Cancellation = source.Token;
    }

    internal void ResetResult()
    {
        Unit = null;
        Row = null;
        Status = ScsiStatus.Good;
        Sense = default;
        DataInLength = 0;
        AnswersFromScratch = false;
        AwaitsOtherTasks = false;
        Direction = DataDirection.None;
        TransferLength = 0;
        Transfer = default;
        DataOutNeeded = 0;
        ScratchBytes = 0;
        LockedRange = default;
        IsAloneWithRange = false;
        NeedsStore = false;
        OnlyFlushes = false;
        LocksMoreThanItChanges = false;
        Copy?.OnAborted();
        Copy = null;
        ReportedAttention = UnitAttention.None;
        ReportedAttentionOfAllUnits = false;
        Work = default;
        Window.Clear();
    }
}

/// <summary>What Begin hands to Execute.</summary>
internal struct ScsiWork
{
    /// <summary>The blocks to work on.</summary>
    public BlockRange Range;

    /// <summary>How blocks are written.</summary>
    public BlockWriteFlags Flags;
}
