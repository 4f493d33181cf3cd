using System.Buffers.Binary;
using Iscsi.Protocol;
using Iscsi.Protocol.Scsi;
using Iscsi.Target.Scsi;
using Iscsi.Target.Scsi.AsymmetricAccess;
using Iscsi.Target.Scsi.PersistentReservations;

namespace Iscsi.Target.Tests.Scsi.AsymmetricAccess;

/// <summary>Target port groups and asymmetric access states (SPC-4), on two target ports.</summary>
public sealed class TargetPortGroupTests : IDisposable
{
    private static readonly AsymmetricAccessOptions Explicit = new() { AllowExplicitChange = true };

    private readonly string _file = Path.Combine(Path.GetTempPath(), Path.GetRandomFileName());

    private static ScsiHarness New(AsymmetricAccessOptions? options = null) => new(portGroups: new TargetPortGroups([1, 2], options ?? Explicit));

    private static byte[] ReportCdb(int format = 0, uint allocationLength = 1024)
    {
        var cdb = new byte[12];
        cdb[0] = 0xA3;
        cdb[1] = (byte)((format << 5) | 0x0A);
        BinaryPrimitives.WriteUInt32BigEndian(cdb.AsSpan(6), allocationLength);
        return cdb;
    }

    private static byte[] SetCdb(int length)
    {
        var cdb = new byte[12];
        cdb[0] = 0xA4;
        cdb[1] = 0x0A;
        BinaryPrimitives.WriteInt32BigEndian(cdb.AsSpan(6), length);
        return cdb;
    }

    private static byte[] List(params (byte State, ushort Tag)[] groups)
    {
        var list = new byte[4 + (4 * groups.Length)];
        for (var i = 0; i < groups.Length; i++)
        {
            list[4 + (4 * i)] = groups[i].State;
            BinaryPrimitives.WriteUInt16BigEndian(list.AsSpan(6 + (4 * i)), groups[i].Tag);
        }
        return list;
    }

    private static void Set(ScsiHarness h, ushort tag, AsymmetricAccessState state) => h.Units.PortGroups.Change(h.Units, [(tag, state)]);

    [Fact]
    public void REPORT_TARGET_PORT_GROUPS_lists_every_group_with_its_port()
    {
        var h = New(Explicit with { States = new Dictionary<int, AsymmetricAccessState> { [2] = AsymmetricAccessState.Standby }, PreferredGroup = 1 });
        Assert.Equal(
            [
                0, 0, 0, 24,
                0x80, 0xCF, 0, 1, 0, 0, 0, 1, 0, 0, 0, 1,
                0x02, 0xCF, 0, 2, 0, 0, 0, 1, 0, 0, 0, 2,
            ],
            h.RunGood(ReportCdb()));
    }

    [Fact]
    public void The_extended_header_has_its_format_and_counts_in_the_length()
    {
        var data = New().RunGood(ReportCdb(format: 1));
        Assert.Equal([0, 0, 0, 28, 0x10, 0, 0, 0, 0x00, 0xCF, 0, 1], data[..12]);
        Assert.Equal(32, data.Length);
    }

    [Theory]
    [InlineData(2)]
    [InlineData(7)]
    public void Another_format_is_an_invalid_field(int format) => New().AssertInvalidField(ReportCdb(format), 1, 7);

    [Fact]
    public void A_short_allocation_length_cuts_the_data_and_not_the_length_field()
    {
        Assert.Equal([0, 0, 0, 24, 0, 0xCF], New().RunGood(ReportCdb(allocationLength: 6)));
        Assert.Empty(New().RunGood(ReportCdb(allocationLength: 0)));
    }

    [Fact]
    public void SET_TARGET_PORT_GROUPS_changes_the_states_and_tells_the_other_nexuses()
    {
        var h = New();
        var other = h.NewNexus(targetPort: 2);
        h.RunGood(SetCdb(12), List((0x2, 1), (0x1, 2)));

        var data = h.RunGood(ReportCdb());
        Assert.Equal((0x02, 0x01), (data[4], data[9]));
        Assert.Equal((0x01, 0x01), (data[16], data[21]));
        Assert.Equal(UnitAttention.None, h.Nexus.Pending(h.Unit));
        Assert.Equal("6/2A/06", SenseText(h.Run([0, 0, 0, 0, 0, 0], nexus: other)));
    }

    [Fact]
    public void The_asking_nexus_is_told_about_the_other_logical_units()
    {
        var h = New();
        var second = h.Units.Add(1, new StubBlockDevice(new() { BlockSize = 512, BlockCount = 16, Identity = "second" }));
        h.Nexus.ClearAll(UnitAttention.All);
        h.RunGood(SetCdb(8), List((0x1, 1)));
        Assert.Equal(UnitAttention.None, h.Nexus.Pending(h.Unit));
        Assert.Equal(UnitAttention.AsymmetricAccessStateChanged, h.Nexus.Pending(second));
    }

    [Fact]
    public void What_changes_nothing_is_told_to_nobody()
    {
        var h = New();
        var other = h.NewNexus(targetPort: 2);
        h.RunGood(SetCdb(8), List((0x0, 1)));
        h.RunGood(SetCdb(4), List());
        h.RunGood(SetCdb(0), []);
        Set(h, 2, AsymmetricAccessState.ActiveOptimized);
        Assert.Equal(UnitAttention.None, other.Pending(h.Unit));
        Assert.Equal(UnitAttention.None, h.Nexus.Pending(h.Unit));
    }

    [Theory]
    [InlineData(0x4, 1, 4, 3)]
    [InlineData(0xF, 1, 4, 3)]
    [InlineData(0x5, 1, 4, 3)]
    [InlineData(0x0, 3, 6, null)]
    public void A_state_or_group_that_cannot_be_set_is_pointed_to_and_nothing_changes(byte state, ushort tag, int offsetBytes, int? bit)
    {
        var h = New();
        h.AssertSense(SetCdb(12), SenseKey.IllegalRequest, AdditionalSense.InvalidFieldInParameterList, List((state, tag), (0x2, 2)));
        Assert.Equal(new FieldPointer(false, (ushort)offsetBytes, (byte?)bit), h.Request.Sense.Field);
        h.AssertSense(SetCdb(12), SenseKey.IllegalRequest, AdditionalSense.InvalidFieldInParameterList, List((0x2, 2), (state, tag)));
        Assert.Equal(AsymmetricAccessState.ActiveOptimized, h.Units.PortGroups.Groups[1].State);
    }

    [Theory]
    [InlineData(3)]
    [InlineData(6)]
    [InlineData(1 << 20)]
    public void A_parameter_list_that_cuts_a_descriptor_or_is_too_long_is_refused(int length) =>
        New().AssertSense(SetCdb(length), SenseKey.IllegalRequest, AdditionalSense.ParameterListLengthError, new byte[8]);

    [Fact]
    public void A_list_of_which_less_is_sent_changes_nothing()
    {
        var h = New();
        h.AssertSense(SetCdb(12), SenseKey.IllegalRequest, AdditionalSense.ParameterListLengthError, List((0x2, 1)));
        Assert.Equal(AsymmetricAccessState.ActiveOptimized, h.Units.PortGroups.Groups[0].State);
    }

    [Fact]
    public void Without_explicit_changes_the_command_does_not_exist_and_INQUIRY_says_so()
    {
        var h = New(new AsymmetricAccessOptions());
        h.AssertInvalidField(SetCdb(8), 1, 4, List((0x2, 1)));
        Assert.Equal(0x10, h.RunGood(ScsiHarness.Inquiry())[5] & 0x30);
        Assert.Equal(0x30, New().RunGood(ScsiHarness.Inquiry())[5] & 0x30);
    }

    [Fact]
    public void INQUIRY_says_that_there_are_several_ports()
    {
        Assert.Equal(0x10, New().RunGood(ScsiHarness.Inquiry())[6] & 0x10);
        Assert.Equal(0, new ScsiHarness().RunGood(ScsiHarness.Inquiry())[6] & 0x10);
    }

    [Fact]
    public void The_device_identification_page_names_the_port_and_the_group_that_the_command_came_through()
    {
        var h = New();
        foreach (ushort port in (ushort[])[1, 2])
        {
            h.Run(ScsiHarness.Inquiry(0x83), nexus: h.NewNexus(targetPort: port));
            // PROTOCOL, CODE SET | PIV, ASSOCIATION 01b, type 4h or 5h | reserved | length 4 | the number
            Assert.True(h.Data.AsSpan().IndexOf((ReadOnlySpan<byte>)[0x94, 0, 4, 0, 0, 0, (byte)port]) > 0);
            Assert.True(h.Data.AsSpan().IndexOf((ReadOnlySpan<byte>)[0x95, 0, 4, 0, 0, 0, (byte)port]) > 0);
            Assert.Contains($",t,0x000{port}", System.Text.Encoding.UTF8.GetString(h.Data), StringComparison.Ordinal);
        }
    }

    // SPC-4, target port asymmetric access states: what has to be served in each. A command that is added and listed there belongs here.
    private static bool IsServedInStandby(string name) => IsServedWhenUnavailable(name) || name is "LOG SELECT" or "LOG SENSE" or
        "MODE SELECT (6)" or "MODE SELECT (10)" or "MODE SENSE (6)" or "MODE SENSE (10)" or "RECEIVE DIAGNOSTIC RESULTS" or "SEND DIAGNOSTIC" ||
        name.StartsWith("PERSISTENT RESERVE", StringComparison.Ordinal);

    private static bool IsServedWhenUnavailable(string name) => IsServedInTransition(name) || name is "SET TARGET PORT GROUPS";

    private static bool IsServedInTransition(string name) => name is "INQUIRY" or "REPORT LUNS" or "REPORT TARGET PORT GROUPS" or "REQUEST SENSE" ||
        name.StartsWith("READ BUFFER", StringComparison.Ordinal) || name.StartsWith("WRITE BUFFER", StringComparison.Ordinal);

    public static TheoryData<string> RowNames()
    {
        var names = new TheoryData<string>();
        foreach (var row in ScsiCommandTable.Rows) names.Add(row.Name);
        return names;
    }

    [Theory, MemberData(nameof(RowNames))]
    public void Every_command_is_served_in_the_states_that_the_standard_names(string name)
    {
        var row = ScsiCommandTable.Rows.ToArray().Single(r => r.Name == name);
        foreach (var (state, isServed, sense) in (ReadOnlySpan<(AsymmetricAccessState, bool, string)>)
        [
            (AsymmetricAccessState.ActiveOptimized, true, ""),
            (AsymmetricAccessState.ActiveNonOptimized, true, ""),
            (AsymmetricAccessState.Standby, IsServedInStandby(name), "2/04/0B"),
            (AsymmetricAccessState.Unavailable, IsServedWhenUnavailable(name), "2/04/0C"),
            (AsymmetricAccessState.Offline, IsServedWhenUnavailable(name), "2/04/12"),
            (AsymmetricAccessState.Transitioning, IsServedInTransition(name), "2/04/0A"),
        ])
        {
            var groups = new TargetPortGroups([1, 2], new AsymmetricAccessOptions { States = new Dictionary<int, AsymmetricAccessState> { [2] = state } });
            Assert.Null(groups.Refuse(1, row));
            var refusal = groups.Refuse(2, row);
            Assert.True(isServed == refusal is null, $"{name} in {state}: {refusal}");
            if (refusal is { } data) Assert.Equal(sense, $"{(byte)data.Key:X}/{data.Additional}");
        }
    }

    [Fact]
    public void A_command_through_a_standby_port_is_refused_after_the_unit_attention_and_served_through_the_other()
    {
        var h = New();
        var standby = h.NewNexus(targetPort: 2);
        Set(h, 2, AsymmetricAccessState.Standby);
        Assert.Equal("6/2A/06", SenseText(h.Run(ScsiHarness.Cdb10(OperationCode.Read10, 0, 0, 1), nexus: standby)));
        Assert.Equal("2/04/0B", SenseText(h.Run(ScsiHarness.Cdb10(OperationCode.Read10, 0, 0, 1), nexus: standby)));
        Assert.Equal("2/04/0B", SenseText(h.Run([0, 0, 0, 0, 0, 0], nexus: standby)));
        Assert.Equal(ScsiStatus.Good, h.Run(ScsiHarness.Inquiry(), nexus: standby).Status);
        Assert.Equal("6/2A/06", SenseText(h.Run([0, 0, 0, 0, 0, 0])));
        h.RunGood(ScsiHarness.Cdb10(OperationCode.Read10, 0, 0, 1));

        Set(h, 2, AsymmetricAccessState.ActiveOptimized);
        Assert.Equal("6/2A/06", SenseText(h.Run([0, 0, 0, 0, 0, 0], nexus: standby)));
        Assert.Equal(ScsiStatus.Good, h.Run([0, 0, 0, 0, 0, 0], nexus: standby).Status);
    }

    [Fact]
    public void An_offline_group_can_be_brought_back_through_itself()
    {
        var h = New();
        h.RunGood(SetCdb(8), List((0xE, 1)));
        Assert.Equal("2/04/12", SenseText(h.Run([0, 0, 0, 0, 0, 0])));
        h.RunGood(SetCdb(8), List((0x0, 1)));
        Assert.Equal(ScsiStatus.Good, h.Run([0, 0, 0, 0, 0, 0]).Status);
    }

    [Fact]
    public void An_implicit_change_tells_every_nexus_and_says_so()
    {
        var h = New();
        Set(h, 1, AsymmetricAccessState.ActiveNonOptimized);
        Assert.Equal(UnitAttention.AsymmetricAccessStateChanged, h.Nexus.Pending(h.Unit));
        Assert.Equal("6/2A/06", SenseText(h.Run([0, 0, 0, 0, 0, 0])));
        var data = h.RunGood(ReportCdb());
        Assert.Equal((0x01, 0x02), (data[4], data[9]));
        Assert.Equal((0x00, 0x00), (data[16], data[21]));
    }

    [Fact]
    public void A_preferred_group_is_told_and_changes_with_its_state()
    {
        var h = New();
        h.Units.PortGroups.Change(h.Units, [(2, AsymmetricAccessState.ActiveOptimized)], isPreferred: true);
        Assert.Equal("6/2A/06", SenseText(h.Run([0, 0, 0, 0, 0, 0])));
        Assert.Equal(0x80, h.RunGood(ReportCdb())[16]);
    }

    [Fact]
    public async Task States_survive_a_restart_and_go_before_those_of_the_options()
    {
        var options = Explicit with { StatePath = _file, States = new Dictionary<int, AsymmetricAccessState> { [1] = AsymmetricAccessState.Standby } };
        var h = New(options);
        await ExecuteAsync(h, List((0x3, 2), (0x1, 1)));
        Assert.Equal(ScsiStatus.Good, h.Request.Status);
        // Between two states nothing stays.
        Set(h, 2, AsymmetricAccessState.Transitioning);

        var again = new TargetPortGroups([1, 2], options);
        Assert.Equal([AsymmetricAccessState.ActiveNonOptimized, AsymmetricAccessState.Unavailable], again.Groups.ToArray().Select(group => group.State));
    }

    [Fact]
    public async Task A_state_that_cannot_be_kept_is_not_set()
    {
        var directory = Path.Combine(Path.GetTempPath(), Path.GetRandomFileName());
        var h = New(Explicit with { StatePath = Path.Combine(directory, "states") });
        await ExecuteAsync(h, List((0x2, 1)));
        Assert.Equal("4/67/0A", SenseText(h.Request));
        Assert.Equal(AsymmetricAccessState.ActiveOptimized, h.Units.PortGroups.Groups[0].State);
    }

    [Fact]
    public void A_damaged_state_file_is_refused()
    {
        File.WriteAllText(_file, "garbage");
        Assert.Throws<InvalidDataException>(() => New(Explicit with { StatePath = _file }));
    }

    [Fact]
    public void A_state_of_a_group_that_there_is_not_is_refused()
    {
        Assert.Throws<ArgumentException>(() => New(new() { States = new Dictionary<int, AsymmetricAccessState> { [3] = AsymmetricAccessState.Standby } }));
        Assert.Throws<ArgumentException>(() => New(new() { PreferredGroup = 0 }));
    }

    [Fact]
    public void A_registration_on_all_target_ports_is_one_on_each_and_full_status_tells_them_apart()
    {
        const byte allTargetPorts = 0x04;
        var h = New();
        var second = h.NewNexus(targetPort: 2);
        var list = ReservationHarness(0, 0xA1);
        list[20] = allTargetPorts;
        h.RunGood([OperationCode.PersistentReserveOut, (byte)PersistentReserveOutAction.Register, 0, 0, 0, 0, 0, 0, 24, 0], list);

        var full = h.RunGood([OperationCode.PersistentReserveIn, 3, 0, 0, 0, 0, 0, 0x10, 0, 0]);
        var first = 8;
        var next = first + 24 + BinaryPrimitives.ReadInt32BigEndian(full.AsSpan(first + 20));
        Assert.Equal(1, BinaryPrimitives.ReadUInt16BigEndian(full.AsSpan(first + 18)));
        Assert.Equal(2, BinaryPrimitives.ReadUInt16BigEndian(full.AsSpan(next + 18)));
        Assert.Equal(full.Length, next + 24 + BinaryPrimitives.ReadInt32BigEndian(full.AsSpan(next + 20)));

        // Who reserves through one port has not reserved for the other: that is another nexus, but a registered one.
        h.RunGood([OperationCode.PersistentReserveOut, (byte)PersistentReserveOutAction.Reserve, (byte)PersistentReservationType.ExclusiveAccess, 0, 0, 0, 0, 0, 24, 0], ReservationHarness(0xA1, 0));
        Assert.Equal(ScsiStatus.ReservationConflict, h.Run(ScsiHarness.Cdb10(OperationCode.Read10, 0, 0, 1), nexus: second).Status);
    }

    public void Dispose() => File.Delete(_file);

    // The harness runs what ends at once; a state that is kept does not.
    private static async Task ExecuteAsync(ScsiHarness h, byte[] list)
    {
        var r = h.Begin(SetCdb(list.Length), (uint)list.Length, dataOut: true);
        Assert.Equal(ScsiStep.CollectDataOut, h.Step);
        r.DataOut.Add(list);
        await ScsiDispatcher.ExecuteAsync(r);
    }

    private static byte[] ReservationHarness(ulong key, ulong serviceActionKey) => PersistentReservations.ReservationHarness.List(key, serviceActionKey);

    private static string SenseText(ScsiRequest r)
    {
        Assert.Equal(ScsiStatus.CheckCondition, r.Status);
        return $"{(byte)r.Sense.Key:X}/{r.Sense.Additional}";
    }
}

internal static class TargetPortGroupHarness
{
    public static void AssertInvalidOperationCode(this ScsiHarness h, byte[] cdb, byte[] dataOut) =>
        h.AssertSense(cdb, SenseKey.IllegalRequest, AdditionalSense.InvalidCommandOperationCode, dataOut);
}
