using Iscsi.Protocol;
using Iscsi.Protocol.Scsi;

namespace Iscsi.Target.Scsi.PersistentReservations;

/// <summary>PERSISTENT RESERVE IN and PERSISTENT RESERVE OUT (SPC-4).</summary>
internal static class PersistentReservationCommands
{
    private const byte ReadKeys = 0x00;
    private const byte ReadReservation = 0x01;
    private const byte ReportCapabilities = 0x02;
    private const byte ReadFullStatus = 0x03;

    /// <summary>The rows.</summary>
    public static readonly ScsiCommandRow[] Rows =
    [
        In("PERSISTENT RESERVE IN - READ KEYS", ReadKeys, PersistentReservationStatus.ReadKeys),
        In("PERSISTENT RESERVE IN - READ RESERVATION", ReadReservation, PersistentReservationStatus.ReadReservation),
        In("PERSISTENT RESERVE IN - REPORT CAPABILITIES", ReportCapabilities, PersistentReservationStatus.ReportCapabilities),
        In("PERSISTENT RESERVE IN - READ FULL STATUS", ReadFullStatus, BeginFullStatus, ExecuteFullStatus),
        Out("PERSISTENT RESERVE OUT - REGISTER", PersistentReserveOutAction.Register),
        Out("PERSISTENT RESERVE OUT - RESERVE", PersistentReserveOutAction.Reserve),
        Out("PERSISTENT RESERVE OUT - RELEASE", PersistentReserveOutAction.Release),
        Out("PERSISTENT RESERVE OUT - CLEAR", PersistentReserveOutAction.Clear),
        Out("PERSISTENT RESERVE OUT - PREEMPT", PersistentReserveOutAction.Preempt),
        Out("PERSISTENT RESERVE OUT - PREEMPT AND ABORT", PersistentReserveOutAction.PreemptAndAbort),
        Out("PERSISTENT RESERVE OUT - REGISTER AND IGNORE EXISTING KEY", PersistentReserveOutAction.RegisterAndIgnoreExistingKey),
        Out("PERSISTENT RESERVE OUT - REGISTER AND MOVE", PersistentReserveOutAction.RegisterAndMove),
    ];

    // byte 7 ALLOCATION LENGTH (2)
    private static ScsiCommandRow In(
        string name, byte serviceAction, Func<ScsiRequest, ScsiStep> reply, Func<ScsiRequest, ValueTask>? execute = null) => new()
        {
            Name = name,
            Usage = [OperationCode.PersistentReserveIn, serviceAction, 0, 0, 0, 0, 0, 0xFF, 0xFF, 0],
            ServiceAction = serviceAction,
            Traits = ScsiTraits.ManagesReservations | ScsiTraits.AllowedWhenStopped | ScsiTraits.AllowedInStandby,
            Direction = DataDirection.Read,
            Memory = execute is null ? MemoryNeed.ParameterData : MemoryNeed.AllAtOnce,
            Begin = r => r.Unit!.Reservations.IsReservedByReserve ? r.Conflict() : reply(r),
            Execute = execute,
        };

    // byte 2 SCOPE (4), TYPE (4), byte 5 PARAMETER LIST LENGTH (4). Service actions without a type ignore it.
    private static ScsiCommandRow Out(string name, PersistentReserveOutAction action) => new()
    {
        Name = name,
        Usage = [OperationCode.PersistentReserveOut, (byte)action, 0xFF, 0, 0, 0xFF, 0xFF, 0xFF, 0xFF, 0],
        ServiceAction = (byte)action,
        Traits = ScsiTraits.ManagesReservations | ScsiTraits.AllowedWhenStopped | ScsiTraits.AllowedInStandby,
        Direction = DataDirection.Write,
        Memory = MemoryNeed.AllAtOnce,
        Begin = BeginOut,
        Execute = ExecuteOut,
    };

    private static ScsiStep BeginOut(ScsiRequest r)
    {
        if (r.Unit!.Reservations.IsReservedByReserve) return r.Conflict();
        var length = r.Cdb.UInt32(5);
        if (length < PersistentReservationParameterList.Size || length > r.Unit.Limits.AllAtOnceBytes)
            return r.Fail(SenseKey.IllegalRequest, AdditionalSense.ParameterListLengthError);
        r.TransferLength = length;
        r.DataOutNeeded = (int)length;
        return ScsiStep.CollectDataOut;
    }

    private static ValueTask ExecuteOut(ScsiRequest r) =>
        PersistentReservationParameterList.Read(r) is { } request ? r.Unit!.Reservations.ExecuteAsync(r, request) : default;

    // What the credit does not hold, a burst does: the number of registrations is bounded by it.
    private static ScsiStep BeginFullStatus(ScsiRequest r)
    {
        var state = r.Unit!.Reservations.State;
        var bytes = Math.Min(PersistentReservationStatus.FullStatusBytes(state.Registrations), r.Cdb.UInt16(7));
        if (bytes <= ScsiLimits.ParameterDataInCapacity) return PersistentReservationStatus.WriteFullStatus(r, state);
        r.ScratchBytes = bytes;
        r.TransferLength = bytes;
        return ScsiStep.Execute;
    }

    private static ValueTask ExecuteFullStatus(ScsiRequest r)
    {
        var state = r.Unit!.Reservations.State;
        r.DataIn.Clear();
        r.DataIn.AddSlice(r.Scratch, 0, r.ScratchBytes);
        r.AnswersFromScratch = true;
        PersistentReservationStatus.WriteFullStatus(r, state);
        return default;
    }
}
