using System.CommandLine;
using Iscsi.Storage;
using Iscsi.Transport;
using IscsiNet.Cli.Parsing;
using IscsiNet.Cli.Serving;
using Microsoft.Extensions.Logging;

namespace IscsiNet.Cli.Commands;

/// <summary><c>serve [DEVICE...]</c>.</summary>
internal static class ServeCommand
{
    private static readonly Argument<BlockDeviceSpec[]> Devices = new("DEVICE")
    {
        Description =
            """
            LUN 0, 1, … of the target: PATH[,size=1GiB][,block-size=512|4096][,read-only][,removable][,write-through][,direct][,thick]
            or memory,size=256MiB or null,size=1TiB or iscsi://host/iqn/lun. With size a missing file is created, sparse.
            With no DEVICE: ./disk.img, 1 GiB.
            """,
        Arity = ArgumentArity.ZeroOrMore,
        CustomParser = Values.Devices,
    };

    private static readonly Option<ListenSpec[]> Listen = new("--listen")
    {
        Description = "Where to listen; repeatable. Port 0 is any free one; announce is what discovery says when clients reach it under another address, group the portal group: several groups are several paths. [default: 127.0.0.1:3260]",
        HelpName = "ADDR[:PORT][,announce=ADDR:PORT][,group=N]",
        CustomParser = Values.Listen,
    };

    private static readonly Option<string> Target = new("--target")
    {
        Description = "The target's name.",
        HelpName = "IQN",
        DefaultValueFactory = _ => ServeOptions.DefaultTarget,
    };

    private static readonly Option<long> Memory = new("--memory")
    {
        Description = "All the data memory it may ever use. The sessions that this promises are printed at start. [default: 64MiB]",
        HelpName = "SIZE",
        CustomParser = Values.Size,
    };

    private static readonly Option<string?> ChapUser = new("--chap-user")
    {
        Description = $"Clients log in with CHAP under this name; the secret is in {ChapSecret.Variable} or a file.",
        HelpName = "NAME",
    };

    private static readonly Option<string?> ChapSecretFile = new("--chap-secret-file")
    {
        Description = "A file whose first line is the CHAP secret.",
        HelpName = "FILE",
    };

    private static readonly Option<string?> MutualChapUser = new("--mutual-chap-user")
    {
        Description = $"The target proves itself under this name to clients that ask for it; the secret is in {ChapSecret.MutualVariable} or a file.",
        HelpName = "NAME",
    };

    private static readonly Option<string?> MutualChapSecretFile = new("--mutual-chap-secret-file")
    {
        Description = "A file whose first line is the target's own CHAP secret.",
        HelpName = "FILE",
    };

    private static readonly Option<string[]> Allow = new("--allow")
    {
        Description = "Only this initiator may log in; repeatable. [default: any]",
        HelpName = "IQN",
    };

    private static readonly Option<int?> Loops = new("--loops")
    {
        Description = $"Threads that sessions live on, 1 to {EventLoopOptions.MaxCount}; on Linux. [default: one a processor]",
        HelpName = "COUNT",
    };

    private static readonly Option<int> BusyPoll = new("--busy-poll")
    {
        Description = "How long a thread without work looks for more before it sleeps, 0 to 10000 µs: lower latency for processor time. [default: 0]",
        HelpName = "MICROSECONDS",
    };

    private static readonly Option<string?> Config = new("--config")
    {
        Description = "A JSON file with targets, LUNs, portals, access rules and limits, in place of the options above (docs/configuration.md). SIGHUP reads it again.",
        HelpName = "FILE",
    };

    private static readonly Option<string?> Run = new("--run")
    {
        Description = "Runs COMMAND by /bin/sh with $uri set to the URL of LUN 0, stops when it ends, and ends with its exit code.",
        HelpName = "COMMAND",
    };

    private static readonly Option<LogLevel> Log = new("--log-level")
    {
        Description = "Least level of the log on standard error: Debug, Information, Warning, Error, None.",
        HelpName = "LEVEL",
        DefaultValueFactory = _ => LogLevel.Information,
    };

    public static Command Create()
    {
        var command = new ExampleCommand(
            "serve",
            "Serves disks until it is stopped by SIGTERM or Ctrl+C. Prints one line 'ready URL' a LUN on standard output when clients can connect. SIGHUP: files that were made longer or shorter are served so.",
            ("iscsinet serve", "./disk.img on 127.0.0.1:3260, created with 1 GiB where it is missing"),
            ("iscsinet serve disk.img,size=20GiB --listen 0.0.0.0 --memory 256MiB", "a disk for the network, with room for many sessions"),
            ("ISCSINET_CHAP_SECRET=… iscsinet serve disk.img --chap-user alice --allow iqn.2004-10.com.ubuntu:host1", "with access rules"),
            ("iscsinet serve --config /etc/iscsinet.json", "several targets; changed while they are served by editing the file and SIGHUP"),
            ("iscsinet serve a.img b.img,read-only memory,size=256MiB", "three LUNs"),
            ("iscsinet serve memory,size=1GiB --listen 127.0.0.1:0 --run 'qemu-img info $uri'", "a disk for the time of one command"))
        {
            Devices, Listen, Target, Memory, ChapUser, ChapSecretFile, MutualChapUser, MutualChapSecretFile, Allow, Loops, BusyPoll, Config, Run, Log,
        };
        command.SetAction(static (parsed, _) => ConfigOf(parsed) is { } path ? ConfigurationServer.RunAsync(
            path,
            parsed.GetValue(Run),
            parsed.GetValue(Log),
            parsed.InvocationConfiguration.Output,
            parsed.InvocationConfiguration.Error) : DiskServer.RunAsync(
            ToOptions(parsed, Environment.GetEnvironmentVariable),
            parsed.InvocationConfiguration.Output,
            parsed.InvocationConfiguration.Error));
        return command;
    }

    // The file says all that these would say.
    private static string? ConfigOf(ParseResult parsed)
    {
        var path = parsed.GetValue(Config);
        if (path is null) return null;
        if (parsed.GetResult(Devices) is { Tokens.Count: > 0 }) throw UserException.Usage("--config and DEVICE exclude each other: put the disk into the file");
        foreach (var option in (Option[])[Listen, Target, Memory, ChapUser, ChapSecretFile, MutualChapUser, MutualChapSecretFile, Allow, Loops, BusyPoll])
        {
            if (parsed.GetResult(option) is { Implicit: false })
                throw UserException.Usage($"--config and {option.Name} exclude each other: put it into the file");
        }
        return path;
    }

    /// <summary>The parsed command line as options.</summary>
    /// <param name="parsed">Without parse errors.</param>
    /// <param name="getVariable">Reads the environment.</param>
    /// <exception cref="UserException">Options that contradict each other, or a secret that is missing.</exception>
    internal static ServeOptions ToOptions(ParseResult parsed, Func<string, string?> getVariable)
    {
        var listen = parsed.GetValue(Listen);
        var devices = parsed.GetValue(Devices);
        var options = new ServeOptions
        {
            Devices = devices is { Length: > 0 } ? devices : [DefaultDevice()],
            Listen = listen is { Length: > 0 } ? listen : [ListenSpec.Default],
            TargetName = parsed.GetValue(Target)!,
            MemoryBytes = parsed.GetResult(Memory) is null ? ServeOptions.DefaultMemoryBytes : parsed.GetValue(Memory),
            Chap = Account(parsed, ChapUser, ChapSecretFile, ChapSecret.Variable, getVariable),
            MutualChap = Account(parsed, MutualChapUser, MutualChapSecretFile, ChapSecret.MutualVariable, getVariable),
            AllowedInitiators = parsed.GetValue(Allow) ?? [],
            Loops = InRange(parsed.GetValue(Loops), 1, EventLoopOptions.MaxCount, Loops.Name),
            BusyPoll = TimeSpan.FromMicroseconds(InRange(parsed.GetValue(BusyPoll), 0, 10_000, BusyPoll.Name) ?? 0),
            CaptiveCommand = parsed.GetValue(Run),
            LogLevel = parsed.GetValue(Log),
        };
        if (options.MutualChap is null) return options;
        if (options.Chap is null) throw UserException.Usage("--mutual-chap-user needs --chap-user: a target proves itself only to clients that do so first");
        if (string.Equals(options.Chap.Secret, options.MutualChap.Secret, StringComparison.Ordinal))
            throw UserException.Usage("the CHAP secret and the mutual CHAP secret are the same: they must differ (RFC 7143, 9.2.1)");
        return options;
    }

    private static int? InRange(int? value, int least, int greatest, string option) => value is null || (value >= least && value <= greatest)
        ? value
        : throw UserException.Usage($"{option} takes {least} to {greatest}, not {value}");

    private static ChapAccount? Account(
        ParseResult parsed, Option<string?> userOption, Option<string?> fileOption, string variable, Func<string, string?> getVariable)
    {
        var user = parsed.GetValue(userOption);
        var file = parsed.GetValue(fileOption);
        if (user is not null) return new ChapAccount(user, ChapSecret.Read(file, variable, fileOption.Name, getVariable));
        return file is null ? null : throw UserException.Usage($"{fileOption.Name} needs {userOption.Name}");
    }

    private static BlockDeviceSpec DefaultDevice() => new()
    {
        Kind = BlockDeviceKind.File,
        Location = ServeOptions.DefaultDisk,
        SizeBytes = Path.Exists(ServeOptions.DefaultDisk) ? null : ServeOptions.DefaultDiskBytes,
    };
}
