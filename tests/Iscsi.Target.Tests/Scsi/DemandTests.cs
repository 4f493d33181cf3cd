using System.Buffers.Binary;
using Iscsi.Protocol;
using Iscsi.Storage;
using Iscsi.Target.Scsi;

namespace Iscsi.Target.Tests.Scsi;

/// <summary>
/// What commands demand at once. Every row is tried with every value of each of its number fields: none demands more than a burst, and the
/// most that each demands, which is written down here, is demanded and enough.
/// </summary>
public sealed class DemandTests
{
    private const int AllAtOnce = 64 * 1024;

    // Bytes, of a burst of 64 KiB and blocks of 512; what is not here has all it needs in its credit.
    private static readonly Dictionary<string, int> Most = new(StringComparer.Ordinal)
    {
        ["MODE SELECT (6)"] = 255,
        ["SEND DIAGNOSTIC"] = 4096,
        ["WRITE BUFFER"] = 512,
        ["WRITE SAME (10)"] = 65536,
        ["UNMAP"] = 65535,
        ["SANITIZE, OVERWRITE"] = 512,
        ["LOG SELECT"] = 4096,
        ["MODE SELECT (10)"] = 4096,
        ["PERSISTENT RESERVE OUT - REGISTER"] = 65536,
        ["PERSISTENT RESERVE OUT - RESERVE"] = 65536,
        ["PERSISTENT RESERVE OUT - RELEASE"] = 65536,
        ["PERSISTENT RESERVE OUT - CLEAR"] = 65536,
        ["PERSISTENT RESERVE OUT - PREEMPT"] = 65536,
        ["PERSISTENT RESERVE OUT - PREEMPT AND ABORT"] = 65536,
        ["PERSISTENT RESERVE OUT - REGISTER AND IGNORE EXISTING KEY"] = 65536,
        ["PERSISTENT RESERVE OUT - REGISTER AND MOVE"] = 65536,
        ["EXTENDED COPY(LID1)"] = 65536,
        ["EXTENDED COPY(LID4)"] = 65536,
        ["POPULATE TOKEN"] = 4096,
        ["WRITE USING TOKEN"] = 65536,
        ["WRITE SAME (16)"] = 65536,
        ["WRITE ATOMIC (16)"] = 65536,
        ["SET IDENTIFYING INFORMATION"] = 64,
        ["SET TARGET PORT GROUPS"] = 65536,
        ["SET TIMESTAMP"] = 12,
        ["FORMAT UNIT"] = 524,
        ["PRE-FETCH (10)"] = 65536,
        ["COMPARE AND WRITE"] = 65536,
        ["PRE-FETCH (16)"] = 65536,
    };

    private static readonly int[] Values =
    [
        .. Enumerable.Range(0, 600),
        .. Enumerable.Range(1, AllAtOnce / 512).SelectMany(static n => (int[])[(n * 512) - 1, n * 512, (n * 512) + 1]).Where(static n => n >= 600),
        .. Enumerable.Range(AllAtOnce + 2, 16),
    ];

    public static TheoryData<string> Rows()
    {
        var names = new TheoryData<string>();
        foreach (var row in ScsiCommandTable.Rows)
            if (row.Memory == MemoryNeed.AllAtOnce) names.Add(row.Name);
        return names;
    }

    [Theory]
    [MemberData(nameof(Rows))]
    public void The_most_a_command_demands_is_known_and_enough(string name)
    {
        // With a Store level: memory needs no scratch for what it has already.
        var h = new ScsiHarness(static info => info with { Store = new StoreNeed(4, 0) }, options: new LunOptions { IsRemovable = true });
        Register(h);
        var row = Array.Find(ScsiCommandTable.Rows.ToArray(), row => row.Name == name)!;
        var most = 0;
        byte[] greediest = [];
        var expected = 0;
        foreach (var (cdb, value) in Cdbs(row))
        {
            // A pattern is one block, COMPARE AND WRITE is two for each; all else is looked at for what it says itself.
            foreach (var length in (ReadOnlySpan<int>)[AllAtOnce, h.Unit.Info.BlockSize, (int)Math.Min(2L * value * h.Unit.Info.BlockSize, AllAtOnce)])
            {
                var r = h.Begin(cdb, (uint)length, dataOut: row.Direction == DataDirection.Write);
                if (h.Step is not (ScsiStep.CollectDataOut or ScsiStep.Execute or ScsiStep.Copy)) continue;
                var demand = r.DataOutNeeded + r.ScratchBytes;
                Assert.InRange(demand, 0, h.Unit.Limits.AllAtOnceBytes);
                if (demand <= most) continue;
                most = demand;
                greediest = (byte[])cdb.Clone();
                expected = length;
            }
        }
        Assert.Equal(Most.GetValueOrDefault(name), most);
        h.Begin(greediest, (uint)expected, dataOut: row.Direction == DataDirection.Write);
        // The harness has no more than what was demanded: a command that used more would throw. Copies and operations in the background are
        // driven by the task engine, and have tests of their own.
        if (h.Step == ScsiStep.CollectDataOut && row.StartCopy is null) h.Run(greediest, new byte[expected]);
    }

    // So that READ FULL STATUS has something to tell.
    private static void Register(ScsiHarness h)
    {
        var parameters = new byte[24];
        parameters[15] = 1;
        h.RunGood([0x5F, 6, 0, 0, 0, 0, 0, 0, 24, 0], parameters);
    }

    // Each field of whole bytes with the values that matter up to a burst and a little more, with each bit of byte 1.
    private static IEnumerable<(byte[] Cdb, int Value)> Cdbs(ScsiCommandRow row)
    {
        var cdb = new byte[row.CdbLength];
        for (var flag = 0; flag <= 0xFF; flag++)
        {
            if ((row.Usage[1] & flag) != flag) continue;
            Clear(cdb, row);
            cdb[1] |= (byte)flag;
            yield return (cdb, 0);
        }
        for (var end = row.CdbLength - 1; end > 1; end--)
        {
            if (row.Usage[end] != 0xFF || (end + 1 < row.CdbLength && row.Usage[end + 1] == 0xFF)) continue;
            var start = end;
            while (start > 2 && row.Usage[start - 1] == 0xFF) start--;
            for (var size = 1; size <= Math.Min(4, end - start + 1); size++)
            {
                var largest = (1L << (8 * size)) - 1;
                foreach (var value in Values)
                {
                    if (value > largest) break;
                    for (var flag = 0; flag <= 0x80; flag = flag == 0 ? 1 : flag << 1)
                    {
                        if ((row.Usage[1] & flag) != flag) continue;
                        Clear(cdb, row);
                        cdb[1] |= (byte)flag;
                        Put(cdb, end, value);
                        yield return (cdb, value);
                    }
                }
            }
        }
    }

    private static void Clear(byte[] cdb, ScsiCommandRow row)
    {
        Array.Clear(cdb);
        cdb[0] = row.OperationCode;
        cdb[1] = row.ServiceAction ?? 0;
    }

    private static void Put(byte[] cdb, int end, int value)
    {
        Span<byte> number = stackalloc byte[4];
        BinaryPrimitives.WriteInt32BigEndian(number, value);
        for (var i = 0; i < 4 && (value >> (8 * i)) != 0; i++) cdb[end - i] = number[3 - i];
    }
}
