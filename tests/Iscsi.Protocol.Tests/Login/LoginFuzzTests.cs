namespace Iscsi.Protocol.Tests.Login;

/// <summary>Random edits of valid logins: nothing throws, everything ends, and nobody gets in who should not.</summary>
public class LoginFuzzTests
{
    public static TheoryData<int> Seeds() => new(Enumerable.Range(1, 8));

    [Theory]
    [MemberData(nameof(Seeds))]
    public void Edited_requests_end_in_a_defined_result_within_bounded_steps(int seed)
    {
        var random = new Random(seed);
        var transcripts = Transcripts.All.Values.ToArray();
        var completed = 0;
        var completedAfterEdits = 0;
        for (var round = 0; round < 1500; round++)
        {
            var (needsChap, steps) = transcripts[random.Next(transcripts.Length)];
            var raw = Transcripts.Start(needsChap);
            var sent = 0;
            var wasTextEdited = false;
            foreach (var step in steps)
            {
                var text = RawInitiator.Text(step.Text(raw));
                if (random.Next(2) == 0)
                {
                    text = Edit(random, text);
                    wasTextEdited = true;
                }
                var fields = raw.Fields with { CurrentStage = step.Stage, IsTransit = step.Next is not null, NextStage = step.Next ?? default };
                if (random.Next(8) == 0) fields = Edit(random, fields);
                var action = SendInParts(random, raw, fields, text, ref sent);
                if (action != LoginAction.Respond) break;
            }
            // A peer that goes on with empty requests comes to an end, too.
            while (raw.Last.Action == LoginAction.Respond)
            {
                raw.SendRaw(raw.Fields with { CurrentStage = raw.Target.Stage, IsTransit = true, NextStage = LoginStage.FullFeaturePhase }, []);
                Assert.True(++sent <= 2 * LoginLimits.MaxPdus, $"seed {seed}, round {round}: the login does not end");
            }
            Check(raw, needsChap, $"seed {seed}, round {round}, edited {wasTextEdited}");
            if (raw.Target.Parameters is null) continue;
            completed++;
            if (wasTextEdited) completedAfterEdits++;
        }
        // Neither all refused nor all accepted: the edits reach the rules behind the parser.
        Assert.InRange(completed, 100, 1400);
        Assert.True(completedAfterEdits > 20, $"seed {seed}: {completedAfterEdits}");
    }

    [Theory]
    [MemberData(nameof(Seeds))]
    public void Edited_responses_end_in_a_defined_result_within_bounded_steps(int seed)
    {
        var random = new Random(seed);
        var requestText = new byte[8192];
        var responseText = new byte[8192];
        for (var round = 0; round < 1500; round++)
        {
            var alice = new ChapCredentials("alice", "alices long secret"u8.ToArray());
            var disk = new ChapCredentials("disk", "the secret of the disk"u8.ToArray());
            var isMutual = random.Next(2) == 0;
            var pair = new LoginPair(
                LoginPair.Options() with { Chap = alice, MutualChap = isMutual ? disk : null },
                new TestPolicy { Decision = LoginDecision.Accept(1, new(), new ChapRequirement([alice], disk), "a disk") });
            var step = pair.Initiator.Start(requestText);
            var count = 0;
            while (step.Action == InitiatorLoginAction.Send)
            {
                Assert.True(++count <= LoginLimits.MaxPdus + 1, $"seed {seed}, round {round}: the login does not end");
                var target = pair.Target.Receive(step.Request, requestText.AsSpan(0, step.Request.DataSegmentLength), responseText);
                var response = target.Action == LoginAction.Close
                    ? new LoginResponseFields { Isid = LoginPair.Options().Isid, CurrentStage = pair.Initiator.Stage }
                    : target.Response;
                var text = responseText.AsSpan(0, response.DataSegmentLength).ToArray();
                if (random.Next(3) == 0) text = Edit(random, text);
                if (random.Next(10) == 0)
                    response = response with { IsTransit = random.Next(2) == 0, IsContinued = random.Next(4) == 0, NextStage = (LoginStage)random.Next(4), StatusClass = (byte)random.Next(3) };
                step = pair.Initiator.Receive(response, text, requestText);
            }
            Assert.True(Enum.IsDefined(step.Fault), $"seed {seed}, round {round}");
            Assert.Equal(step.Action == InitiatorLoginAction.Complete, pair.Initiator.Parameters is not null);
            if (step.Action == InitiatorLoginAction.Complete && isMutual)
                Assert.True(pair.Initiator.IsTargetAuthenticated, $"seed {seed}, round {round}: complete without the target's proof");
        }
    }

    [Theory]
    [MemberData(nameof(Seeds))]
    public void Random_bytes_as_a_login_end_in_a_refusal(int seed)
    {
        var random = new Random(seed);
        for (var round = 0; round < 500; round++)
        {
            var raw = new RawInitiator();
            var text = new byte[random.Next(0, 400)];
            random.NextBytes(text);
            raw.SendRaw(raw.Fields with { CurrentStage = (LoginStage)random.Next(4), IsTransit = true, NextStage = (LoginStage)random.Next(4) }, text);
            Assert.Equal((LoginAction.RespondAndClose, 2), (raw.Last.Action, raw.Last.Response.StatusClass));
        }
    }

    private static void Check(RawInitiator raw, bool needsChap, string what)
    {
        Assert.True(Enum.IsDefined(raw.Last.Fault), what);
        var isComplete = raw.Target.Parameters is not null;
        Assert.True(isComplete == (raw.Policy.Admitted.Count == 1), what);
        Assert.True(!isComplete || !needsChap || raw.Target.AuthenticatedName == "alice", what + ": admitted without authentication");
        if (!isComplete) return;
        var parameters = raw.Target.Parameters!;
        Assert.True(parameters.FirstBurstLength is >= 512 and <= 65536 && parameters.FirstBurstLength <= parameters.MaxBurstLength, what);
        Assert.True(parameters is { MaxConnections: 1, ErrorRecoveryLevel: 0, MaxOutstandingR2T: 1 }, what);
        Assert.True(parameters.PeerMaxRecvDataSegmentLength is >= 512 and <= 0xFFFFFF, what);
    }

    private static LoginAction SendInParts(Random random, RawInitiator raw, LoginRequestFields fields, byte[] text, ref int sent)
    {
        var at = 0;
        while (random.Next(3) == 0 && at < text.Length)
        {
            var length = random.Next(0, text.Length - at);
            raw.SendRaw(fields with { IsTransit = false, IsContinued = true }, text.AsSpan(at, length));
            at += length;
            sent++;
            if (raw.Last.Action != LoginAction.Respond) return raw.Last.Action;
        }
        sent++;
        return raw.SendRaw(fields, text.AsSpan(at)).Action;
    }

    private static LoginRequestFields Edit(Random random, LoginRequestFields fields) => random.Next(7) switch
    {
        0 => fields with { CurrentStage = (LoginStage)random.Next(4) },
        1 => fields with { NextStage = (LoginStage)random.Next(4) },
        2 => fields with { IsTransit = !fields.IsTransit },
        3 => fields with { IsContinued = !fields.IsContinued },
        4 => fields with { Tsih = (ushort)random.Next(65536) },
        5 => fields with { VersionMin = (byte)random.Next(256) },
        _ => fields with { InitiatorTaskTag = (uint)random.Next() },
    };

    // Flip, cut, double, swap, insert: of bytes and of whole pairs.
    private static byte[] Edit(Random random, byte[] text)
    {
        var edited = text.ToList();
        for (var i = random.Next(1, 4); i > 0 && edited.Count > 0; i--)
        {
            var at = random.Next(edited.Count);
            switch (random.Next(7))
            {
                case 0:
                    edited[at] = (byte)random.Next(256);
                    break;
                case 1:
                    edited.RemoveAt(at);
                    break;
                case 2:
                    edited.Insert(at, (byte)"\0=,0x19~N"[random.Next(8)]);
                    break;
                case 3:
                    edited.RemoveRange(at, random.Next(edited.Count - at));
                    break;
                case 4:
                    edited.AddRange(edited.GetRange(at, edited.Count - at));
                    break;
                case 5:
                    var rows = TextKeyTable.All;
                    edited.AddRange(RawInitiator.Text($"{rows[random.Next(rows.Count)].Name}={random.Next(100000)}"));
                    break;
                default:
                    var end = edited.IndexOf(0, at);
                    if (end > at) edited.RemoveRange(at, end - at);
                    break;
            }
        }
        return [.. edited.Take(8192)];
    }
}
