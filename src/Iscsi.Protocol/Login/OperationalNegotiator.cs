namespace Iscsi.Protocol;

// One key, seen from one side:
//
//              we send an offer                    an admissible answer
//   Default ────────────────────▶ Offered ────────────────────────────▶ Settled
//      │                                                                  ▲
//      │  the peer offers                     we answer                   │
//      └────────────────────────▶ Asked ──────────────────────────────────┘
//
// What is not settled at the end has the default of the standard. A key that is settled, or asked, is not taken again.

/// <summary>
/// Negotiation of the operational keys (RFC 7143, 6.2 and chapter 13) for either side. It knows keys by their row of
/// <see cref="TextKeyTable"/> only; values are numbers: booleans 0 and 1, list elements their position in the own list of names.
/// </summary>
internal sealed class OperationalNegotiator
{
    private enum KeyState : byte
    {
        Default,
        Offered,
        Asked,
        Settled,
    }

    private const uint NoCommonValue = uint.MaxValue;

    private static readonly byte[][] DigestNames = ["None"u8.ToArray(), "CRC32C"u8.ToArray()];
    private static readonly int[][] DigestLists = [[0], [0, 1], [1, 0], [1]]; // by DigestOffer
    private static readonly byte[][] TaskReportingNames = ["RFC3720"u8.ToArray(), "ResponseFence"u8.ToArray(), "FastAbort"u8.ToArray()];

    // By key; read once, for a login looks at them dozens of times.
    private static readonly uint[] DefaultValues =
        [.. Enum.GetValues<TextKey>().Select(static key => key != TextKey.Unknown && IsNegotiated(TextKeyTable.Get(key)) ? ReadDefault(TextKeyTable.Get(key)) : 0)];

    private readonly OperationalOffer _own;
    private readonly SessionType _sessionType;
    private readonly bool _isLeading;
    private readonly NegotiatedParameters _base;
    private readonly KeyState[] _states = new KeyState[TextKeyTable.KeyCount];
    private readonly uint[] _values = new uint[TextKeyTable.KeyCount];
    private bool _ownLengthDeclared;
    private bool _peerLengthDeclared;

    /// <summary>Creates the negotiation of one login.</summary>
    /// <param name="own">What this side offers and allows.</param>
    /// <param name="sessionType">Type of the session: some keys are irrelevant in discovery.</param>
    /// <param name="isLeading">False when the connection joins a session, whose leading-only keys then stay as they are.</param>
    /// <param name="basis">What holds where nothing is negotiated: the defaults, or the session's parameters.</param>
    public OperationalNegotiator(OperationalOffer own, SessionType sessionType, bool isLeading, NegotiatedParameters basis)
    {
        _own = own;
        _sessionType = sessionType;
        _isLeading = isLeading;
        _base = basis;
    }

    /// <summary>Bytes the peer takes in one PDU, as far as it is known.</summary>
    public int PeerMaxRecvDataSegmentLength =>
        _peerLengthDeclared ? (int)_values[(int)TextKey.MaxRecvDataSegmentLength] : LoginLimits.MaxDataSegmentBytes;

    /// <summary>True when the peer offered something that <see cref="AnswerAll"/> has not answered.</summary>
    public bool HasQuestions => _states.AsSpan().Contains(KeyState.Asked);

    /// <summary>Takes a key from the peer: a declaration, an offer, or the answer to an offer of ours.</summary>
    public LoginFault Receive(TextKeyDefinition row, ReadOnlySpan<byte> value)
    {
        ref var state = ref _states[(int)row.Key];
        if (row.Rule == NegotiationRule.Declarative) return ReceiveLength(row, value);
        return state switch
        {
            KeyState.Default => ReceiveOffer(row, value, ref state),
            KeyState.Offered => ReceiveAnswer(row, value, ref state),
            _ => LoginFault.DuplicateKey,
        };
    }

    /// <summary>Answers what the peer offered, and declares what this side declares.</summary>
    public void AnswerAll(ref TextBuilder text)
    {
        foreach (var row in TextKeyTable.AllRows)
        {
            if (_states[(int)row.Key] == KeyState.Asked) Answer(row, ref text);
        }
        DeclareLength(ref text);
    }

    /// <summary>Offers every key that is relevant: the initiator's opening.</summary>
    public void OfferAll(ref TextBuilder text)
    {
        foreach (var row in TextKeyTable.AllRows)
        {
            // Levels above RFC 7143 and other abort semantics are offered only when they are wanted: some targets stop at unknown keys.
            if (row.Key is TextKey.IscsiProtocolLevel or TextKey.TaskReporting && OwnValue(row.Key) == DefaultValue(row)) continue;
            if (IsNegotiated(row) && _states[(int)row.Key] == KeyState.Default && !IsIrrelevant(row)) Offer(row, ref text);
        }
        DeclareLength(ref text);
    }

    /// <summary>
    /// Offers the keys on which the peer was silent and whose default is more than this side allows, so that the bound holds.
    /// </summary>
    /// <returns>True when there was one.</returns>
    public bool OfferWhereSilent(ref TextBuilder text)
    {
        var offered = false;
        foreach (var row in TextKeyTable.AllRows)
        {
            // Of the other keys, a default beyond the own limit binds nothing here: R2Ts, Data-In and times are for this side to choose.
            if (row.Key is not (TextKey.ImmediateData or TextKey.FirstBurstLength or TextKey.HeaderDigest or TextKey.DataDigest)) continue;
            if (_states[(int)row.Key] != KeyState.Default || IsIrrelevant(row) || IsDefaultAllowed(row)) continue;
            if (row.Key == TextKey.FirstBurstLength && Value(TextKey.ImmediateData) == 0 && Value(TextKey.InitialR2T) == 1) continue;
            Offer(row, ref text);
            offered = true;
        }
        return offered;
    }

    /// <summary>
    /// Ends the negotiation. An answer may be left out where the offer decides alone: No of an AND, Yes of an OR (6.2.2). Any other open
    /// offer is a mistake of the peer that peers do make; the worst case for this side then holds: a target counts on the default of the
    /// standard, an initiator on the rule applied to it. A digest that is demanded must be agreed on, also where the peer skipped the stage.
    /// </summary>
    public LoginFault Finish(bool isTarget, out TextKey openKey)
    {
        openKey = TextKey.Unknown;
        foreach (var row in TextKeyTable.AllRows)
        {
            ref var state = ref _states[(int)row.Key];
            if (!IsNegotiated(row) || state is not (KeyState.Default or KeyState.Offered)) continue;
            if (row.Rule == NegotiationRule.FirstCommon && !IsIrrelevant(row) && !IsDefaultAllowed(row))
            {
                openKey = row.Key;
                return LoginFault.UnansweredOffer;
            }
            if (state != KeyState.Offered) continue;
            state = KeyState.Settled;
            ref var value = ref _values[(int)row.Key];
            value = DefaultValue(row);
            if (row.Rule == NegotiationRule.FirstCommon) continue;
            if (!isTarget || (row.Rule, OwnValue(row.Key)) is (NegotiationRule.And, 0) or (NegotiationRule.Or, 1))
                value = Combine(row.Rule, value, OwnValue(row.Key));
        }
        return LoginFault.None;
    }

    /// <summary>The result.</summary>
    public NegotiatedParameters Build()
    {
        var maxBurst = (int)Value(TextKey.MaxBurstLength);
        var result = _base with
        {
            SessionType = _sessionType,
            HeaderDigestCrc32C = Value(TextKey.HeaderDigest) == 1,
            DataDigestCrc32C = Value(TextKey.DataDigest) == 1,
            OwnMaxRecvDataSegmentLength = _ownLengthDeclared ? _own.MaxRecvDataSegmentLength : LoginLimits.MaxDataSegmentBytes,
            PeerMaxRecvDataSegmentLength = PeerMaxRecvDataSegmentLength,
        };
        if (!_isLeading) return result;
        return result with
        {
            MaxConnections = (int)Value(TextKey.MaxConnections),
            InitialR2T = Value(TextKey.InitialR2T) == 1,
            ImmediateData = Value(TextKey.ImmediateData) == 1,
            MaxBurstLength = maxBurst,
            FirstBurstLength = Math.Min((int)Value(TextKey.FirstBurstLength), maxBurst),
            DefaultTime2WaitSeconds = (int)Value(TextKey.DefaultTime2Wait),
            DefaultTime2RetainSeconds = (int)Value(TextKey.DefaultTime2Retain),
            MaxOutstandingR2T = (int)Value(TextKey.MaxOutstandingR2T),
            DataPduInOrder = Value(TextKey.DataPduInOrder) == 1,
            DataSequenceInOrder = Value(TextKey.DataSequenceInOrder) == 1,
            ErrorRecoveryLevel = (int)Value(TextKey.ErrorRecoveryLevel),
            IscsiProtocolLevel = (int)Value(TextKey.IscsiProtocolLevel),
            TaskReporting = (TaskReporting)Value(TextKey.TaskReporting),
        };
    }

    private static bool IsNegotiated(TextKeyDefinition row) => row.IsOperational && row.Rule != NegotiationRule.Declarative;

    private bool IsIrrelevant(TextKeyDefinition row) =>
        (_sessionType == SessionType.Discovery && row.IsIrrelevantInDiscovery) || (!_isLeading && row.Use == TextKeyUse.LeadingLogin);

    private uint Value(TextKey key) =>
        _states[(int)key] == KeyState.Settled ? _values[(int)key] : DefaultValue(TextKeyTable.Get(key));

    private LoginFault ReceiveLength(TextKeyDefinition row, ReadOnlySpan<byte> value)
    {
        if (_peerLengthDeclared) return LoginFault.DuplicateKey;
        if (TextValue.ReadNumber(value, row.Minimum, row.Maximum, out var length) != TextFault.None) return LoginFault.BadValue;
        _values[(int)row.Key] = length;
        _peerLengthDeclared = true;
        return LoginFault.None;
    }

    private LoginFault ReceiveOffer(TextKeyDefinition row, ReadOnlySpan<byte> value, ref KeyState state)
    {
        state = KeyState.Asked;
        if (IsIrrelevant(row)) return LoginFault.None; // whatever it says, it does not matter
        if (row.Rule == NegotiationRule.FirstCommon)
        {
            if (TextValue.CheckList(value) != TextFault.None) return LoginFault.BadValue;
            _values[(int)row.Key] = FirstCommon(row.Key, value);
            return _values[(int)row.Key] == NoCommonValue ? LoginFault.NoAcceptableValue : LoginFault.None;
        }
        var fault = ReadScalar(row, value, out var offered);
        // The smaller of both wins, so a number above the range is as good as the largest: an admissible value is selected (6.2.2).
        if (fault == TextFault.OutOfRange && row.Rule == NegotiationRule.Minimum
            && TextValue.ReadNumber(value, out var wide) == TextFault.None && wide > row.Maximum)
        {
            offered = row.Maximum;
            fault = TextFault.None;
        }
        if (fault == TextFault.OutOfRange) return LoginFault.NoAcceptableValue;
        if (fault != TextFault.None) return LoginFault.BadValue;
        _values[(int)row.Key] = Combine(row.Rule, offered, OwnValue(row.Key));
        return LoginFault.None;
    }

    private LoginFault ReceiveAnswer(TextKeyDefinition row, ReadOnlySpan<byte> value, ref KeyState state)
    {
        if (TextValue.IsReservedAnswer(value))
        {
            // Nothing was agreed on, so the default holds; a failure only where this side cannot have it (7.11).
            state = KeyState.Settled;
            _values[(int)row.Key] = DefaultValue(row);
            return value.SequenceEqual(TextValue.Irrelevant) || IsDefaultAllowed(row) ? LoginFault.None : LoginFault.NoAcceptableValue;
        }
        uint answer;
        if (row.Rule == NegotiationRule.FirstCommon)
        {
            answer = IndexOfName(row.Key, value);
            if (answer == NoCommonValue || !OwnList(row.Key).Contains((int)answer)) return LoginFault.BadAnswer;
        }
        else
        {
            var fault = ReadScalar(row, value, out answer);
            if (fault != TextFault.None) return fault == TextFault.OutOfRange ? LoginFault.BadAnswer : LoginFault.BadValue;
            // The rule applied to offer and answer gives the answer, or the answer is not one the rule allows.
            if (Combine(row.Rule, answer, OwnValue(row.Key)) != answer) return LoginFault.BadAnswer;
        }
        state = KeyState.Settled;
        _values[(int)row.Key] = answer;
        return LoginFault.None;
    }

    private void Answer(TextKeyDefinition row, ref TextBuilder text)
    {
        _states[(int)row.Key] = KeyState.Settled;
        ref var value = ref _values[(int)row.Key];
        if (IsIrrelevant(row))
        {
            value = DefaultValue(row);
            text.Add(row.Key, TextValue.Irrelevant);
            return;
        }
        // FirstBurstLength must not exceed MaxBurstLength (13.14), which stands before it in the table.
        if (row.Key == TextKey.FirstBurstLength) value = Math.Min(value, Value(TextKey.MaxBurstLength));
        Write(row, value, ref text);
    }

    private void Offer(TextKeyDefinition row, ref TextBuilder text)
    {
        _states[(int)row.Key] = KeyState.Offered;
        if (row.Rule == NegotiationRule.FirstCommon) WriteList(row.Key, ref text);
        else Write(row, OwnValue(row.Key), ref text);
    }

    private void WriteList(TextKey key, ref TextBuilder text)
    {
        Span<byte> list = stackalloc byte[64];
        var length = 0;
        foreach (var index in OwnList(key))
        {
            if (length > 0) list[length++] = (byte)',';
            Names(key)[index].CopyTo(list[length..]);
            length += Names(key)[index].Length;
        }
        text.Add(key, list[..length]);
    }

    private static void Write(TextKeyDefinition row, uint value, ref TextBuilder text)
    {
        if (row.Type == TextValueType.Boolean) text.Add(row.Key, value == 1);
        else if (row.Type == TextValueType.List) text.Add(row.Key, Names(row.Key)[value]);
        else text.Add(row.Key, value);
    }

    private void DeclareLength(ref TextBuilder text)
    {
        if (_ownLengthDeclared) return;
        _ownLengthDeclared = true;
        text.Add(TextKey.MaxRecvDataSegmentLength, (uint)_own.MaxRecvDataSegmentLength);
    }

    private bool IsDefaultAllowed(TextKeyDefinition row)
    {
        var value = DefaultValue(row);
        return row.Rule == NegotiationRule.FirstCommon
            ? OwnList(row.Key).Contains((int)value)
            : Combine(row.Rule, value, OwnValue(row.Key)) == value;
    }

    private static uint Combine(NegotiationRule rule, uint offered, uint own) => rule switch
    {
        NegotiationRule.Minimum or NegotiationRule.And => Math.Min(offered, own),
        NegotiationRule.Maximum or NegotiationRule.Or => Math.Max(offered, own),
        _ => throw new InvalidOperationException($"Rule {rule} does not combine two values."),
    };

    private static TextFault ReadScalar(TextKeyDefinition row, ReadOnlySpan<byte> value, out uint number)
    {
        if (row.Type != TextValueType.Boolean) return TextValue.ReadNumber(value, row.Minimum, row.Maximum, out number);
        var fault = TextValue.ReadBoolean(value, out var isYes);
        number = isYes ? 1u : 0u;
        return fault;
    }

    private static uint DefaultValue(TextKeyDefinition row) => DefaultValues[(int)row.Key];

    private static uint ReadDefault(TextKeyDefinition row) => row.Type switch
    {
        TextValueType.Boolean => string.Equals(row.Default, "Yes", StringComparison.Ordinal) ? 1u : 0u,
        TextValueType.List => 0, // None and RFC3720 are the first of their names
        _ => uint.Parse(row.Default!),
    };

    private uint OwnValue(TextKey key) => key switch
    {
        TextKey.MaxConnections => (uint)_own.MaxConnections,
        TextKey.InitialR2T => _own.InitialR2T ? 1u : 0u,
        TextKey.ImmediateData => _own.ImmediateData ? 1u : 0u,
        TextKey.MaxBurstLength => (uint)_own.MaxBurstLength,
        TextKey.FirstBurstLength => (uint)Math.Min(_own.FirstBurstLength, _own.MaxBurstLength),
        TextKey.DefaultTime2Wait => (uint)_own.DefaultTime2WaitSeconds,
        TextKey.DefaultTime2Retain => (uint)_own.DefaultTime2RetainSeconds,
        TextKey.MaxOutstandingR2T => (uint)_own.MaxOutstandingR2T,
        TextKey.DataPduInOrder => _own.DataPduInOrder ? 1u : 0u,
        TextKey.DataSequenceInOrder => _own.DataSequenceInOrder ? 1u : 0u,
        TextKey.ErrorRecoveryLevel => (uint)_own.ErrorRecoveryLevel,
        TextKey.IscsiProtocolLevel => (uint)_own.IscsiProtocolLevel,
        TextKey.TaskReporting => 0,
        _ => throw new InvalidOperationException($"{key} has no single own value."),
    };

    // What this side allows of a list, most wanted first, as positions in the names of the key.
    private int[] OwnList(TextKey key) => key switch
    {
        TextKey.HeaderDigest => DigestLists[(int)_own.HeaderDigest],
        TextKey.DataDigest => DigestLists[(int)_own.DataDigest],
        _ => DigestLists[0], // RFC3720 alone
    };

    private static byte[][] Names(TextKey key) => key == TextKey.TaskReporting ? TaskReportingNames : DigestNames;

    private static uint IndexOfName(TextKey key, ReadOnlySpan<byte> name)
    {
        var names = Names(key);
        for (var i = 0; i < names.Length; i++)
        {
            if (name.SequenceEqual(names[i])) return (uint)i;
        }
        return NoCommonValue;
    }

    // "MUST respond with the first value that it supports", of the offered list (6.2.1).
    private uint FirstCommon(TextKey key, ReadOnlySpan<byte> list)
    {
        while (TextValue.TryTakeElement(ref list, out var element))
        {
            var index = IndexOfName(key, element);
            if (index != NoCommonValue && OwnList(key).Contains((int)index)) return index;
        }
        return NoCommonValue;
    }
}
