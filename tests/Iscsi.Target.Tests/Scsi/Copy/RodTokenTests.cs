using System.Buffers.Binary;
using Iscsi.Protocol;
using Iscsi.Protocol.Scsi;
using Iscsi.Storage;
using Iscsi.Target.Scsi.Copy;
using Microsoft.Extensions.Time.Testing;
using static Iscsi.Target.Tests.Scsi.Copy.CopyHarness;

namespace Iscsi.Target.Tests.Scsi.Copy;

public sealed class RodTokenTests
{
    private readonly CopyHarness _h = new();

    private static byte[] ZeroToken()
    {
        var token = new byte[512];
        BinaryPrimitives.WriteUInt32BigEndian(token, 0xFFFF0001);
        BinaryPrimitives.WriteUInt16BigEndian(token.AsSpan(6), 0x01F8);
        return token;
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    public void A_token_is_copied_to_its_own_disk_and_to_others_across_the_ranges_of_both(ulong lun)
    {
        byte[] expected = [.. _h.Disk.Bytes.Slice(10 * 512, 5 * 512), .. _h.Disk.Bytes.Slice(100 * 512, 200 * 512)];
        var token = _h.Populated((10, 5), (50, 0), (100, 200));
        var r = _h.RunUse(Use(token, Ranges((1000, 200), (1300, 5))), lun);
        Assert.True(r.Status == ScsiStatus.Good, r.Sense.ToString());
        var disk = lun == 0 ? _h.Disk : _h.Other;
        _h.AssertEqual(200, 1000, disk, expected.AsSpan(0, 200 * 512));
        _h.AssertEqual(5, 1300, disk, expected.AsSpan(200 * 512));
    }

    [Fact]
    public void A_copy_may_begin_within_the_token_and_its_length_is_told_in_blocks()
    {
        var expected = _h.Disk.Bytes.Slice(103 * 512, 4 * 512).ToArray();
        var token = _h.Populated((100, 20));
        Assert.Equal(ScsiStatus.Good, _h.RunUse(Use(token, Ranges((0, 4)), offset: 3)).Status);
        _h.AssertEqual(4, 0, _h.Disk, expected);
        var data = _h.Scsi.RunGood(Receive(OperationCode.ReceiveRodTokenInformation, 78));
        Assert.Equal(0x11, data[4]);
        Assert.Equal(0xF1, data[15]);
        Assert.Equal(4ul, BinaryPrimitives.ReadUInt64BigEndian(data.AsSpan(16)));
        Assert.Equal([0, 0, 0, 0], data[32..]);
    }

    [Fact]
    public void A_token_says_its_type_its_creator_and_its_length_and_no_two_are_alike()
    {
        var token = _h.Populated((100, 20));
        Assert.Equal(0x00800001u, BinaryPrimitives.ReadUInt32BigEndian(token));
        Assert.Equal(0x01F8, BinaryPrimitives.ReadUInt16BigEndian(token.AsSpan(6)));
        Assert.Equal(Cscd(_h.Scsi.Unit), token[16..48]);
        Assert.Equal(20ul * 512, BinaryPrimitives.ReadUInt64BigEndian(token.AsSpan(56)));
        Assert.NotEqual(token, _h.Populated((100, 20)));
        Assert.Equal(8 + (2 * 96), _h.Scsi.RunGood(Receive(OperationCode.ReportAllRodTokens)).Length);
    }

    [Fact]
    public void A_write_to_one_of_its_blocks_revokes_a_token_and_a_write_beside_them_does_not()
    {
        var token = _h.Populated((100, 20), (200, 1));
        _h.Scsi.RunGood(ScsiHarness.Cdb10(OperationCode.WriteSame10, 0, 120, 80), new byte[512]);
        Assert.Equal(ScsiStatus.Good, _h.RunUse(Use(token, Ranges((0, 4)))).Status);
        _h.Scsi.RunGood(ScsiHarness.Cdb10(OperationCode.WriteSame10, 0, 200, 1), new byte[512]);
        _h.AssertUseRefused(Use(token, Ranges((0, 4))), AdditionalSense.TokenRevoked);
    }

    [Theory]
    [InlineData(300, true)]
    [InlineData(100, false)]
    public void UNMAP_revokes_the_tokens_of_what_it_unmaps_only(ulong lba, bool isValid)
    {
        var token = _h.Populated((100, 20));
        var list = new byte[24];
        UnmapParameterList.Write(list, [new(lba, 8)]);
        _h.Scsi.RunGood(ScsiHarness.Cdb10(OperationCode.Unmap, 0, 0, 24), list);
        Assert.Equal(isValid, _h.RunUse(Use(token, Ranges((0, 4)))).Status == ScsiStatus.Good);
    }

    [Fact]
    public void A_write_in_the_midst_of_a_copy_ends_it_before_changed_data_are_written()
    {
        var token = _h.Populated((0, 1000));
        var reads = 0;
        _h.Scsi.BeforeCopyIo = io =>
        {
            if (io.Kind == CopyIoKind.Read && ++reads == 2) _h.Scsi.Unit.RodTokens.OnWrite(new BlockRange(999, 1));
        };
        var r = _h.RunUse(Use(token, Ranges((0, 1000))), lun: 1);
        Assert.Equal("5/" + AdditionalSense.TokenRevoked, r.Sense.ToString());
        Assert.Single(_h.Other.Calls);
        var data = _h.Scsi.Run(Receive(OperationCode.ReceiveRodTokenInformation, 78), lun: LogicalUnitNumber.Encode(1));
        Assert.Equal(ScsiStatus.Good, data.Status);
        Assert.Equal(0x02, _h.Scsi.Data[5]);
    }

    [Fact]
    public void The_zero_token_makes_zeroes_with_the_device_and_without()
    {
        Assert.Equal(ScsiStatus.Good, _h.RunUse(Use(ZeroToken(), Ranges((7, 300)))).Status);
        _h.AssertEqual(300, 7, _h.Disk, new byte[300 * 512]);
        Assert.NotEqual(0, _h.Disk.Bytes[6 * 512] | _h.Disk.Bytes[(6 * 512) + 1] | _h.Disk.Bytes[(6 * 512) + 2]);
        Assert.Equal(ScsiStatus.Good, _h.RunUse(Use(ZeroToken(), Ranges((7, 300))), lun: 1).Status);
        _h.AssertEqual(300, 7, _h.Other, new byte[300 * 512]);
    }

    [Theory]
    [InlineData(0, 1)]
    [InlineData(16, 1)]
    [InlineData(130, 1)]
    [InlineData(511, 0x80)]
    public void A_token_with_a_bit_changed_is_refused(int at, int bit)
    {
        var token = _h.Populated((100, 20));
        token[at] ^= (byte)bit;
        _h.AssertUseRefused(Use(token, Ranges((0, 4))), at == 0 ? AdditionalSense.UnsupportedTokenType : AdditionalSense.TokenCorrupt);
    }

    [Fact]
    public void A_token_that_nobody_made_is_unknown_and_one_of_another_length_is_refused()
    {
        var token = _h.Populated((100, 20));
        token[8] ^= 1;
        _h.AssertUseRefused(Use(token, Ranges((0, 4))), AdditionalSense.TokenUnknown);
        token[7] = 0;
        _h.AssertUseRefused(Use(token, Ranges((0, 4))), AdditionalSense.InvalidTokenLength);
    }

    [Fact]
    public void A_token_that_is_deleted_by_its_use_is_used_once()
    {
        var token = _h.Populated((100, 20));
        Assert.Equal(ScsiStatus.Good, _h.RunUse(Use(token, Ranges((0, 4)), delete: true)).Status);
        _h.AssertUseRefused(Use(token, Ranges((0, 4))), AdditionalSense.TokenDeleted);
    }

    [Fact]
    public void More_than_the_token_has_is_refused_before_anything_is_written()
    {
        var token = _h.Populated((100, 20));
        _h.Disk.Calls.Clear();
        _h.AssertUseRefused(Use(token, Ranges((0, 21))), AdditionalSense.InvalidFieldInParameterList);
        _h.AssertUseRefused(Use(token, Ranges((0, 20)), offset: 1), AdditionalSense.InvalidFieldInParameterList);
        _h.AssertUseRefused(Use(token, Ranges((0, 1)), offset: ulong.MaxValue), AdditionalSense.InvalidFieldInParameterList);
        Assert.Empty(_h.Disk.Calls);
    }

    [Fact]
    public void Ranges_that_overlap_lie_outside_or_are_too_many_are_refused()
    {
        Refused(Populate(Ranges((0, 4), (3, 1))), AdditionalSense.InvalidFieldInParameterList);
        Refused(Populate(Ranges((2048, 1))), AdditionalSense.LogicalBlockAddressOutOfRange);
        Refused(Populate(Ranges((0, 0))), AdditionalSense.InvalidFieldInParameterList);
        Refused(Populate(Ranges([.. Enumerable.Range(0, 65).Select(i => ((ulong)i, 1u))])), AdditionalSense.TooManySegmentDescriptors);
        Refused(Populate(Ranges((0, 4)), timeoutSeconds: 301), AdditionalSense.InvalidFieldInParameterList);
        Refused(Populate(Ranges((0, 4)), rodType: 0x00010000), AdditionalSense.InvalidFieldInParameterList);
        var whole = Populate(Ranges((0, 4)));
        for (var length = 1; length < whole.Length; length++) Refused(whole[..length], AdditionalSense.ParameterListLengthError);

        void Refused(byte[] list, AdditionalSense additional) =>
            _h.Scsi.AssertSense(Token(OperationCode.PopulateToken, list.Length, 1), SenseKey.IllegalRequest, additional, list);
    }

    [Fact]
    public void Every_WRITE_USING_TOKEN_list_that_is_cut_short_is_refused()
    {
        var whole = Use(_h.Populated((100, 20)), Ranges((0, 4)));
        for (var length = 1; length < whole.Length; length++) _h.AssertUseRefused(whole[..length], AdditionalSense.ParameterListLengthError);
    }

    [Fact]
    public void A_token_expires_when_it_is_not_used_and_at_the_end_of_its_life_although_it_is()
    {
        var clock = new FakeTimeProvider();
        var tokens = new UnitRodTokens(clock);
        RodToken New() => tokens.Create(_h.Scsi.Unit, [new BlockRange(0, 1)], TimeSpan.FromSeconds(30))!;
        var idle = New();
        clock.Advance(TimeSpan.FromSeconds(29));
        Assert.Null(tokens.TryUse(idle.Bytes, out var used));
        clock.Advance(TimeSpan.FromSeconds(60)); // in use: not idle
        tokens.Release(used!);
        clock.Advance(TimeSpan.FromSeconds(29));
        Assert.Single(tokens.Valid());
        clock.Advance(TimeSpan.FromSeconds(1));
        Assert.Equal(AdditionalSense.TokenExpired, tokens.TryUse(idle.Bytes, out _));

        var old = New();
        for (var lived = 0; lived < 3600; lived += 20)
        {
            Assert.Null(tokens.TryUse(old.Bytes, out used));
            tokens.Release(used!);
            clock.Advance(TimeSpan.FromSeconds(20));
        }
        Assert.Equal(AdditionalSense.TokenExpired, tokens.TryUse(old.Bytes, out _));
    }

    [Fact]
    public void There_are_as_many_tokens_as_the_limit_says_and_one_that_is_over_makes_room()
    {
        for (var i = 0u; i < CopyLimits.MaxTokens; i++) _h.Populated((i, 1));
        var list = Populate(Ranges((100, 1)));
        _h.Scsi.AssertSense(Token(OperationCode.PopulateToken, list.Length, 1), SenseKey.IllegalRequest, AdditionalSense.InsufficientResourcesToCreateRodToken, list);
        _h.Scsi.RunGood(ScsiHarness.Cdb10(OperationCode.WriteSame10, 0, 0, 1), new byte[512]);
        _h.Populated((100, 1));
    }

    [Fact]
    public void A_unit_that_leaves_its_target_takes_its_tokens_with_it()
    {
        var list = Populate(Ranges((0, 4)));
        Assert.Equal(ScsiStatus.Good, _h.Scsi.Run(Token(OperationCode.PopulateToken, list.Length, 5), list, lun: LogicalUnitNumber.Encode(1)).Status);
        _h.Scsi.Run(Receive(OperationCode.ReceiveRodTokenInformation, 5), lun: LogicalUnitNumber.Encode(1));
        var token = _h.Scsi.Data[38..550];
        Assert.Equal(ScsiStatus.Good, _h.RunUse(Use(token, Ranges((0, 4)))).Status);
        _h.Scsi.Units.Remove(_h.OtherUnit);
        _h.Scsi.Nexus.ClearAll(Iscsi.Target.Scsi.UnitAttention.All);
        _h.AssertUseRefused(Use(token, Ranges((0, 4))), AdditionalSense.TokenUnknown);
    }
}
