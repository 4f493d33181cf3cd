namespace Iscsi.Target.Scsi.PersistentReservations;

// The order of one change, and what a power cut leaves:
//
//     write path.new ─▶ flush path.new ─▶ rename ─▶ flush directory ─▶ GOOD
//     └────────────── the old state ────────────┘ └── either ────────┘ └── the new state
//
// The rename is atomic, and what it puts in place is durable before: so the file is old or new, never neither. A file that is neither
// was damaged by something else, and its checksum says so.

/// <summary>Where the persistent reservation state of a logical unit survives a restart (APTPL).</summary>
internal sealed class PersistentReservationFile(IReplaceableFile file)
{
    /// <summary>Where it is.</summary>
    public string Path => file.Path;

    /// <summary>Reads the state; null: there is none.</summary>
    /// <exception cref="InvalidDataException">The file is damaged.</exception>
    public PersistentReservationState? Load()
    {
        if (file.Read() is not { } bytes) return null;
        return PersistentReservationText.Decode(bytes) ?? throw new InvalidDataException(
            $"The persistent reservations in {Path} are damaged: the checksum does not fit. " +
            "Put the file back from a backup, or make sure that no cluster uses the disk and delete the file: then nobody is registered.");
    }

    /// <summary>Makes a state durable. When it throws, the old state or the new one is on the disk.</summary>
    public void Save(PersistentReservationState state)
    {
        file.WriteTemporary(PersistentReservationText.Encode(state));
        file.FlushTemporary();
        file.Replace();
        file.FlushDirectory();
    }
}
