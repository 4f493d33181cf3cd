using System.Globalization;
using System.Text;
using System.Threading.Channels;

namespace Iscsi.Interop.Guests;

/// <summary>A script that runs in a guest.</summary>
internal sealed class GuestScript
{
    private readonly string _script;
    private readonly string _endMark;
    private readonly StringBuilder _output = new();
    private readonly Dictionary<string, TaskCompletionSource> _awaited = new(StringComparer.Ordinal);

    internal GuestScript(string script, string endMark, ChannelReader<string> lines, TimeSpan limit)
    {
        _script = script;
        _endMark = endMark;
        Completion = ReadAsync(lines, limit);
    }

    /// <summary>Its result. The test fails when the guest does not answer any more.</summary>
    public Task<GuestResult> Completion { get; }

    /// <summary>Waits until the script has written a line; fails with its output when it ends without.</summary>
    public async Task WrittenAsync(string line)
    {
        TaskCompletionSource? written;
        lock (_output)
        {
            if (!_awaited.TryGetValue(line, out written)) _awaited.Add(line, written = new(TaskCreationOptions.RunContinuationsAsynchronously));
            if (_output.ToString().Split('\n').Contains(line, StringComparer.Ordinal)) written.TrySetResult();
        }

        await Task.WhenAny(written.Task, Completion);
        Assert.True(written.Task.IsCompleted, $"'{line}' was not written: {(Completion.IsCompletedSuccessfully ? await Completion : "the guest is gone")}");
    }

    private async Task<GuestResult> ReadAsync(ChannelReader<string> lines, TimeSpan limit)
    {
        using var timeout = new CancellationTokenSource(limit);
        try
        {
            await foreach (var line in lines.ReadAllAsync(timeout.Token))
            {
                // A program may leave its last line open.
                var end = line.IndexOf(_endMark, StringComparison.Ordinal);
                lock (_output)
                {
                    var text = end < 0 ? line : line[..end];
                    if (end < 0 || end > 0) _output.Append(text).Append('\n');
                    if (_awaited.TryGetValue(text, out var written)) written.TrySetResult();
                }

                if (end < 0) continue;
                lock (_output) return new GuestResult(_script, int.Parse(line.AsSpan(end + _endMark.Length), CultureInfo.InvariantCulture), _output.ToString());
            }

            Assert.Fail($"the guest ended during:\n{_script}\n{_output}");
        }
        catch (OperationCanceledException)
        {
            Assert.Fail($"the guest does not answer within {limit.TotalSeconds} s:\n{_script}\n{_output}");
        }

        throw new InvalidOperationException("not reached");
    }
}
