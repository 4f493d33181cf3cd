namespace Iscsi.Protocol;

/// <summary>What an opcode alone tells.</summary>
public static class OpcodeExtensions
{
    // One bit per opcode: a test costs a shift instead of a jump table.
    private const ulong FromInitiator = 0x0001_007FUL; // 0x00 to 0x06, 0x10
    private const ulong FromTarget = (0x7FUL << 0x20) | (0x3UL << 0x31) | (1UL << 0x3F); // 0x20 to 0x26, 0x31, 0x32, 0x3F

    /// <summary>Whether initiators send it.</summary>
    public static bool IsFromInitiator(this Opcode opcode) => ((FromInitiator >> (int)opcode) & 1) != 0 && (byte)opcode < 64;

    /// <summary>Whether targets send it.</summary>
    public static bool IsFromTarget(this Opcode opcode) => ((FromTarget >> (int)opcode) & 1) != 0 && (byte)opcode < 64;

    /// <summary>Checks the opcode of a PDU that a target received.</summary>
    /// <returns>
    /// <see cref="PduFault.None"/>, <see cref="PduFault.ReservedOpcode"/> or <see cref="PduFault.OpcodeOfOtherSide"/>.
    /// </returns>
    public static PduFault ValidateFromInitiator(this Opcode opcode) =>
        opcode.IsFromInitiator() ? PduFault.None : opcode.IsFromTarget() ? PduFault.OpcodeOfOtherSide : PduFault.ReservedOpcode;

    /// <summary>Checks the opcode of a PDU that an initiator received.</summary>
    /// <returns>
    /// <see cref="PduFault.None"/>, <see cref="PduFault.ReservedOpcode"/> or <see cref="PduFault.OpcodeOfOtherSide"/>.
    /// </returns>
    public static PduFault ValidateFromTarget(this Opcode opcode) =>
        opcode.IsFromTarget() ? PduFault.None : opcode.IsFromInitiator() ? PduFault.OpcodeOfOtherSide : PduFault.ReservedOpcode;
}
