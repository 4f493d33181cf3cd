using System.Buffers.Binary;
using Iscsi.Protocol;
using Iscsi.Protocol.Scsi;

namespace Iscsi.Target.Scsi.Copy;

/// <summary>The commands that ask what became of a copy, and what the copy manager can do (SPC-4; SPC-3 calls the first ones RECEIVE COPY RESULTS).</summary>
internal static class CopyResultCommands
{
    private const int AllocationLengthAt = 10;
    private const int ListIdentifierAt = 2;
    private const byte TransferCountBytes = 0x00;
    private const byte TransferCountBlocks = 0xF1;

    // COPY OPERATION STATUS; LID1 has the first three only.
    private const byte InProgress = 0x00;
    private const byte Completed = 0x01;
    private const byte Failed = 0x02;
    private const byte InProgressForeground = 0x11;
    private const byte Terminated = 0x60;

    /// <summary>The rows.</summary>
    public static readonly ScsiCommandRow[] Rows =
    [
        Row("RECEIVE COPY STATUS(LID1)", OperationCode.ReceiveCopyStatusLid1, 1, Status),
        Row("RECEIVE COPY DATA(LID1)", OperationCode.ReceiveCopyDataLid1, 1, Data),
        Row("RECEIVE COPY OPERATING PARAMETERS", OperationCode.ReceiveCopyOperatingParameters, 0, OperatingParameters),
        Row("RECEIVE COPY FAILURE DETAILS(LID1)", OperationCode.ReceiveCopyFailureDetailsLid1, 1, FailureDetails),
        Row("RECEIVE COPY STATUS(LID4)", OperationCode.ReceiveCopyStatusLid4, 4, StatusLid4),
        Row("RECEIVE COPY DATA(LID4)", OperationCode.ReceiveCopyDataLid4, 4, DataLid4),
        Row("RECEIVE ROD TOKEN INFORMATION", OperationCode.ReceiveRodTokenInformation, 4, TokenInformation),
        Row("REPORT ALL ROD TOKENS", OperationCode.ReportAllRodTokens, 0, AllTokens),
    ];

    // byte 2 LIST IDENTIFIER (0, 1 or 4), byte 10 ALLOCATION LENGTH (4)
    private static ScsiCommandRow Row(string name, byte serviceAction, int identifierBytes, Func<ScsiRequest, ScsiStep> begin)
    {
        byte[] usage = [OperationCode.ThirdPartyCopyIn, serviceAction, 0, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF, 0xFF, 0xFF, 0, 0];
        usage.AsSpan(ListIdentifierAt, identifierBytes).Fill(0xFF);
        return new ScsiCommandRow
        {
            Name = name,
            Usage = usage,
            ServiceAction = serviceAction,
            Traits = ScsiTraits.AllowedWhenStopped,
            Direction = DataDirection.Read,
            Memory = MemoryNeed.ParameterData,
            Begin = begin,
        };
    }

    private static uint AllocationLength(ScsiRequest r) => r.Cdb.UInt32(AllocationLengthAt);

    // SPC-4, RECEIVE COPY STATUS(LID1) parameter data
    //
    //      0| AVAILABLE DATA (00000008h) (4)
    //      4| Reserved | COPY COMMAND STATUS (7)
    //      5| SEGMENTS PROCESSED (2)
    //      7| TRANSFER COUNT UNITS
    //      8| TRANSFER COUNT (4)
    private static ScsiStep Status(ScsiRequest r)
    {
        if (r.Unit!.Copies.Find(r.Nexus, r.Cdb[ListIdentifierAt]) is not { } record) return r.InvalidField(ListIdentifierAt);
        Span<byte> data = stackalloc byte[12];
        data.Clear();
        data[3] = 8;
        var status = record.Status;
        data[4] = status switch
        {
            CopyStatus.InProgress => InProgress,
            CopyStatus.Completed => Completed,
            _ => Failed,
        };
        BinaryPrimitives.WriteUInt16BigEndian(data[5..], (ushort)record.Segments);
        // In bytes, KiB, MiB: the first unit in which the count fits.
        var count = record.TransferredBytes;
        byte units = 0;
        for (; count > uint.MaxValue; count >>= 10) units++;
        data[7] = units;
        BinaryPrimitives.WriteUInt32BigEndian(data[8..], (uint)count);
        r.Unit.Copies.OnStatusReceived(record);
        return r.Reply(data, AllocationLength(r));
    }

    // SPC-4, RECEIVE COPY DATA(LID1) parameter data: 0| AVAILABLE DATA (4), 4| held data. None is ever held: the held data limit is zero.
    private static ScsiStep Data(ScsiRequest r)
    {
        if (r.Unit!.Copies.Find(r.Nexus, r.Cdb[ListIdentifierAt]) is not { Status: not CopyStatus.InProgress }) return r.InvalidField(ListIdentifierAt);
        Span<byte> data = stackalloc byte[4];
        data.Clear();
        return r.Reply(data, AllocationLength(r));
    }

    // SPC-4, RECEIVE COPY FAILURE DETAILS(LID1) parameter data
    //
    //      0| AVAILABLE DATA (n-3) (4)
    //     56| EXTENDED COPY COMMAND STATUS: the SAM status
    //     58| SENSE DATA LENGTH (2)
    //     60| sense data
    private static ScsiStep FailureDetails(ScsiRequest r)
    {
        if (r.Unit!.Copies.FindDetails(r.Nexus, r.Cdb[ListIdentifierAt]) is not { } record) return r.InvalidField(ListIdentifierAt);
        const int senseAt = 60;
        Span<byte> data = stackalloc byte[senseAt + SenseData.FixedSize];
        data.Clear();
        // A copy that did not fail has no details: four bytes that say so.
        var length = 4;
        if (record.Status == CopyStatus.Failed)
        {
            length = senseAt + record.Sense.WriteFixed(data[senseAt..]);
            BinaryPrimitives.WriteUInt32BigEndian(data, (uint)(length - 4));
            data[56] = (byte)ScsiStatus.CheckCondition;
            data[59] = SenseData.FixedSize;
        }
        r.Unit.Copies.OnDetailsReceived(record);
        return r.Reply(data[..length], AllocationLength(r));
    }

    // SPC-4, RECEIVE COPY OPERATING PARAMETERS parameter data
    //
    //      0| AVAILABLE DATA (n-3) (4)
    //      4| Reserved (7) | SNLID: LIST ID USAGE 11b is supported
    //      8| MAXIMUM CSCD DESCRIPTOR COUNT (2)
    //     10| MAXIMUM SEGMENT DESCRIPTOR COUNT (2)
    //     12| MAXIMUM DESCRIPTOR LIST LENGTH (4)
    //     16| MAXIMUM SEGMENT LENGTH (4), zero: the descriptor's own limit
    //     20| MAXIMUM INLINE DATA LENGTH (4)
    //     24| HELD DATA LIMIT (4)
    //     28| MAXIMUM STREAM DEVICE TRANSFER SIZE (4)
    //     34| TOTAL CONCURRENT COPIES (2)
    //     36| MAXIMUM CONCURRENT COPIES
    //     37| DATA SEGMENT GRANULARITY (log 2), INLINE DATA GRANULARITY (log 2), HELD DATA GRANULARITY (log 2)
    //     43| IMPLEMENTED DESCRIPTOR LIST LENGTH
    //     44| list of implemented descriptor type codes, ascending
    private static ScsiStep OperatingParameters(ScsiRequest r)
    {
        Span<byte> data = stackalloc byte[44 + ThirdPartyCopyVpdPage.DescriptorTypes.Length];
        data.Clear();
        BinaryPrimitives.WriteUInt32BigEndian(data, (uint)(data.Length - 4));
        data[4] = 0x01;
        BinaryPrimitives.WriteUInt16BigEndian(data[8..], CopyLimits.MaxCscdDescriptors);
        BinaryPrimitives.WriteUInt16BigEndian(data[10..], CopyLimits.MaxSegmentDescriptors);
        BinaryPrimitives.WriteUInt32BigEndian(data[12..], CopyLimits.MaxDescriptorListBytes);
        BinaryPrimitives.WriteUInt16BigEndian(data[34..], CopyLimits.MaxCopies);
        data[36] = CopyLimits.MaxCopies;
        data[37] = (byte)System.Numerics.BitOperations.Log2((uint)r.Unit!.Info.BlockSize);
        data[43] = (byte)ThirdPartyCopyVpdPage.DescriptorTypes.Length;
        ThirdPartyCopyVpdPage.DescriptorTypes.CopyTo(data[44..]);
        return r.Reply(data, AllocationLength(r));
    }

    private static ScsiStep StatusLid4(ScsiRequest r)
    {
        if (r.Unit!.Copies.Find(r.Nexus, r.Cdb.UInt32(ListIdentifierAt)) is not { } record) return r.InvalidField(ListIdentifierAt);
        Span<byte> data = stackalloc byte[HeaderSize + SenseData.FixedSize];
        var length = WriteHeader(data, record, TransferCountBytes, 1);
        return Answer(r, record, data[..length]);
    }

    // SPC-4, RECEIVE COPY DATA(LID4) parameter data: the header, then HELD DATA LENGTH (4), held data
    private static ScsiStep DataLid4(ScsiRequest r)
    {
        if (r.Unit!.Copies.Find(r.Nexus, r.Cdb.UInt32(ListIdentifierAt)) is not { Status: not CopyStatus.InProgress } record) return r.InvalidField(ListIdentifierAt);
        Span<byte> data = stackalloc byte[HeaderSize + SenseData.FixedSize + 4];
        var length = WriteHeader(data, record, TransferCountBytes, 1) + 4;
        BinaryPrimitives.WriteUInt32BigEndian(data, (uint)(length - 4));
        return r.Reply(data[..length], AllocationLength(r));
    }

    // SPC-4, RECEIVE ROD TOKEN INFORMATION parameter data: the header, then
    //
    //      n| ROD TOKEN DESCRIPTORS LENGTH (4)
    //    n+4| ROD token descriptors: ID FOR CREATING ROD CSCD DESCRIPTOR (2), ROD token (512)
    private static ScsiStep TokenInformation(ScsiRequest r)
    {
        if (r.Unit!.Copies.Find(r.Nexus, r.Cdb.UInt32(ListIdentifierAt)) is not { } record) return r.InvalidField(ListIdentifierAt);
        Span<byte> data = stackalloc byte[HeaderSize + SenseData.FixedSize + 4 + 2 + RodToken.Size];
        var length = WriteHeader(data, record, TransferCountBlocks, r.Unit.Info.BlockSize);
        var tokenBytes = record.Token is null ? 0 : 2 + RodToken.Size;
        BinaryPrimitives.WriteUInt32BigEndian(data[length..], (uint)tokenBytes);
        record.Token?.Bytes.CopyTo(data[(length + 4 + 2)..]);
        length += 4 + tokenBytes;
        BinaryPrimitives.WriteUInt32BigEndian(data, (uint)(length - 4));
        return Answer(r, record, data[..length]);
    }

    // SPC-4, REPORT ALL ROD TOKENS parameter data: 0| AVAILABLE DATA (n-3) (4), 8| ROD management tokens (96 each)
    private static ScsiStep AllTokens(ScsiRequest r)
    {
        var tokens = r.Unit!.RodTokens.Valid();
        var writer = new ParameterDataWriter(r, AllocationLength(r));
        writer.PutUInt32((uint)(4 + (tokens.Length * RodToken.ManagementSize)));
        writer.PutUInt32(0);
        foreach (var token in tokens) writer.Put(token.Bytes[..RodToken.ManagementSize]);
        return writer.Good();
    }

    // SPC-4, RECEIVE COPY STATUS(LID4) parameter data
    //
    //      0| AVAILABLE DATA (n-3) (4)
    //      4| Reserved (3) | RESPONSE TO SERVICE ACTION (5)
    //      5| Reserved | COPY OPERATION STATUS (7)
    //      6| OPERATION COUNTER (2)
    //      8| ESTIMATED STATUS UPDATE DELAY (4), milliseconds
    //     12| EXTENDED COPY COMPLETION STATUS: the SAM status
    //     13| LENGTH OF THE SENSE DATA FIELD
    //     14| SENSE DATA LENGTH
    //     15| TRANSFER COUNT UNITS
    //     16| TRANSFER COUNT (8)
    //     24| SEGMENTS PROCESSED (2)
    //     32| sense data
    private const int HeaderSize = 32;

    private static int WriteHeader(Span<byte> data, CopyRecord record, byte units, int unitBytes)
    {
        data.Clear();
        // First, so that what follows is of a copy that has ended if this says so.
        var status = record.Status;
        var length = HeaderSize;
        data[4] = record.ServiceAction;
        data[5] = status switch
        {
            CopyStatus.InProgress => InProgressForeground,
            CopyStatus.Completed => Completed,
            CopyStatus.Failed => Failed,
            _ => Terminated,
        };
        BinaryPrimitives.WriteUInt16BigEndian(data[6..], (ushort)record.Operations);
        const uint oneSecond = 1000;
        if (status == CopyStatus.InProgress) BinaryPrimitives.WriteUInt32BigEndian(data[8..], oneSecond);
        if (status != CopyStatus.InProgress && !record.Sense.IsNoSense)
        {
            var senseLength = record.Sense.WriteFixed(data[HeaderSize..]);
            data[12] = (byte)ScsiStatus.CheckCondition;
            data[13] = (byte)senseLength;
            data[14] = (byte)senseLength;
            length += senseLength;
        }
        data[15] = units;
        BinaryPrimitives.WriteUInt64BigEndian(data[16..], (ulong)(record.TransferredBytes / unitBytes));
        BinaryPrimitives.WriteUInt16BigEndian(data[24..], (ushort)record.Segments);
        BinaryPrimitives.WriteUInt32BigEndian(data, (uint)(length - 4));
        return length;
    }

    // Results that did not fit are held: the initiator has only learned how much there is.
    private static ScsiStep Answer(ScsiRequest r, CopyRecord record, ReadOnlySpan<byte> data)
    {
        if (AllocationLength(r) >= data.Length && r.ExpectedDataTransferLength >= data.Length) r.Unit!.Copies.OnStatusReceived(record);
        return r.Reply(data, AllocationLength(r));
    }
}
