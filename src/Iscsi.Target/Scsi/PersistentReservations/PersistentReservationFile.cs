using Iscsi.Target.State;

namespace Iscsi.Target.Scsi.PersistentReservations;

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
    public void Save(PersistentReservationState state) => file.Save(PersistentReservationText.Encode(state));
}
