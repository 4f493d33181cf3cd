using Iscsi.Storage;
using IscsiNet.Cli.Parsing;
using Microsoft.Extensions.Logging;

namespace IscsiNet.Cli.Commands;

/// <summary>What <c>serve</c> was asked to do, checked as far as that is possible without doing it.</summary>
internal sealed record ServeOptions
{
    public const string DefaultTarget = "iqn.2026-11.net.iscsinet:disk";
    public const long DefaultMemoryBytes = 64L << 20;

    /// <summary>What is served with no device named: created sparse where it is missing.</summary>
    public const string DefaultDisk = "./disk.img";

    public const long DefaultDiskBytes = 1L << 30;

    /// <summary>LUN 0, 1, … in order.</summary>
    public required IReadOnlyList<BlockDeviceSpec> Devices { get; init; }

    public IReadOnlyList<ListenSpec> Listen { get; init; } = [ListenSpec.Default];

    public string TargetName { get; init; } = DefaultTarget;

    public long MemoryBytes { get; init; } = DefaultMemoryBytes;

    public ChapAccount? Chap { get; init; }

    /// <summary>The target's own account for initiators that want it to prove itself.</summary>
    public ChapAccount? MutualChap { get; init; }

    /// <summary>Initiator names; empty: any.</summary>
    public IReadOnlyList<string> AllowedInitiators { get; init; } = [];

    /// <summary>Event loops; null: one a processor.</summary>
    public int? Loops { get; init; }

    /// <summary>How long an idle loop looks for work before it sleeps.</summary>
    public TimeSpan BusyPoll { get; init; }

    /// <summary>A command to run while the disks are served; null: serve until a signal.</summary>
    public string? CaptiveCommand { get; init; }

    public LogLevel LogLevel { get; init; } = LogLevel.Information;
}

/// <summary>A CHAP name and its secret.</summary>
internal sealed record ChapAccount(string Name, string Secret)
{
    /// <summary>Without the secret, wherever it may be written to.</summary>
    public override string ToString() => Name;
}
