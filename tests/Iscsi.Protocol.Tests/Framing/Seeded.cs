namespace Iscsi.Protocol.Tests;

/// <summary>Runs a property over seeds; a failure names the seed that reproduces it.</summary>
internal static class Seeded
{
    public static void Run(int count, Action<Random> property)
    {
        var firstSeed = Environment.GetEnvironmentVariable("ISCSINET_TEST_SEED") is { } text ? int.Parse(text) : 20260101;
        for (var seed = firstSeed; seed < firstSeed + count; seed++)
        {
            try
            {
                property(new Random(seed));
            }
            catch (Exception e)
            {
                throw new InvalidOperationException($"Failed with ISCSINET_TEST_SEED={seed}: {e.Message}", e);
            }
        }
    }

    public static uint NextUInt32(this Random random) => (uint)random.NextInt64(1L << 32);

    public static ushort NextUInt16(this Random random) => (ushort)random.Next(1 << 16);

    public static ulong NextUInt64(this Random random) => ((ulong)random.NextUInt32() << 32) | random.NextUInt32();

    public static bool NextBool(this Random random) => random.Next(2) == 1;

    public static byte[] NextBytes(this Random random, int length)
    {
        var bytes = new byte[length];
        random.NextBytes(bytes);
        return bytes;
    }
}
