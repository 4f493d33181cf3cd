using System.Text;

namespace Iscsi.Protocol;

/// <content>The keys of a complete request: scanned once for what is wrong and who it is, then negotiated.</content>
public sealed partial class TargetLoginMachine
{
    private TextKey _rejectedKey;

    private LoginFault Process(ReadOnlySpan<byte> text)
    {
        var isFirst = Identity is null;
        var fault = Scan(text, isFirst);
        if (fault == LoginFault.None && isFirst) fault = Identify();
        if (fault != LoginFault.None) return fault;

        var answer = _text.Append();
        if (isFirst) Introduce(ref answer);
        fault = Stage == LoginStage.SecurityNegotiation ? ProcessSecurity(text, ref answer) : ProcessOperational(text, ref answer);
        if (fault != LoginFault.None) return fault;
        return _text.Commit(answer) ? LoginFault.None : LoginFault.TooManyKeys;
    }

    // Syntax, number of keys, keys that came before, keys that only a target sends, and the names.
    private LoginFault Scan(ReadOnlySpan<byte> text, bool isFirst)
    {
        var reader = new TextPairReader(text);
        var count = 0;
        while (reader.TryRead(out var pair))
        {
            if (++count > LoginLimits.MaxKeys) return LoginFault.TooManyKeys;
            if (pair.Key == TextKey.Unknown) continue;
            var row = TextKeyTable.Get(pair.Key);
            if (row.IsOperational) continue; // the negotiation knows best what may come again
            FaultDetail = row.Name;
            if ((row.Senders & TextKeySenders.Initiator) == TextKeySenders.None && row.Rule != NegotiationRule.Obsolete)
            {
                // The only thing an initiator may say about a target's declaration is that it does not know it.
                if (pair.Value.SequenceEqual(TextValue.NotUnderstood)) continue;
                return LoginFault.KeyNotAllowed;
            }
            var bit = 1UL << (int)pair.Key;
            if ((_seenKeys & bit) != 0) return LoginFault.DuplicateKey;
            _seenKeys |= bit;
            if (row.Type == TextValueType.Text && pair.Value.Length > row.Maximum) return LoginFault.BadValue;
            var fault = TakeName(pair, isFirst);
            if (fault != LoginFault.None) return fault;
        }
        FaultDetail = null;
        if (reader.Fault == TextFault.None) return LoginFault.None;
        FaultDetail = reader.Fault.ToString();
        return LoginFault.Text;
    }

    private LoginFault TakeName(in TextPair pair, bool isFirst)
    {
        switch (pair.Key)
        {
            case TextKey.InitiatorAlias:
                _initiatorAlias = Encoding.UTF8.GetString(pair.Value);
                return LoginFault.None;
            case TextKey.InitiatorName or TextKey.TargetName or TextKey.SessionType when !isFirst:
                return LoginFault.KeyNotAllowed;
            case TextKey.InitiatorName:
                _initiatorName = Encoding.UTF8.GetString(pair.Value);
                return IsName(pair.Value) ? LoginFault.None : LoginFault.BadName;
            case TextKey.TargetName:
                _targetName = Encoding.UTF8.GetString(pair.Value);
                return IsName(pair.Value) ? LoginFault.None : LoginFault.BadName;
            case TextKey.SessionType:
                if (pair.Value.SequenceEqual("Discovery"u8)) _sessionType = SessionType.Discovery;
                else if (!pair.Value.SequenceEqual("Normal"u8)) return LoginFault.BadSessionType;
                return LoginFault.None;
            default:
                return LoginFault.None;
        }
    }

    // Not the formats of 4.2.7: names without iqn. are in use, and only equality matters here. But no control characters, for the logs.
    private static bool IsName(ReadOnlySpan<byte> name) => !name.IsEmpty && name.IndexOfAnyInRange((byte)0, (byte)' ') < 0;

    private LoginFault Identify()
    {
        if (_initiatorName is null) return LoginFault.MissingInitiatorName;
        if (_targetName is null && _sessionType == SessionType.Normal) return LoginFault.MissingTargetName;
        Identity = new(_initiatorName, _initiatorAlias, _targetName, _sessionType, _request.Isid, _request.Tsih, _request.Cid);
        _decision = _policy.Identify(Identity.Value);
        if (_decision.Status.IsRedirection()) return LoginFault.Redirected;
        if (_decision.Status != LoginStatus.Success) return LoginFault.Refused;
        if (_decision.Authentication is { } requirement) _chap = new ChapTargetMachine(requirement);
        if (_chap is not null && Stage != LoginStage.SecurityNegotiation) return LoginFault.AuthenticationRequired;
        _negotiator = new OperationalNegotiator(
            _decision.Offer, _sessionType, isLeading: _request.Tsih == 0, _decision.SessionParameters ?? NegotiatedParameters.Default);
        return LoginFault.None;
    }

    // TargetPortalGroupTag belongs into the first response of a session with a target (13.9).
    private void Introduce(ref TextBuilder answer)
    {
        if (_sessionType == SessionType.Normal) answer.Add(TextKey.TargetPortalGroupTag, _decision!.TargetPortalGroupTag);
        if (_decision!.TargetAlias is { } alias) answer.Add(TextKey.TargetAlias, alias);
    }

    private LoginFault ProcessSecurity(ReadOnlySpan<byte> text, ref TextBuilder answer)
    {
        var chapKeys = new ChapKeys();
        var reader = new TextPairReader(text);
        while (reader.TryRead(out var pair))
        {
            if (AnswerAnyStage(pair, ref answer) || chapKeys.TryTake(pair)) continue;
            FaultDetail = TextKeyTable.Get(pair.Key).Name;
            if (pair.Key != TextKey.AuthMethod)
                return TextKeyTable.Get(pair.Key).Use == TextKeyUse.Security ? LoginFault.AuthenticationSequence : LoginFault.KeyNotAllowed;
            var fault = ChooseAuthMethod(pair.Value, ref answer);
            if (fault != LoginFault.None) return fault;
        }
        FaultDetail = null;
        if (!chapKeys.IsEmpty)
        {
            FaultDetail = "CHAP";
            if (_authMethod != AuthMethod.Chap) return LoginFault.AuthenticationSequence;
            // Each step may bring its keys again: the order is the machine's to check.
            _seenKeys &= ~ChapKeyBits;
            var fault = _chap!.Receive(chapKeys, ref answer);
            if (fault != LoginFault.None) return fault;
            FaultDetail = null;
        }
        _mayTransit = _chap is null || _chap.IsDone;
        if (_request.IsTransit && !_mayTransit && _authMethod == AuthMethod.Undecided) return LoginFault.AuthenticationRequired;
        return LoginFault.None;
    }

    private const ulong ChapKeyBits = (1UL << (int)TextKey.ChapAlgorithm) | (1UL << (int)TextKey.ChapIdentifier)
        | (1UL << (int)TextKey.ChapChallenge) | (1UL << (int)TextKey.ChapName) | (1UL << (int)TextKey.ChapResponse);

    // The first method of the list that is supported, and allowed to this initiator (6.2.1).
    private LoginFault ChooseAuthMethod(ReadOnlySpan<byte> list, ref TextBuilder answer)
    {
        if (TextValue.CheckList(list) != TextFault.None) return LoginFault.BadValue;
        var method = _chap is null ? TextValue.None : "CHAP"u8;
        if (!TextValue.ListContains(list, method)) return LoginFault.AuthenticationRequired;
        answer.Add(TextKey.AuthMethod, method);
        _authMethod = _chap is null ? AuthMethod.None : AuthMethod.Chap;
        return LoginFault.None;
    }

    private LoginFault ProcessOperational(ReadOnlySpan<byte> text, ref TextBuilder answer)
    {
        var reader = new TextPairReader(text);
        while (reader.TryRead(out var pair))
        {
            if (AnswerAnyStage(pair, ref answer)) continue;
            var row = TextKeyTable.Get(pair.Key);
            FaultDetail = row.Name;
            if (!row.IsOperational) return LoginFault.KeyNotAllowed;
            _rejectedKey = row.Key;
            var fault = _negotiator!.Receive(row, pair.Value);
            if (fault != LoginFault.None) return fault;
        }
        FaultDetail = null;
        _negotiator!.AnswerAll(ref answer);
        _mayTransit = _request.IsTransit;
        if (_mayTransit && !_hasOfferedWhereSilent)
        {
            // Once: an initiator that leaves these offers unanswered, too, gets the defaults, and the policy sees them.
            _hasOfferedWhereSilent = true;
            _mayTransit = !_negotiator.OfferWhereSilent(ref answer);
        }
        return LoginFault.None;
    }

    // Keys that need no stage: names (taken by the scan), unknown ones, obsolete ones, and SendTargets, which login has no use for.
    private static bool AnswerAnyStage(in TextPair pair, ref TextBuilder answer)
    {
        if (pair.Key == TextKey.Unknown)
        {
            if (!pair.Value.SequenceEqual(TextValue.NotUnderstood)) answer.Add(pair.Name, TextValue.NotUnderstood);
            return true;
        }
        var row = TextKeyTable.Get(pair.Key);
        if (row.IsAnyStage) return true;
        switch (row.Rule)
        {
            case NegotiationRule.Obsolete:
                // 13.25: Reject, or for the booleans No, which every initiator that still sends them expects.
                answer.Add(row.Key, row.Type == TextValueType.Boolean ? TextValue.No : TextValue.Reject);
                return true;
            case NegotiationRule.Query:
                answer.Add(row.Key, TextValue.Reject);
                return true;
            default:
                return (row.Senders & TextKeySenders.Initiator) == TextKeySenders.None; // the scan let only NotUnderstood pass
        }
    }
}
