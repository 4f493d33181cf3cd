using System.Text;

namespace Iscsi.Protocol;

/// <summary>
/// Reads a SendTargets answer PDU by PDU. Bounded: a pair has at most 512 bytes, and the caller says how many pairs it takes.
/// </summary>
public sealed class SendTargetsReader
{
    private const int MaxPairBytes = 512;

    private readonly int _maxPairs;
    private readonly byte[] _carry = new byte[MaxPairBytes];
    private readonly List<SendTargetsEntry> _targets = [];
    private int _carryLength;
    private int _pairCount;
    private List<SendTargetsPortal>? _portals;

    /// <summary>Creates a reader.</summary>
    /// <param name="maxPairs">Names and addresses that are taken before the answer counts as a fault. Default 65536.</param>
    public SendTargetsReader(int maxPairs = 65536) => _maxPairs = maxPairs;

    /// <summary>The targets so far. One without portals is reached where the answer came from.</summary>
    public IReadOnlyList<SendTargetsEntry> Targets => _targets;

    /// <summary>Takes the text of a PDU.</summary>
    /// <param name="text">The data segment, without padding.</param>
    /// <returns>None, or why the answer can't be read; nothing more is taken then.</returns>
    public TextFault Feed(ReadOnlySpan<byte> text)
    {
        while (!text.IsEmpty)
        {
            var end = text.IndexOf((byte)0);
            var part = end < 0 ? text : text[..end];
            if (part.Length >= MaxPairBytes - _carryLength) return TextFault.ValueTooLong;
            part.CopyTo(_carry.AsSpan(_carryLength));
            _carryLength += part.Length;
            if (end < 0) return TextFault.None;
            _carry[_carryLength++] = 0;
            var fault = Take(_carry.AsSpan(0, _carryLength));
            if (fault != TextFault.None) return fault;
            _carryLength = 0;
            text = text[(end + 1)..];
        }
        return TextFault.None;
    }

    /// <summary>Ends the answer: None, or NotTerminated when it stopped within a pair.</summary>
    public TextFault Finish() => _carryLength == 0 ? TextFault.None : TextFault.NotTerminated;

    private TextFault Take(ReadOnlySpan<byte> text)
    {
        var reader = new TextPairReader(text);
        if (!reader.TryRead(out var pair)) return reader.Fault;
        if (++_pairCount > _maxPairs) return TextFault.ValueTooLong;
        if (pair.Key == TextKey.TargetName)
        {
            _portals = [];
            _targets.Add(new(Encoding.UTF8.GetString(pair.Value), _portals));
        }
        else if (pair.Key == TextKey.TargetAddress && _portals is not null)
        {
            return TakeAddress(pair.Value);
        }
        return TextFault.None;
    }

    private TextFault TakeAddress(ReadOnlySpan<byte> value)
    {
        var comma = value.LastIndexOf((byte)',');
        uint tag = 0;
        if (comma >= 0)
        {
            var fault = TextValue.ReadNumber(value[(comma + 1)..], 0, 65535, out tag);
            if (fault != TextFault.None) return fault;
            value = value[..comma];
        }
        _portals!.Add(new(Encoding.UTF8.GetString(value), (ushort)tag));
        return TextFault.None;
    }
}
