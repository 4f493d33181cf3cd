namespace IscsiNet.Cli.Measuring;

/// <summary>What <c>perf</c> does to a disk.</summary>
/// <param name="SizeBytes">Bytes of an I/O, whole blocks.</param>
/// <param name="IsRandom">Random places; else one after the other, each session in a region of its own.</param>
/// <param name="WritePercent">How many of a hundred I/Os are writes.</param>
/// <param name="Depth">I/Os outstanding in each session.</param>
/// <param name="Duration">How long it is measured, without the warm-up.</param>
/// <param name="Seed">Of the places, the choice between read and write, and the data.</param>
internal sealed record PerfLoad(int SizeBytes, bool IsRandom, int WritePercent, int Depth, TimeSpan Duration, int Seed);
