using Reservations;

namespace Iscsi.Storage;

/// <summary>A place in a block list, so that a transfer in parts need not look for it again.</summary>
internal struct RunCursor
{
    /// <summary>Index of the run.</summary>
    public int Run { get; private set; }

    /// <summary>Byte of the run.</summary>
    public int RunOffset { get; private set; }

    /// <summary>Byte of the list.</summary>
    public int DoneBytes { get; private set; }

    public void Advance(BlockList list, int bytes)
    {
        var runs = list.Runs;
        DoneBytes += bytes;
        for (bytes += RunOffset; bytes > 0 && bytes >= runs[Run].Length; Run++) bytes -= runs[Run].Length;
        RunOffset = bytes;
    }
}
