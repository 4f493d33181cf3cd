using Reservations;

namespace Iscsi.Target.Memory;

/// <summary>Cuts a list of blocks into smaller lists, some of which have to be one run of memory.</summary>
internal sealed class RunCutter
{
    private readonly Memory<byte>[] _left;
    private int _first;

    /// <summary>Takes the list; it is used up by the cuts.</summary>
    public RunCutter(BlockList source) => _left = source.Runs.ToArray();

    /// <summary>Cuts one run.</summary>
    /// <exception cref="InvalidOperationException">No run is long enough: the memory is not fresh.</exception>
    public void CutOne(int blocks, BlockList into)
    {
        var bytes = blocks * MemoryBudget.BlockBytes;
        foreach (ref var run in _left.AsSpan(_first))
        {
            if (run.Length < bytes) continue;
            into.Add(run[..bytes]);
            run = run[bytes..];
            return;
        }
        throw new InvalidOperationException($"No {blocks} blocks are neighbours.");
    }

    /// <summary>Cuts blocks from wherever some are left.</summary>
    public void Cut(int blocks, BlockList into)
    {
        for (var bytes = blocks * MemoryBudget.BlockBytes; bytes > 0;)
        {
            ref var run = ref _left[_first];
            var take = Math.Min(bytes, run.Length);
            into.Add(run[..take]);
            run = run[take..];
            bytes -= take;
            if (run.IsEmpty) _first++;
        }
    }
}
