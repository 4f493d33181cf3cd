namespace Iscsi.Protocol.Scsi;

// SAM-5: the LUN field. First two bytes, the others zero for a single level:
//
//   peripheral device addressing   | 00b | BUS IDENTIFIER 0 (6) | TARGET OR LUN (8) |    LUN 0 to 255
//   flat space addressing          | 01b | LUN (14)                                 |    LUN 0 to 16383

/// <summary>The 8-byte LUN field (SAM-5): peripheral and flat space addressing of a single level.</summary>
public static class LogicalUnitNumber
{
    /// <summary>The largest LUN.</summary>
    public const int Max = 0x3FFF;

    private const ulong PeripheralDevice = 0x0;
    private const ulong FlatSpace = 0x1;

    /// <summary>Reads a LUN field.</summary>
    /// <param name="field">The 8 bytes, big-endian.</param>
    /// <param name="number">The LUN.</param>
    /// <returns>False: another addressing method, a bus, or more than one level.</returns>
    public static bool TryDecode(ulong field, out int number)
    {
        number = (int)(field >> 48) & Max;
        if ((field & 0x0000_FFFF_FFFF_FFFF) != 0) return false;
        return (field >> 62) switch
        {
            PeripheralDevice => number <= 0xFF,
            FlatSpace => true,
            _ => false,
        };
    }

    /// <summary>Writes a LUN field: peripheral addressing up to 255, flat space above.</summary>
    /// <param name="number">0 to <see cref="Max"/>.</param>
    public static ulong Encode(int number)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(number);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(number, Max);
        return (number <= 0xFF ? (ulong)number : (FlatSpace << 14) | (ulong)number) << 48;
    }
}
