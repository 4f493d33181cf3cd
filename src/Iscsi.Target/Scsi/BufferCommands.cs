using Iscsi.Protocol;
using Iscsi.Protocol.Scsi;

namespace Iscsi.Target.Scsi;

/// <summary>READ BUFFER and WRITE BUFFER (SPC-4): the data and echo buffers with which an initiator tests the path to a device.</summary>
internal static class BufferCommands
{
    // MODE
    private const byte ModeMask = 0x1F;
    private const int Data = 0x02;
    private const int Descriptor = 0x03;
    private const int Echo = 0x0A;
    private const int EchoDescriptor = 0x0B;

    /// <summary>The rows.</summary>
    /// <remarks>MODE is a field like another: unlike a service action it is not reported as a command of its own.</remarks>
    public static readonly ScsiCommandRow[] Rows =
    [
        // byte 1 MODE (5), byte 2 BUFFER ID, byte 3 BUFFER OFFSET (3), byte 6 PARAMETER LIST LENGTH (3)
        new()
        {
            Name = "WRITE BUFFER",
            Usage = [OperationCode.WriteBuffer, ModeMask, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0],
            Traits = ScsiTraits.AllowedInEveryAccessState,
            Direction = DataDirection.Write,
            Memory = MemoryNeed.AllAtOnce,
            Begin = BeginWrite,
            Execute = WriteAsync,
        },

        // byte 1 MODE (5), byte 2 BUFFER ID, byte 3 BUFFER OFFSET (3), byte 6 ALLOCATION LENGTH (3)
        new()
        {
            Name = "READ BUFFER (10)",
            Usage = [OperationCode.ReadBuffer, ModeMask, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0],
            Traits = ScsiTraits.AllowedInEveryAccessState,
            Direction = DataDirection.Read,
            Memory = MemoryNeed.ParameterData,
            Begin = BeginRead,
        },
    ];

    private static ScsiStep BeginWrite(ScsiRequest r)
    {
        if (Mode(r) is not (Data or Echo)) return r.InvalidField(1, 4);
        if (!CheckAddress(r, out var offset)) return ScsiStep.Done;
        var length = r.Cdb.UInt24(6);
        if (length > LogicalUnitBuffer.Size - offset) return r.InvalidField(6);
        return r.CollectAll((int)length, scratchBytes: 0);
    }

    private static ValueTask WriteAsync(ScsiRequest r)
    {
        if (!r.HasWholeBlock()) return default;
        Span<byte> data = stackalloc byte[r.DataOutNeeded];
        r.DataOut.CopyTo(0, data);
        var buffer = r.Unit!.Buffer;
        if (Mode(r) == Echo) buffer.WriteEcho(r.Nexus, data);
        else buffer.Write((int)r.Cdb.UInt24(3), data);
        return default;
    }

    private static ScsiStep BeginRead(ScsiRequest r)
    {
        var allocationLength = r.Cdb.UInt24(6);
        switch (Mode(r))
        {
            // SPC-4: OFFSET BOUNDARY (2^0), BUFFER CAPACITY (3); zeroes for a buffer that does not exist.
            case Descriptor:
                return r.Reply(r.Cdb[2] == 0 ? [0, 0, LogicalUnitBuffer.Size >> 8, LogicalUnitBuffer.Size & 0xFF] : [0, 0, 0, 0], allocationLength);

            // SPC-4: EBOS (the echo of a nexus is overwritten by another nexus's: 0), BUFFER CAPACITY (13 bits)
            case EchoDescriptor:
                return r.Reply([0, 0, LogicalUnitBuffer.Size >> 8, LogicalUnitBuffer.Size & 0xFF], allocationLength);

            case Data or Echo:
                return ReadData(r, allocationLength);

            default:
                return r.InvalidField(1, 4);
        }
    }

    private static ScsiStep ReadData(ScsiRequest r, uint allocationLength)
    {
        if (!CheckAddress(r, out var offset)) return ScsiStep.Done;
        Span<byte> data = stackalloc byte[LogicalUnitBuffer.Size];
        var buffer = r.Unit!.Buffer;
        if (Mode(r) == Data)
        {
            buffer.Read(data);
            return r.Reply(data[offset..], allocationLength);
        }
        var length = buffer.ReadEcho(r.Nexus, data);
        // SPC-4: without an echo of this nexus to return, the sequence of commands is wrong.
        return length < 0
            ? r.Fail(SenseKey.IllegalRequest, AdditionalSense.CommandSequenceError)
            : r.Reply(data[..length], allocationLength);
    }

    // One data buffer with the id 0; the echo buffer has neither an id nor an offset, which are ignored then (SPC-4).
    private static bool CheckAddress(ScsiRequest r, out int offset)
    {
        offset = 0;
        if (Mode(r) == Echo) return true;
        var wanted = r.Cdb.UInt24(3);
        if (r.Cdb[2] == 0 && wanted <= LogicalUnitBuffer.Size)
        {
            offset = (int)wanted;
            return true;
        }
        r.InvalidField(r.Cdb[2] != 0 ? 2 : 3);
        return false;
    }

    private static int Mode(ScsiRequest r) => r.Cdb[1] & ModeMask;
}
