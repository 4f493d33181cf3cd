namespace Iscsi.Protocol;

/// <summary>Lists of CHAP_A.</summary>
internal static class ChapAlgorithms
{
    private const int MaxListBytes = 32;

    /// <summary>True when it is allowed and the platform has it.</summary>
    public static bool IsAllowed(this ChapOptions options, ulong algorithm)
    {
        foreach (var own in options.Algorithms)
        {
            if ((byte)own == algorithm) return ChapOptions.SupportedAlgorithms.Contains(own);
        }
        return false;
    }

    /// <summary>Chooses from an offered list: the first that is allowed, or the most wanted one of this side.</summary>
    /// <returns>Null when none is in common, or an element is no number.</returns>
    public static ChapAlgorithm? Choose(this ChapOptions options, ReadOnlySpan<byte> offered)
    {
        ChapAlgorithm? chosen = null;
        var chosenRank = int.MaxValue;
        while (TextValue.TryTakeElement(ref offered, out var element))
        {
            if (TextValue.ReadNumber(element, out var number) != TextFault.None || !options.IsAllowed(number)) continue;
            if (!options.PreferOwnOrder) return (ChapAlgorithm)number;
            var rank = Rank(options.Algorithms, (ChapAlgorithm)number);
            if (rank >= chosenRank) continue;
            chosen = (ChapAlgorithm)number;
            chosenRank = rank;
        }
        return chosen;
    }

    /// <summary>Writes CHAP_A with everything that is allowed.</summary>
    public static void Offer(this ChapOptions options, ref TextBuilder text)
    {
        Span<byte> list = stackalloc byte[MaxListBytes];
        var length = 0;
        foreach (var algorithm in options.Algorithms)
        {
            if (!ChapOptions.SupportedAlgorithms.Contains(algorithm) || length + 2 > list.Length) continue;
            if (length > 0) list[length++] = (byte)',';
            list[length++] = (byte)('0' + (byte)algorithm);
        }
        text.Add(TextKey.ChapAlgorithm, list[..length]);
    }

    private static int Rank(IReadOnlyList<ChapAlgorithm> algorithms, ChapAlgorithm algorithm)
    {
        for (var i = 0; i < algorithms.Count; i++)
        {
            if (algorithms[i] == algorithm) return i;
        }
        return int.MaxValue;
    }
}
