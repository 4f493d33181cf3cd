using Iscsi.Protocol;
using Iscsi.Protocol.Scsi;

namespace Iscsi.Target.Scsi.Media;

/// <summary>START STOP UNIT (SBC-3), PREVENT ALLOW MEDIUM REMOVAL (SPC-4).</summary>
internal static class StartStopCommands
{
    private const byte Immediate = 0x01;
    private const byte Modifier = 0x0F;
    private const byte Condition = 0xF0;
    private const byte NoFlush = 0x04;
    private const byte LoadEject = 0x02;
    private const byte Start = 0x01;
    private const byte Prevent = 0x01;

    /// <summary>The rows.</summary>
    public static readonly ScsiCommandRow[] Rows =
    [
        // byte 1 IMMED, byte 3 POWER CONDITION MODIFIER (4), byte 4 POWER CONDITION (4), NO_FLUSH, LOEJ, START
        new()
        {
            Name = "START STOP UNIT",
            Usage = [OperationCode.StartStopUnit, Immediate, 0, Modifier, Condition | NoFlush | LoadEject | Start, 0],
            Conditional = new ConditionalBits(4, LoadEject, static unit => unit.IsRemovable),
            Traits = ScsiTraits.AllowedWhenStopped,
            // SBC-3: starting harms nobody, unless it sets a power condition.
            PassesReservations = static r => r.Cdb.Has(4, Start) && !r.Cdb.Has(4, Condition),
            RecommendedTimeoutSeconds = 60,
            Begin = BeginStartStop,
            Execute = FlushAndApplyAsync,
        },

        // byte 4 PREVENT; what other values of two bits once meant is obsolete
        new()
        {
            Name = "PREVENT ALLOW MEDIUM REMOVAL",
            Usage = [OperationCode.PreventAllowMediumRemoval, 0, 0, 0, Prevent, 0],
            Traits = ScsiTraits.AllowedWhenStopped,
            PassesReservations = static r => !r.Cdb.Has(4, Prevent),
            IsSupported = static unit => unit.IsRemovable,
            Begin = PreventOrAllow,
        },
    ];

    private static ScsiStep PreventOrAllow(ScsiRequest r)
    {
        if (r.Cdb.Has(4, Prevent)) r.Unit!.Medium.PreventRemoval(r.Nexus);
        else r.Unit!.Medium.AllowRemoval(r.Nexus);
        return r.Good();
    }

    private static ScsiStep BeginStartStop(ScsiRequest r)
    {
        var unit = r.Unit!;
        var condition = r.Cdb[4] >> 4;
        var modifier = r.Cdb[3] & Modifier;
        if (condition == 0)
        {
            // Without a condition its modifier is reserved.
            if (modifier != 0) return r.InvalidField(3, 3);
        }
        else if (PowerConditions.Parse(condition, modifier) is null)
        {
            return PowerConditions.Exists(condition) ? r.InvalidField(3, 3) : r.InvalidField(4, 7);
        }
        if (!LeavesMedium(r) || r.Cdb.Has(4, NoFlush) || unit.Medium.IsStopped || unit.Medium.IsAbsent || unit.Info.IsReadOnly)
        {
            Apply(r);
            return ScsiStep.Done;
        }
        if (Ejects(r) && unit.Medium.IsRemovalPrevented) return RemovalPrevented(r);
        if (unit.IsWriteErrorLatched) return r.Fail(SenseKey.MediumError, AdditionalSense.WriteError);
        r.NeedsStore = true;
        return ScsiStep.Execute;
    }

    // IMMED asks for status before the work is done. Status comes with the work here, so that a failed flush is never reported as
    // GOOD.
    private static async ValueTask FlushAndApplyAsync(ScsiRequest r)
    {
        try
        {
            await r.Unit!.FlushAsync(r.Cancellation).ConfigureAwait(false);
        }
        catch (Exception e) when (e is not OperationCanceledException)
        {
            // The row has no trait that says so, because a unit can be started after a failed flush.
            r.Fail(ScsiErrors.Sense(e, writes: true));
            return;
        }
        Apply(r);
    }

    private static bool Ejects(ScsiRequest r) => (r.Cdb[4] & (Condition | LoadEject | Start)) == LoadEject;

    // SBC-3, NO_FLUSH: caches are written before the medium can't be accessed at once.
    private static bool LeavesMedium(ScsiRequest r) => r.Cdb.Has(4, Condition)
        ? PowerConditions.Parse(r.Cdb[4] >> 4, r.Cdb[3] & Modifier)!.Value.Flushes()
        : !r.Cdb.Has(4, Start);

    private static void Apply(ScsiRequest r)
    {
        var medium = r.Unit!.Medium;
        // SBC-3: with a power condition, START and LOEJ are ignored.
        if (r.Cdb.Has(4, Condition))
        {
            medium.SetPower(PowerConditions.Parse(r.Cdb[4] >> 4, r.Cdb[3] & Modifier)!.Value);
            r.Good();
        }
        else if (r.Cdb.Has(4, LoadEject))
        {
            LoadOrEject(r, medium);
        }
        else if (!r.Cdb.Has(4, Start))
        {
            medium.IsStopped = true;
            r.Good();
        }
        else if (medium.IsAbsent)
        {
            r.Fail(SenseKey.NotReady, AdditionalSense.MediumNotPresent);
        }
        else
        {
            medium.Start();
            r.Good();
        }
    }

    private static void LoadOrEject(ScsiRequest r, UnitMedium medium)
    {
        if (!r.Cdb.Has(4, Start))
        {
            if (medium.TryEject()) r.Good();
            else RemovalPrevented(r);
            return;
        }
        if (!medium.TryLoad(out var wasAbsent))
        {
            RemovalPrevented(r);
            return;
        }
        if (wasAbsent) r.Units.Raise(r.Unit!, UnitAttention.MediumMayHaveChanged, except: r.Nexus);
        r.Good();
    }

    private static ScsiStep RemovalPrevented(ScsiRequest r) =>
        r.Fail(SenseKey.IllegalRequest, AdditionalSense.MediumRemovalPrevented);
}
