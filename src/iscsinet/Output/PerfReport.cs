using System.Buffers;
using System.Globalization;
using System.Text;
using System.Text.Json;
using IscsiNet.Cli.Measuring;

namespace IscsiNet.Cli.Output;

/// <summary>What <c>perf</c> measured, for a person or for a program.</summary>
internal static class PerfReport
{
    private static readonly (string Name, double Share)[] s_percentiles = [("p50", 0.5), ("p99", 0.99), ("p99.9", 0.999), ("max", 1)];

    public static string Table(PerfResult result)
    {
        var table = new TextTable(
            [">IOPS", ">MiB/s", .. s_percentiles.Select(percentile => $">{percentile.Name} µs"), ">errors", ">CPU µs/I/O"]);
        table.Add([
            Text(result.Iops, "0"),
            Text(result.MebibytesPerSecond, "0.0"),
            .. s_percentiles.Select(percentile => Text(Microseconds(result, percentile.Share), "0.0")),
            result.Errors.ToString(CultureInfo.InvariantCulture),
            Text(result.ProcessorMicrosecondsPerIo, "0.00"),
        ]);
        return table.ToString();
    }

    public static string Json(PerfResult result)
    {
        var buffer = new ArrayBufferWriter<byte>();
        using (var writer = new Utf8JsonWriter(buffer))
        {
            writer.WriteStartObject();
            writer.WriteNumber("ios", result.Ios);
            writer.WriteNumber("reads", result.Reads);
            writer.WriteNumber("writes", result.Writes);
            writer.WriteNumber("sizeBytes", result.SizeBytes);
            writer.WriteNumber("bytes", result.Bytes);
            writer.WriteNumber("elapsedSeconds", Math.Round(result.Elapsed.TotalSeconds, 6));
            writer.WriteNumber("iops", Math.Round(result.Iops, 1));
            writer.WriteNumber("mebibytesPerSecond", Math.Round(result.MebibytesPerSecond, 3));
            foreach (var (name, share) in s_percentiles)
                writer.WriteNumber($"latency{char.ToUpperInvariant(name[0])}{name[1..].Replace(".", "", StringComparison.Ordinal)}Microseconds", Microseconds(result, share));
            writer.WriteNumber("errors", result.Errors);
            writer.WriteNumber("cpuMicrosecondsPerIo", Math.Round(result.ProcessorMicrosecondsPerIo, 3));
            if (result.FirstError is { } error) writer.WriteString("firstError", ErrorText.Of(error).Message);
            writer.WriteEndObject();
        }

        return Encoding.UTF8.GetString(buffer.WrittenSpan) + "\n";
    }

    private static double Microseconds(PerfResult result, double share) => result.Latency.Percentile(share) / 1000.0;

    private static string Text(double value, string format) => value.ToString(format, CultureInfo.InvariantCulture);
}
