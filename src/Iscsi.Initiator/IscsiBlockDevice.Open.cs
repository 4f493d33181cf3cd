using System.Buffers.Binary;
using Iscsi.Protocol;
using Iscsi.Protocol.Scsi;
using Iscsi.Storage;

namespace Iscsi.Initiator;

/// <content>What a logical unit is asked when it is opened, and what its answers come to.</content>
public sealed partial class IscsiBlockDevice
{
    // A command longer than this gains nothing, and one that fails costs more.
    private const int MaxTransferBytes = 8 << 20;

    // Where a logical unit names no limit of WRITE SAME.
    private const int DefaultWriteSameBytes = 256 << 20;

    internal static async Task<IscsiBlockDevice> OpenAsync(IscsiSession session, int lun, CancellationToken cancellationToken)
    {
        var unit = await session.InquiryAsync(lun, cancellationToken).ConfigureAwait(false);
        var place = $"LUN {lun} of {session.Place}";
        if ((unit.Inquiry.Peripheral & 0xE0) != 0) throw new IscsiException($"{place} does not exist. The target lists its LUNs in REPORT LUNS.");
        if (unit.Inquiry.Peripheral != StandardInquiryData.ConnectedDirectAccess)
            throw new IscsiException($"{place} is no disk: its peripheral device type is {unit.Inquiry.Peripheral & 0x1F:X2}h.");

        (await session.ExecuteAsync(lun, new byte[6], default, default, mayRetry: true, cancellationToken).ConfigureAwait(false))
            .ThrowIfFailed("TEST UNIT READY");
        var capacity = await ReadCapacityAsync(session, lun, cancellationToken).ConfigureAwait(false);
        if (capacity.BlockLengthBytes is not (512 or 4096))
            throw new IscsiException($"{place} has blocks of {capacity.BlockLengthBytes} bytes: 512 and 4096 are supported.");
        if (capacity.LastLogicalBlockAddress >= (ulong)(long.MaxValue / capacity.BlockLengthBytes))
            throw new IscsiException($"{place} says that it has {capacity.LastLogicalBlockAddress} + 1 blocks.");

        var mode = await ReadModeAsync(session, lun, cancellationToken).ConfigureAwait(false);
        var limits = BlockLimitsVpdPage.TryParseBody(
            await PageAsync(session, unit, VpdPageCode.BlockLimits, cancellationToken).ConfigureAwait(false), out var limitsPage) ? limitsPage : default;
        var provisioning = LogicalBlockProvisioningVpdPage.TryParseBody(
            await PageAsync(session, unit, VpdPageCode.LogicalBlockProvisioning, cancellationToken).ConfigureAwait(false), out var provisioningPage)
            ? provisioningPage
            : default;
        return new IscsiBlockDevice(
            session, unit, Describe(place, session, unit, capacity, limits, provisioning, mode), LimitsOf(capacity, limits, provisioning, mode));
    }

    // Empty when the logical unit does not have the page.
    private static async Task<byte[]> PageAsync(IscsiSession session, LogicalUnitInfo unit, VpdPageCode page, CancellationToken cancellationToken) =>
        unit.VpdPages.Contains((byte)page)
            ? await session.TryVpdAsync(unit.Lun, page, cancellationToken).ConfigureAwait(false) ?? []
            : [];

    /// <summary>A unit attention said so: the new capacity is read beside the I/O that goes on.</summary>
    internal void OnCapacityChanged() => _ = Task.Run(RefreshAsync);

    private async Task RefreshAsync()
    {
        try
        {
            var capacity = await ReadCapacityAsync(Session, LogicalUnit.Lun, CancellationToken.None).ConfigureAwait(false);
            var blockCount = (long)capacity.LastLogicalBlockAddress + 1;
            if (capacity.BlockLengthBytes != Info.BlockSize)
            {
                InitiatorLog.CapacityUnknown(Session.Log, Info.Description, $"its block size changed to {capacity.BlockLengthBytes} bytes");
                return;
            }
            if (blockCount == Info.BlockCount) return;
            Info = Info with { BlockCount = blockCount };
            InitiatorLog.CapacityChanged(Session.Log, Info.Description, blockCount, Info.BlockSize);
            InfoChanged?.Invoke(this);
        }
        catch (IscsiException exception)
        {
            InitiatorLog.CapacityUnknown(Session.Log, Info.Description, exception.Message);
        }
    }

    private static async Task<ReadCapacityData> ReadCapacityAsync(IscsiSession session, int lun, CancellationToken cancellationToken)
    {
        var data = new byte[ReadCapacityData.Size16];
        var result = await session.ExecuteAsync(lun, ReadCapacity16Cdb().ReadOnlyBytes, data, default, mayRetry: true, cancellationToken).ConfigureAwait(false);
        if (result.IsGood && ReadCapacityData.TryParse16(data.AsSpan(0, (int)result.TransferredBytes), out var capacity)) return capacity;
        if (result.IsGood || result.Sense is not { Key: SenseKey.IllegalRequest }) result.ThrowIfFailed("READ CAPACITY (16)");

        // SBC-2 has the short form only.
        Cdb cdb = default;
        cdb[0] = OperationCode.ReadCapacity10;
        var length = await session.ExecuteCheckedAsync("READ CAPACITY (10)", lun, cdb, data.AsMemory(0, ReadCapacityData.Size10), cancellationToken)
            .ConfigureAwait(false);
        return ReadCapacityData.TryParse10(data.AsSpan(0, length), out capacity)
            ? capacity
            : throw new IscsiException($"LUN {lun} of {session.Place} does not say its capacity.");
    }

    private static Cdb ReadCapacity16Cdb()
    {
        Cdb cdb = default;
        cdb[0] = OperationCode.ServiceActionIn16;
        cdb[1] = OperationCode.ReadCapacity16;
        BinaryPrimitives.WriteInt32BigEndian(cdb.Bytes[10..], ReadCapacityData.Size16);
        return cdb;
    }

    // SPC-4, 7.5.5: mode parameter header (6)         SBC-3, 6.4.5: caching mode page
    //
    //      0| MODE DATA LENGTH                             0| PS | SPF | PAGE CODE (08h)
    //      1| MEDIUM TYPE                                  1| PAGE LENGTH
    //      2| WP | … | DPOFUA | …                          2| IC | ABPF | CAP | DISC | SIZE | WCE | MF | RCD
    //      3| BLOCK DESCRIPTOR LENGTH
    private static async Task<DiskMode> ReadModeAsync(IscsiSession session, int lun, CancellationToken cancellationToken)
    {
        const byte cachingPage = 0x08, disableBlockDescriptors = 0x08;
        var data = new byte[192];
        Cdb cdb = default;
        cdb[0] = OperationCode.ModeSense6;
        cdb[1] = disableBlockDescriptors;
        cdb[2] = cachingPage;
        cdb[4] = (byte)data.Length;
        var result = await session.ExecuteAsync(lun, cdb.ReadOnlyBytes, data, default, mayRetry: true, cancellationToken).ConfigureAwait(false);
        // Without an answer a cache is assumed: a flush too many is harmless.
        if (!result.IsGood || result.TransferredBytes < 4) return new DiskMode(HasWriteCache: true, IsReadOnly: false, HasForceUnitAccess: false);
        var isReadOnly = (data[2] & 0x80) != 0;
        var page = 4 + data[3];
        var hasPage = page + 3 <= result.TransferredBytes && (data[page] & 0x3F) == cachingPage;
        return new DiskMode(!hasPage || (data[page + 2] & 0x04) != 0, isReadOnly, HasForceUnitAccess: (data[2] & 0x10) != 0);
    }

    private static BlockDeviceInfo Describe(
        string place, IscsiSession session, LogicalUnitInfo unit, in ReadCapacityData capacity, in BlockLimitsVpdPage limits,
        in LogicalBlockProvisioningVpdPage provisioning, DiskMode mode)
    {
        var readsZero = provisioning.UnmappedReadsZero || capacity.UnmappedReadsZero;
        return new BlockDeviceInfo
        {
            BlockSize = (int)capacity.BlockLengthBytes,
            BlockCount = (long)capacity.LastLogicalBlockAddress + 1,
            IsReadOnly = mode.IsReadOnly,
            HasVolatileWriteCache = mode.HasWriteCache,
            Unmap = provisioning.Unmap && limits.MaximumUnmapLbaCount > 0 && limits.MaximumUnmapBlockDescriptorCount > 0
                ? DeviceSupport.Native
                : DeviceSupport.None,
            WriteZeroes = limits.MaximumWriteSameLength > 0 || provisioning.WriteSame16Unmaps ? DeviceSupport.Native : DeviceSupport.Emulated,
            UnmappedReadsZero = readsZero,
            Extents = DeviceSupport.Emulated,
            UnmapGranularityBlocks = (int)Math.Clamp(limits.OptimalUnmapGranularity, 1, int.MaxValue),
            PhysicalBlockBlocks = 1 << capacity.LogicalBlocksPerPhysicalBlockExponent,
            Store = new StoreNeed(0, 0),
            Description = $"iSCSI disk, {place}",
            // A designator is the logical unit's own, the same through every portal.
            Identity = unit.Designators.FirstOrDefault(IsUnique) ?? $"{session.TargetName},{unit.Lun}",
        };
    }

    private static bool IsUnique(string designator) =>
        designator.StartsWith("naa.", StringComparison.Ordinal) || designator.StartsWith("eui.", StringComparison.Ordinal);

    private static DiskLimits LimitsOf(
        in ReadCapacityData capacity, in BlockLimitsVpdPage limits, in LogicalBlockProvisioningVpdPage provisioning, DiskMode mode)
    {
        var most = MaxTransferBytes / capacity.BlockLengthBytes;
        return new DiskLimits(
            MaxTransferBlocks: (int)(limits.MaximumTransferLength == 0 ? most : Math.Min(most, limits.MaximumTransferLength)),
            MaxWriteSameBlocks: (int)(limits.MaximumWriteSameLength == 0
                ? DefaultWriteSameBytes / capacity.BlockLengthBytes
                : Math.Min(int.MaxValue, limits.MaximumWriteSameLength)),
            MaxUnmapBlocks: Math.Max(1, limits.MaximumUnmapLbaCount),
            WriteSameUnmaps: provisioning.WriteSame16Unmaps && provisioning.UnmappedReadsZero,
            HasForceUnitAccess: mode.HasForceUnitAccess);
    }

    /// <summary>What mode pages say.</summary>
    private readonly record struct DiskMode(bool HasWriteCache, bool IsReadOnly, bool HasForceUnitAccess);
}
