using System.Buffers.Binary;
using Iscsi.Protocol;
using Iscsi.Protocol.Scsi;
using Iscsi.Storage;
using Iscsi.Target.Scsi;

namespace Iscsi.Target.Tests.Scsi;

public sealed class ReportTests
{
    private static byte[] ReportLuns(byte select, uint allocationLength)
    {
        var cdb = new byte[12];
        cdb[0] = OperationCode.ReportLuns;
        cdb[2] = select;
        BinaryPrimitives.WriteUInt32BigEndian(cdb.AsSpan(6), allocationLength);
        return cdb;
    }

    private static byte[] ReportCommands(int options, byte operationCode = 0, ushort serviceAction = 0, bool timeouts = false, uint allocationLength = 65535)
    {
        var cdb = new byte[12];
        cdb[0] = OperationCode.MaintenanceIn;
        cdb[1] = OperationCode.ReportSupportedOperationCodes;
        cdb[2] = (byte)(options | (timeouts ? 0x80 : 0));
        cdb[3] = operationCode;
        BinaryPrimitives.WriteUInt16BigEndian(cdb.AsSpan(4), serviceAction);
        BinaryPrimitives.WriteUInt32BigEndian(cdb.AsSpan(6), allocationLength);
        return cdb;
    }

    private static StubBlockDevice Disk(string identity) =>
        new(new BlockDeviceInfo { BlockSize = 512, BlockCount = 16, Identity = identity });

    [Theory]
    [InlineData(0)]
    [InlineData(2)]
    public void REPORT_LUNS_lists_every_LUN_in_ascending_order(byte select)
    {
        var h = new ScsiHarness();
        h.Units.Add(300, Disk("c"));
        h.Units.Add(5, Disk("b"));
        var data = h.RunGood(ReportLuns(select, 512));
        Assert.Equal(
            [
                0, 0, 0, 24, 0, 0, 0, 0,
                0, 0, 0, 0, 0, 0, 0, 0,
                0, 5, 0, 0, 0, 0, 0, 0,
                0x41, 0x2C, 0, 0, 0, 0, 0, 0,
            ],
            data);
    }

    [Fact]
    public void REPORT_LUNS_of_well_known_units_is_empty() =>
        Assert.Equal(new byte[8], new ScsiHarness().RunGood(ReportLuns(1, 512)));

    [Fact]
    public void REPORT_LUNS_refuses_a_reserved_select_report() => new ScsiHarness().AssertInvalidField(ReportLuns(3, 512), 2);

    [Fact]
    public void REPORT_LUNS_refuses_an_allocation_length_below_16() => new ScsiHarness().AssertInvalidField(ReportLuns(0, 15), 6);

    [Fact]
    public void REPORT_LUNS_tells_the_whole_length_when_it_is_cut()
    {
        var h = new ScsiHarness();
        h.Units.Add(1, Disk("b"));
        var data = h.RunGood(ReportLuns(0, 16));
        Assert.Equal([0, 0, 0, 16, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0], data);
    }

    [Fact]
    public void REPORT_LUNS_of_the_largest_target_fits()
    {
        var h = new ScsiHarness();
        for (var i = 1; i < ScsiLimits.MaxLogicalUnits; i++) h.Units.Add(i, Disk($"d{i}"));
        Assert.Equal(8 + (8 * ScsiLimits.MaxLogicalUnits), h.RunGood(ReportLuns(0, 65536)).Length);
    }

    [Fact]
    public void REPORT_LUNS_works_on_a_LUN_that_is_not_there()
    {
        var h = new ScsiHarness();
        var r = h.Run(ReportLuns(0, 512), lun: LogicalUnitNumber.Encode(9));
        Assert.Equal(ScsiStatus.Good, r.Status);
        Assert.Equal(16, h.Data.Length);
    }

    [Theory]
    [InlineData(false, 8)]
    [InlineData(true, 20)]
    public void The_list_of_all_commands_is_the_table(bool timeouts, int descriptorSize)
    {
        var h = ScsiHarness.WithEverything();
        var data = h.RunGood(ReportCommands(0, timeouts: timeouts));
        Assert.Equal(data.Length - 4, BinaryPrimitives.ReadInt32BigEndian(data));
        var rows = ScsiCommandTable.Rows;
        Assert.Equal(rows.Length * descriptorSize, data.Length - 4);
        for (var i = 0; i < rows.Length; i++)
        {
            var d = data.AsSpan(4 + (i * descriptorSize), descriptorSize);
            Assert.Equal(rows[i].OperationCode, d[0]);
            Assert.Equal(rows[i].ServiceAction ?? 0, BinaryPrimitives.ReadUInt16BigEndian(d[2..]));
            Assert.Equal((timeouts ? 2 : 0) | (rows[i].ServiceAction is null ? 0 : 1), d[5]);
            Assert.Equal(rows[i].CdbLength, BinaryPrimitives.ReadUInt16BigEndian(d[6..]));
            if (timeouts) Assert.Equal(0x0A, BinaryPrimitives.ReadUInt16BigEndian(d[8..]));
        }
    }

    [Fact]
    public void The_list_of_all_commands_fits_the_parameter_data() =>
        Assert.True(4 + (ScsiCommandTable.Rows.Length * 20) <= ScsiLimits.ParameterDataInCapacity);

    [Fact]
    public void The_list_leaves_out_what_the_device_cannot_do()
    {
        var h = new ScsiHarness(info => info with { Unmap = DeviceSupport.None });
        var data = h.RunGood(ReportCommands(0));
        for (var at = 4; at < data.Length; at += 8) Assert.NotEqual(OperationCode.Unmap, data[at]);
        Assert.Equal([0, 1, 0, 0], h.RunGood(ReportCommands(1, OperationCode.Unmap)));
    }

    [Fact]
    public void One_command_is_reported_with_its_usage_data_by_the_option_that_fits_it()
    {
        var h = ScsiHarness.WithEverything();
        foreach (var row in ScsiCommandTable.Rows.ToArray())
        {
            var fits = row.ServiceAction is null ? 1 : 2;
            foreach (var options in (int[])[fits, 3])
            {
                var data = h.RunGood(ReportCommands(options, row.OperationCode, row.ServiceAction ?? 0));
                Assert.Equal(3, data[1]);
                Assert.Equal(row.CdbLength, BinaryPrimitives.ReadUInt16BigEndian(data.AsSpan(2)));
                Assert.Equal(row.Usage.Select((_, at) => row.UsageOf(h.Unit, at)), data[4..]);
            }
        }
    }

    [Fact]
    public void The_option_that_does_not_fit_is_an_invalid_field_that_is_not_the_service_action()
    {
        var h = ScsiHarness.WithEverything();
        foreach (var row in ScsiCommandTable.Rows.ToArray())
            h.AssertInvalidField(ReportCommands(row.ServiceAction is null ? 2 : 1, row.OperationCode, row.ServiceAction ?? 0), 2, 2);
    }

    [Theory]
    [InlineData(1, 0xFF, 0)]
    [InlineData(2, 0x9E, 0x13)]
    [InlineData(3, 0x28, 0x01)]
    [InlineData(3, 0x9E, 0x13)]
    public void A_command_that_is_not_there_is_reported_as_not_supported(int options, byte operationCode, ushort serviceAction) =>
        Assert.Equal([0, 1, 0, 0], new ScsiHarness().RunGood(ReportCommands(options, operationCode, serviceAction, timeouts: true)));

    [Fact]
    public void One_command_has_a_timeouts_descriptor_when_asked()
    {
        var data = new ScsiHarness().RunGood(ReportCommands(1, OperationCode.TestUnitReady, timeouts: true));
        Assert.Equal(0x83, data[1]);
        Assert.Equal(4 + 6 + 12, data.Length);
        Assert.Equal(0x0A, BinaryPrimitives.ReadUInt16BigEndian(data.AsSpan(10)));
    }

    [Theory]
    [InlineData(4)]
    [InlineData(7)]
    public void Reserved_reporting_options_are_refused(int options) => new ScsiHarness().AssertInvalidField(ReportCommands(options), 2, 2);

    [Fact]
    public void WRITE_SAME_has_no_UNMAP_bit_where_the_device_cannot_unmap()
    {
        var h = new ScsiHarness(info => info with { Unmap = DeviceSupport.None });
        Assert.Equal(0x01, h.RunGood(ReportCommands(1, OperationCode.WriteSame16))[5]);
        h.AssertInvalidField(ScsiHarness.Cdb16(OperationCode.WriteSame16, 0x08, 0, 1), 1, 3, new byte[512]);
    }

    [Theory]
    [InlineData(0x08)]
    [InlineData(0x28)]
    [InlineData(0x88)]
    [InlineData(0xA8)]
    [InlineData(0x2A)]
    [InlineData(0x8A)]
    [InlineData(0xAA)]
    public void Usage_data_show_DPO_and_FUA_where_MODE_SENSE_says_so(byte operationCode)
    {
        var usage = new ScsiHarness().RunGood(ReportCommands(1, operationCode))[5];
        Assert.Equal(operationCode == 0x08 ? 0x1F : 0x18, usage);
    }
}
