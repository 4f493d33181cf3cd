using System.Buffers.Binary;
using Iscsi.Protocol;
using Iscsi.Protocol.Scsi;

namespace Iscsi.Target.Scsi.AsymmetricAccess;

/// <summary>REPORT TARGET PORT GROUPS and SET TARGET PORT GROUPS (SPC-4).</summary>
internal static class TargetPortGroupCommands
{
    private const byte ParameterDataFormat = 0xE0;
    private const int LengthOnlyFormat = 0;
    private const int ExtendedFormat = 1;

    private const int ListHeaderSize = 4;
    private const int ListDescriptorSize = 4;

    /// <summary>The rows.</summary>
    public static readonly ScsiCommandRow[] Rows =
    [
        // byte 1 PARAMETER DATA FORMAT (3), byte 6 ALLOCATION LENGTH (4)
        new()
        {
            Name = "REPORT TARGET PORT GROUPS",
            Usage = [OperationCode.MaintenanceIn, ParameterDataFormat | OperationCode.ReportTargetPortGroups, 0, 0, 0, 0, 0xFF, 0xFF, 0xFF, 0xFF, 0, 0],
            ServiceAction = OperationCode.ReportTargetPortGroups,
            Traits = ScsiTraits.AllowedWhenStopped | ScsiTraits.AllowedDuringOperation | ScsiTraits.AllowedThroughReservation |
                ScsiTraits.AllowedInEveryAccessState,
            Direction = DataDirection.Read,
            Memory = MemoryNeed.ParameterData,
            Begin = Report,
        },

        // byte 6 PARAMETER LIST LENGTH (4)
        new()
        {
            Name = "SET TARGET PORT GROUPS",
            Usage = [OperationCode.MaintenanceOut, OperationCode.SetTargetPortGroups, 0, 0, 0, 0, 0xFF, 0xFF, 0xFF, 0xFF, 0, 0],
            ServiceAction = OperationCode.SetTargetPortGroups,
            Traits = ScsiTraits.AllowedWhenStopped | ScsiTraits.AllowedInStandby | ScsiTraits.AllowedWhenUnavailable,
            Direction = DataDirection.Write,
            Memory = MemoryNeed.AllAtOnce,
            IsSupported = static unit => unit.PortGroups.AllowsExplicitChange,
            Begin = BeginSet,
            Execute = SetAsync,
        },
    ];

    //      0| RETURN DATA LENGTH (4)
    //      4| with the extended header: Reserved | FORMAT TYPE (3) | Reserved (4)
    //      5| IMPLICIT TRANSITION TIME: 0, not told                            6| Reserved (2)
    //       | target port group descriptors:
    //             0| PREF | Reserved (3) | ASYMMETRIC ACCESS STATE (4)
    //             1| T_SUP | O_SUP | Reserved | LBD_SUP | U_SUP | S_SUP | AN_SUP | AO_SUP
    //             2| TARGET PORT GROUP (2)            4| Reserved
    //             5| STATUS CODE                      6| vendor specific
    //             7| TARGET PORT COUNT                8| target port descriptor: Obsolete (2), RELATIVE TARGET PORT IDENTIFIER (2)
    private static ScsiStep Report(ScsiRequest r)
    {
        const int descriptorSize = 12;
        const byte preferred = 0x80;
        const byte allButLbaDependent = 0xCF;
        var format = r.Cdb[1] >> 5;
        if (format > ExtendedFormat) return r.InvalidField(1, 7);

        var groups = r.Unit!.PortGroups.Groups;
        var writer = new ParameterDataWriter(r, r.Cdb.UInt32(6));
        writer.PutUInt32((uint)((groups.Length * descriptorSize) + (format == LengthOnlyFormat ? 0 : 4)));
        if (format == ExtendedFormat) writer.Put([ExtendedFormat << 4, 0, 0, 0]);
        Span<byte> descriptor = stackalloc byte[descriptorSize];
        foreach (ref readonly var group in groups)
        {
            descriptor.Clear();
            descriptor[0] = (byte)((group.IsPreferred ? preferred : 0) | (int)group.State);
            descriptor[1] = allButLbaDependent;
            BinaryPrimitives.WriteUInt16BigEndian(descriptor[2..], group.Tag);
            descriptor[5] = (byte)group.Reason;
            descriptor[7] = 1;
            BinaryPrimitives.WriteUInt16BigEndian(descriptor[10..], group.Tag);
            writer.Put(descriptor);
        }
        return writer.Good();
    }

    private static ScsiStep BeginSet(ScsiRequest r)
    {
        var length = r.Cdb.UInt32(6);
        // SPC-4: no list, no change.
        if (length == 0) return r.Good();
        var isWhole = length >= ListHeaderSize && (length - ListHeaderSize) % ListDescriptorSize == 0;
        if (!isWhole || length > r.Unit!.Limits.AllAtOnceBytes) return r.Fail(SenseKey.IllegalRequest, AdditionalSense.ParameterListLengthError);
        r.TransferLength = length;
        r.DataOutNeeded = (int)length;
        return ScsiStep.CollectDataOut;
    }

    //      0| Reserved (4)
    //      4| set target port group descriptors:
    //             0| Reserved (4) | ASYMMETRIC ACCESS STATE (4)
    //             1| Reserved
    //             2| TARGET PORT GROUP OR TARGET PORT (2): for the offline state it is a port, which has the number of its group
    private static async ValueTask SetAsync(ScsiRequest r)
    {
        var groups = r.Unit!.PortGroups;
        if (ReadList(r, groups) is not { } changes) return;
        try
        {
            // A few flushes, where the states are kept: not on the session's executor.
            if (groups.StatePath is null) groups.Change(r.Units, changes, by: r);
            else await Task.Run(() => groups.Change(r.Units, changes, by: r)).ConfigureAwait(false);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            r.Fail(SenseKey.HardwareError, AdditionalSense.SetTargetPortGroupsCommandFailed);
            return;
        }
        r.Good();
    }

    private static (ushort Tag, AsymmetricAccessState State)[]? ReadList(ScsiRequest r, TargetPortGroups groups)
    {
        if (r.DataOut.Length < r.DataOutNeeded)
        {
            r.Fail(SenseKey.IllegalRequest, AdditionalSense.ParameterListLengthError);
            return null;
        }
        var changes = new (ushort, AsymmetricAccessState)[(r.DataOutNeeded - ListHeaderSize) / ListDescriptorSize];
        Span<byte> descriptor = stackalloc byte[ListDescriptorSize];
        for (var i = 0; i < changes.Length; i++)
        {
            var at = ListHeaderSize + (i * ListDescriptorSize);
            r.DataOut.CopyTo(at, descriptor);
            var state = (AsymmetricAccessState)(descriptor[0] & 0x0F);
            var tag = BinaryPrimitives.ReadUInt16BigEndian(descriptor[2..]);
            // Transitioning is told, never asked for.
            var isState = state is AsymmetricAccessState.ActiveOptimized or AsymmetricAccessState.ActiveNonOptimized or
                AsymmetricAccessState.Standby or AsymmetricAccessState.Unavailable or AsymmetricAccessState.Offline;
            if (!isState || !groups.Tags.Contains(tag))
            {
                r.Fail(new SenseData(SenseKey.IllegalRequest, AdditionalSense.InvalidFieldInParameterList)
                {
                    Field = new FieldPointer(false, (ushort)(isState ? at + 2 : at), isState ? null : (byte)3),
                });
                return null;
            }
            changes[i] = (tag, state);
        }
        return changes;
    }
}
