using Iscsi.Protocol;
using Reservations;

namespace Iscsi.Initiator;

/// <summary>The records of one outstanding command, or of one control request: made with the session, used again and again.</summary>
internal sealed class TaskSlot(int maxOutstandingR2T, BlockList response)
{
    /// <summary>The command that has the slot.</summary>
    public ScsiTask? Task { get; set; }

    /// <summary>The control request that has the slot.</summary>
    public ControlRequest? Control { get; set; }

    /// <summary>Checks Data-In.</summary>
    public DataInReceiver Receiver { get; } = new();

    /// <summary>Cuts Data-Out.</summary>
    public DataOutSequencer Sequencer { get; } = new(maxOutstandingR2T);

    /// <summary>Where the data segment of the response goes.</summary>
    public BlockList Response { get; } = response;

    /// <summary>Whether the task is in the queue of those with Data-Out to send.</summary>
    public bool IsSendingData { get; set; }

    /// <summary>The next in that queue.</summary>
    public TaskSlot? NextSender { get; set; }
}
