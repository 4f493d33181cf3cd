using System.Buffers.Binary;
using Iscsi.Protocol;
using Iscsi.Protocol.Scsi;
using Iscsi.Storage;
using Iscsi.Target.Scsi;

namespace Iscsi.Target.Tests.Scsi;

public sealed class CommandTableTests
{
    public static TheoryData<string> RowNames()
    {
        var names = new TheoryData<string>();
        foreach (var row in ScsiCommandTable.Rows) names.Add(row.Name);
        return names;
    }

    private static ScsiCommandRow Row(string name)
    {
        foreach (var row in ScsiCommandTable.Rows)
            if (string.Equals(row.Name, name, StringComparison.Ordinal)) return row;
        throw new ArgumentException(name);
    }

    [Theory]
    [MemberData(nameof(RowNames))]
    public void The_length_of_a_row_is_what_its_operation_code_implies(string name) =>
        Assert.Equal(Cdb.ImpliedLength(Row(name).OperationCode), Row(name).CdbLength);

    [Theory]
    [MemberData(nameof(RowNames))]
    public void A_row_with_a_service_action_has_it_in_its_usage_data(string name)
    {
        var row = Row(name);
        if (row.ServiceAction is { } action) Assert.Equal(action, row.Usage[1] & 0x1F);
    }

    [Theory]
    [MemberData(nameof(RowNames))]
    public void Every_bit_outside_the_usage_data_is_refused_with_a_pointer_to_it(string name)
    {
        var h = ScsiHarness.WithEverything();
        var row = Row(name);
        var cdb = new byte[row.CdbLength];
        for (var i = 1; i < row.CdbLength; i++)
        {
            for (var bit = 0; bit < 8; bit++)
            {
                if (i == 1 && row.ServiceAction is not null && bit < 5) continue;
                if ((row.UsageOf(h.Unit, i) & (1 << bit)) != 0) continue;
                Array.Clear(cdb);
                cdb[0] = row.OperationCode;
                cdb[1] = row.ServiceAction ?? 0;
                cdb[i] |= (byte)(1 << bit);
                h.AssertInvalidField(cdb, i, bit);
            }
        }
    }

    [Fact]
    public void The_control_byte_of_every_row_is_unused_so_NACA_is_refused()
    {
        foreach (var row in ScsiCommandTable.Rows) Assert.Equal(0, row.Usage[^1]);
    }

    [Fact]
    public void No_two_rows_have_the_same_operation_code_and_service_action()
    {
        var seen = new HashSet<(byte, byte?)>();
        foreach (var row in ScsiCommandTable.Rows) Assert.True(seen.Add((row.OperationCode, row.ServiceAction)), row.Name);
    }

    [Fact]
    public void An_operation_code_has_either_service_actions_or_none()
    {
        var rows = ScsiCommandTable.Rows.ToArray();
        foreach (var group in rows.GroupBy(r => r.OperationCode))
            Assert.Single(group.Select(r => r.ServiceAction is null).Distinct());
    }

    [Fact]
    public void An_unknown_operation_code_is_05_20_00()
    {
        var h = new ScsiHarness();
        var known = ScsiCommandTable.Rows.ToArray().Select(r => r.OperationCode).ToHashSet();
        for (var code = 0; code < 256; code++)
        {
            if (known.Contains((byte)code)) continue;
            h.AssertSense([(byte)code, 0, 0, 0, 0, 0], SenseKey.IllegalRequest, AdditionalSense.InvalidCommandOperationCode);
        }
    }

    [Theory]
    [InlineData(0x9E, 0x13)] // reserved
    [InlineData(0xA3, 0x0B)] // REPORT ALIASES
    public void An_unknown_service_action_is_an_invalid_field_at_byte_1(byte operationCode, byte serviceAction)
    {
        var cdb = new byte[16];
        cdb[0] = operationCode;
        cdb[1] = serviceAction;
        new ScsiHarness().AssertInvalidField(cdb, 1, 4);
    }

    [Fact]
    public void Random_CDBs_never_throw_and_never_succeed_for_an_unknown_command()
    {
        const int seed = 20260817;
        var random = new Random(seed);
        var h = new ScsiHarness();
        var cdb = new byte[16];
        var codes = ScsiCommandTable.Rows.ToArray().Select(r => r.OperationCode).Distinct().ToArray();
        for (var i = 0; i < 100_000; i++)
        {
            random.NextBytes(cdb);
            // Half of them reach a handler: a known operation code, few bits elsewhere.
            if ((i & 1) == 0)
            {
                cdb[0] = codes[random.Next(codes.Length)];
                for (var b = 1; b < cdb.Length; b++)
                    if (random.Next(4) != 0) cdb[b] = 0;
            }
            var row = ScsiCommandTable.Find(Cdb.From(cdb), h.Unit, out _);
            ulong lun = random.Next(8) == 0 ? (ulong)random.NextInt64() : 0;
            try
            {
                var r = h.Begin(cdb, (uint)random.Next(0, 9000), random.Next(2) == 0, lun);
                if (row is null)
                {
                    Assert.Equal(ScsiStep.Done, h.Step);
                    Assert.Equal(ScsiStatus.CheckCondition, r.Status);
                }
                if (h.Step is ScsiStep.CollectDataOut or ScsiStep.Copy) Assert.InRange(r.DataOutNeeded + r.ScratchBytes, 1, h.Unit.Limits.AllAtOnceBytes);
                if (h.Step is not (ScsiStep.Done or ScsiStep.CollectDataOut or ScsiStep.Execute or ScsiStep.Copy))
                {
                    Assert.InRange(r.Transfer.BlockCount, 1, h.Device.Info.BlockCount - r.Transfer.Lba);
                    Assert.Equal(r.TransferLength, r.Transfer.LengthBytes);
                }
            }
            catch (Exception e) when (e is not Xunit.Sdk.XunitException)
            {
                throw new InvalidOperationException($"seed {seed}, round {i}, CDB {Convert.ToHexString(cdb)}", e);
            }
        }
    }

    [Fact]
    public void Random_data_out_never_throws()
    {
        const int seed = 4711;
        var random = new Random(seed);
        var h = new ScsiHarness();
        for (var i = 0; i < 20_000; i++)
        {
            var list = new byte[random.Next(0, 80)];
            random.NextBytes(list);
            for (var b = 0; b < list.Length; b++)
                if (random.Next(3) != 0) list[b] = 0;
            var cdb = new byte[10];
            cdb[0] = OperationCode.Unmap;
            BinaryPrimitives.WriteUInt16BigEndian(cdb.AsSpan(7), (ushort)random.Next(0, 80));
            h.Run(cdb, list);
        }
    }

    [Fact]
    public void Begin_allocates_nothing()
    {
        var h = new ScsiHarness();
        var data = new byte[ScsiLimits.ParameterDataInCapacity];
        byte[][] cdbs =
        [
            ScsiHarness.Cdb10(OperationCode.Read10, 0, 8, 8), ScsiHarness.Cdb10(OperationCode.Write10, 0x08, 8, 8),
            ScsiHarness.Cdb16(OperationCode.Read16, 0, 8, 8), ScsiHarness.Cdb16(OperationCode.Write16, 0, 8, 8),
            [OperationCode.Read6, 0, 0, 1, 1, 0], [OperationCode.TestUnitReady, 0, 0, 0, 0, 0], [OperationCode.ModeSense6, 0, 0x3F, 0, 255, 0],
            ScsiHarness.Inquiry(), ScsiHarness.Inquiry(0x83), ScsiHarness.Inquiry(0xB0), [OperationCode.ReportLuns, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0],
            [OperationCode.MaintenanceIn, OperationCode.ReportSupportedOperationCodes, 0, 0, 0, 0, 0, 0, 16, 0, 0, 0],
            [0xFF], ScsiHarness.Cdb10(OperationCode.Read10, 0, uint.MaxValue, 8),
        ];
        AssertAllocatesNothing(i =>
        {
            var r = h.Request;
            r.Reset();
            r.Nexus = h.Nexus;
            r.Units = h.Units;
            r.Cdb = Cdb.From(cdbs[i % cdbs.Length]);
            r.DataIn.Add(data);
            ScsiDispatcher.Begin(r);
        });
    }

    [Fact]
    public async Task Execute_on_a_device_that_completes_at_once_allocates_nothing()
    {
        await using var device = new MemoryBlockDevice(1 << 20);
        var units = new LogicalUnitMap(ScsiHarness.TargetName);
        units.Add(0, device);
        var nexus = new ScsiNexus("iqn.2026-11.net.example:host", 1, 1);
        var scratch = GC.AllocateArray<byte>(65536, pinned: true);
        var data = GC.AllocateArray<byte>(512, pinned: true);
        data[0] = 1;
        UnmapParameterList.Write(data.AsSpan(100), [new(8, 8)]);
        byte[][] cdbs =
        [
            ScsiHarness.Cdb10(OperationCode.SynchronizeCache10, 0, 0, 0), ScsiHarness.Cdb10(OperationCode.Verify10, 0, 0, 200),
            ScsiHarness.Cdb10(OperationCode.WriteSame10, 0, 0, 200), ScsiHarness.Cdb10(OperationCode.Verify10, 0x06, 0, 200),
            ScsiHarness.Cdb10(OperationCode.Unmap, 0, 0, 24),
        ];
        var r = new ScsiRequest();
        AssertAllocatesNothing(i =>
        {
            r.Reset();
            r.Nexus = nexus;
            r.Units = units;
            r.Cdb = Cdb.From(cdbs[i % cdbs.Length]);
            r.ExpectedDataTransferLength = 512;
            r.ExpectsDataOut = true;
            if (ScsiDispatcher.Begin(r) == ScsiStep.Done) Assert.Fail(r.Sense.ToString());
            if (r.DataOutNeeded > 0) r.DataOut.Add(r.DataOutNeeded == 512 ? data : data.AsMemory(100, r.DataOutNeeded));
            r.Scratch.Add(scratch.AsMemory(0, r.ScratchBytes));
            var task = ScsiDispatcher.ExecuteAsync(r);
            Assert.True(task.IsCompleted);
            task.GetAwaiter().GetResult();
            if (r.Status != ScsiStatus.Good) Assert.Fail($"{r.Row!.Name}: {r.Sense}");
        });
    }

    private static void AssertAllocatesNothing(Action<int> command)
    {
        // The runtime itself allocates a little on this thread while it compiles: the best of some rounds is what the code does.
        var allocated = long.MaxValue;
        for (var round = 0; round < 6 && allocated != 0; round++)
        {
            var before = GC.GetAllocatedBytesForCurrentThread();
            for (var i = 0; i < 5_000; i++) command(i);
            allocated = GC.GetAllocatedBytesForCurrentThread() - before;
        }
        Assert.Equal(0, allocated);
    }

    [Fact]
    public void The_list_for_tools_has_every_row()
    {
        Assert.Equal(ScsiCommandTable.Rows.Length, ScsiCommandList.All.Length);
        Assert.Contains(ScsiCommandList.All, c => c is { Name: "UNMAP", OperationCode: 0x42, DependsOnDevice: true, Data: "out" });
    }

    [Fact]
    public void A_command_that_the_device_cannot_do_does_not_exist()
    {
        var h = new ScsiHarness(info => info with { Unmap = DeviceSupport.None });
        h.AssertSense([OperationCode.Unmap, 0, 0, 0, 0, 0, 0, 0, 24, 0], SenseKey.IllegalRequest, AdditionalSense.InvalidCommandOperationCode);
    }
}
