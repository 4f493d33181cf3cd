using System.Text;

namespace Iscsi.Protocol.Tests.Login;

/// <summary>An application that records what it is asked, and answers as the test says.</summary>
internal sealed class TestPolicy : ITargetLoginPolicy
{
    public LoginDecision Decision { get; set; } = LoginDecision.Accept(1, new OperationalOffer());

    public LoginStatus Admission { get; set; } = LoginStatus.Success;

    public ushort Tsih { get; set; } = 0x1234;

    public List<LoginIdentity> Identified { get; } = [];

    public List<NegotiatedParameters> Admitted { get; } = [];

    public LoginDecision Identify(in LoginIdentity identity)
    {
        Identified.Add(identity);
        return Decision;
    }

    public LoginStatus Admit(in LoginIdentity identity, NegotiatedParameters parameters, out ushort tsih)
    {
        Admitted.Add(parameters);
        tsih = Admission == LoginStatus.Success ? Tsih : (ushort)0;
        return Admission;
    }
}

/// <summary>One PDU of a recorded exchange.</summary>
internal sealed record LoginExchange(LoginRequestFields Request, string RequestText, LoginResponseFields Response, string ResponseText);

/// <summary>Both machines against each other, in one thread, in segments of a chosen size.</summary>
internal sealed class LoginPair
{
    public const string InitiatorName = "iqn.2026-11.net.example:host1";
    public const string TargetName = "iqn.2026-11.net.example:disk1";

    public LoginPair(InitiatorLoginOptions options, TestPolicy? policy = null)
    {
        Policy = policy ?? new TestPolicy();
        Initiator = new InitiatorLoginMachine(options, new byte[LoginLimits.TextBufferBytes]);
        Target = new TargetLoginMachine(Policy, new byte[LoginLimits.TextBufferBytes]);
    }

    public TestPolicy Policy { get; }

    public InitiatorLoginMachine Initiator { get; }

    public TargetLoginMachine Target { get; }

    public List<LoginExchange> Exchanges { get; } = [];

    public TargetLoginStep LastTargetStep { get; private set; }

    public static InitiatorLoginOptions Options() => new() { InitiatorName = InitiatorName, TargetName = TargetName, Isid = 0x00023D000001 };

    public InitiatorLoginStep Run(int requestBytes = 8192, int responseBytes = 8192)
    {
        var requestText = new byte[requestBytes];
        var responseText = new byte[responseBytes];
        var step = Initiator.Start(requestText);
        while (step.Action == InitiatorLoginAction.Send)
        {
            var text = requestText.AsSpan(0, step.Request.DataSegmentLength);
            LastTargetStep = Target.Receive(step.Request, text, responseText);
            if (LastTargetStep.Action == LoginAction.Close) throw new InvalidOperationException("The target closed without a response.");
            var answer = responseText.AsSpan(0, LastTargetStep.Response.DataSegmentLength);
            Exchanges.Add(new(step.Request, Encoding.UTF8.GetString(text), LastTargetStep.Response, Encoding.UTF8.GetString(answer)));
            step = Initiator.Receive(LastTargetStep.Response, answer, requestText);
            Assert.True(Exchanges.Count <= LoginLimits.MaxPdus + 1, "a login must end");
        }
        return step;
    }
}

/// <summary>A target, and an initiator that is written out by hand.</summary>
internal sealed class RawInitiator
{
    private readonly byte[] _responseText = new byte[8192];

    public RawInitiator(TestPolicy? policy = null)
    {
        Policy = policy ?? new TestPolicy();
        Target = new TargetLoginMachine(Policy, new byte[LoginLimits.TextBufferBytes]);
    }

    public TestPolicy Policy { get; }

    public TargetLoginMachine Target { get; }

    public LoginRequestFields Fields { get; set; } = new() { Isid = 0x00023D000001, InitiatorTaskTag = 7, Cid = 3 };

    public TargetLoginStep Last { get; private set; }

    public string LastText { get; private set; } = "";

    public static string Names => $"InitiatorName={LoginPair.InitiatorName}|TargetName={LoginPair.TargetName}|SessionType=Normal";

    /// <summary>Text with '|' for NUL, and one at the end.</summary>
    public static byte[] Text(string text) => text.Length == 0 ? [] : Encoding.UTF8.GetBytes(text.Replace('|', '\0') + "\0");

    public TargetLoginStep Send(LoginStage stage, LoginStage? next, string text) =>
        SendRaw(Fields with { CurrentStage = stage, IsTransit = next is not null, NextStage = next ?? default }, Text(text));

    public TargetLoginStep SendRaw(in LoginRequestFields fields, ReadOnlySpan<byte> text)
    {
        Note(Target.Receive(fields, text, _responseText), _responseText);
        return Last;
    }

    public void Note(in TargetLoginStep step, byte[] responseText)
    {
        Last = step;
        LastText = Encoding.UTF8.GetString(responseText, 0, step.Response.DataSegmentLength).Replace('\0', '|');
    }

    public LoginStatus LastStatus => LoginStatusExtensions.FromBytes(Last.Response.StatusClass, Last.Response.StatusDetail);

    public string? Answer(string key)
    {
        foreach (var pair in LastText.Split('|', StringSplitOptions.RemoveEmptyEntries))
        {
            if (pair.StartsWith(key + "=", StringComparison.Ordinal)) return pair[(key.Length + 1)..];
        }
        return null;
    }
}
