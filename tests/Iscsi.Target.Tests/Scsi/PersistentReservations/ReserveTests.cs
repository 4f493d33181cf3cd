using Iscsi.Protocol;
using Iscsi.Protocol.Scsi;
using Iscsi.Target.Scsi;
using Iscsi.Target.Scsi.PersistentReservations;
using static Iscsi.Target.Tests.Scsi.PersistentReservations.ReservationHarness;

namespace Iscsi.Target.Tests.Scsi.PersistentReservations;

/// <summary>RESERVE and RELEASE (SPC-2), and how they live with persistent reservations (SPC-3, CRH).</summary>
public sealed class ReserveTests
{
    private static readonly byte[] Reserve6 = [OperationCode.Reserve6, 0, 0, 0, 0, 0];
    private static readonly byte[] Release6 = [OperationCode.Release6, 0, 0, 0, 0, 0];
    private static readonly byte[] Reserve10 = [OperationCode.Reserve10, 0, 0, 0, 0, 0, 0, 0, 0, 0];
    private static readonly byte[] Release10 = [OperationCode.Release10, 0, 0, 0, 0, 0, 0, 0, 0, 0];

    private readonly ReservationHarness _h = new();

    private ScsiStatus Run(byte[] cdb, ScsiNexus from) => _h.Scsi.Run(cdb, nexus: from).Status;

    [Fact]
    public void One_nexus_reserves_again_and_again_and_the_others_wait()
    {
        Assert.Equal(ScsiStatus.Good, Run(Reserve6, _h.A));
        Assert.Equal(ScsiStatus.Good, Run(Reserve10, _h.A));
        Assert.Equal(ScsiStatus.ReservationConflict, Run(Reserve6, _h.B));
        Assert.Equal(ScsiStatus.ReservationConflict, Run(Reserve10, _h.B));
        Assert.Equal(ScsiStatus.Good, Run(Release10, _h.A));
        Assert.Equal(ScsiStatus.Good, Run(Reserve6, _h.B));
    }

    [Fact]
    public void Releasing_what_another_reserved_is_good_and_does_nothing()
    {
        Run(Reserve6, _h.A);
        Assert.Equal(ScsiStatus.Good, Run(Release6, _h.B));
        Assert.Equal(ScsiStatus.ReservationConflict, Run(Reserve6, _h.B));
    }

    [Fact]
    public void The_loss_of_the_nexus_releases()
    {
        Run(Reserve6, _h.A);
        _h.Scsi.Units.Detach(_h.B);
        Assert.Equal(ScsiStatus.ReservationConflict, Run(Reserve6, _h.C));
        _h.Scsi.Units.Detach(_h.A);
        Assert.Equal(ScsiStatus.Good, Run(Reserve6, _h.C));
    }

    [Fact]
    public void A_reset_releases_what_RESERVE_reserved_and_nothing_persistent()
    {
        Run(Reserve6, _h.A);
        _h.Scsi.Unit.Reservations.OnReset();
        _h.Register(_h.B, KeyB);
        _h.Reserve(_h.B, KeyB, PersistentReservationType.ExclusiveAccess);
        _h.Scsi.Unit.Reservations.OnReset();
        Assert.Equal(ScsiStatus.ReservationConflict, _h.Scsi.Run(ScsiHarness.Cdb10(OperationCode.Read10, 0, 0, 1), nexus: _h.A).Status);
    }

    [Fact]
    public void Persistent_reservations_are_nobodys_while_the_unit_is_reserved()
    {
        Run(Reserve6, _h.A);
        foreach (var nexus in new[] { _h.A, _h.B })
        {
            Assert.Equal(ScsiStatus.ReservationConflict, _h.Out(nexus, PersistentReserveOutAction.Register, 0, KeyA));
            Assert.Equal(ScsiStatus.ReservationConflict, Run([OperationCode.PersistentReserveIn, 0, 0, 0, 0, 0, 0, 0, 255, 0], nexus));
        }
    }

    [Theory]
    [InlineData(0, false, false, false)] // registered, nothing reserved
    [InlineData(1, true, false, false)]
    [InlineData(3, true, false, false)]
    [InlineData(5, true, true, false)]
    [InlineData(6, true, true, false)]
    [InlineData(7, true, true, false)]
    [InlineData(8, true, true, false)]
    public void Beside_registrations_it_is_good_for_those_with_full_access_and_reserves_nothing(
        int type, bool holder, bool registered, bool other)
    {
        _h.Register(_h.A, KeyA);
        _h.Register(_h.B, KeyB);
        if (type != 0) _h.Reserve(_h.A, KeyA, (PersistentReservationType)type);
        foreach (var cdb in new[] { Reserve6, Release6, Reserve10, Release10 })
        {
            foreach (var (nexus, isGood) in new[] { (_h.A, holder), (_h.B, registered), (_h.C, other) })
            {
                Assert.Equal(isGood ? ScsiStatus.Good : ScsiStatus.ReservationConflict, Run(cdb, nexus));
                Assert.False(_h.Scsi.Unit.Reservations.IsReservedByReserve);
            }
        }
        Assert.Equal((PersistentReservationType)type, _h.State.Type);
    }
}
