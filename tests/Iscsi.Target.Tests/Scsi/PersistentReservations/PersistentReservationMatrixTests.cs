using Iscsi.Protocol;
using Iscsi.Protocol.Scsi;
using Iscsi.Target.Scsi;
using Iscsi.Target.Scsi.PersistentReservations;

namespace Iscsi.Target.Tests.Scsi.PersistentReservations;

/// <summary>SPC-4 and SBC-3, commands allowed in the presence of various reservations: every row, type and sender.</summary>
public sealed class PersistentReservationMatrixTests
{
    private const string Always = "always";
    private const string Reads = "through Write Exclusive";
    private const string Never = "never";
    private const string Own = "its own rules";

    // The standards' tables, by the names of the rows. A row that is missing here fails: classify it.
    private static string ClassOf(string name) => name switch
    {
        "INQUIRY" or "REPORT LUNS" or "REQUEST SENSE" or "TEST UNIT READY" or "LOG SENSE" or
            "READ CAPACITY (10)" or "READ CAPACITY (16)" or "REPORT TARGET PORT GROUPS" or "REPORT IDENTIFYING INFORMATION" or
            "REPORT TIMESTAMP" or "PREVENT ALLOW MEDIUM REMOVAL" => Always,
        "READ (6)" or "READ (10)" or "READ (12)" or "READ (16)" or "VERIFY (10)" or "VERIFY (12)" or "VERIFY (16)" or
            "POPULATE TOKEN" or "PRE-FETCH (10)" or "PRE-FETCH (16)" or "GET LBA STATUS" or "READ DEFECT DATA (10)" or "READ DEFECT DATA (12)" => Reads,
        "RESERVE (6)" or "RELEASE (6)" or "RESERVE (10)" or "RELEASE (10)" => Own,
        _ when name.StartsWith("PERSISTENT RESERVE", StringComparison.Ordinal) => Own,
        "START STOP UNIT" or "MODE SENSE (6)" or "MODE SENSE (10)" or "MODE SELECT (6)" or "MODE SELECT (10)" or "LOG SELECT" or
            "REPORT SUPPORTED OPERATION CODES" or "REPORT SUPPORTED TASK MANAGEMENT FUNCTIONS" or "SET TARGET PORT GROUPS" or
            "SET IDENTIFYING INFORMATION" or "SET TIMESTAMP" or "SEND DIAGNOSTIC" or "RECEIVE DIAGNOSTIC RESULTS" or
            "READ BUFFER" or "READ BUFFER (10)" or "WRITE BUFFER" or "FORMAT UNIT" or "UNMAP" or "COMPARE AND WRITE" or "WRITE ATOMIC (16)" => Never,
        _ when name.StartsWith("WRITE", StringComparison.Ordinal) || name.StartsWith("SYNCHRONIZE CACHE", StringComparison.Ordinal) ||
            name.StartsWith("SANITIZE", StringComparison.Ordinal) || name.StartsWith("ORWRITE", StringComparison.Ordinal) ||
            name.StartsWith("EXTENDED COPY", StringComparison.Ordinal) || name.StartsWith("RECEIVE COPY", StringComparison.Ordinal) ||
            name is "COPY OPERATION ABORT" or "RECEIVE ROD TOKEN INFORMATION" or "REPORT ALL ROD TOKENS" => Never,
        _ => throw new ArgumentException($"{name} is in none of the classes."),
    };

    // SPC-2, the column of RESERVE.
    private static bool IsAllowedThroughReserve(string name) => name is
        "INQUIRY" or "REPORT LUNS" or "REQUEST SENSE" or "LOG SENSE" or "READ CAPACITY (10)" or "READ CAPACITY (16)" or
        "PREVENT ALLOW MEDIUM REMOVAL" or "REPORT IDENTIFYING INFORMATION" or "RELEASE (6)" or "RELEASE (10)";

    public static TheoryData<string> RowNames()
    {
        var names = new TheoryData<string>();
        foreach (var row in ScsiCommandTable.Rows) names.Add(row.Name);
        return names;
    }

    private static ScsiCommandRow Row(string name) => ScsiCommandTable.Rows.ToArray().Single(r => r.Name == name);

    private static byte[] CdbOf(ScsiCommandRow row)
    {
        var cdb = new byte[row.CdbLength];
        cdb[0] = row.OperationCode;
        cdb[1] = row.ServiceAction ?? 0;
        return cdb;
    }

    private static bool Conflicts(ReservationHarness h, ReadOnlySpan<byte> cdb, ScsiNexus from) =>
        h.Scsi.Begin(cdb, nexus: from).Status == ScsiStatus.ReservationConflict;

    [Theory]
    [MemberData(nameof(RowNames))]
    public void A_command_conflicts_with_a_persistent_reservation_exactly_as_the_tables_say(string name)
    {
        var row = Row(name);
        var kind = ClassOf(name);
        if (kind == Own) return;
        foreach (var type in Enum.GetValues<PersistentReservationType>())
        {
            if (type == PersistentReservationType.None) continue;
            var h = new ReservationHarness();
            h.Register(h.A, ReservationHarness.KeyA);
            h.Register(h.B, ReservationHarness.KeyB);
            h.Reserve(h.A, ReservationHarness.KeyA, type);

            var isWriteExclusive = type is PersistentReservationType.WriteExclusive or
                PersistentReservationType.WriteExclusiveRegistrantsOnly or PersistentReservationType.WriteExclusiveAllRegistrants;
            var isOfOne = type is PersistentReservationType.WriteExclusive or PersistentReservationType.ExclusiveAccess;
            var isOpenToOthers = kind == Always || (kind == Reads && isWriteExclusive);
            Assert.False(Conflicts(h, CdbOf(row), h.A), $"{type}, holder");
            Assert.True(Conflicts(h, CdbOf(row), h.B) == (isOfOne && !isOpenToOthers), $"{type}, registered");
            Assert.True(Conflicts(h, CdbOf(row), h.C) == !isOpenToOthers, $"{type}, not registered");
        }
    }

    [Theory]
    [MemberData(nameof(RowNames))]
    public void A_command_conflicts_with_RESERVE_exactly_as_SPC_2_says(string name)
    {
        var h = new ReservationHarness();
        h.Scsi.Run([OperationCode.Reserve6, 0, 0, 0, 0, 0], nexus: h.A);
        var cdb = CdbOf(Row(name));
        var isPersistent = name.StartsWith("PERSISTENT RESERVE", StringComparison.Ordinal);
        Assert.Equal(!IsAllowedThroughReserve(name), Conflicts(h, cdb, h.B));
        Assert.Equal(isPersistent, Conflicts(h, cdb, h.A));
    }

    [Theory]
    [InlineData(0x01, false)] // START
    [InlineData(0x00, true)] // stop
    public void Starting_a_unit_passes_every_reservation_and_stopping_it_none(byte start, bool conflicts)
    {
        var h = new ReservationHarness();
        h.Register(h.A, ReservationHarness.KeyA);
        h.Reserve(h.A, ReservationHarness.KeyA, PersistentReservationType.WriteExclusive);
        Assert.Equal(conflicts, Conflicts(h, [OperationCode.StartStopUnit, 0, 0, 0, start, 0], h.B));
    }

    [Theory]
    [InlineData(0x00, false)] // allow
    [InlineData(0x01, true)] // prevent
    public void Allowing_removal_passes_every_reservation_and_preventing_it_none(byte prevent, bool conflicts)
    {
        var h = new ReservationHarness();
        h.Register(h.A, ReservationHarness.KeyA);
        h.Reserve(h.A, ReservationHarness.KeyA, PersistentReservationType.WriteExclusive);
        Assert.Equal(conflicts, Conflicts(h, [OperationCode.PreventAllowMediumRemoval, 0, 0, 0, prevent, 0], h.B));
    }

    [Fact]
    public void A_conflict_has_no_sense_and_no_data()
    {
        var h = new ReservationHarness();
        h.Register(h.A, ReservationHarness.KeyA);
        h.Reserve(h.A, ReservationHarness.KeyA, PersistentReservationType.ExclusiveAccess);
        var r = h.Scsi.Run(ScsiHarness.Cdb10(OperationCode.Read10, 0, 0, 8), nexus: h.B);
        Assert.Equal(ScsiStatus.ReservationConflict, r.Status);
        Assert.Equal(0, r.TransferLength);
        Assert.Equal(default, r.Sense);
        Assert.DoesNotContain(h.Scsi.Device.Calls, call => call.StartsWith("read", StringComparison.Ordinal));
    }

    [Theory]
    [InlineData((int)UnitAttention.PowerOnOrReset, false)]
    [InlineData((int)UnitAttention.LogicalUnitReset, false)]
    [InlineData((int)UnitAttention.NexusLoss, false)]
    [InlineData((int)UnitAttention.CapacityDataHasChanged, true)]
    [InlineData((int)UnitAttention.RegistrationsPreempted, true)]
    public void A_reset_is_told_before_a_conflict_and_other_attentions_after_it(int condition, bool conflicts)
    {
        var h = new ReservationHarness();
        h.Register(h.A, ReservationHarness.KeyA);
        h.Reserve(h.A, ReservationHarness.KeyA, PersistentReservationType.ExclusiveAccess);
        h.B.Raise(h.Scsi.Unit, (UnitAttention)condition);
        Assert.Equal(conflicts, Conflicts(h, ScsiHarness.Cdb10(OperationCode.Read10, 0, 0, 8), h.B));
    }

    [Fact]
    public void A_conflict_comes_before_an_invalid_field()
    {
        var h = new ReservationHarness();
        h.Register(h.A, ReservationHarness.KeyA);
        h.Reserve(h.A, ReservationHarness.KeyA, PersistentReservationType.ExclusiveAccess);
        Assert.True(Conflicts(h, ScsiHarness.Cdb10(OperationCode.Read10, 0xE0, 0, 8), h.B));
    }
}
