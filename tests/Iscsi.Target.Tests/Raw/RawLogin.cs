using System.Text;
using Iscsi.Protocol;

namespace Iscsi.Target.Tests.Raw;

/// <summary>What a raw login says.</summary>
internal sealed record RawLogin
{
    public const string DefaultInitiator = "iqn.2026-11.net.example:raw";

    public string Initiator { get; init; } = DefaultInitiator;

    public string? Target { get; init; } = RawTarget.TargetName;

    public string SessionType { get; init; } = "Normal";

    public ulong Isid { get; init; } = 0x8000_0001_0000;

    public ushort Tsih { get; init; }

    public ushort Cid { get; init; } = 1;

    public bool Digests { get; init; }

    public int MaxRecvDataSegmentLength { get; init; } = 8192;

    public int MaxBurstLength { get; init; } = 262144;

    public int FirstBurstLength { get; init; } = 65536;

    public bool ImmediateData { get; init; } = true;

    public bool InitialR2T { get; init; }

    public byte VersionMin { get; init; }

    /// <summary>iSCSIProtocolLevel to offer; null: the key is left out.</summary>
    public int? ProtocolLevel { get; init; }

    /// <summary>Whether unit attentions are taken in after the login.</summary>
    public bool ClearsAttention { get; init; } = true;

    public byte[] Text()
    {
        var keys = new List<string> { $"InitiatorName={Initiator}", $"SessionType={SessionType}" };
        if (Target is not null) keys.Add($"TargetName={Target}");
        var digest = Digests ? "CRC32C" : "None";
        keys.AddRange([$"HeaderDigest={digest}", $"DataDigest={digest}", $"MaxRecvDataSegmentLength={MaxRecvDataSegmentLength}",
            "DefaultTime2Wait=0", "DefaultTime2Retain=0", "ErrorRecoveryLevel=0"]);
        if (SessionType == "Normal")
        {
            keys.AddRange([$"InitialR2T={(InitialR2T ? "Yes" : "No")}", $"ImmediateData={(ImmediateData ? "Yes" : "No")}",
                $"MaxBurstLength={MaxBurstLength}", $"FirstBurstLength={FirstBurstLength}", "MaxOutstandingR2T=4", "MaxConnections=1",
                "DataPDUInOrder=Yes", "DataSequenceInOrder=Yes"]);
            if (ProtocolLevel is { } level) keys.Add($"iSCSIProtocolLevel={level}");
        }
        return Encoding.UTF8.GetBytes(string.Concat(keys.Select(key => key + "\0")));
    }
}

internal sealed partial class RawClient
{
    public byte[] LoginRequest(
        RawLogin login,
        int dataLength,
        bool transit = true,
        bool continued = false,
        LoginStage current = LoginStage.LoginOperationalNegotiation,
        LoginStage next = LoginStage.FullFeaturePhase)
    {
        var header = new byte[BasicHeaderSegment.Size];
        LoginRequestPdu.Write(header, new LoginRequestFields
        {
            IsTransit = transit,
            IsContinued = continued,
            CurrentStage = current,
            NextStage = transit ? next : default,
            VersionMin = login.VersionMin,
            VersionMax = login.VersionMin,
            DataSegmentLength = dataLength,
            Isid = login.Isid,
            Tsih = login.Tsih,
            InitiatorTaskTag = 0x10,
            Cid = login.Cid,
            CmdSN = CmdSN,
            ExpStatSN = ExpStatSN,
        });
        return header;
    }

    /// <summary>One login request and its response.</summary>
    public async Task<RawPdu> TryLoginAsync(RawLogin login)
    {
        var text = login.Text();
        await SendPduAsync(LoginRequest(login, text.Length), text);
        return await ReceiveAsync(Opcode.LoginResponse);
    }

    /// <summary>One login request with any text, and its response.</summary>
    public async Task<RawPdu> LoginStepAsync(
        RawLogin login, string text, bool transit, LoginStage current, LoginStage next = default, bool continued = false)
    {
        var bytes = Encoding.UTF8.GetBytes(text);
        await SendPduAsync(LoginRequest(login, bytes.Length, transit, continued, current, next), bytes);
        return await ReceiveAsync(Opcode.LoginResponse);
    }

    /// <summary>Logs in, and is in full feature phase with no unit attention pending.</summary>
    public async Task LoginAsync(RawLogin? login = null)
    {
        login ??= new RawLogin();
        var response = await TryLoginAsync(login);
        Assert.Equal(LoginStatus.Success, response.LoginStatus);
        Assert.True(response.IsFinal && (response.Flags & 3) == 3, $"Not the end of the login: {response}, {Encoding.UTF8.GetString(response.Data)}");
        Tsih = response.Tsih;
        if (login.Digests) UseDigests();
        if (!login.ClearsAttention || login.SessionType != "Normal") return;
        for (var lun = 0; lun < RawTarget.UnitCount; lun++)
        {
            var (status, _) = await RunAsync(TestUnitReady((ulong)lun << 48, immediate: true));
            Assert.Equal(ScsiStatus.CheckCondition, status.Status);
        }
    }
}
