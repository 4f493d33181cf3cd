using Iscsi.Protocol;
using Iscsi.Target.Tests.Raw;

namespace Iscsi.Target.Tests.Conformance;

/// <summary>CDB and Expected Data Transfer Length disagree: what is transferred, and what the residual says (RFC 7143, 11.4.5).</summary>
public sealed class ResidualTests
{
    [Theory]
    // blocks, EDTL, bytes sent, overflow, underflow, residual
    [InlineData(8, 4096u, 4096, false, false, 0u)]
    [InlineData(8, 2048u, 2048, true, false, 2048u)]
    [InlineData(8, 8192u, 4096, false, true, 4096u)]
    [InlineData(8, 0u, 0, true, false, 4096u)]
    [InlineData(8, 1000u, 1000, true, false, 3096u)]
    [InlineData(8, 4099u, 4096, false, true, 3u)]
    [InlineData(0, 0u, 0, false, false, 0u)]
    [InlineData(0, 512u, 0, false, true, 512u)]
    [InlineData(1024, 524288u, 524288, false, false, 0u)]
    [InlineData(1024, 300001u, 300001, true, false, 224287u)]
    public async Task A_read_transfers_the_smaller_length(int blocks, uint edtl, int sent, bool overflow, bool underflow, uint residual)
    {
        await using var target = await RawTarget.StartAsync(witness: false);
        var client = await target.LoginAsync();
        var medium = RawClient.Pattern(1, Math.Max(512, blocks * 512));
        await client.WriteGoodAsync(0, medium);
        var (status, data) = await client.RunAsync(client.Read(0, (ushort)blocks, edtl));
        Assert.Equal(ScsiStatus.Good, status.Status);
        Assert.Equal(medium.AsSpan(0, sent).ToArray(), data);
        Assert.Equal((overflow, underflow, residual), (status.Overflow, status.Underflow, status.Residual));
        Assert.Equal(sent > 0, status.Opcode == Opcode.DataIn); // the status rides in the last Data-In
    }

    [Theory]
    // blocks, EDTL, bytes stored, overflow, underflow, residual, immediate bytes
    [InlineData(8, 4096u, 4096, false, false, 0u, 0)]
    [InlineData(8, 2048u, 2048, true, false, 2048u, 0)]
    [InlineData(8, 8192u, 4096, false, true, 4096u, 0)]
    [InlineData(8, 8192u, 4096, false, true, 4096u, 8192)]
    [InlineData(8, 0u, 0, true, false, 4096u, 0)]
    [InlineData(8, 1000u, 1000, true, false, 3096u, 0)]
    [InlineData(8, 1000u, 1000, true, false, 3096u, 1000)]
    [InlineData(8, 1u, 1, true, false, 4095u, 0)]
    [InlineData(8, 4099u, 4096, false, true, 3u, 0)]
    [InlineData(8, 4099u, 4096, false, true, 3u, 4099)]
    [InlineData(0, 0u, 0, false, false, 0u, 0)]
    [InlineData(0, 512u, 0, false, true, 512u, 0)]
    [InlineData(0, 512u, 0, false, true, 512u, 512)]
    [InlineData(1024, 524288u, 524288, false, false, 0u, 8192)]
    [InlineData(1024, 300001u, 300001, true, false, 224287u, 100)]
    [InlineData(1024, 262145u, 262145, true, false, 262143u, 0)]
    public async Task A_write_stores_the_smaller_length_and_keeps_the_rest_of_its_last_block(
        int blocks, uint edtl, int stored, bool overflow, bool underflow, uint residual, int immediate)
    {
        await using var target = await RawTarget.StartAsync(witness: false);
        var client = await target.LoginAsync();
        var before = RawClient.Pattern(1, 1040 * 512);
        await client.WriteGoodAsync(0, before);
        var data = RawClient.Pattern(2, (int)edtl);
        var (status, _) = await client.RunAsync(client.Write(0, (ushort)blocks, edtl, dataLength: immediate), data);
        Assert.Equal(ScsiStatus.Good, status.Status);
        Assert.Equal((overflow, underflow, residual), (status.Overflow, status.Underflow, status.Residual));
        var expected = (byte[])before.Clone();
        data.AsSpan(0, stored).CopyTo(expected);
        Assert.Equal(expected, await client.ReadGoodAsync(0, expected.Length));
    }

    [Theory]
    [InlineData(8192u, 4096u)]
    [InlineData(2048u, 2048u)]
    public async Task No_R2T_asks_beyond_the_smaller_of_CDB_and_announced_length(uint edtl, uint asked)
    {
        await using var target = await RawTarget.StartAsync(witness: false);
        var client = await target.LoginAsync();
        await client.SendPduAsync(client.Write(0, 8, edtl));
        var r2t = await client.ReceiveAsync(Opcode.ReadyToTransfer);
        Assert.Equal((0u, asked), (r2t.BufferOffset, r2t.Residual));
        await client.SendPduAsync(client.DataOut(r2t.Itt, r2t.Ttt, 0, (int)asked), new byte[asked]);
        Assert.Equal(ScsiStatus.Good, (await client.ReceiveAsync(Opcode.ScsiResponse)).Status);
    }

    [Fact]
    public async Task A_command_without_data_has_an_underflow_of_all_that_was_announced()
    {
        await using var target = await RawTarget.StartAsync(witness: false);
        var client = await target.LoginAsync();
        var (status, data) = await client.RunAsync(client.Command(new byte[6], 512, read: true));
        Assert.Equal((ScsiStatus.Good, true, 512u), (status.Status, status.Underflow, status.Residual));
        Assert.Empty(data);
    }

    [Fact]
    public async Task A_read_that_is_announced_as_a_write_transfers_nothing()
    {
        await using var target = await RawTarget.StartAsync(witness: false);
        var client = await target.LoginAsync();
        var (status, data) = await client.RunAsync(client.Command(RawClient.Read10(0, 8), 4096, write: true), new byte[4096]);
        Assert.Equal((ScsiStatus.Good, true, 4096u), (status.Status, status.Underflow, status.Residual));
        Assert.Empty(data);
        await client.ExpectAliveAsync();
    }

    [Fact]
    public async Task A_write_that_is_announced_as_a_read_stores_nothing()
    {
        await using var target = await RawTarget.StartAsync(witness: false);
        var client = await target.LoginAsync();
        await client.WriteGoodAsync(0, RawClient.Pattern(1, 4096));
        var (status, data) = await client.RunAsync(client.Command(RawClient.Write10(0, 8), 4096, read: true));
        Assert.Equal((ScsiStatus.Good, true, 4096u), (status.Status, status.Underflow, status.Residual));
        Assert.Empty(data);
        Assert.Equal(RawClient.Pattern(1, 4096), await client.ReadGoodAsync(0, 4096));
    }

    [Fact]
    public async Task A_failed_read_has_its_status_and_sense_in_a_response_and_a_residual_of_everything()
    {
        await using var target = await RawTarget.StartAsync(witness: false);
        var client = await target.LoginAsync();
        var (status, data) = await client.RunAsync(client.Read(RawTarget.BlockCount - 1, 8));
        Assert.Equal(Opcode.ScsiResponse, status.Opcode);
        Assert.Equal("5/21/00", status.SenseText);
        Assert.Empty(data);
        Assert.Equal((true, 4096u), (status.Underflow, status.Residual));
    }
}
