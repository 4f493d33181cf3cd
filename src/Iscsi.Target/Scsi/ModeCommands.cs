using Iscsi.Protocol;
using System.Buffers.Binary;
using Iscsi.Protocol.Scsi;

namespace Iscsi.Target.Scsi;

/// <summary>MODE SENSE (SPC-4).</summary>
internal static class ModeCommands
{
    private const byte DisableBlockDescriptors = 0x08;
    private const byte LongLbaAccepted = 0x10;
    private const byte AllPages = 0x3F;
    private const byte AllSubpages = 0xFF;

    // PAGE CONTROL
    private const int Changeable = 1;
    private const int Default = 2;
    private const int Saved = 3;

    // PS: the page can be saved
    private const byte ParametersSaveable = 0x80;

    // DEVICE-SPECIFIC PARAMETER of direct access devices (SBC-3)
    private const byte WriteProtected = 0x80;
    private const byte DpoAndFuaSupported = 0x10;

    /// <summary>The rows.</summary>
    public static readonly ScsiCommandRow[] Rows =
    [
        // byte 1 DBD, byte 2 PC (2) and PAGE CODE (6), byte 3 SUBPAGE CODE, byte 4 ALLOCATION LENGTH
        new()
        {
            Name = "MODE SENSE (6)",
            Usage = [OperationCode.ModeSense6, DisableBlockDescriptors, 0xFF, 0xFF, 0xFF, 0],
            Traits = ScsiTraits.AllowedWhenStopped | ScsiTraits.AllowedInStandby,
            Direction = DataDirection.Read,
            Memory = MemoryNeed.ParameterData,
            Begin = static r => ModeSense(r, ModeParameterList.Header6, r.Cdb[4]),
        },

        // byte 1 LLBAA and DBD, byte 2 PC (2) and PAGE CODE (6), byte 3 SUBPAGE CODE, byte 7 ALLOCATION LENGTH (2)
        new()
        {
            Name = "MODE SENSE (10)",
            Usage = [OperationCode.ModeSense10, LongLbaAccepted | DisableBlockDescriptors, 0xFF, 0xFF, 0, 0, 0, 0xFF, 0xFF, 0],
            Traits = ScsiTraits.AllowedWhenStopped | ScsiTraits.AllowedInStandby,
            Direction = DataDirection.Read,
            Memory = MemoryNeed.ParameterData,
            Begin = static r => ModeSense(r, ModeParameterList.Header10, r.Cdb.UInt16(7)),
        },
    ];

    private static ScsiStep ModeSense(ScsiRequest r, int headerSize, uint allocationLength)
    {
        var unit = r.Unit!;
        var pageControl = r.Cdb[2] >> 6;
        var pageCode = r.Cdb[2] & 0x3F;
        var subpageCode = r.Cdb[3];
        if (pageControl == Saved && !unit.Modes.CanSave) return r.Fail(SenseKey.IllegalRequest, AdditionalSense.SavingParametersNotSupported);
        // SPC-4: of all pages, 00h asks for those without subpages and FFh for all; others are reserved.
        if (pageCode == AllPages && subpageCode is not (0 or AllSubpages)) return r.InvalidField(3);

        Span<byte> data = stackalloc byte[ModeParameterList.Header10 + ModeParameterList.LongBlockDescriptor + ModePages.MaxTotalSize];
        data.Clear();
        var isLong = headerSize == ModeParameterList.Header10 && r.Cdb.Has(1, LongLbaAccepted);
        var length = headerSize;
        if (!r.Cdb.Has(1, DisableBlockDescriptors)) length += WriteBlockDescriptor(unit, data[length..], isLong);
        var blockDescriptorLength = length - headerSize;

        var knowsCode = false;
        var found = false;
        for (var i = 0; i < ModePages.All.Length; i++)
        {
            var page = ModePages.All[i];
            if (!unit.Modes.Has(i) || (pageCode != AllPages && pageCode != page.Code)) continue;
            knowsCode = true;
            if (subpageCode != AllSubpages && subpageCode != page.Subcode) continue;
            found = true;
            WritePage(unit.Modes, i, pageControl, data.Slice(length, page.Size));
            length += page.Size;
        }
        if (!found) return knowsCode ? r.InvalidField(3) : r.InvalidField(2, 5);

        WriteHeader(unit, data, headerSize, length, blockDescriptorLength, isLong);
        return r.Reply(data[..length], allocationLength);
    }

    private static void WritePage(UnitModePages modes, int index, int pageControl, Span<byte> page)
    {
        var values = pageControl switch
        {
            Changeable => modes.Changeable(index),
            Default => modes.Default(index),
            Saved => modes.Saved(index),
            _ => modes.Current(index),
        };
        values.CopyTo(page);
        // The header is the same whatever is asked for.
        modes.Default(index)[..ModePages.All[index].HeaderSize].CopyTo(page);
        if (modes.CanSave) page[0] |= ParametersSaveable;
    }

    // SPC-4: mode parameter header
    //
    //      (6)                                  (10)
    //      0| MODE DATA LENGTH (n)              0| MODE DATA LENGTH (2) (n-1)
    //      1| MEDIUM TYPE                       2| MEDIUM TYPE
    //      2| DEVICE-SPECIFIC PARAMETER         3| DEVICE-SPECIFIC PARAMETER
    //      3| BLOCK DESCRIPTOR LENGTH           4| Reserved (7) | LONGLBA
    //                                           6| BLOCK DESCRIPTOR LENGTH (2)
    private static void WriteHeader(LogicalUnit unit, Span<byte> data, int headerSize, int length, int blockDescriptorLength, bool isLong)
    {
        var deviceSpecific = (byte)(DpoAndFuaSupported | (unit.IsReadOnly || unit.Control.SoftwareWriteProtect ? WriteProtected : 0));
        if (headerSize == ModeParameterList.Header6)
        {
            data[0] = (byte)(length - 1);
            data[2] = deviceSpecific;
            data[3] = (byte)blockDescriptorLength;
            return;
        }
        BinaryPrimitives.WriteUInt16BigEndian(data, (ushort)(length - 2));
        data[3] = deviceSpecific;
        data[4] = (byte)(isLong ? 1 : 0);
        BinaryPrimitives.WriteUInt16BigEndian(data[6..], (ushort)blockDescriptorLength);
    }

    // SBC-3: NUMBER OF LOGICAL BLOCKS (4), Reserved, LOGICAL BLOCK LENGTH (3);
    //         long: NUMBER OF LOGICAL BLOCKS (8), Reserved (4), LOGICAL BLOCK LENGTH (4)
    private static int WriteBlockDescriptor(LogicalUnit unit, Span<byte> descriptor, bool isLong)
    {
        var info = unit.Info;
        if (isLong)
        {
            BinaryPrimitives.WriteInt64BigEndian(descriptor, info.BlockCount);
            BinaryPrimitives.WriteInt32BigEndian(descriptor[12..], info.BlockSize);
            return ModeParameterList.LongBlockDescriptor;
        }
        BinaryPrimitives.WriteUInt32BigEndian(descriptor, (uint)Math.Min(info.BlockCount, uint.MaxValue));
        BinaryPrimitives.WriteInt32BigEndian(descriptor[4..], info.BlockSize);
        return ModeParameterList.ShortBlockDescriptor;
    }
}
