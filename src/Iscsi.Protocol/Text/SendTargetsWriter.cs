using System.Text;

namespace Iscsi.Protocol;

/// <summary>
/// Writes a SendTargets answer of any length PDU by PDU (RFC 7143, appendix C), so that a discovery session needs memory for one PDU
/// only. Pairs are kept whole where a PDU has room for one; a smaller PDU splits them, as 6.1 allows.
/// </summary>
public sealed class SendTargetsWriter : IDisposable
{
    // The longest pair: TargetAddress= with 249 bytes, a comma, five digits, NUL; or TargetName= with 223 bytes.
    private const int MaxPairBytes = 512;

    private readonly IEnumerator<SendTargetsEntry> _targets;
    private readonly byte[] _pair = new byte[MaxPairBytes];
    private int _pairLength;
    private int _pairWritten;
    private IReadOnlyList<SendTargetsPortal> _portals = [];
    private int _nextPortal;

    /// <summary>Writes the targets of a sequence, which is read as far as PDUs are asked for.</summary>
    /// <param name="targets">The targets; disposed with this.</param>
    public SendTargetsWriter(IEnumerable<SendTargetsEntry> targets)
    {
        ArgumentNullException.ThrowIfNull(targets);
        _targets = targets.GetEnumerator();
        Prepare();
    }

    /// <summary>Writes the next PDU's text.</summary>
    /// <param name="destination">The data segment: at most the initiator's MaxRecvDataSegmentLength; not empty.</param>
    public SendTargetsPart Next(Span<byte> destination)
    {
        if (destination.IsEmpty) throw new ArgumentException("There must be room for text.", nameof(destination));
        var written = 0;
        while (_pairLength > 0)
        {
            var rest = _pair.AsSpan(_pairWritten, _pairLength - _pairWritten);
            if (rest.Length > destination.Length - written)
            {
                if (written > 0) break;
                rest = rest[..destination.Length];
            }
            rest.CopyTo(destination[written..]);
            written += rest.Length;
            _pairWritten += rest.Length;
            if (_pairWritten < _pairLength) break;
            Prepare();
        }
        return new(written, _pairLength > 0);
    }

    /// <summary>Ends the enumeration.</summary>
    public void Dispose() => _targets.Dispose();

    // Puts the next pair into the buffer; none leaves it empty.
    private void Prepare()
    {
        var text = new TextBuilder(_pair);
        _pairWritten = 0;
        if (_nextPortal < _portals.Count)
        {
            var portal = _portals[_nextPortal++];
            text.Add(TextKey.TargetAddress, $"{portal.Address},{portal.TargetPortalGroupTag}");
        }
        else if (_targets.MoveNext())
        {
            _portals = _targets.Current.Portals;
            _nextPortal = 0;
            text.Add(TextKey.TargetName, _targets.Current.TargetName);
        }
        if (text.IsOverflowed) throw new InvalidOperationException("A target's name or address is longer than RFC 7143 allows.");
        _pairLength = text.LengthBytes;
    }
}
