using System.Net;
using System.Text;
using Iscsi.Protocol;
using Iscsi.Storage;
using Iscsi.Target.Scsi;
using Iscsi.Transport;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;

namespace Iscsi.Target;

/// <summary>Describes an iSCSI target server: where it listens, how much memory it may use, what it serves to whom.</summary>
public sealed class IscsiTargetBuilder
{
    /// <summary>The memory budget without <see cref="UseMemory"/>: 64 MiB.</summary>
    public const long DefaultMemoryBytes = 64L << 20;

    private readonly List<Portal> _portals = [];
    private readonly List<TargetDefinitionBuilder> _targets = [];
    private long _memoryBytes = DefaultMemoryBytes;
    private TargetLimits _limits = new();
    private ILoggerFactory _loggerFactory = NullLoggerFactory.Instance;
    private TimeProvider _clock = TimeProvider.System;
    private SocketTransportOptions _transport = new();

    /// <summary>Adds a portal. Without any, the server listens on 127.0.0.1:3260.</summary>
    /// <param name="endpoint">Address and port; port 0 takes any free one.</param>
    /// <param name="announce">What SendTargets tells clients who reach the portal under another address; null: <paramref name="endpoint"/>.</param>
    /// <param name="portalGroupTag">
    /// The portal group, 1 to 65535, default 1 (RFC 7143, 13.9). The portals of a group are one SCSI target port; several groups are several
    /// paths to the same disks, each with its own asymmetric access state: <see cref="TargetDefinitionBuilder.UseAsymmetricAccess"/>.
    /// </param>
    public IscsiTargetBuilder Listen(IPEndPoint endpoint, IPEndPoint? announce = null, int portalGroupTag = TargetDefinition.DefaultPortalGroupTag)
    {
        ArgumentNullException.ThrowIfNull(endpoint);
        AddPortal(new Portal(endpoint, announce, Listener: null, CheckTag(portalGroupTag)));
        return this;
    }

    /// <summary>Adds a portal over a transport of the caller, an in-memory one for instance. The server disposes it.</summary>
    /// <param name="listener">The listener.</param>
    /// <param name="announce">What SendTargets tells clients.</param>
    /// <param name="portalGroupTag">The portal group, 1 to 65535, default 1.</param>
    public IscsiTargetBuilder Listen(ITransportListener listener, IPEndPoint? announce = null, int portalGroupTag = TargetDefinition.DefaultPortalGroupTag)
    {
        ArgumentNullException.ThrowIfNull(listener);
        AddPortal(new Portal(Endpoint: null, announce, listener, CheckTag(portalGroupTag)));
        return this;
    }

    /// <summary>Sets the memory budget: all data memory the server may ever own.</summary>
    /// <param name="budgetBytes">Bytes; 1 MiB or more. Default <see cref="DefaultMemoryBytes"/>.</param>
    public IscsiTargetBuilder UseMemory(long budgetBytes)
    {
        _memoryBytes = budgetBytes;
        return this;
    }

    /// <summary>Sets the limits. Default <c>new TargetLimits()</c>.</summary>
    public IscsiTargetBuilder UseLimits(TargetLimits limits)
    {
        ArgumentNullException.ThrowIfNull(limits);
        _limits = limits;
        return this;
    }

    /// <summary>Sets where logs go. Default nowhere.</summary>
    public IscsiTargetBuilder UseLoggerFactory(ILoggerFactory loggerFactory)
    {
        ArgumentNullException.ThrowIfNull(loggerFactory);
        _loggerFactory = loggerFactory;
        return this;
    }

    /// <summary>Sets how the sockets of portals are set up: event loops, backlog. Default <c>new SocketTransportOptions()</c>.</summary>
    public IscsiTargetBuilder UseTransport(SocketTransportOptions options)
    {
        ArgumentNullException.ThrowIfNull(options);
        _transport = options;
        return this;
    }

    /// <summary>Sets the clock of all deadlines. Default <see cref="TimeProvider.System"/>.</summary>
    public IscsiTargetBuilder UseTimeProvider(TimeProvider clock)
    {
        ArgumentNullException.ThrowIfNull(clock);
        _clock = clock;
        return this;
    }

    /// <summary>Adds a target.</summary>
    /// <param name="name">Its iSCSI name: <c>iqn.</c>, <c>eui.</c> or <c>naa.</c> form (RFC 7143, 4.2.7), unique in the server.</param>
    /// <param name="configure">Adds LUNs and access rules.</param>
    /// <exception cref="ArgumentException">The name is not an iSCSI name, or taken.</exception>
    public IscsiTargetBuilder AddTarget(string name, Action<TargetDefinitionBuilder> configure)
    {
        ArgumentNullException.ThrowIfNull(configure);
        IscsiName.Validate(name);
        if (_targets.Exists(t => string.Equals(t.Name, name, StringComparison.Ordinal)))
            throw new ArgumentException($"Target {name} is added twice.", nameof(name));
        var target = new TargetDefinitionBuilder(name);
        configure(target);
        _targets.Add(target);
        return this;
    }

    /// <summary>Takes the memory and builds the server. It does not listen before <see cref="IscsiTargetServer.StartAsync"/>.</summary>
    /// <exception cref="Reservations.BudgetException">The budget does not hold one session.</exception>
    /// <exception cref="InvalidDataException">A file of persistent reservations or of a disk's state is damaged.</exception>
    /// <exception cref="ArgumentException">One storage or one state file under two LUNs, or two initiators' and targets' secrets that are equal.</exception>
    public IscsiTargetServer Build()
    {
        if (_portals.Count == 0) Listen(new IPEndPoint(IPAddress.Loopback, 3260));
        return new IscsiTargetServer(_portals, _targets, _memoryBytes, _limits, _loggerFactory, _clock, _transport);
    }

    private void AddPortal(Portal portal)
    {
        if (_portals.Select(other => other.GroupTag).Append(portal.GroupTag).Distinct().Count() > LogicalUnitMap.MaxTargetPorts)
            throw new ArgumentException($"There are at most {LogicalUnitMap.MaxTargetPorts} portal groups.");
        _portals.Add(portal);
    }

    // 0 is a portal group tag, but no relative target port identifier (SPC-4), and here both are one number.
    private static ushort CheckTag(int portalGroupTag)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(portalGroupTag, 1);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(portalGroupTag, ushort.MaxValue);
        return (ushort)portalGroupTag;
    }
}

/// <summary>Describes one target of a server.</summary>
public sealed class TargetDefinitionBuilder
{
    internal TargetDefinitionBuilder(string name) => Name = name;

    internal string Name { get; }

    internal string? TargetAlias { get; private set; }

    internal List<LunDefinition> Luns { get; } = [];

    internal List<string> Initiators { get; } = [];

    internal List<ChapCredentials> Credentials { get; } = [];

    internal AsymmetricAccessOptions? AsymmetricAccess { get; private set; }

    internal ChapCredentials? MutualCredentials { get; private set; }

    /// <summary>Serves a device under a LUN. The device stays the caller's: the server does not dispose it.</summary>
    /// <param name="lun">0 to 16383.</param>
    /// <param name="device">The device.</param>
    /// <param name="options">Serial number, files of the disk's state, kind of medium; null: the defaults.</param>
    public TargetDefinitionBuilder AddLun(int lun, IBlockDevice device, LunOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(device);
        Luns.Add(new LunDefinition(lun, device, options ?? new LunOptions()));
        return this;
    }

    /// <summary>Sets the TargetAlias (RFC 7143, 13.6): a name for people.</summary>
    public TargetDefinitionBuilder Alias(string alias)
    {
        TargetAlias = alias;
        return this;
    }

    /// <summary>
    /// Sets the asymmetric access states of the portal groups (ALUA). Without it all are active and optimized, and only
    /// <see cref="ServedTarget.SetAccessState"/> changes that.
    /// </summary>
    /// <param name="options">States at start, who may change them, where they are kept.</param>
    public TargetDefinitionBuilder UseAsymmetricAccess(AsymmetricAccessOptions options)
    {
        ArgumentNullException.ThrowIfNull(options);
        AsymmetricAccess = options;
        return this;
    }

    /// <summary>Allows initiators; once any is named, all others are refused.</summary>
    public TargetDefinitionBuilder AllowInitiators(params ReadOnlySpan<string> initiatorNames)
    {
        foreach (var name in initiatorNames)
        {
            IscsiName.Validate(name);
            Initiators.Add(name);
        }
        return this;
    }

    /// <summary>Requires CHAP (RFC 7143, 12.1). Called again, it adds another initiator's credentials.</summary>
    /// <param name="name">The name the initiator answers with.</param>
    /// <param name="secret">Its secret; 12 bytes or more are recommended.</param>
    public TargetDefinitionBuilder RequireChap(string name, ReadOnlyMemory<byte> secret)
    {
        Credentials.Add(new ChapCredentials(name, secret));
        return this;
    }

    /// <inheritdoc cref="RequireChap(string, ReadOnlyMemory{byte})"/>
    public TargetDefinitionBuilder RequireChap(string name, string secret) => RequireChap(name, Encoding.UTF8.GetBytes(secret));

    /// <summary>Lets the target prove itself to an initiator that asks for it (mutual CHAP).</summary>
    /// <param name="name">The name the target answers with.</param>
    /// <param name="secret">Its secret; another one than any initiator's.</param>
    public TargetDefinitionBuilder AnswerChap(string name, ReadOnlyMemory<byte> secret)
    {
        MutualCredentials = new ChapCredentials(name, secret);
        return this;
    }

    /// <inheritdoc cref="AnswerChap(string, ReadOnlyMemory{byte})"/>
    public TargetDefinitionBuilder AnswerChap(string name, string secret) => AnswerChap(name, Encoding.UTF8.GetBytes(secret));
}

internal sealed record LunDefinition(int Lun, IBlockDevice Device, LunOptions Options);

internal sealed record Portal(IPEndPoint? Endpoint, IPEndPoint? Announce, ITransportListener? Listener, ushort GroupTag);
