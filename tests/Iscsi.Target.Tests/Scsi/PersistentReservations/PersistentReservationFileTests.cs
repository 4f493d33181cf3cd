using System.Text;
using Iscsi.Protocol;
using Iscsi.Protocol.Scsi;
using Iscsi.Target.Scsi;
using Iscsi.Target.Scsi.PersistentReservations;
using Iscsi.Target.State;
using Iscsi.Target.Tests.State;

namespace Iscsi.Target.Tests.Scsi.PersistentReservations;

public sealed class PersistentReservationFileTests
{
    private static readonly NexusName A = new("iqn.2026-11.net.example:a", 0x400000000061, 1);
    private static readonly NexusName B = new("iqn.2026-11.net.example:b", 0x400000000062, 1);

    private static readonly PersistentReservationState Old = new(3, true, [new(A, 1)]);
    private static readonly PersistentReservationState New =
        new(4, true, [new(A, 1), new(B, 2)], PersistentReservationType.ExclusiveAccess, B);

    private static string Text(PersistentReservationState? state) =>
        state is null ? "none" : Encoding.UTF8.GetString(PersistentReservationText.Encode(state));

    public static TheoryData<int> Types => [0, 1, 3, 5, 6, 7, 8];

    [Theory]
    [MemberData(nameof(Types))]
    public void A_state_comes_back_as_it_was_but_for_the_generation(int type)
    {
        var holder = type is 1 or 3 or 5 or 6 ? B : null;
        var state = new PersistentReservationState(9, true, [new(A, 0xF0F1F2F3F4F5F6F7), new(B, 2)], (PersistentReservationType)type, holder);
        var back = PersistentReservationText.Decode(PersistentReservationText.Encode(state))!;
        Assert.Equal(state.Registrations, back.Registrations);
        Assert.Equal((state.Type, state.Holder, true, 0u), (back.Type, back.Holder, back.PersistsThroughPowerLoss, back.Generation));
    }

    [Fact]
    public void Without_APTPL_nothing_is_kept()
    {
        var state = new PersistentReservationState(9, false, [new(A, 1)], PersistentReservationType.WriteExclusive, A);
        var back = PersistentReservationText.Decode(PersistentReservationText.Encode(state))!;
        Assert.Empty(back.Registrations);
        Assert.False(back.IsReserved);
        Assert.False(back.PersistsThroughPowerLoss);
    }

    [Fact]
    public void Every_truncation_and_every_flipped_bit_is_detected()
    {
        var whole = PersistentReservationText.Encode(New);
        for (var length = 0; length < whole.Length; length++) Assert.Null(PersistentReservationText.Decode(whole.AsSpan(0, length)));
        for (var bit = 0; bit < whole.Length * 8; bit++)
        {
            var torn = (byte[])whole.Clone();
            torn[bit / 8] ^= (byte)(1 << (bit % 8));
            Assert.Null(PersistentReservationText.Decode(torn));
        }
    }

    [Fact]
    public void A_damaged_file_stops_the_start_and_says_what_to_do()
    {
        var disk = new CutDisk { Durable = Encoding.UTF8.GetBytes("torn") };
        var error = Assert.Throws<InvalidDataException>(() => new PersistentReservationFile(disk).Load());
        Assert.Contains(disk.Path, error.Message, StringComparison.Ordinal);
        Assert.Contains("delete", error.Message, StringComparison.Ordinal);
    }

    // Power is cut at every step; of what was written and not flushed any part may be there, of a rename either side.
    [Fact]
    public void After_a_power_cut_the_state_is_the_old_or_the_new_one_and_the_new_one_after_GOOD()
    {
        foreach (var old in new[] { null, Old })
        {
            for (var cut = 0; cut <= CutDisk.Steps; cut++)
            {
                for (var outcome = 0; outcome < CutDisk.OutcomesOf(cut); outcome++)
                {
                    var disk = new CutDisk { Durable = old is null ? null : PersistentReservationText.Encode(old) };
                    disk.CutAt = cut;
                    var isGood = true;
                    try
                    {
                        new PersistentReservationFile(disk).Save(New);
                    }
                    catch (IOException)
                    {
                        isGood = false;
                    }
                    disk.Lose(outcome);
                    var after = Text(new PersistentReservationFile(disk).Load());
                    Assert.Equal(cut == CutDisk.Steps, isGood);
                    if (isGood) Assert.Equal(Text(New), after);
                    else Assert.True(after == Text(old) || after == Text(New), $"cut {cut}, outcome {outcome}: {after}");
                }
            }
        }
    }

    [Fact]
    public async Task A_command_that_can_not_be_written_down_is_refused_and_changes_nothing()
    {
        for (var cut = 0; cut < CutDisk.Steps; cut++)
        {
            var disk = new CutDisk { CutAt = cut };
            var reservations = new UnitReservations(new PersistentReservationLimits(), new PersistentReservationFile(disk));
            string? path = null;
            reservations.SaveFailed += (where, _) => path = where;
            var r = new ScsiRequest { Nexus = new ScsiNexus(A.InitiatorName, A.InitiatorSessionId, 1), Units = new LogicalUnitMap(ScsiHarness.TargetName) };
            await reservations.ExecuteAsync(r, Register(1));
            Assert.Equal("4/44/00", r.Sense.ToString());
            Assert.Empty(reservations.State.Registrations);
            Assert.Equal(disk.Path, path);
        }
    }

    [Fact]
    public async Task What_was_answered_with_GOOD_is_there_after_a_restart()
    {
        var directory = Directory.CreateTempSubdirectory("iscsinet");
        var path = Path.Combine(directory.FullName, "disk.img.reservations");
        var nexus = new ScsiNexus(A.InitiatorName, A.InitiatorSessionId, 1);
        var map = new LogicalUnitMap(ScsiHarness.TargetName);
        var unit = map.Add(0, new ScsiHarness().Device);
        var first = new UnitReservations(new PersistentReservationLimits(), new PersistentReservationFile(new ReplaceableFile(path)));
        var r = new ScsiRequest { Nexus = nexus, Units = map };
        Assert.True(first.Limits.CanPersist);
        Assert.False(File.Exists(path));
        foreach (var request in new[]
        {
            Register(7),
            new PersistentReservationRequest { Action = PersistentReserveOutAction.Reserve, Key = 7, Type = 3 },
        })
        {
            r.Unit = unit;
            await first.ExecuteAsync(r, request);
            Assert.Equal(ScsiStatus.Good, r.Status);
        }

        var second = new UnitReservations(new PersistentReservationLimits(), new PersistentReservationFile(new ReplaceableFile(path)));
        Assert.True(second.State.IsHolder(A));
        Assert.Equal(PersistentReservationType.ExclusiveAccess, second.State.Type);
        Assert.True(second.State.PersistsThroughPowerLoss);
        Assert.Equal(["disk.img.reservations"], directory.GetFiles().Select(f => f.Name));

        await second.ExecuteAsync(r, Register(7) with { Action = PersistentReserveOutAction.RegisterAndIgnoreExistingKey, ActivatesPersistence = false });
        Assert.Empty(new UnitReservations(new PersistentReservationLimits(), new PersistentReservationFile(new ReplaceableFile(path))).State.Registrations);
        directory.Delete(recursive: true);
    }

    private static PersistentReservationRequest Register(ulong key) =>
        new() { Action = PersistentReserveOutAction.Register, ServiceActionKey = key, ActivatesPersistence = true };
}
