using System.Text;

namespace Iscsi.Protocol;

/// <summary>What SendTargets asks for (RFC 7143, appendix C).</summary>
public enum SendTargetsScope : byte
{
    /// <summary>The request has no SendTargets.</summary>
    None,

    /// <summary>All: every target the initiator may see. Discovery sessions only.</summary>
    All,

    /// <summary>One target, by name.</summary>
    Named,

    /// <summary>Nothing: the target of this session. Normal sessions only.</summary>
    Current,
}

/// <summary>What a Text Request in full feature phase says.</summary>
/// <param name="Fault">Why the text cannot be read; the request is answered with a Reject then, and nothing else here holds.</param>
/// <param name="SendTargets">What SendTargets asks for.</param>
/// <param name="TargetName">The name, when it asks for one.</param>
/// <param name="MaxRecvDataSegmentLength">What the initiator declares anew for this connection, in bytes; null when it does not.</param>
public readonly record struct FullFeatureTextResult(
    TextFault Fault, SendTargetsScope SendTargets, string? TargetName, int? MaxRecvDataSegmentLength);

/// <summary>The target's side of text negotiation in full feature phase (RFC 7143, 11.10 and 13).</summary>
public static class FullFeatureText
{
    /// <summary>
    /// Reads a complete Text Request, and answers what needs no decision: keys that belong to login are rejected, unknown ones not
    /// understood. The answer to SendTargets is the caller's: a <see cref="SendTargetsWriter"/>.
    /// </summary>
    /// <param name="text">The text, C=1 parts joined.</param>
    /// <param name="sessionType">Type of the session: All is for discovery, an empty value for normal sessions (13.3).</param>
    /// <param name="answer">Receives the answers.</param>
    public static FullFeatureTextResult Read(ReadOnlySpan<byte> text, SessionType sessionType, ref TextBuilder answer)
    {
        var reader = new TextPairReader(text);
        var result = new FullFeatureTextResult();
        ulong seen = 0;
        var count = 0;
        while (reader.TryRead(out var pair))
        {
            if (++count > LoginLimits.MaxKeys) return Faulty(TextFault.ValueTooLong);
            if (pair.Key == TextKey.Unknown)
            {
                if (!pair.Value.SequenceEqual(TextValue.NotUnderstood)) answer.Add(pair.Name, TextValue.NotUnderstood);
                continue;
            }
            var bit = 1UL << (int)pair.Key;
            if ((seen & bit) != 0) return Faulty(TextFault.DuplicateKey);
            seen |= bit;
            var row = TextKeyTable.Get(pair.Key);
            switch (pair.Key)
            {
                case TextKey.SendTargets:
                    result = ReadSendTargets(result, pair.Value, sessionType);
                    if (result.SendTargets == SendTargetsScope.None) answer.Add(row.Key, TextValue.Reject);
                    break;
                case TextKey.MaxRecvDataSegmentLength:
                    var fault = TextValue.ReadNumber(pair.Value, row.Minimum, row.Maximum, out var length);
                    if (fault != TextFault.None) return Faulty(fault);
                    result = result with { MaxRecvDataSegmentLength = (int)length };
                    break;
                case TextKey.InitiatorAlias:
                    break;
                default:
                    answer.Add(row.Key, TextValue.Reject);
                    break;
            }
        }
        return reader.Fault == TextFault.None ? result : Faulty(reader.Fault);
    }

    private static FullFeatureTextResult Faulty(TextFault fault) => new(fault, SendTargetsScope.None, null, null);

    private static FullFeatureTextResult ReadSendTargets(FullFeatureTextResult result, ReadOnlySpan<byte> value, SessionType sessionType)
    {
        var isDiscovery = sessionType == SessionType.Discovery;
        if (value.IsEmpty) return isDiscovery ? result : result with { SendTargets = SendTargetsScope.Current };
        if (value.SequenceEqual("All"u8)) return isDiscovery ? result with { SendTargets = SendTargetsScope.All } : result;
        if (value.Length > TextKeyTable.Get(TextKey.SendTargets).Maximum) return result;
        return result with { SendTargets = SendTargetsScope.Named, TargetName = Encoding.UTF8.GetString(value) };
    }
}
