using Iscsi.Protocol.Scsi;

namespace Iscsi.Target.Scsi;

/// <summary>
/// Informational exceptions of a logical unit (SPC-4): a failure that is known before the next command meets it. There is one, a write
/// error that has latched the device; and the false one that an initiator asks for by TEST.
/// </summary>
/// <param name="unit">The logical unit.</param>
internal sealed class InformationalExceptions(LogicalUnit unit)
{
    private readonly Lock _lock = new();
    private AdditionalSense _told;

    /// <summary>What the Informational Exceptions log page says; 00/00: nothing is wrong.</summary>
    public AdditionalSense Condition => Page switch
    {
        { DisableExceptionControl: true } => AdditionalSense.None,
        _ when unit.IsWriteErrorLatched => AdditionalSense.FailurePredictionThresholdExceeded,
        { Test: true } => AdditionalSense.FailurePredictionThresholdExceededFalse,
        _ => AdditionalSense.None,
    };

    /// <summary>What REQUEST SENSE says of it, MRIE 6h; 00/00: nothing.</summary>
    public AdditionalSense OnRequest =>
        Page.Method == InformationalExceptionsModePage.MethodOnRequest ? Condition : AdditionalSense.None;

    private InformationalExceptionsModePage Page => unit.Modes.Exceptions;

    /// <summary>
    /// The mode page was changed, or a heartbeat has come: tells the nexuses of a condition that is new, where they want that, MRIE 2h.
    /// </summary>
    public void Tell(LogicalUnitMap map)
    {
        var condition = Page.Method == InformationalExceptionsModePage.MethodUnitAttention ? Condition : AdditionalSense.None;
        lock (_lock)
        {
            if (condition == _told) return;
            _told = condition;
        }
        if (condition != AdditionalSense.None) map.Raise(unit, UnitAttention.InformationalException);
    }
}
