using System.Collections.Immutable;
using System.Globalization;
using System.Text;
using Iscsi.Target.State;

namespace Iscsi.Target.Scsi.PersistentReservations;

// The state file: lines of UTF-8, so that a person can read what blocks a disk.
//
//     iscsinet persistent reservations 1
//     persist yes
//     reservation 5 1                                                      type, and the number of the holder's line below
//     registration 1122334455667788 1 400000370000 iqn.2026-11.example:a   key, target port, ISID, initiator name
//     sha256 <64 hexadecimal digits over everything above>
//
// "reservation none" without one, "reservation 7 all" when all registrants hold it. PRGENERATION is not kept: it starts at zero after
// every start (SPC-4, READ KEYS parameter data).

/// <summary>The persistent reservation state as bytes of a file, with a checksum over all of them.</summary>
internal static class PersistentReservationText
{
    private const string Title = "iscsinet persistent reservations 1";

    /// <summary>Writes a state.</summary>
    public static byte[] Encode(PersistentReservationState state)
    {
        var text = new StringBuilder();
        // APTPL zero: nothing survives a restart (SPC-4).
        var registrations = state.PersistsThroughPowerLoss ? state.Registrations : [];
        var type = state.PersistsThroughPowerLoss ? state.Type : PersistentReservationType.None;
        text.Append(Title).Append('\n');
        text.Append("persist ").Append(state.PersistsThroughPowerLoss ? "yes" : "no").Append('\n');
        text.Append(CultureInfo.InvariantCulture, $"reservation {Reservation(state, type)}\n");
        foreach (var (nexus, key) in registrations)
        {
            text.Append(
                CultureInfo.InvariantCulture,
                $"registration {key:x16} {nexus.TargetPort} {nexus.InitiatorSessionId:x12} {nexus.InitiatorName}\n");
        }
        return ChecksummedText.Encode(text.ToString());
    }

    /// <summary>Reads a state; null: the bytes are not a whole file.</summary>
    public static PersistentReservationState? Decode(ReadOnlySpan<byte> bytes)
    {
        if (ChecksummedText.Decode(bytes) is not { } body) return null;
        var lines = body.Split('\n');
        // The last line ends with a line feed too.
        if (lines.Length < 4 || lines[0] != Title || lines[^1].Length != 0) return null;
        var persists = lines[1] == "persist yes";
        if (!persists && lines[1] != "persist no") return null;
        var registrations = ImmutableArray.CreateBuilder<PersistentReservationRegistration>();
        foreach (var line in lines.AsSpan(3..^1))
        {
            if (Registration(line) is not { } registration) return null;
            if (registrations.Any(r => r.Nexus.Equals(registration.Nexus))) return null;
            registrations.Add(registration);
        }
        if (!TryReservation(lines[2], registrations, out var type, out var holder)) return null;
        return new PersistentReservationState(0, persists, registrations.ToImmutable(), type, holder);
    }

    private static string Reservation(PersistentReservationState state, PersistentReservationType type)
    {
        if (type == PersistentReservationType.None) return "none";
        var number = state.Holder is null
            ? "all"
            : (1 + state.Registrations.Select(r => r.Nexus).ToList().IndexOf(state.Holder)).ToString(CultureInfo.InvariantCulture);
        return string.Create(CultureInfo.InvariantCulture, $"{(byte)type} {number}");
    }

    private static PersistentReservationRegistration? Registration(string line)
    {
        var fields = line.Split(' ', 5);
        if (fields.Length != 5 || fields[0] != "registration" || !IscsiTransportId.IsName(fields[4])) return null;
        if (!ulong.TryParse(fields[1], NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out var key) || key == 0) return null;
        if (!ushort.TryParse(fields[2], NumberStyles.None, CultureInfo.InvariantCulture, out var targetPort)) return null;
        if (!ulong.TryParse(fields[3], NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out var isid)) return null;
        return new PersistentReservationRegistration(new NexusName(fields[4], isid, targetPort), key);
    }

    private static bool TryReservation(
        string line,
        ImmutableArray<PersistentReservationRegistration>.Builder registrations,
        out PersistentReservationType type,
        out NexusName? holder)
    {
        type = PersistentReservationType.None;
        holder = null;
        if (line == "reservation none") return true;
        var fields = line.Split(' ');
        if (fields.Length != 3 || fields[0] != "reservation") return false;
        if (!byte.TryParse(fields[1], NumberStyles.None, CultureInfo.InvariantCulture, out var value)) return false;
        if (!PersistentReservationTypes.IsValid(value)) return false;
        type = (PersistentReservationType)value;
        if (type.IsAllRegistrants()) return fields[2] == "all" && registrations.Count > 0;
        if (!int.TryParse(fields[2], NumberStyles.None, CultureInfo.InvariantCulture, out var number)) return false;
        if (number < 1 || number > registrations.Count) return false;
        holder = registrations[number - 1].Nexus;
        return true;
    }
}
