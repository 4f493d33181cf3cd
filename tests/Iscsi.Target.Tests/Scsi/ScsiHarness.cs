using System.Buffers.Binary;
using Iscsi.Protocol;
using Iscsi.Protocol.Scsi;
using Iscsi.Storage;
using Iscsi.Target.Scsi;
using Iscsi.Target.Scsi.AsymmetricAccess;
using Iscsi.Target.Scsi.Copy;
using Reservations;

namespace Iscsi.Target.Tests.Scsi;

/// <summary>One logical unit, one nexus, and what the task engine does for a command, reduced to one burst and no gates.</summary>
internal sealed class ScsiHarness
{
    public const string TargetName = "iqn.2026-11.net.example:disk";

    public ScsiHarness(Func<BlockDeviceInfo, BlockDeviceInfo>? configure = null, ScsiLimits? limits = null, bool clearAttention = true, LunOptions? options = null, TimeProvider? clock = null, TargetPortGroups? portGroups = null)
    {
        var info = new BlockDeviceInfo
        {
            BlockSize = 512,
            BlockCount = 2048,
            Unmap = DeviceSupport.Native,
            WriteZeroes = DeviceSupport.Native,
            UnmappedReadsZero = true,
            PhysicalBlockBlocks = 8,
            UnmapGranularityBlocks = 8,
            MaximumAtomicWriteBytes = 1 << 20,
            Identity = "stub",
            Description = "stub",
        };
        Device = new StubBlockDevice(configure is null ? info : configure(info));
        Units = new LogicalUnitMap(TargetName, limits, clock, portGroups ?? new TargetPortGroups([1], new AsymmetricAccessOptions { AllowExplicitChange = true }));
        Unit = Units.Add(0, Device, options);
        Nexus = NewNexus(clearAttention);
    }

    /// <summary>A unit that has every command there is.</summary>
    public static ScsiHarness WithEverything() => new(options: new LunOptions { IsRemovable = true });

    public StubBlockDevice Device { get; }

    public LogicalUnitMap Units { get; }

    public LogicalUnit Unit { get; }

    public ScsiNexus Nexus { get; }

    public ScsiRequest Request { get; } = new();

    public ScsiStep Step { get; private set; }

    /// <summary>Told of every request of a third-party copy before it is made.</summary>
    public Action<CopyIo>? BeforeCopyIo { get; set; }

    /// <summary>Bytes of the last answer.</summary>
    public byte[] Data { get; private set; } = [];

    public ScsiNexus NewNexus(bool clearAttention = true, ushort targetPort = 1)
    {
        var nexus = new ScsiNexus("iqn.2026-11.net.example:host", 0x400000000001, targetPort);
        Units.Attach(nexus);
        if (clearAttention) nexus.ClearAll(UnitAttention.All);
        return nexus;
    }

    public ScsiRequest Begin(ReadOnlySpan<byte> cdb, uint expected = 0, bool dataOut = false, ulong lun = 0, ScsiNexus? nexus = null)
    {
        Prepare(cdb, expected, dataOut, lun, nexus);
        Step = ScsiDispatcher.Begin(Request);
        return Request;
    }

    /// <summary>Runs a command to its status.</summary>
    public ScsiRequest Run(ReadOnlySpan<byte> cdb, byte[]? dataOut = null, uint? expected = null, ulong lun = 0, ScsiNexus? nexus = null)
    {
        var r = Begin(cdb, expected ?? (uint)(dataOut?.Length ?? 65536), dataOut is not null, lun, nexus);
        Data = [];
        switch (Step)
        {
            case ScsiStep.Done:
                Data = new byte[r.DataInLength];
                r.DataIn.CopyTo(0, Data);
                break;
            case ScsiStep.ReadMedium:
                Data = new byte[r.Transfer.LengthBytes];
                Medium(() => Device.ReadAsync(r.Transfer.Lba, BlockList.Over(Data)));
                break;
            case ScsiStep.WriteMedium:
                Medium(() => Device.WriteAsync(r.Transfer.Lba, BlockList.Over(dataOut), r.Transfer.Flags));
                break;
            case ScsiStep.WriteAndReadMedium or ScsiStep.WriteAndCompareMedium:
                Medium(() => Device.WriteAsync(r.Transfer.Lba, BlockList.Over(dataOut), r.Transfer.Flags));
                Medium(() => Device.ReadAsync(r.Transfer.Lba, BlockList.Over(new byte[r.Transfer.LengthBytes])));
                break;
            case ScsiStep.OrMedium:
                var merged = BlockList.Over(new byte[r.Transfer.LengthBytes]);
                Medium(() => Device.ReadAsync(r.Transfer.Lba, merged));
                BlockListBits.Or(merged, BlockList.Over(dataOut));
                Medium(() => Device.WriteAsync(r.Transfer.Lba, merged, r.Transfer.Flags));
                break;
            case ScsiStep.CompareMedium:
                var medium = new byte[r.Transfer.LengthBytes];
                Medium(() => Device.ReadAsync(r.Transfer.Lba, BlockList.Over(medium)));
                var difference = medium.AsSpan().CommonPrefixLength(dataOut);
                if (r.Status == ScsiStatus.Good && difference < medium.Length) ScsiDispatcher.Miscompare(r, difference);
                break;
            case ScsiStep.Copy:
                AddInPieces(r.DataOut, dataOut.AsMemory(0, Math.Min(dataOut!.Length, r.DataOutNeeded)));
                if (r.ScratchBytes > 0) AddInPieces(r.Scratch, new byte[r.ScratchBytes]);
                Assert.True(r.DataOutNeeded + r.ScratchBytes <= Unit.Limits.AllAtOnceBytes);
                Copy();
                break;
            case ScsiStep.CollectDataOut or ScsiStep.Execute:
                if (r.DataOutNeeded > 0) AddInPieces(r.DataOut, dataOut.AsMemory(0, Math.Min(dataOut!.Length, r.DataOutNeeded)));
                if (r.ScratchBytes > 0) AddInPieces(r.Scratch, new byte[r.ScratchBytes]);
                Assert.True(r.DataOutNeeded + r.ScratchBytes <= Unit.Limits.AllAtOnceBytes);
                // What is written to a file of the unit's state runs on another thread.
                ScsiDispatcher.ExecuteAsync(r).AsTask().GetAwaiter().GetResult();
                Data = new byte[r.DataInLength];
                r.DataIn.CopyTo(0, Data);
                break;
        }
        r.ConsumeUnitAttention();
        return r;

        void Copy()
        {
            r.Copy = r.Row!.StartCopy!(r);
            while (r.Copy is { } copy && copy.TryNext(r, out var io))
            {
                BeforeCopyIo?.Invoke(io);
                try
                {
                    if (io.IsWrite) io.Unit.RodTokens.OnWrite(io.Range);
                    Complete(io.StartAsync(r));
                }
                catch (BlockDeviceException e)
                {
                    copy.OnIoFailed(r, e);
                    return;
                }
                copy.OnIoEnded(r);
            }
        }

        void Medium(Func<ValueTask> io)
        {
            try
            {
                Complete(io());
            }
            catch (Exception e)
            {
                ScsiDispatcher.OnDeviceError(r, e);
            }
        }
    }

    public byte[] RunGood(ReadOnlySpan<byte> cdb, byte[]? dataOut = null)
    {
        var r = Run(cdb, dataOut);
        Assert.True(r.Status == ScsiStatus.Good, $"{r.Status} {r.Sense}");
        return Data;
    }

    public void AssertSense(ReadOnlySpan<byte> cdb, SenseKey key, AdditionalSense additional, byte[]? dataOut = null)
    {
        var r = Run(cdb, dataOut);
        Assert.Equal(ScsiStatus.CheckCondition, r.Status);
        Assert.Equal($"{(byte)key:X}/{additional}", r.Sense.ToString());
        Assert.Equal(0, r.DataInLength);
        Assert.Equal(0, r.TransferLength);
    }

    public void AssertInvalidField(ReadOnlySpan<byte> cdb, int offsetBytes, int? bit = null, byte[]? dataOut = null)
    {
        AssertSense(cdb, SenseKey.IllegalRequest, AdditionalSense.InvalidFieldInCdb, dataOut);
        Assert.Equal(new FieldPointer(true, (ushort)offsetBytes, (byte?)bit), Request.Sense.Field);
    }

    public static byte[] Cdb10(byte operationCode, byte flags, uint lba, ushort blockCount)
    {
        var cdb = new byte[10];
        cdb[0] = operationCode;
        cdb[1] = flags;
        BinaryPrimitives.WriteUInt32BigEndian(cdb.AsSpan(2), lba);
        BinaryPrimitives.WriteUInt16BigEndian(cdb.AsSpan(7), blockCount);
        return cdb;
    }

    public static byte[] Cdb12(byte operationCode, byte flags, uint lba, uint blockCount)
    {
        var cdb = new byte[12];
        cdb[0] = operationCode;
        cdb[1] = flags;
        BinaryPrimitives.WriteUInt32BigEndian(cdb.AsSpan(2), lba);
        BinaryPrimitives.WriteUInt32BigEndian(cdb.AsSpan(6), blockCount);
        return cdb;
    }

    public static byte[] Cdb16(byte operationCode, byte flags, ulong lba, uint blockCount)
    {
        var cdb = new byte[16];
        cdb[0] = operationCode;
        cdb[1] = flags;
        BinaryPrimitives.WriteUInt64BigEndian(cdb.AsSpan(2), lba);
        BinaryPrimitives.WriteUInt32BigEndian(cdb.AsSpan(10), blockCount);
        return cdb;
    }

    public static byte[] Inquiry(byte? page = null, ushort allocationLength = 4096) =>
        [OperationCode.Inquiry, (byte)(page is null ? 0 : 1), page ?? 0, (byte)(allocationLength >> 8), (byte)allocationLength, 0];

    private static void Complete(ValueTask task)
    {
        Assert.True(task.IsCompleted);
        task.GetAwaiter().GetResult();
    }

    private void Prepare(ReadOnlySpan<byte> cdb, uint expected, bool dataOut, ulong lun, ScsiNexus? nexus)
    {
        Request.Reset();
        Request.Nexus = nexus ?? Nexus;
        Request.Units = Units;
        Request.Lun = lun;
        Request.Cdb = Cdb.From(cdb);
        Request.ExpectedDataTransferLength = expected;
        Request.ExpectsDataIn = !dataOut && expected > 0;
        Request.ExpectsDataOut = dataOut;
        AddInPieces(Request.DataIn, _parameterData);
    }

    private readonly byte[] _parameterData = new byte[ScsiLimits.ParameterDataInCapacity + 1024];

    // Odd runs that are no neighbours in memory: nothing may rely on one run.
    private static void AddInPieces(BlockList list, Memory<byte> memory)
    {
        var half = memory.Length / 2;
        var first = new byte[half];
        memory[..half].CopyTo(first);
        list.Add(first);
        list.Add(memory[half..]);
    }
}
