using System.Buffers.Binary;
using System.Text;
using Iscsi.Protocol;
using Iscsi.Protocol.Scsi;
using Iscsi.Target.Scsi;
using Iscsi.Target.Scsi.PersistentReservations;
using static Iscsi.Target.Tests.Scsi.PersistentReservations.ReservationHarness;

namespace Iscsi.Target.Tests.Scsi.PersistentReservations;

public sealed class PersistentReserveInTests
{
    private const byte ReadKeys = 0;
    private const byte ReadReservation = 1;
    private const byte ReportCapabilities = 2;
    private const byte ReadFullStatus = 3;

    private readonly ReservationHarness _h = new();

    [Fact]
    public void READ_KEYS_tells_generation_and_keys()
    {
        _h.Register(_h.A, KeyA);
        _h.Register(_h.B, KeyB);
        Assert.Equal("0000000200000010A1A2A3A4A5A6A7A8B1B2B3B4B5B6B7B8", Convert.ToHexString(_h.In(ReadKeys)));
    }

    [Fact]
    public void The_length_field_does_not_depend_on_the_allocation_length()
    {
        _h.Register(_h.A, KeyA);
        Assert.Equal("0000000100000008", Convert.ToHexString(_h.In(ReadKeys, 8)));
    }

    [Fact]
    public void READ_RESERVATION_tells_nothing_without_one()
    {
        _h.Register(_h.A, KeyA);
        Assert.Equal("0000000100000000", Convert.ToHexString(_h.In(ReadReservation)));
    }

    [Theory]
    [InlineData(1, "A1A2A3A4A5A6A7A8")]
    [InlineData(3, "A1A2A3A4A5A6A7A8")]
    [InlineData(5, "A1A2A3A4A5A6A7A8")]
    [InlineData(6, "A1A2A3A4A5A6A7A8")]
    [InlineData(7, "0000000000000000")]
    [InlineData(8, "0000000000000000")]
    public void READ_RESERVATION_tells_the_holders_key_unless_all_hold(int type, string key)
    {
        _h.Register(_h.A, KeyA);
        _h.Reserve(_h.A, KeyA, (PersistentReservationType)type);
        Assert.Equal($"0000000100000010{key}00000000000{type}0000", Convert.ToHexString(_h.In(ReadReservation)));
    }

    // CRH, SIP_C, ATP_C; TMV, TEST UNIT READY allowed; all six types.
    [Fact]
    public void REPORT_CAPABILITIES_tells_what_there_is() => Assert.Equal("00081C90EA010000", Convert.ToHexString(_h.In(ReportCapabilities)));

    [Theory]
    [InlineData(5)]
    [InlineData(7)]
    public void READ_FULL_STATUS_tells_every_registrant_and_who_holds(int type)
    {
        _h.Register(_h.A, KeyA);
        _h.Register(_h.B, KeyB);
        _h.Reserve(_h.B, KeyB, (PersistentReservationType)type);
        var data = _h.In(ReadFullStatus);
        Assert.Equal(data.Length - 8, BinaryPrimitives.ReadInt32BigEndian(data.AsSpan(4)));
        var at = 8;
        foreach (var (nexus, key) in new[] { (_h.A, KeyA), (_h.B, KeyB) })
        {
            var descriptor = data.AsSpan(at);
            var isHolder = type == 7 || ReferenceEquals(nexus, _h.B);
            Assert.Equal(key, BinaryPrimitives.ReadUInt64BigEndian(descriptor));
            Assert.Equal(isHolder ? 1 : 0, descriptor[12]);
            Assert.Equal(isHolder ? type : 0, descriptor[13]);
            Assert.Equal(1, BinaryPrimitives.ReadUInt16BigEndian(descriptor[18..]));
            var idLength = BinaryPrimitives.ReadInt32BigEndian(descriptor[20..]);
            Assert.Equal(0x45, descriptor[24]);
            Assert.Equal(idLength - 4, BinaryPrimitives.ReadUInt16BigEndian(descriptor[26..]));
            Assert.Equal($"{nexus.InitiatorName},i,0x{nexus.InitiatorSessionId:x12}", Encoding.UTF8.GetString(descriptor.Slice(28, idLength - 4)).TrimEnd('\0'));
            at += 24 + idLength;
        }
        Assert.Equal(data.Length, at);
    }

    [Fact]
    public void READ_FULL_STATUS_of_128_registrants_with_long_names_is_whole()
    {
        for (var i = 0; i < 128; i++) _h.Register(_h.Attach($"{i:d3}{new string('x', 190)}"), KeyA);
        var data = _h.In(ReadFullStatus, ushort.MaxValue);
        Assert.Equal(ScsiStep.Execute, _h.Scsi.Step);
        Assert.True(data.Length > ScsiLimits.ParameterDataInCapacity);
        Assert.Equal(data.Length - 8, BinaryPrimitives.ReadInt32BigEndian(data.AsSpan(4)));
    }

    [Fact]
    public void Every_other_service_action_is_an_invalid_field()
    {
        for (byte action = 4; action < 32; action++)
            _h.Scsi.AssertInvalidField([OperationCode.PersistentReserveIn, action, 0, 0, 0, 0, 0, 0, 255, 0], 1, 4);
        for (byte action = 8; action < 32; action++)
            _h.Scsi.AssertInvalidField([OperationCode.PersistentReserveOut, action, 0, 0, 0, 0, 0, 0, 24, 0], 1, 4, new byte[24]);
    }

    [Fact]
    public void Reading_is_for_everybody_whatever_is_reserved()
    {
        _h.Register(_h.A, KeyA);
        _h.Reserve(_h.A, KeyA, PersistentReservationType.ExclusiveAccess);
        for (byte action = 0; action < 4; action++) _h.In(action, nexus: _h.C);
    }
}
