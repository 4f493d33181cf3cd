using Iscsi.Protocol;
using Iscsi.Target.Tests.Raw;

namespace Iscsi.Target.Tests.Conformance;

/// <summary>The LUN field (SAM-5, 4.7): peripheral and flat addressing, and units that are not there.</summary>
public sealed class AddressingTests
{
    [Theory]
    [InlineData(0x0001_0000_0000_0000)]
    [InlineData(0x4001_0000_0000_0000)]
    public async Task A_unit_is_reached_by_peripheral_and_by_flat_addressing(ulong lun)
    {
        await using var target = await RawTarget.StartAsync(witness: false);
        var client = await target.LoginAsync();
        await client.WriteGoodAsync(0, RawClient.Pattern(1, 4096), lun);
        Assert.Equal(RawClient.Pattern(1, 4096), await client.ReadGoodAsync(0, 4096, 1UL << 48));
        Assert.Equal(new byte[4096], await client.ReadGoodAsync(0, 4096));
    }

    [Theory]
    [InlineData(0x0002_0000_0000_0000)]
    [InlineData(0x0101_0000_0000_0000)]
    [InlineData(0x8001_0000_0000_0000)]
    [InlineData(0xC101_0000_0000_0000)]
    [InlineData(0x0001_0001_0000_0000)]
    [InlineData(0xFFFF_FFFF_FFFF_FFFF)]
    public async Task A_unit_that_is_not_there_is_illegal_to_use_and_nothing_is_stored(ulong lun)
    {
        await using var target = await RawTarget.StartAsync(witness: false);
        var client = await target.LoginAsync();
        var (status, _) = await client.RunAsync(client.TestUnitReady(lun));
        Assert.Equal("5/25/00", status.SenseText);
        (status, _) = await client.RunAsync(client.Write(0, 32, lun: lun, dataLength: 4096), RawClient.Pattern(1, 16384));
        Assert.Equal("5/25/00", status.SenseText);
        Assert.Equal((true, 16384u), (status.Underflow, status.Residual));
        Assert.Equal(new byte[16384], await client.ReadGoodAsync(0, 16384));
        Assert.Equal(new byte[16384], await client.ReadGoodAsync(0, 16384, 1UL << 48));
    }

    [Fact]
    public async Task A_unit_that_is_not_there_answers_INQUIRY_REPORT_LUNS_and_REQUEST_SENSE()
    {
        await using var target = await RawTarget.StartAsync(witness: false);
        var client = await target.LoginAsync();
        const ulong lun = 9UL << 48;
        var (status, data) = await client.RunAsync(client.Command([0x12, 0, 0, 0, 96, 0], 96, read: true, lun: lun));
        Assert.Equal(ScsiStatus.Good, status.Status);
        Assert.Equal(0x7F, data[0]);
        (status, data) = await client.RunAsync(client.Command([0xA0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0], 256, read: true, lun: lun));
        Assert.Equal(ScsiStatus.Good, status.Status);
        Assert.Equal(RawTarget.UnitCount * 8, data[3]);
        (status, data) = await client.RunAsync(client.Command([0x03, 0, 0, 0, 18, 0], 18, read: true, lun: lun));
        Assert.Equal(ScsiStatus.Good, status.Status);
        Assert.Equal((5, 0x25), (data[2] & 15, (int)data[12]));
    }

    [Fact]
    public async Task The_first_command_of_a_nexus_on_a_unit_hears_of_the_power_on_and_the_next_does_not()
    {
        await using var target = await RawTarget.StartAsync(witness: false);
        var client = await target.LoginAsync(new RawLogin { ClearsAttention = false });
        // INQUIRY never reports it, and does not consume it.
        var (status, _) = await client.RunAsync(client.Command([0x12, 0, 0, 0, 96, 0], 96, read: true));
        Assert.Equal(ScsiStatus.Good, status.Status);
        (status, _) = await client.RunAsync(client.TestUnitReady());
        Assert.Equal("6/29/00", status.SenseText);
        (status, _) = await client.RunAsync(client.TestUnitReady());
        Assert.Equal(ScsiStatus.Good, status.Status);
        (status, _) = await client.RunAsync(client.TestUnitReady(lun: 1UL << 48));
        Assert.Equal("6/29/00", status.SenseText);
    }
}
