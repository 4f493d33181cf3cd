using System.Numerics;
using System.Runtime.CompilerServices;
using Iscsi.Protocol;
using Iscsi.Protocol.Scsi;
using Iscsi.Storage;

namespace Iscsi.Target.Scsi;

/// <summary>The SCSI gate: from a command to its row, through the checks in their order, to what the engine does next.</summary>
internal static class ScsiDispatcher
{
    /// <summary>
    /// Begins a command. Allocates nothing and never waits. Order: ACA attribute, LUN, operation code, reservations of others, fields outside the
    /// usage data, unit attention, asymmetric access state, medium out of reach, write protection, failed flush, fields that this device does
    /// not have, then the
    /// row's own checks.
    /// </summary>
    /// <remarks>
    /// What the iSCSI command declared (R and W bits, Expected Data Transfer Length) is not checked against the CDB: the engine
    /// transfers the smaller amount and reports the residual. The exception is a pattern block, see <see
    /// cref="ScsiScratch.CollectOneBlock"/>.
    /// </remarks>
    public static ScsiStep Begin(ScsiRequest r)
    {
        r.ResetResult();
        r.Units.TryFind(r.Lun, out var unit);
        r.Unit = unit;
        // SAM-5, ACA attribute: there is no ACA condition, ever, so a task that is meant for one is refused.
        if (r.IsAca) return r.Fail(SenseKey.IllegalRequest, AdditionalSense.InvalidMessageError);

        var row = ScsiCommandTable.Find(r.Cdb, unit, out var isServiceActionUnknown);
        if (unit is null && (row is null || !row.Has(ScsiTraits.AnyLun)))
            return r.Fail(SenseKey.IllegalRequest, AdditionalSense.LogicalUnitNotSupported);
        if (row is null)
        {
            return isServiceActionUnknown
                ? r.InvalidField(1, 4)
                : r.Fail(SenseKey.IllegalRequest, AdditionalSense.InvalidCommandOperationCode);
        }
        r.Row = row;
        r.Direction = row.Direction;
        if (unit is not null && unit.Reservations.Refuse(r, row)) return Conflict(r, row, unit);

        var outside = FirstByteOutside(row, r.Cdb, out var bit);
        if (outside >= 0) return r.InvalidField(outside, bit);
        if (unit is not null && Gate(r, row, unit) is { } sense) return r.Fail(sense);
        // After the gate, so that a read-only device, which can't unmap either, says that it is read-only.
        if (row.Conditional is { } bits && r.Cdb.Has(bits.OffsetBytes, bits.Mask) && !bits.Exist(unit))
            return r.InvalidField(bits.OffsetBytes, BitOperations.Log2(bits.Mask));
        var step = row.Begin(r);
        if (unit is not null && step is not ScsiStep.Done) r.Nexus.Count(unit, step, r.Transfer.BlockCount);
        return step;
    }

    /// <summary>
    /// Does the device's part of a command and sets the status. Device failures become sense data. The memory asked for
    /// (<see cref="ScsiRequest.DataOut"/>, <see cref="ScsiRequest.Scratch"/>) must be there.
    /// </summary>
    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder))]
    public static async ValueTask ExecuteAsync(ScsiRequest r)
    {
        try
        {
            if (r.LockedRange.Count > 0 && !r.LocksMoreThanItChanges) r.Unit!.RodTokens.OnWrite(r.LockedRange);
            await r.Row!.Execute!(r).ConfigureAwait(false);
            // WCE is zero: what was written, zeroed or unmapped is durable before the status (SBC-3).
            if (r.Status == ScsiStatus.Good && r.Row.Has(ScsiTraits.Writes) && r.Unit!.WritesThrough)
                await r.Unit.FlushAsync(r.Cancellation).ConfigureAwait(false);
        }
#pragma warning disable CA1031 // Whatever a device throws must become a status: the initiator waits for one.
        catch (Exception e)
#pragma warning restore CA1031
        {
            OnDeviceError(r, e);
        }
    }

    /// <summary>Turns a device's exception into CHECK CONDITION, and remembers a failed flush.</summary>
    public static void OnDeviceError(ScsiRequest r, Exception e)
    {
        // FUA is a write and a flush in one; which of them failed is not known.
        var forces = ((r.Transfer.Flags | r.Work.Flags) & BlockWriteFlags.ForceUnitAccess) != BlockWriteFlags.None;
        if (forces && r.Row!.Has(ScsiTraits.Writes) && !ScsiErrors.IsRefusal(e)) r.Unit!.LatchWriteError();
        if (e is BlockDeviceException { Error: BlockDeviceError.NoSpace }) r.Unit!.Space.OnNoSpace();
        r.Fail(ScsiErrors.Sense(e, r.Row!.Has(ScsiTraits.Writes | ScsiTraits.Flushes)));
    }

    /// <summary>
    /// CHECK CONDITION, MISCOMPARE 1D/00: the information field holds the offset of the first byte that differs (SBC-3, VERIFY
    /// command).
    /// </summary>
    /// <param name="r">The request.</param>
    /// <param name="offsetBytes">Offset in the data of the whole command.</param>
    public static void Miscompare(ScsiRequest r, long offsetBytes) =>
        r.Fail(new SenseData(SenseKey.Miscompare, AdditionalSense.MiscompareDuringVerify) { Information = (ulong)offsetBytes });

    // SAM-5, status precedence: a reset or a loss of the nexus is told first, then the conflict, then everything else.
    private static ScsiStep Conflict(ScsiRequest r, ScsiCommandRow row, LogicalUnit unit)
    {
        var reset = row.Has(ScsiTraits.AllowedDuringUnitAttention) ? UnitAttention.None : (r.Nexus.Pending(unit) & UnitAttention.Resets).First();
        if (reset == UnitAttention.None) return r.Conflict();
        r.ReportedAttention = reset;
        return r.Fail(SenseKey.UnitAttention, reset.Sense());
    }

    // The field check: the first byte with a bit outside the usage data, and its leftmost such bit. Bytes past the CDB's length
    // are padding of the PDU (RFC 7143, 11.3.5), not fields.
    private static int FirstByteOutside(ScsiCommandRow row, in Cdb cdb, out int bit)
    {
        for (var i = 1; i < row.CdbLength; i++)
        {
            var mask = i == 1 && row.ServiceAction is not null ? row.Usage[i] | 0x1F : row.Usage[i];
            var outside = cdb[i] & ~mask;
            if (outside == 0) continue;
            bit = BitOperations.Log2((uint)outside);
            return i;
        }
        bit = 0;
        return -1;
    }

    private static SenseData? Gate(ScsiRequest r, ScsiCommandRow row, LogicalUnit unit)
    {
        if (!row.Has(ScsiTraits.AllowedDuringUnitAttention) && r.Nexus.HasUnitAttention)
        {
            var attention = r.Nexus.Pending(unit).First();
            if (attention != UnitAttention.None)
            {
                r.ReportedAttention = attention;
                return unit.SenseOf(attention);
            }
        }
        if (unit.PortGroups.Refuse(r.Nexus.TargetPortGroupTag, row) is { } inaccessible) return inaccessible;
        if (unit.Medium.HasObstacle && unit.Medium.Refuse(row.Traits) is { } sense) return sense;
        if (row.Has(ScsiTraits.Writes) && unit.IsReadOnly)
            return new SenseData(SenseKey.DataProtect, AdditionalSense.WriteProtected);
        if (row.Has(ScsiTraits.Writes) && unit.Control.SoftwareWriteProtect)
            return new SenseData(SenseKey.DataProtect, AdditionalSense.SoftwareWriteProtected);
        if (row.Has(ScsiTraits.Writes | ScsiTraits.Flushes) && unit.IsWriteErrorLatched)
            return new SenseData(SenseKey.MediumError, AdditionalSense.WriteError);
        return null;
    }
}
