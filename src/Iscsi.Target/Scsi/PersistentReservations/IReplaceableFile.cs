namespace Iscsi.Target.Scsi.PersistentReservations;

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
