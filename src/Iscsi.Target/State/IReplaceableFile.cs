namespace Iscsi.Target.State;

/// <summary>
/// A small file that is replaced as a whole. The four steps are apart so that a test can cut the power between, and inside, them.
/// </summary>
internal interface IReplaceableFile
{
    /// <summary>Where it is, for messages.</summary>
    string Path { get; }

    /// <summary>The content; null: there is no such file.</summary>
    byte[]? Read();

    /// <summary>Writes the new content beside the file.</summary>
    void WriteTemporary(ReadOnlySpan<byte> content);

    /// <summary>Makes the new content durable.</summary>
    void FlushTemporary();

    /// <summary>Puts the new file in the place of the old one.</summary>
    void Replace();

    /// <summary>Makes the replacement durable.</summary>
    void FlushDirectory();
}

// The order of one change, and what a power cut leaves:
//
//     write path.new ─▶ flush path.new ─▶ rename ─▶ flush directory ─▶ done
//     └────────────── the old content ──────────┘ └── either ────────┘ └── the new content
//
// The rename is atomic, and what it puts in place is durable before: so the file is old or new, never neither. A file that is neither
// was damaged by something else, and its checksum says so.

/// <summary>The four steps in their order.</summary>
internal static class ReplaceableFiles
{
    /// <summary>Makes a content durable. When it throws, the old content or the new one is on the disk.</summary>
    public static void Save(this IReplaceableFile file, ReadOnlySpan<byte> content)
    {
        file.WriteTemporary(content);
        file.FlushTemporary();
        file.Replace();
        file.FlushDirectory();
    }
}
