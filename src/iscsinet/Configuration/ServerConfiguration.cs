using System.Net;
using Iscsi.Storage;
using Iscsi.Target;
using IscsiNet.Cli.Commands;
using IscsiNet.Cli.Parsing;

namespace IscsiNet.Cli.Configuration;

/// <summary>What a configuration file says, checked as far as that is possible without doing it.</summary>
internal sealed record ServerConfiguration
{
    /// <summary>The file, for messages.</summary>
    public required string Path { get; init; }

    public long MemoryBytes { get; init; } = ServeOptions.DefaultMemoryBytes;

    public TargetLimits Limits { get; init; } = new();

    public required IReadOnlyList<ListenSpec> Portals { get; init; }

    public required IReadOnlyList<TargetConfiguration> Targets { get; init; }
}

/// <summary>A target of a configuration file.</summary>
internal sealed record TargetConfiguration
{
    /// <summary>Where it is in the file: <c>targets[0]</c>.</summary>
    public required string Place { get; init; }

    public required string Name { get; init; }

    public required TargetRules Rules { get; init; }

    public AccessConfiguration Access { get; init; } = AccessConfiguration.Default;

    public required IReadOnlyList<LunConfiguration> Luns { get; init; }
}

/// <summary>Who may log in to a target, and how. Two that are equal ask for the same.</summary>
internal sealed record TargetRules
{
    public string? Alias { get; init; }

    /// <summary>Initiator names; empty: any.</summary>
    public required EquatableList<string> Allowed { get; init; }

    /// <summary>Accounts of initiators; empty: no CHAP.</summary>
    public required EquatableList<ChapAccount> Chap { get; init; }

    /// <summary>The target's own account; null: it does not prove itself.</summary>
    public ChapAccount? MutualChap { get; init; }

    /// <summary>Says the rules to the library.</summary>
    public void ApplyTo(TargetDefinitionBuilder target)
    {
        if (Alias is not null) target.Alias(Alias);
        target.AllowInitiators([.. Allowed]);
        foreach (var account in Chap) target.RequireChap(account.Name, account.Secret);
        if (MutualChap is { } mutual) target.AnswerChap(mutual.Name, mutual.Secret);
    }
}

/// <summary>A LUN of a configuration file.</summary>
internal sealed record LunConfiguration
{
    /// <summary>Where it is in the file: <c>targets[0].luns[1]</c>.</summary>
    public required string Place { get; init; }

    public required int Number { get; init; }

    /// <summary>The disk; a file's location is a full path.</summary>
    public required BlockDeviceSpec Disk { get; init; }

    public string? SerialNumber { get; init; }

    /// <summary>Bytes that the file system must have left before clients are told; null: no threshold.</summary>
    public long? LowSpaceBytes { get; init; }

    /// <summary>What makes the disk another one, for which it has to be opened again: everything but its place, its size and who may write.</summary>
    public (BlockDeviceSpec Disk, string? SerialNumber, long? LowSpaceBytes) Identity =>
        (Disk with { SizeBytes = IsFile ? null : Disk.SizeBytes, IsReadOnly = false }, SerialNumber, LowSpaceBytes);

    public bool IsFile => Disk.Kind == BlockDeviceKind.File;

    /// <summary>How the device is opened. What has no file is opened writable, and protected by the LUN: so it can become writable and keeps its data.</summary>
    public BlockDeviceSpec Opening => IsFile ? Disk : Disk with { IsReadOnly = false };
}
