using Iscsi.Protocol;
using Iscsi.Protocol.Scsi;

namespace Iscsi.Initiator;

/// <summary>A SCSI command ended with another status than GOOD, or moved fewer data than it had to.</summary>
public sealed class ScsiCommandException : IscsiException
{
    /// <summary>Creates the exception.</summary>
    /// <param name="command">The command, in the standard's words.</param>
    /// <param name="result">How it ended.</param>
    public ScsiCommandException(string command, in ScsiResult result)
        : base(Describe(command, result))
    {
        Result = result;
    }

    /// <summary>How the command ended.</summary>
    public ScsiResult Result { get; }

    /// <summary>The status.</summary>
    public ScsiStatus Status => Result.Status;

    /// <summary>The sense data, when there are any.</summary>
    public SenseData? Sense => Result.Sense;

    private static string Describe(string command, in ScsiResult result) => result.Status switch
    {
        ScsiStatus.Good => $"{command} moved {result.TransferredBytes} bytes and should have moved {result.Residual.Count} more.",
        ScsiStatus.CheckCondition when result.Sense is { } sense => $"{command} failed: {SenseText.Describe(sense)}.",
        ScsiStatus.Busy => $"{command} failed: the logical unit is busy.",
        ScsiStatus.TaskSetFull => $"{command} failed: the task set of the logical unit is full.",
        ScsiStatus.ReservationConflict => $"{command} failed: another initiator holds a reservation on the logical unit.",
        ScsiStatus.TaskAborted => $"{command} was aborted, by a reset or by another initiator.",
        var status => $"{command} failed with status {(byte)status:X2}h.",
    };
}
