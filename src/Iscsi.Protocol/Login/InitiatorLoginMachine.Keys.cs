using System.Text;

namespace Iscsi.Protocol;

/// <content>What each stage says, and what it makes of a complete response.</content>
public sealed partial class InitiatorLoginMachine
{
    private void Introduce(ref TextBuilder text)
    {
        text.Add(TextKey.InitiatorName, _options.InitiatorName);
        if (_options.InitiatorAlias is { } alias) text.Add(TextKey.InitiatorAlias, alias);
        if (_options.TargetName is { } target) text.Add(TextKey.TargetName, target);
        text.Add(TextKey.SessionType, _options.SessionType == SessionType.Discovery ? "Discovery"u8 : "Normal"u8);
    }

    private void EnterSecurity(ref TextBuilder text)
    {
        Stage = LoginStage.SecurityNegotiation;
        _nextStage = _options.SkipOperationalStage ? LoginStage.FullFeaturePhase : LoginStage.LoginOperationalNegotiation;
        // With CHAP on offer the stage cannot end with the first answer.
        _wantsTransit = _chap is null;
        text.Add(TextKey.AuthMethod, _chap is null ? TextValue.None : IsNoneAllowed ? "CHAP,None"u8 : "CHAP"u8);
    }

    // A target that must show who it is cannot be let off.
    private bool IsNoneAllowed => _chap is null || (_options.AllowNoAuthentication && _options.MutualChap is null);

    private void EnterOperational(ref TextBuilder text)
    {
        Stage = LoginStage.LoginOperationalNegotiation;
        _nextStage = LoginStage.FullFeaturePhase;
        _wantsTransit = true;
        if (!_options.SkipOperationalStage) _negotiator.OfferAll(ref text);
    }

    private LoginFault Process(ReadOnlySpan<byte> text, in LoginResponseFields response, out bool isComplete)
    {
        isComplete = false;
        var answer = _text.Append();
        var fault = Stage == LoginStage.SecurityNegotiation
            ? ProcessSecurity(text, response, ref answer)
            : ProcessOperational(text, response, ref answer);
        if (fault != LoginFault.None) return fault;
        if (response.IsTransit)
        {
            isComplete = response.NextStage == LoginStage.FullFeaturePhase;
            // What would still have to be answered in a stage that the target has left was no question to begin with.
            if (isComplete) return Finish();
            answer = _text.Append();
            EnterOperational(ref answer);
        }
        return _text.Commit(answer) ? LoginFault.None : LoginFault.TooManyKeys;
    }

    private LoginFault ProcessSecurity(ReadOnlySpan<byte> text, in LoginResponseFields response, ref TextBuilder answer)
    {
        var chapKeys = new ChapKeys();
        var wasChapChosen = _isChapChosen;
        var reader = new TextPairReader(text);
        var count = 0;
        while (reader.TryRead(out var pair))
        {
            var fault = CheckPair(pair, ++count);
            if (fault != LoginFault.None) return fault;
            if (TakeAnyStage(pair, ref answer) || chapKeys.TryTake(pair)) continue;
            if (pair.Key != TextKey.AuthMethod) return LoginFault.KeyNotAllowed;
            fault = TakeAuthMethod(pair.Value);
            if (fault != LoginFault.None) return fault;
        }
        if (reader.Fault != TextFault.None) return TextFailure(reader.Fault);
        FaultDetail = null;

        if (!chapKeys.IsEmpty)
        {
            FaultDetail = "CHAP";
            if (!wasChapChosen) return LoginFault.AuthenticationSequence;
            _seenKeys = 0; // each step may bring its keys again: the order is the machine's to check
            var fault = _chap!.Receive(chapKeys, ref answer);
            if (fault != LoginFault.None) return fault;
            FaultDetail = null;
        }
        else if (_isChapChosen && !wasChapChosen)
        {
            _chap!.Start(ref answer);
        }

        // Silence about AuthMethod means None, where that is enough.
        if (!_isChapChosen && !_isAuthMethodSettled && !IsNoneAllowed) return LoginFault.AuthenticationRequired;
        _wantsTransit = !_isChapChosen || _chap!.IsReadyToTransit;
        return response.IsTransit && _isChapChosen && !_chap!.IsDone ? LoginFault.AuthenticationRequired : LoginFault.None;
    }

    private LoginFault TakeAuthMethod(ReadOnlySpan<byte> method)
    {
        if (_isAuthMethodSettled) return LoginFault.DuplicateKey;
        _isAuthMethodSettled = true;
        if (_chap is not null && method.SequenceEqual("CHAP"u8))
        {
            _isChapChosen = true;
            return LoginFault.None;
        }
        if (!method.SequenceEqual(TextValue.None)) return LoginFault.BadAnswer;
        return IsNoneAllowed ? LoginFault.None : LoginFault.AuthenticationRequired;
    }

    private LoginFault ProcessOperational(ReadOnlySpan<byte> text, in LoginResponseFields response, ref TextBuilder answer)
    {
        var reader = new TextPairReader(text);
        var count = 0;
        while (reader.TryRead(out var pair))
        {
            var fault = CheckPair(pair, ++count);
            if (fault != LoginFault.None) return fault;
            if (TakeAnyStage(pair, ref answer)) continue;
            var row = TextKeyTable.Get(pair.Key);
            if (!row.IsOperational) return LoginFault.KeyNotAllowed;
            fault = _negotiator.Receive(row, pair.Value);
            if (fault != LoginFault.None) return fault;
        }
        if (reader.Fault != TextFault.None) return TextFailure(reader.Fault);
        FaultDetail = null;
        if (!response.IsTransit)
        {
            if (_negotiator.HasQuestions) _negotiator.AnswerAll(ref answer);
            return LoginFault.None;
        }
        // The target ended the stage: a question of its own can't be answered any more.
        return _negotiator.HasQuestions ? LoginFault.BadResponse : LoginFault.None;
    }

    private LoginFault Finish()
    {
        var open = _negotiator.Finish(isTarget: false, out var openKey);
        if (open != LoginFault.None) FaultDetail = TextKeyTable.Get(openKey).Name;
        return open;
    }

    private LoginFault CheckPair(in TextPair pair, int count)
    {
        if (count > LoginLimits.MaxKeys) return LoginFault.TooManyKeys;
        FaultDetail = pair.NameText;
        if (pair.Key == TextKey.Unknown) return LoginFault.None;
        var row = TextKeyTable.Get(pair.Key);
        // TargetAddress is the one key that may come again (6.2); aliases and tags do in targets that introduce themselves in each stage.
        if (row.IsOperational || row.IsAnyStage || row.Rule == NegotiationRule.Obsolete) return LoginFault.None;
        var bit = 1UL << (int)pair.Key;
        if ((_seenKeys & bit) != 0) return LoginFault.DuplicateKey;
        _seenKeys |= bit;
        return LoginFault.None;
    }

    // Keys that need no stage; what is said about this side's declarations (a NotUnderstood) changes nothing.
    private bool TakeAnyStage(in TextPair pair, ref TextBuilder answer)
    {
        switch (pair.Key)
        {
            case TextKey.Unknown:
                if (!TextValue.IsReservedAnswer(pair.Value)) answer.Add(pair.Name, TextValue.NotUnderstood);
                return true;
            case TextKey.TargetAlias:
                if (pair.Value.Length <= TextPairReader.MaxSimpleValueBytes) TargetAlias = Encoding.UTF8.GetString(pair.Value);
                return true;
            case TextKey.TargetPortalGroupTag:
                if (TextValue.ReadNumber(pair.Value, 0, 65535, out var tag) == TextFault.None) TargetPortalGroupTag = (ushort)tag;
                return true;
            default:
                break;
        }
        var row = TextKeyTable.Get(pair.Key);
        if (row.Rule == NegotiationRule.Obsolete)
        {
            if (!TextValue.IsReservedAnswer(pair.Value)) AnswerObsolete(row, ref answer);
            return true;
        }
        return row.IsAnyStage;
    }

    private static void AnswerObsolete(TextKeyDefinition row, ref TextBuilder answer) =>
        answer.Add(row.Key, row.Type == TextValueType.Boolean ? TextValue.No : TextValue.Reject);

    private LoginFault TextFailure(TextFault fault)
    {
        FaultDetail = fault.ToString();
        return LoginFault.Text;
    }
}
