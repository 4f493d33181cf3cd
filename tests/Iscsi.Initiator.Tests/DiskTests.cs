using System.Buffers.Binary;
using Iscsi.Protocol;
using Iscsi.Protocol.Scsi;
using Iscsi.Storage;
using Microsoft.Extensions.Time.Testing;
using Reservations;

namespace Iscsi.Initiator.Tests;

/// <summary>A disk over a target that answers each command by a function of its CDB.</summary>
public sealed class DiskTests : IAsyncLifetime
{
    private const int Limit = 60_000;

    private static readonly SenseData s_invalidOpcode = new(SenseKey.IllegalRequest, AdditionalSense.InvalidCommandOperationCode);

    private readonly ScriptedTarget _target = new();
    private readonly List<byte[]> _commands = [];
    private readonly List<byte[]> _dataOut = [];
    private readonly Dictionary<byte, Queue<(ScsiStatus Status, SenseData? Sense)>> _failures = [];
    private IscsiSession? _session;
    private Task _serving = Task.CompletedTask;
    private ulong _lastBlock = 999;
    private bool _isShortCapacityOnly;
    private byte _modeFlags = 0x10;
    private byte _cacheFlags = 0x04;
    private readonly BlockLimitsVpdPage _limits = new() { MaximumTransferLength = 16, MaximumUnmapLbaCount = 100, MaximumUnmapBlockDescriptorCount = 1, MaximumWriteSameLength = 50 };
    private LogicalBlockProvisioningVpdPage _provisioning = new() { Unmap = true, WriteSame16Unmaps = true, UnmappedReadsZero = true };

    public ValueTask InitializeAsync() => ValueTask.CompletedTask;

    public async ValueTask DisposeAsync()
    {
        if (_session is not null) await _session.DisposeAsync();
        await _serving;
        await _target.DisposeAsync();
    }

    [Fact(Timeout = Limit)]
    public async Task A_disk_tells_what_the_logical_unit_says()
    {
        _modeFlags = 0x90;
        var disk = await OpenAsync();
        var info = disk.Info;
        Assert.Equal((512, 1000L, true, true), (info.BlockSize, info.BlockCount, info.IsReadOnly, info.HasVolatileWriteCache));
        Assert.Equal((DeviceSupport.Native, DeviceSupport.Native, true), (info.Unmap, info.WriteZeroes, info.UnmappedReadsZero));
        Assert.Equal(8, info.PhysicalBlockBlocks);
        Assert.Equal("naa.6001405000000001", info.Identity);
        Assert.Equal("SERIAL-1", disk.LogicalUnit.SerialNumber);
        Assert.Equal("DISK", disk.LogicalUnit.Inquiry.Product);
        Assert.Contains("LUN 2 of " + ScriptedTarget.Name, info.Description, StringComparison.Ordinal);
        var error = await Assert.ThrowsAsync<BlockDeviceException>(async () => await disk.WriteAsync(0, new byte[512]));
        Assert.Equal(BlockDeviceError.ReadOnly, error.Error);
    }

    [Fact(Timeout = Limit)]
    public async Task Where_READ_CAPACITY_16_is_missing_the_short_one_does()
    {
        _isShortCapacityOnly = true;
        Assert.Equal(1000, (await OpenAsync()).Info.BlockCount);
    }

    [Fact(Timeout = Limit)]
    public async Task A_read_or_write_of_one_command_is_the_short_form_and_FUA_is_its_bit()
    {
        var disk = await OpenAsync();
        await disk.ReadAsync(5, new byte[1024]);
        Assert.Equal([0x28, 0, 0, 0, 0, 5, 0, 0, 2, 0], LastCdb(10));
        await disk.WriteAsync(7, new byte[512]);
        Assert.Equal([0x2A, 0, 0, 0, 0, 7, 0, 0, 1, 0], LastCdb(10));
        await disk.WriteAsync(7, new byte[512], BlockWriteFlags.ForceUnitAccess);
        Assert.Equal([0x2A, 8, 0, 0, 0, 7, 0, 0, 1, 0], LastCdb(10));
    }

    [Fact(Timeout = Limit)]
    public async Task Beyond_32_bits_the_long_form_is_used()
    {
        _lastBlock = (1ul << 33) - 1;
        var disk = await OpenAsync();
        await disk.ReadAsync((1L << 32) - 1, new byte[512]);
        Assert.Equal([0x28, 0, 0xFF, 0xFF, 0xFF, 0xFF, 0, 0, 1, 0], LastCdb(10).Length == 10 ? Short(LastCdb(16)) : []);

        static byte[] Short(byte[] cdb)
        {
            // The address of the last block that 32 bits hold, plus the length, exceeds them: the long form.
            Assert.Equal(OperationCode.Read16, cdb[0]);
            Assert.Equal((1L << 32) - 1, BinaryPrimitives.ReadInt64BigEndian(cdb.AsSpan(2)));
            Assert.Equal(1, BinaryPrimitives.ReadInt32BigEndian(cdb.AsSpan(10)));
            return [0x28, 0, 0xFF, 0xFF, 0xFF, 0xFF, 0, 0, 1, 0];
        }
    }

    [Fact(Timeout = Limit)]
    public async Task Without_DPOFUA_a_write_with_FUA_is_followed_by_a_flush()
    {
        _modeFlags = 0;
        var disk = await OpenAsync();
        _commands.Clear();
        await disk.WriteAsync(7, new byte[512], BlockWriteFlags.ForceUnitAccess);
        Assert.Equal([OperationCode.Write10, OperationCode.SynchronizeCache10], _commands.Select(cdb => cdb[0]));
        Assert.Equal(0, _commands[0][1]);
    }

    [Fact(Timeout = Limit)]
    public async Task A_flush_synchronizes_the_whole_cache_where_there_is_one()
    {
        var disk = await OpenAsync();
        await disk.FlushAsync();
        Assert.Equal([0x35, 0, 0, 0, 0, 0, 0, 0, 0, 0], LastCdb(10));
    }

    [Fact(Timeout = Limit)]
    public async Task Without_a_cache_a_flush_sends_nothing()
    {
        _cacheFlags = 0;
        var disk = await OpenAsync();
        _commands.Clear();
        await disk.FlushAsync();
        Assert.Empty(_commands);
    }

    [Fact(Timeout = Limit)]
    public async Task A_long_transfer_is_cut_to_what_one_command_takes()
    {
        var disk = await OpenAsync();
        _commands.Clear();
        await disk.ReadAsync(100, new byte[40 * 512]);
        Assert.Equal([(100, 16), (116, 16), (132, 8)],
            _commands.Select(cdb => (BinaryPrimitives.ReadInt32BigEndian(cdb.AsSpan(2)), (int)BinaryPrimitives.ReadUInt16BigEndian(cdb.AsSpan(7)))));
    }

    [Fact(Timeout = Limit)]
    public async Task Zeroes_are_WRITE_SAME_in_the_pieces_it_takes()
    {
        var disk = await OpenAsync();
        _commands.Clear();
        await disk.WriteZeroesAsync(new BlockRange(10, 120), BlockWriteFlags.MayUnmap);
        Assert.All(_commands, cdb => Assert.Equal((OperationCode.WriteSame16, 8), (cdb[0], cdb[1])));
        Assert.Equal([(10L, 50), (60L, 50), (110L, 20)],
            _commands.Select(cdb => (BinaryPrimitives.ReadInt64BigEndian(cdb.AsSpan(2)), BinaryPrimitives.ReadInt32BigEndian(cdb.AsSpan(10)))));
        Assert.All(_dataOut.TakeLast(3), data => Assert.Equal(new byte[512], data));
    }

    [Fact(Timeout = Limit)]
    public async Task Where_WRITE_SAME_is_refused_zeroes_are_written()
    {
        Fail(OperationCode.WriteSame16, ScsiStatus.CheckCondition, s_invalidOpcode);
        var disk = await OpenAsync();
        _commands.Clear();
        await disk.WriteZeroesAsync(new BlockRange(10, 20));
        await disk.WriteZeroesAsync(new BlockRange(40, 3));
        Assert.Equal([OperationCode.WriteSame16, OperationCode.Write10, OperationCode.Write10, OperationCode.Write10], _commands.Select(cdb => cdb[0]));
    }

    [Fact(Timeout = Limit)]
    public async Task Unmap_is_cut_to_what_one_command_takes()
    {
        var disk = await OpenAsync();
        _dataOut.Clear();
        await disk.UnmapAsync(new BlockRange(10, 150));
        Assert.Equal([new UnmapBlockDescriptor(10, 100), new UnmapBlockDescriptor(110, 50)], _dataOut.Select(data => UnmapBlockDescriptor.Read(data.AsSpan(8))));
    }

    [Fact(Timeout = Limit)]
    public async Task Where_unmap_is_missing_it_is_not_done()
    {
        _provisioning = default;
        var disk = await OpenAsync();
        Assert.Equal(DeviceSupport.None, disk.Info.Unmap);
        await Assert.ThrowsAsync<NotSupportedException>(async () => await disk.UnmapAsync(new BlockRange(0, 1)));
    }

    [Fact(Timeout = Limit)]
    public async Task Unit_attentions_are_met_by_trying_again()
    {
        var disk = await OpenAsync();
        for (var i = 0; i < 8; i++) Fail(OperationCode.Read10, ScsiStatus.CheckCondition, new SenseData(SenseKey.UnitAttention, AdditionalSense.PowerOnOrReset));
        await disk.ReadAsync(0, new byte[512]);
    }

    [Fact(Timeout = Limit)]
    public async Task Unit_attentions_without_end_are_an_error()
    {
        var disk = await OpenAsync();
        for (var i = 0; i < 9; i++) Fail(OperationCode.Read10, ScsiStatus.CheckCondition, new SenseData(SenseKey.UnitAttention, AdditionalSense.PowerOnOrReset));
        var error = await Assert.ThrowsAsync<BlockDeviceException>(async () => await disk.ReadAsync(0, new byte[512]));
        Assert.Contains("unit attention, power on, reset", error.Message, StringComparison.Ordinal);
    }

    [Fact(Timeout = Limit)]
    public async Task A_capacity_that_changed_is_read_anew()
    {
        var disk = await OpenAsync();
        var changed = new TaskCompletionSource<long>();
        disk.InfoChanged += device => changed.TrySetResult(device.Info.BlockCount);
        _lastBlock = 1999;
        Fail(OperationCode.Read10, ScsiStatus.CheckCondition, new SenseData(SenseKey.UnitAttention, AdditionalSense.CapacityDataHasChanged));
        await disk.ReadAsync(0, new byte[512]);
        Assert.Equal(2000, await changed.Task);
    }

    [Theory(Timeout = Limit)]
    [InlineData(ScsiStatus.Busy)]
    [InlineData(ScsiStatus.TaskSetFull)]
    public async Task A_busy_logical_unit_is_asked_again_after_growing_pauses(ScsiStatus status)
    {
        var clock = new FakeTimeProvider();
        var disk = await OpenAsync(new() { Clock = clock, PingAfter = Timeout.InfiniteTimeSpan });
        for (var i = 0; i < 3; i++) Fail(OperationCode.Read10, status);
        _commands.Clear();
        var read = disk.ReadAsync(0, new byte[512]).AsTask();
        foreach (var pause in new[] { 10, 20, 40 })
        {
            await UntilAsync(() => _session!.IsAnyBusy);
            clock.Advance(TimeSpan.FromMilliseconds(pause - 1));
            await _session!.SettleAsync();
            Assert.True(_session.IsAnyBusy);
            clock.Advance(TimeSpan.FromMilliseconds(3));
            await _session.SettleAsync();
        }
        await read;
        Assert.Equal(4, _commands.Count);
    }

    [Fact(Timeout = Limit)]
    public async Task A_logical_unit_that_stays_busy_is_an_error()
    {
        var clock = new FakeTimeProvider();
        var disk = await OpenAsync(new() { Clock = clock, PingAfter = Timeout.InfiniteTimeSpan, BusyTimeout = TimeSpan.FromSeconds(2) });
        for (var i = 0; i < 100; i++) Fail(OperationCode.Write10, ScsiStatus.Busy);
        var write = disk.WriteAsync(0, new byte[512]).AsTask();
        while (!write.IsCompleted)
        {
            await UntilAsync(() => _session!.IsAnyBusy || write.IsCompleted);
            clock.Advance(TimeSpan.FromSeconds(1.1));
            await _session!.SettleAsync();
        }
        Assert.Equal(BlockDeviceError.Timeout, (await Assert.ThrowsAsync<BlockDeviceException>(() => write)).Error);
    }

    [Theory(Timeout = Limit)]
    [InlineData(SenseKey.MediumError, 0x11, 0x00, BlockDeviceError.MediumError)]
    [InlineData(SenseKey.NotReady, 0x04, 0x02, BlockDeviceError.Unavailable)]
    [InlineData(SenseKey.IllegalRequest, 0x21, 0x00, BlockDeviceError.OutOfRange)]
    [InlineData(SenseKey.IllegalRequest, 0x25, 0x00, BlockDeviceError.Unavailable)]
    [InlineData(SenseKey.DataProtect, 0x27, 0x07, BlockDeviceError.NoSpace)]
    [InlineData(SenseKey.HardwareError, 0x44, 0x00, BlockDeviceError.Failed)]
    public async Task Sense_data_become_the_error_of_a_block_device(SenseKey key, byte code, byte qualifier, BlockDeviceError expected)
    {
        var disk = await OpenAsync();
        Fail(OperationCode.Read10, ScsiStatus.CheckCondition, new SenseData(key, new AdditionalSense(code, qualifier)));
        var error = await Assert.ThrowsAsync<BlockDeviceException>(async () => await disk.ReadAsync(0, new byte[512]));
        Assert.Equal(expected, error.Error);
        Assert.Equal(key, Assert.IsType<ScsiCommandException>(error.InnerException).Sense!.Value.Key);
    }

    [Fact(Timeout = Limit)]
    public async Task What_is_outside_or_no_whole_block_is_refused()
    {
        var disk = await OpenAsync();
        var list = BlockList.Over(GC.AllocateArray<byte>(1024, pinned: true));
        Assert.Equal(BlockDeviceError.OutOfRange, (await Assert.ThrowsAsync<BlockDeviceException>(async () => await disk.ReadAsync(999, list))).Error);
        await Assert.ThrowsAsync<BlockDeviceException>(async () => await disk.ReadAsync(-1, list));
        await Assert.ThrowsAsync<BlockDeviceException>(async () => await disk.UnmapAsync(new BlockRange(999, 2)));
        await Assert.ThrowsAsync<ArgumentException>(async () => await disk.ReadAsync(0, BlockList.Over(GC.AllocateArray<byte>(513, pinned: true))));
        await disk.DisposeAsync();
        await Assert.ThrowsAsync<ObjectDisposedException>(async () => await disk.ReadAsync(0, list));
    }

    [Fact(Timeout = Limit)]
    public async Task A_missing_or_other_logical_unit_is_no_disk()
    {
        await OpenAsync();
        var missing = await Assert.ThrowsAsync<IscsiException>(() => _session!.OpenDiskAsync(9));
        Assert.Contains("does not exist", missing.Message, StringComparison.Ordinal);
        var tape = await Assert.ThrowsAsync<IscsiException>(() => _session!.OpenDiskAsync(8));
        Assert.Contains("is no disk", tape.Message, StringComparison.Ordinal);
    }

    [Fact(Timeout = Limit)]
    public async Task Logical_units_are_listed()
    {
        await OpenAsync();
        Assert.Equal([0, 2, 300], await _session!.ReportLunsAsync());
    }

    private async Task<IscsiBlockDevice> OpenAsync(IscsiInitiatorOptions? options = null)
    {
        _session = await _target.ConnectAsync(options);
        _serving = _target.ServeAsync(Answer);
        return await _session.OpenDiskAsync(2);
    }

    private byte[] LastCdb(int length) => _commands[^1][..length];

    private void Fail(byte operationCode, ScsiStatus status, SenseData? sense = null)
    {
        if (!_failures.TryGetValue(operationCode, out var queue)) _failures[operationCode] = queue = new();
        queue.Enqueue((status, sense));
    }

    private static async Task UntilAsync(Func<bool> condition)
    {
        while (!condition()) await Task.Yield();
    }

    private (ScsiStatus Status, SenseData? Sense, byte[] Data) Answer(ReceivedPdu pdu)
    {
        var cdb = pdu.Cdb.ToArray();
        _commands.Add(cdb);
        _dataOut.Add(pdu.Data);
        if (_failures.TryGetValue(cdb[0], out var queue) && queue.TryDequeue(out var failure)) return (failure.Status, failure.Sense, []);
        var lun = (int)(pdu.Header.Lun >> 48);
        switch (cdb[0])
        {
            case OperationCode.Inquiry when cdb[1] == 0:
                var inquiry = new byte[StandardInquiryData.Size];
                new StandardInquiryData
                {
                    Peripheral = lun switch { 9 => StandardInquiryData.NoLogicalUnit, 8 => 1, _ => 0 }, Vendor = "TEST", Product = "DISK", Revision = "1",
                }.Write(inquiry);
                return Good(inquiry);
            case OperationCode.Inquiry:
                return Vpd(cdb[2]) is { } page ? Good(page) : (ScsiStatus.CheckCondition, new SenseData(SenseKey.IllegalRequest, AdditionalSense.InvalidFieldInCdb), []);
            case OperationCode.ServiceActionIn16 when !_isShortCapacityOnly:
                var capacity = new byte[ReadCapacityData.Size16];
                new ReadCapacityData { LastLogicalBlockAddress = _lastBlock, BlockLengthBytes = 512, LogicalBlocksPerPhysicalBlockExponent = 3 }.Write16(capacity);
                return Good(capacity);
            case OperationCode.ReadCapacity10:
                var shortCapacity = new byte[ReadCapacityData.Size10];
                new ReadCapacityData { LastLogicalBlockAddress = _lastBlock, BlockLengthBytes = 512 }.Write10(shortCapacity);
                return Good(shortCapacity);
            case OperationCode.ModeSense6:
                return Good([23, 0, _modeFlags, 0, 0x08, 0x12, _cacheFlags, .. new byte[17]]);
            case OperationCode.ReportLuns:
                return Good([0, 0, 0, 32, 0, 0, 0, 0, 0x41, 0x2C, 0, 0, 0, 0, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0, .. new byte[8], 0xC1, 1, 0, 0, 0, 0, 0, 0]);
            case OperationCode.Read10 or OperationCode.Read16:
                return Good(new byte[new ScsiCommandPdu(in pdu.Header).ExpectedDataTransferLength]);
            case OperationCode.TestUnitReady or OperationCode.Write10 or OperationCode.Write16 or OperationCode.SynchronizeCache10 or
                OperationCode.WriteSame16 or OperationCode.Unmap:
                return Good([]);
            default:
                return (ScsiStatus.CheckCondition, s_invalidOpcode, []);
        }
    }

    private static (ScsiStatus Status, SenseData? Sense, byte[] Data) Good(byte[] data) => (ScsiStatus.Good, null, data);

    private byte[]? Vpd(byte page)
    {
        byte[]? body = page switch
        {
            0x00 => [0x00, 0x80, 0x83, 0xB0, 0xB2],
            0x80 => [.. "SERIAL-1"u8],
            0x83 => [0x01, 0x03, 0, 8, 0x60, 0x01, 0x40, 0x50, 0, 0, 0, 1],
            0xB0 => Body(BlockLimitsVpdPage.BodySize, body => _limits.WriteBody(body)),
            0xB2 => Body(LogicalBlockProvisioningVpdPage.BodySize, body => _provisioning.WriteBody(body)),
            _ => null,
        };
        return body is null ? null : [0, page, 0, (byte)body.Length, .. body];

        static byte[] Body(int size, Action<byte[]> write)
        {
            var body = new byte[size];
            write(body);
            return body;
        }
    }
}
