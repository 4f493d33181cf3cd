using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using Iscsi.Protocol.Scsi;

namespace Iscsi.Target.Scsi.Media;

/// <summary>An operation on a whole medium: what SANITIZE or FORMAT UNIT asked for. A value; how far it is stands in <see cref="MediumPosition"/>.</summary>
/// <param name="Work">What is done.</param>
internal sealed record MediumOperation(MediumWork Work)
{
    /// <summary>OVERWRITE COUNT allows that many (SBC-3).</summary>
    public const int MaxPasses = 31;

    private const string NoPattern = "-";

    /// <summary>AUSE: EXIT FAILURE MODE may end a failure of it.</summary>
    public bool AllowsUnrestrictedExit { get; init; }

    /// <summary>How often every block is written, 1 to <see cref="MaxPasses"/>.</summary>
    public int Passes { get; init; } = 1;

    /// <summary>INVERT: from pass to pass the bits of the pattern are inverted. The last pass writes the pattern itself (SBC-4).</summary>
    public bool Inverts { get; init; }

    /// <summary>What is written, repeated from the start of every block; at most a block. Empty: blocks are deallocated and read as zeroes.</summary>
    public byte[] Pattern { get; init; } = [];

    /// <summary>Whether it is a sanitize operation.</summary>
    public bool IsSanitize => Work is MediumWork.SanitizeOverwrite or MediumWork.SanitizeBlockErase;

    /// <summary>Whether blocks are deallocated instead of written.</summary>
    public bool Deallocates => Pattern.Length == 0;

    /// <summary>What other commands are told while it runs.</summary>
    public AdditionalSense InProgress => IsSanitize ? AdditionalSense.SanitizeInProgress : AdditionalSense.FormatInProgress;

    /// <summary>What other commands are told when it has failed.</summary>
    public AdditionalSense Failed => IsSanitize ? AdditionalSense.SanitizeCommandFailed : AdditionalSense.MediumFormatCorrupted;

    /// <summary>What its own command is told when it fails.</summary>
    public AdditionalSense CommandFailed => IsSanitize ? AdditionalSense.SanitizeCommandFailed : AdditionalSense.FormatCommandFailed;

    /// <summary>Fills memory of whole blocks with what a pass writes.</summary>
    /// <param name="blocks">Whole blocks.</param>
    /// <param name="blockSize">Bytes of a block.</param>
    /// <param name="pass">The pass, counted from 0.</param>
    public void Fill(Span<byte> blocks, int blockSize, int pass)
    {
        var invert = Inverts && (Passes - 1 - pass) % 2 != 0 ? (byte)0xFF : (byte)0;
        var block = blocks[..blockSize];
        for (var i = 0; i < blockSize; i++) block[i] = (byte)(Pattern[i % Pattern.Length] ^ invert);
        for (var at = blockSize; at < blocks.Length; at += blockSize) block.CopyTo(blocks[at..]);
    }

    // work, restricted | unrestricted, passes, same | inverted, pattern in hexadecimal or -, running | failed, pass, LBA:
    //
    //     sanitize-overwrite restricted 3 inverted 00ff running 1 2097152

    /// <summary>The operation with its state, as a line.</summary>
    public string ToText(MediumPosition position, bool hasFailed) => string.Create(
        CultureInfo.InvariantCulture,
        $"{Name(Work)} {(AllowsUnrestrictedExit ? "unrestricted" : "restricted")} {Passes} {(Inverts ? "inverted" : "same")} {(Deallocates ? NoPattern : Convert.ToHexStringLower(Pattern))} {(hasFailed ? "failed" : "running")} {position.Pass} {position.Lba}");

    /// <summary>Reads what <see cref="ToText"/> wrote.</summary>
    public static bool TryParse(string text, [NotNullWhen(true)] out MediumOperation? operation, out MediumPosition position, out bool hasFailed)
    {
        operation = null;
        position = default;
        hasFailed = false;
        var parts = text.Split(' ');
        if (parts.Length != 8 || !TryParseWork(parts[0], out var work)) return false;
        if (parts[1] is not ("restricted" or "unrestricted") || parts[3] is not ("same" or "inverted") || parts[5] is not ("running" or "failed")) return false;
        if (!TryParse(parts[2], MaxPasses, out var passes) || passes == 0 || !TryParse(parts[6], passes, out var pass)) return false;
        if (!TryParse(parts[7], long.MaxValue, out var lba) || !TryParsePattern(parts[4], out var pattern)) return false;
        operation = new MediumOperation(work)
        {
            AllowsUnrestrictedExit = parts[1] == "unrestricted",
            Passes = (int)passes,
            Inverts = parts[3] == "inverted",
            Pattern = pattern,
        };
        position = new MediumPosition((int)pass, lba);
        hasFailed = parts[5] == "failed";
        return true;
    }

    /// <summary>For a log.</summary>
    public override string ToString() => Name(Work);

    private static string Name(MediumWork work) => work switch
    {
        MediumWork.SanitizeOverwrite => "sanitize-overwrite",
        MediumWork.SanitizeBlockErase => "sanitize-block-erase",
        _ => "format",
    };

    private static bool TryParseWork(string text, out MediumWork work)
    {
        foreach (var one in (ReadOnlySpan<MediumWork>)[MediumWork.SanitizeOverwrite, MediumWork.SanitizeBlockErase, MediumWork.Format])
        {
            work = one;
            if (string.Equals(text, Name(one), StringComparison.Ordinal)) return true;
        }
        work = default;
        return false;
    }

    private static bool TryParse(string text, long maximum, out long value) =>
        long.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out value) && value <= maximum;

    private static bool TryParsePattern(string text, out byte[] pattern)
    {
        pattern = [];
        if (text == NoPattern) return true;
        if (text.Length is 0 or > 2 * 4096 || text.Length % 2 != 0) return false;
        var bytes = new byte[text.Length / 2];
        if (Convert.FromHexString(text, bytes, out _, out var written) != System.Buffers.OperationStatus.Done || written != bytes.Length) return false;
        pattern = bytes;
        return true;
    }
}

/// <summary>How far an operation is: everything before it is done.</summary>
/// <param name="Pass">The pass, counted from 0.</param>
/// <param name="Lba">The block that is next in the pass.</param>
internal readonly record struct MediumPosition(int Pass, long Lba);
