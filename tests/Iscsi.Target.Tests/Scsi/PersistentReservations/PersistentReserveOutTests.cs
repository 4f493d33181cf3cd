using Iscsi.Protocol;
using Iscsi.Protocol.Scsi;
using Iscsi.Target.Scsi;
using Iscsi.Target.Scsi.PersistentReservations;
using static Iscsi.Target.Scsi.PersistentReservations.PersistentReserveOutAction;
using static Iscsi.Target.Tests.Scsi.PersistentReservations.ReservationHarness;

namespace Iscsi.Target.Tests.Scsi.PersistentReservations;

public sealed class PersistentReserveOutTests
{
    private const byte SpecifyInitiatorPorts = 0x08;
    private const byte AllTargetPorts = 0x04;
    private const byte ActivatePersistence = 0x01;

    private readonly ReservationHarness _h = new();

    public static TheoryData<int> Types => [1, 3, 5, 6, 7, 8];

    private static void AssertSense(ScsiRequest r, AdditionalSense additional, int? parameterAt = null)
    {
        Assert.Equal(ScsiStatus.CheckCondition, r.Status);
        Assert.Equal($"5/{additional}", r.Sense.ToString());
        if (parameterAt is { } at) Assert.Equal((false, (ushort)at), (r.Sense.Field!.Value.InCdb, r.Sense.Field.Value.OffsetBytes));
    }

    private void Sharing(PersistentReservationType type)
    {
        _h.Register(_h.A, KeyA);
        _h.Register(_h.B, KeyB);
        _h.Register(_h.C, KeyC);
        _h.Reserve(_h.A, KeyA, type);
    }

    [Fact]
    public void Registering_and_leaving_counts_the_generation()
    {
        _h.Register(_h.A, KeyA);
        Assert.Equal(KeyA, _h.State.KeyOf(_h.A.Name));
        Assert.Equal(1u, _h.State.Generation);
        Assert.Equal(ScsiStatus.Good, _h.Out(_h.A, Register, KeyA, KeyB));
        Assert.Equal(KeyB, _h.State.KeyOf(_h.A.Name));
        Assert.Equal(ScsiStatus.Good, _h.Out(_h.A, Register, KeyB, 0));
        Assert.False(_h.State.IsRegistered(_h.A.Name));
        Assert.Equal(3u, _h.State.Generation);
    }

    [Theory]
    [InlineData(0ul)]
    [InlineData(KeyB)]
    public void A_registered_nexus_must_know_its_key(ulong key)
    {
        _h.Register(_h.A, KeyA);
        Assert.Equal(ScsiStatus.ReservationConflict, _h.Out(_h.A, Register, key, KeyC));
        Assert.Equal(KeyA, _h.State.KeyOf(_h.A.Name));
        Assert.Equal(1u, _h.State.Generation);
    }

    [Fact]
    public void An_unregistered_nexus_has_no_key_to_give() =>
        Assert.Equal(ScsiStatus.ReservationConflict, _h.Out(_h.A, Register, KeyA, KeyB));

    [Theory]
    [InlineData((int)Register)]
    [InlineData((int)RegisterAndIgnoreExistingKey)]
    public void Leaving_without_having_registered_is_good_and_changes_nothing(int action)
    {
        Assert.Equal(ScsiStatus.Good, _h.Out(_h.A, (PersistentReserveOutAction)action, 0, 0));
        Assert.Equal(0u, _h.State.Generation);
    }

    [Fact]
    public void The_existing_key_can_be_ignored()
    {
        _h.Register(_h.A, KeyA);
        Assert.Equal(ScsiStatus.Good, _h.Out(_h.A, RegisterAndIgnoreExistingKey, KeyC, KeyB));
        Assert.Equal(KeyB, _h.State.KeyOf(_h.A.Name));
        Assert.Equal(ScsiStatus.Good, _h.Out(_h.A, RegisterAndIgnoreExistingKey, KeyC, 0));
        Assert.False(_h.State.IsRegistered(_h.A.Name));
    }

    [Theory]
    [InlineData((int)Reserve)]
    [InlineData((int)Release)]
    [InlineData((int)Clear)]
    [InlineData((int)Preempt)]
    [InlineData((int)PreemptAndAbort)]
    public void Everything_else_is_for_registrants_with_their_key(int action)
    {
        _h.Register(_h.A, KeyA);
        Assert.Equal(ScsiStatus.ReservationConflict, _h.Out(_h.A, (PersistentReserveOutAction)action, KeyB, KeyA, PersistentReservationType.WriteExclusive));
        Assert.Equal(ScsiStatus.ReservationConflict, _h.Out(_h.B, (PersistentReserveOutAction)action, 0, KeyA, PersistentReservationType.WriteExclusive));
        Assert.Equal(1u, _h.State.Generation);
    }

    [Fact]
    public void A_registration_survives_the_session_and_is_the_next_sessions()
    {
        _h.Register(_h.A, KeyA);
        _h.Reserve(_h.A, KeyA, PersistentReservationType.ExclusiveAccess);
        _h.Scsi.Units.Detach(_h.A);
        var again = _h.Attach("a");
        Assert.Equal(ScsiStatus.Good, _h.Scsi.Run(ScsiHarness.Cdb10(OperationCode.Read10, 0, 0, 1), nexus: again).Status);
        Assert.Equal(ScsiStatus.ReservationConflict, _h.Scsi.Run(ScsiHarness.Cdb10(OperationCode.Read10, 0, 0, 1), nexus: _h.B).Status);
    }

    [Theory]
    [MemberData(nameof(Types))]
    public void The_holder_can_reserve_again_alike_and_nobody_otherwise(int type)
    {
        Sharing((PersistentReservationType)type);
        var isOfAll = ((PersistentReservationType)type).IsAllRegistrants();
        Assert.Equal(ScsiStatus.Good, _h.Out(_h.A, Reserve, KeyA, type: (PersistentReservationType)type));
        Assert.Equal(isOfAll ? ScsiStatus.Good : ScsiStatus.ReservationConflict, _h.Out(_h.B, Reserve, KeyB, type: (PersistentReservationType)type));
        var other = type == 1 ? PersistentReservationType.ExclusiveAccess : PersistentReservationType.WriteExclusive;
        Assert.Equal(ScsiStatus.ReservationConflict, _h.Out(_h.A, Reserve, KeyA, type: other));
        Assert.Equal(3u, _h.State.Generation);
    }

    [Theory]
    [InlineData(0x00)]
    [InlineData(0x02)]
    [InlineData(0x04)]
    [InlineData(0x09)]
    [InlineData(0x11)] // SCOPE 1, obsolete
    [InlineData(0x21)] // SCOPE 2, element
    public void An_unknown_scope_or_type_is_an_invalid_field(byte scopeAndType)
    {
        _h.Register(_h.A, KeyA);
        var r = _h.Out(_h.A, Reserve, List(KeyA), scopeAndType);
        AssertSense(r, AdditionalSense.InvalidFieldInCdb);
        Assert.Equal(new FieldPointer(true, 2, (byte)(scopeAndType >> 4 != 0 ? 7 : 3)), r.Sense.Field);
        Assert.False(_h.State.IsReserved);
    }

    [Theory]
    [MemberData(nameof(Types))]
    public void Releasing_tells_the_others_where_they_had_a_share(int type)
    {
        Sharing((PersistentReservationType)type);
        Assert.Equal(ScsiStatus.Good, _h.Out(_h.A, Release, KeyA, type: (PersistentReservationType)type));
        var expected = type >= 5 ? UnitAttention.ReservationsReleased : UnitAttention.None;
        Assert.Equal((UnitAttention.None, expected, expected), (_h.Pending(_h.A), _h.Pending(_h.B), _h.Pending(_h.C)));
        Assert.False(_h.State.IsReserved);
        Assert.Equal(3, _h.State.Registrations.Length);
    }

    [Fact]
    public void Releasing_another_type_is_an_invalid_release()
    {
        Sharing(PersistentReservationType.WriteExclusive);
        AssertSense(_h.Out(_h.A, Release, List(KeyA), 3), AdditionalSense.InvalidReleaseOfPersistentReservation);
        AssertSense(_h.Out(_h.A, Release, List(KeyA), 0x11), AdditionalSense.InvalidReleaseOfPersistentReservation);
        Assert.True(_h.State.IsReserved);
    }

    [Fact]
    public void Releasing_what_one_does_not_hold_is_good_and_does_nothing()
    {
        Sharing(PersistentReservationType.WriteExclusive);
        Assert.Equal(ScsiStatus.Good, _h.Out(_h.B, Release, KeyB, type: PersistentReservationType.WriteExclusive));
        Assert.True(_h.State.IsHolder(_h.A.Name));
    }

    [Theory]
    [MemberData(nameof(Types))]
    public void A_holder_that_leaves_releases_unless_all_hold(int type)
    {
        Sharing((PersistentReservationType)type);
        Assert.Equal(ScsiStatus.Good, _h.Out(_h.A, Register, KeyA, 0));
        Assert.Equal(type >= 7, _h.State.IsReserved);
        var expected = type is 5 or 6 ? UnitAttention.ReservationsReleased : UnitAttention.None;
        Assert.Equal((UnitAttention.None, expected), (_h.Pending(_h.A), _h.Pending(_h.B)));
    }

    [Fact]
    public void The_last_of_all_registrants_takes_the_reservation_along()
    {
        _h.Register(_h.A, KeyA);
        _h.Reserve(_h.A, KeyA, PersistentReservationType.WriteExclusiveAllRegistrants);
        Assert.Equal(ScsiStatus.Good, _h.Out(_h.A, Register, KeyA, 0));
        Assert.False(_h.State.IsReserved);
    }

    [Fact]
    public void Clearing_removes_all_and_tells_the_others()
    {
        Sharing(PersistentReservationType.ExclusiveAccess);
        Assert.Equal(ScsiStatus.Good, _h.Out(_h.B, Clear, KeyB));
        Assert.Empty(_h.State.Registrations);
        Assert.False(_h.State.IsReserved);
        Assert.Equal(4u, _h.State.Generation);
        Assert.Equal((UnitAttention.ReservationsPreempted, UnitAttention.None, UnitAttention.ReservationsPreempted),
            (_h.Pending(_h.A), _h.Pending(_h.B), _h.Pending(_h.C)));
    }

    [Theory]
    [InlineData((int)Preempt)]
    [InlineData((int)PreemptAndAbort)]
    public void Preempting_the_holder_moves_the_reservation(int action)
    {
        Sharing(PersistentReservationType.WriteExclusiveRegistrantsOnly);
        Assert.Equal(ScsiStatus.Good, _h.Out(_h.B, (PersistentReserveOutAction)action, KeyB, KeyA, PersistentReservationType.ExclusiveAccess));
        Assert.True(_h.State.IsHolder(_h.B.Name));
        Assert.Equal(PersistentReservationType.ExclusiveAccess, _h.State.Type);
        Assert.False(_h.State.IsRegistered(_h.A.Name));
        Assert.Equal((UnitAttention.RegistrationsPreempted, UnitAttention.None, UnitAttention.ReservationsReleased),
            (_h.Pending(_h.A), _h.Pending(_h.B), _h.Pending(_h.C)));
        Assert.Equal(4u, _h.State.Generation);
    }

    [Fact]
    public void Preempting_the_holder_with_the_same_type_leaves_the_others_untold()
    {
        Sharing(PersistentReservationType.WriteExclusiveRegistrantsOnly);
        Assert.Equal(ScsiStatus.Good, _h.Out(_h.B, Preempt, KeyB, KeyA, PersistentReservationType.WriteExclusiveRegistrantsOnly));
        Assert.Equal(UnitAttention.None, _h.Pending(_h.C));
    }

    [Fact]
    public void A_holder_that_preempts_itself_changes_the_type_and_stays_registered()
    {
        Sharing(PersistentReservationType.WriteExclusive);
        Assert.Equal(ScsiStatus.Good, _h.Out(_h.A, Preempt, KeyA, KeyA, PersistentReservationType.ExclusiveAccess));
        Assert.True(_h.State.IsHolder(_h.A.Name));
        Assert.Equal(PersistentReservationType.ExclusiveAccess, _h.State.Type);
        Assert.Equal(3, _h.State.Registrations.Length);
    }

    [Fact]
    public void Preempting_a_registrant_leaves_the_reservation()
    {
        Sharing(PersistentReservationType.WriteExclusive);
        Assert.Equal(ScsiStatus.Good, _h.Out(_h.B, Preempt, KeyB, KeyC, PersistentReservationType.ExclusiveAccess));
        Assert.True(_h.State.IsHolder(_h.A.Name));
        Assert.False(_h.State.IsRegistered(_h.C.Name));
        Assert.Equal((UnitAttention.None, UnitAttention.RegistrationsPreempted), (_h.Pending(_h.A), _h.Pending(_h.C)));
    }

    [Fact]
    public void Preempting_all_registrants_with_key_zero_leaves_the_sender_alone()
    {
        Sharing(PersistentReservationType.WriteExclusiveAllRegistrants);
        Assert.Equal(ScsiStatus.Good, _h.Out(_h.B, Preempt, KeyB, 0, PersistentReservationType.ExclusiveAccess));
        Assert.Equal(_h.B.Name, Assert.Single(_h.State.Registrations).Nexus);
        Assert.True(_h.State.IsHolder(_h.B.Name));
        Assert.Equal((UnitAttention.RegistrationsPreempted, UnitAttention.RegistrationsPreempted), (_h.Pending(_h.A), _h.Pending(_h.C)));
    }

    [Fact]
    public void Preempting_one_of_all_registrants_leaves_the_rest_holding()
    {
        Sharing(PersistentReservationType.WriteExclusiveAllRegistrants);
        Assert.Equal(ScsiStatus.Good, _h.Out(_h.B, Preempt, KeyB, KeyA, PersistentReservationType.ExclusiveAccess));
        Assert.Equal(PersistentReservationType.WriteExclusiveAllRegistrants, _h.State.Type);
        Assert.Equal(2, _h.State.Registrations.Length);
    }

    [Fact]
    public void Preempting_a_key_that_nobody_has_is_a_conflict()
    {
        Sharing(PersistentReservationType.WriteExclusive);
        Assert.Equal(ScsiStatus.ReservationConflict, _h.Out(_h.B, Preempt, KeyB, 0xDEAD, PersistentReservationType.ExclusiveAccess));
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    public void Preempting_key_zero_is_invalid_unless_all_hold(int type)
    {
        _h.Register(_h.A, KeyA);
        if (type != 0) _h.Reserve(_h.A, KeyA, (PersistentReservationType)type);
        AssertSense(_h.Out(_h.A, Preempt, List(KeyA, 0), 3), AdditionalSense.InvalidFieldInParameterList, 8);
    }

    [Fact]
    public void Without_a_reservation_preempting_only_removes_registrations()
    {
        _h.Register(_h.A, KeyA);
        _h.Register(_h.B, KeyB);
        Assert.Equal(ScsiStatus.Good, _h.Out(_h.B, Preempt, KeyB, KeyA, PersistentReservationType.ExclusiveAccess));
        Assert.False(_h.State.IsReserved);
        Assert.Equal(_h.B.Name, Assert.Single(_h.State.Registrations).Nexus);
    }

    [Fact]
    public async Task Preempt_and_abort_stops_the_tasks_of_those_it_removes_and_waits_for_them()
    {
        Sharing(PersistentReservationType.WriteExclusive);
        var tasks = new RecordingTasks();
        var list = List(KeyB, KeyA);
        var r = _h.Scsi.Begin(OutCdb(PreemptAndAbort, 3), 24, dataOut: true, nexus: _h.B);
        r.Tasks = tasks;
        r.DataOut.Add(list);
        var execution = ScsiDispatcher.ExecuteAsync(r).AsTask();
        Assert.Equal([_h.A.Name], tasks.Aborted);
        Assert.False(execution.IsCompleted);
        Assert.True(_h.State.IsHolder(_h.B.Name));
        tasks.Ended.SetResult();
        await execution;
        Assert.Equal(ScsiStatus.Good, r.Status);
    }

    [Theory]
    [InlineData(0x00, true)]
    [InlineData(0x02, false)] // UNREG
    public void Moving_registers_the_other_and_hands_it_the_reservation(byte flags, bool stays)
    {
        _h.Register(_h.A, KeyA);
        _h.Reserve(_h.A, KeyA, PersistentReservationType.ExclusiveAccess);
        Assert.Equal(ScsiStatus.Good, Move(_h.A, KeyA, KeyB, _h.B, flags).Status);
        Assert.True(_h.State.IsHolder(_h.B.Name));
        Assert.Equal(KeyB, _h.State.KeyOf(_h.B.Name));
        Assert.Equal(stays, _h.State.IsRegistered(_h.A.Name));
        Assert.Equal(2u, _h.State.Generation);
    }

    [Fact]
    public void Moving_is_for_the_one_holder()
    {
        Sharing(PersistentReservationType.WriteExclusiveAllRegistrants);
        Assert.Equal(ScsiStatus.ReservationConflict, Move(_h.A, KeyA, KeyB, _h.B).Status);
        _h.Out(_h.A, Release, KeyA, type: PersistentReservationType.WriteExclusiveAllRegistrants);
        Assert.Equal(ScsiStatus.ReservationConflict, Move(_h.A, KeyA, KeyB, _h.B).Status);
        _h.Reserve(_h.A, KeyA, PersistentReservationType.WriteExclusive);
        _h.B.ClearAll(UnitAttention.All);
        Assert.Equal(ScsiStatus.ReservationConflict, Move(_h.B, KeyB, KeyC, _h.C).Status);
    }

    [Fact]
    public void Moving_to_oneself_or_with_key_zero_or_to_another_port_is_invalid()
    {
        _h.Register(_h.A, KeyA);
        _h.Reserve(_h.A, KeyA, PersistentReservationType.ExclusiveAccess);
        AssertSense(Move(_h.A, KeyA, KeyB, _h.A), AdditionalSense.InvalidFieldInParameterList, 24);
        AssertSense(Move(_h.A, KeyA, 0, _h.B), AdditionalSense.InvalidFieldInParameterList, 8);
        AssertSense(Move(_h.A, KeyA, KeyB, _h.B, targetPort: 2), AdditionalSense.InvalidFieldInParameterList, 18);
    }

    [Fact]
    public void Moving_to_an_initiator_device_is_invalid()
    {
        _h.Register(_h.A, KeyA);
        _h.Reserve(_h.A, KeyA, PersistentReservationType.ExclusiveAccess);
        AssertSense(Move(_h.A, KeyA, KeyB, DeviceTransportId(_h.B.InitiatorName)), AdditionalSense.InvalidFieldInParameterList, 24);
    }

    [Fact]
    public void Ports_that_are_named_are_registered_too()
    {
        var list = WithTransportIds(PortTransportId(_h.B.InitiatorName, _h.B.InitiatorSessionId), PortTransportId("iqn.2026-11.net.example:absent", 5));
        Assert.Equal(ScsiStatus.Good, _h.Out(_h.A, Register, list).Status);
        Assert.Equal([_h.A.Name, _h.B.Name, new NexusName("iqn.2026-11.net.example:absent", 5, 1)], _h.State.Registrations.Select(r => r.Nexus));
        Assert.All(_h.State.Registrations, r => Assert.Equal(KeyA, r.Key));
        Assert.Equal(1u, _h.State.Generation);
    }

    [Fact]
    public void A_device_that_is_named_stands_for_its_known_ports()
    {
        Assert.Equal(ScsiStatus.Good, _h.Out(_h.A, Register, WithTransportIds(DeviceTransportId(_h.B.InitiatorName))).Status);
        Assert.True(_h.State.IsRegistered(_h.B.Name));
        Assert.Equal(2, _h.State.Registrations.Length);
    }

    [Fact]
    public void One_port_that_can_not_be_registered_spoils_all()
    {
        _h.Register(_h.B, KeyB);
        var absent = PortTransportId("iqn.2026-11.net.example:absent", 5);
        var list = WithTransportIds(absent, PortTransportId(_h.B.InitiatorName, _h.B.InitiatorSessionId));
        AssertSense(_h.Out(_h.A, Register, list), AdditionalSense.InvalidFieldInParameterList, 28 + absent.Length);
        Assert.Equal(_h.B.Name, Assert.Single(_h.State.Registrations).Nexus);
        AssertSense(_h.Out(_h.A, Register, WithTransportIds(DeviceTransportId("iqn.2026-11.net.example:unknown"))),
            AdditionalSense.InvalidFieldInParameterList, 28);
    }

    [Theory]
    [InlineData((int)RegisterAndIgnoreExistingKey)]
    [InlineData((int)Reserve)]
    [InlineData((int)Clear)]
    public void Naming_ports_is_for_REGISTER_alone(int action)
    {
        _h.Register(_h.A, KeyA);
        AssertSense(_h.Out(_h.A, (PersistentReserveOutAction)action, List(KeyA, KeyA, SpecifyInitiatorPorts), 1),
            AdditionalSense.InvalidFieldInParameterList, 20);
    }

    [Fact]
    public void Naming_ports_is_for_those_who_are_not_registered()
    {
        _h.Register(_h.A, KeyA);
        var list = WithTransportIds(PortTransportId(_h.B.InitiatorName, _h.B.InitiatorSessionId));
        Array.Copy(List(KeyA, KeyA), list, 16);
        AssertSense(_h.Out(_h.A, Register, list), AdditionalSense.InvalidFieldInParameterList, 20);
    }

    [Fact]
    public void All_target_ports_are_the_one_portal_group()
    {
        Assert.Equal(ScsiStatus.Good, _h.Out(_h.A, Register, List(0, KeyA, AllTargetPorts)).Status);
        Assert.Equal(_h.A.Name, Assert.Single(_h.State.Registrations).Nexus);
    }

    [Fact]
    public void All_target_ports_get_a_registration_each()
    {
        var machine = new PersistentReservationMachine(new PersistentReservationLimits { TargetPorts = [1, 2, 3] });
        var request = new PersistentReservationRequest { Action = Register, ServiceActionKey = KeyA, AllTargetPorts = true };
        machine.Commit(machine.Decide(_h.A.Name, request));
        Assert.Equal([1, 2, 3], machine.State.Registrations.Select(r => (int)r.Nexus.TargetPort));
        machine.Commit(machine.Decide(_h.A.Name, request with { Key = KeyA, ServiceActionKey = 0 }));
        Assert.Empty(machine.State.Registrations);
    }

    [Fact]
    public void Persistence_is_refused_where_there_is_no_place_for_it() =>
        AssertSense(_h.Out(_h.A, Register, List(0, KeyA, ActivatePersistence)), AdditionalSense.InvalidFieldInParameterList, 20);

    [Fact]
    public void The_129th_registration_finds_no_room()
    {
        for (var i = 0; i < 128; i++) _h.Register(_h.Attach($"host{i}"), KeyA);
        AssertSense(_h.Out(_h.A, Register, List(0, KeyA)), AdditionalSense.InsufficientRegistrationResources);
        Assert.Equal(128, _h.State.Registrations.Length);
    }

    [Fact]
    public void No_more_are_registered_than_READ_FULL_STATUS_can_tell()
    {
        var machine = new PersistentReservationMachine(new PersistentReservationLimits { MaxFullStatusBytes = 8 + (2 * 100) });
        var results = new[] { _h.A, _h.B, _h.C }.Select(nexus =>
        {
            var decision = machine.Decide(nexus.Name, new PersistentReservationRequest { Action = Register, ServiceActionKey = KeyA });
            machine.Commit(decision);
            return decision.Sense is null;
        });
        Assert.Equal([true, true, false], results);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(23)]
    [InlineData(65535)]
    public void A_list_of_another_length_is_a_length_error(int length)
    {
        var r = _h.Scsi.Begin(OutCdb(Register, 0, length) is var cdb && length > 65000 ? [.. cdb[..5], 0, 1, 0, 1, 0] : cdb, (uint)length, dataOut: true);
        AssertSense(r, AdditionalSense.ParameterListLengthError);
    }

    [Fact]
    public void A_longer_list_without_ports_is_a_length_error() =>
        AssertSense(_h.Out(_h.A, Register, List(0, KeyA, 0, 0, 0, 0, 0)), AdditionalSense.ParameterListLengthError);

    [Fact]
    public void Less_data_than_the_list_is_a_length_error() =>
        AssertSense(_h.Scsi.Run(OutCdb(Register), new byte[20], nexus: _h.A), AdditionalSense.ParameterListLengthError);

    [Fact]
    public void Every_length_lie_about_the_ports_is_refused()
    {
        var good = WithTransportIds(PortTransportId(_h.B.InitiatorName, _h.B.InitiatorSessionId));
        for (var lie = 0; lie < 512; lie++)
        {
            foreach (var (at, truth) in new[] { (26, good.Length - 28), (30, good.Length - 32) })
            {
                if (lie == truth) continue;
                var list = (byte[])good.Clone();
                list[at] = (byte)(lie >> 8);
                list[at + 1] = (byte)lie;
                Assert.Equal(ScsiStatus.CheckCondition, _h.Out(_h.A, Register, list).Status);
                Assert.Empty(_h.State.Registrations);
            }
        }
    }

    [Theory]
    [InlineData("iqn.2026-11.net.example:b,i,0x")]
    [InlineData("iqn.2026-11.net.example:b,i,0x0123456789abc")]
    [InlineData("iqn.2026-11.net.example:b,i,0xg")]
    [InlineData("iqn.2026-11.net.example:b")]
    [InlineData("iqn.2026-11.net.example: b,i,0x01")]
    [InlineData(",i,0x01")]
    public void A_malformed_port_name_is_refused(string name)
    {
        var id = DeviceTransportId(name);
        id[0] |= 0x40;
        AssertSense(_h.Out(_h.A, Register, WithTransportIds(id)), AdditionalSense.InvalidFieldInParameterList, 28);
    }

    [Fact]
    public void Random_commands_keep_the_state_sound()
    {
        var seed = Environment.TickCount;
        var random = new Random(seed);
        var nexuses = new[] { _h.A, _h.B, _h.C };
        ulong[] keys = [0, KeyA, KeyB, KeyC];
        for (var i = 0; i < 20_000; i++)
        {
            var action = (PersistentReserveOutAction)random.Next(8);
            var list = action == RegisterAndMove
                ? MoveList(keys[random.Next(4)], keys[random.Next(4)], PortTransportId(nexuses[random.Next(3)].InitiatorName, _h.B.InitiatorSessionId), (byte)(random.Next(2) * 2))
                : List(keys[random.Next(4)], keys[random.Next(4)]);
            var r = _h.Out(nexuses[random.Next(3)], action, list, (byte)random.Next(10));
            var state = _h.State;
            Assert.True(r.Status is ScsiStatus.Good or ScsiStatus.CheckCondition or ScsiStatus.ReservationConflict, $"seed {seed}, round {i}");
            Assert.True(state.Holder is null == (!state.IsReserved || state.Type.IsAllRegistrants()), $"seed {seed}, round {i}");
            Assert.True(!state.IsReserved || state.Registrations.Any(x => state.IsHolder(x.Nexus)), $"seed {seed}, round {i}");
            Assert.True(state.Registrations.All(x => x.Key != 0), $"seed {seed}, round {i}");
            Assert.Equal(state.Registrations.Length, PersistentReservationText.Decode(PersistentReservationText.Encode(new PersistentReservationState(
                0, true, state.Registrations, state.Type, state.Holder)))!.Registrations.Length);
            foreach (var nexus in nexuses) nexus.ClearAll(UnitAttention.All);
        }
    }

    private ScsiRequest Move(ScsiNexus from, ulong key, ulong newKey, ScsiNexus to, byte flags = 0, byte targetPort = 1) =>
        Move(from, key, newKey, PortTransportId(to.InitiatorName, to.InitiatorSessionId), flags, targetPort);

    private ScsiRequest Move(ScsiNexus from, ulong key, ulong newKey, byte[] transportId, byte flags = 0, byte targetPort = 1) =>
        _h.Out(from, RegisterAndMove, MoveList(key, newKey, transportId, flags, targetPort));

    private static byte[] MoveList(ulong key, ulong newKey, byte[] transportId, byte flags = 0, byte targetPort = 1)
    {
        var list = List(key, newKey, 0, transportId);
        list[17] = flags;
        list[19] = targetPort;
        list[23] = (byte)transportId.Length;
        return list;
    }

    private static byte[] WithTransportIds(params byte[][] ids)
    {
        byte[] all = [.. ids.SelectMany(id => id)];
        return List(0, KeyA, SpecifyInitiatorPorts, [0, 0, (byte)(all.Length >> 8), (byte)all.Length, .. all]);
    }

    private sealed class RecordingTasks : IUnitTasks
    {
        public TaskCompletionSource Ended { get; } = new();

        public NexusName[] Aborted { get; private set; } = [];

        public Task AbortTasksAsync(LogicalUnit unit, IReadOnlyCollection<NexusName> nexuses)
        {
            Aborted = [.. nexuses];
            return Ended.Task;
        }
    }
}
