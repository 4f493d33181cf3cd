using Iscsi.Protocol.Scsi;
using Iscsi.Target.Scsi.AsymmetricAccess;
using Iscsi.Target.Scsi.Copy;
using Iscsi.Target.Scsi.Media;
using Iscsi.Target.Scsi.PersistentReservations;

namespace Iscsi.Target.Scsi;

/// <summary>The one table of commands. Nothing else knows an operation code.</summary>
internal static class ScsiCommandTable
{
    /// <summary>All commands, by operation code and service action.</summary>
    public static ReadOnlySpan<ScsiCommandRow> Rows => AllRows;

    private static readonly ScsiCommandRow[] AllRows = Sort(
    [
        .. UnitCommands.Rows,
        .. InquiryCommands.Rows,
        .. ReportCommands.Rows,
        .. TaskManagementCommands.Rows,
        .. CapacityCommands.Rows,
        .. ModeCommands.Rows,
        .. ModeSelectCommands.Rows,
        .. LogCommands.Rows,
        .. DiagnosticCommands.Rows,
        .. IdentityCommands.Rows,
        .. ReadWriteCommands.Rows,
        .. CacheCommands.Rows,
        .. VerifyCommands.Rows,
        .. WriteVerifyCommands.Rows,
        .. WriteSameCommands.Rows,
        .. ProvisioningCommands.Rows,
        .. AtomicCommands.Rows,
        .. PreFetchCommands.Rows,
        .. DefectCommands.Rows,
        .. BufferCommands.Rows,
        .. PersistentReservationCommands.Rows,
        .. ReserveCommands.Rows,
        .. ExtendedCopyCommands.Rows,
        .. TokenCommands.Rows,
        .. CopyResultCommands.Rows,
        .. StartStopCommands.Rows,
        .. SanitizeCommands.Rows,
        .. FormatCommands.Rows,
        .. TargetPortGroupCommands.Rows,
    ]);

    private static readonly ScsiCommandRow[]?[] ByOperationCode = Index(AllRows);

    /// <summary>Finds the row of a CDB for a logical unit.</summary>
    /// <param name="cdb">The command.</param>
    /// <param name="unit">The logical unit, whose device decides which rows exist; null for a LUN without one.</param>
    /// <param name="isServiceActionUnknown">The operation code exists, the service action does not.</param>
    public static ScsiCommandRow? Find(in Cdb cdb, LogicalUnit? unit, out bool isServiceActionUnknown)
    {
        isServiceActionUnknown = false;
        var rows = ByOperationCode[cdb.OperationCode];
        if (rows is null) return null;
        foreach (var row in rows)
        {
            if (!row.Exists(unit)) continue;
            if (row.ServiceAction is null || row.ServiceAction == cdb.ServiceAction) return row;
            isServiceActionUnknown = true;
        }
        return null;
    }

    private static ScsiCommandRow[] Sort(ScsiCommandRow[] rows)
    {
        Array.Sort(rows, static (a, b) =>
            a.OperationCode != b.OperationCode
                ? a.OperationCode.CompareTo(b.OperationCode)
                : (a.ServiceAction ?? 0).CompareTo(b.ServiceAction ?? 0));
        return rows;
    }

    private static ScsiCommandRow[]?[] Index(ScsiCommandRow[] rows)
    {
        var index = new ScsiCommandRow[]?[256];
        foreach (var group in rows.GroupBy(static row => row.OperationCode)) index[group.Key] = [.. group];
        return index;
    }
}
