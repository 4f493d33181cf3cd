using System.Globalization;

namespace Iscsi.Target.Scsi.PersistentReservations;

/// <summary>
/// An I_T nexus by name (RFC 7143, 4.4.2): the initiator port <c>name,i,0xISID</c> and the target port <c>target,t,0xtag</c>. It
/// outlives the session, so registrations are kept under it.
/// </summary>
internal sealed class NexusName : IEquatable<NexusName>
{
    private readonly int _hash;

    /// <summary>Creates a name.</summary>
    /// <param name="initiatorName">iSCSI name of the initiator.</param>
    /// <param name="initiatorSessionId">ISID, 48 bits.</param>
    /// <param name="targetPort">Portal group tag, which is the relative target port identifier.</param>
    public NexusName(string initiatorName, ulong initiatorSessionId, ushort targetPort)
    {
        InitiatorName = initiatorName;
        InitiatorSessionId = initiatorSessionId;
        TargetPort = targetPort;
        _hash = HashCode.Combine(initiatorName.GetHashCode(StringComparison.Ordinal), initiatorSessionId, targetPort);
    }

    /// <summary>iSCSI name of the initiator.</summary>
    public string InitiatorName { get; }

    /// <summary>ISID, 48 bits.</summary>
    public ulong InitiatorSessionId { get; }

    /// <summary>Portal group tag, which is the relative target port identifier.</summary>
    public ushort TargetPort { get; }

    /// <summary>The same initiator port on another target port.</summary>
    public NexusName Through(ushort targetPort) =>
        targetPort == TargetPort ? this : new NexusName(InitiatorName, InitiatorSessionId, targetPort);

    /// <inheritdoc/>
    public bool Equals(NexusName? other) =>
        ReferenceEquals(this, other) ||
        (other is not null && _hash == other._hash && InitiatorSessionId == other.InitiatorSessionId && TargetPort == other.TargetPort &&
            string.Equals(InitiatorName, other.InitiatorName, StringComparison.Ordinal));

    /// <inheritdoc/>
    public override bool Equals(object? obj) => Equals(obj as NexusName);

    /// <inheritdoc/>
    public override int GetHashCode() => _hash;

    /// <inheritdoc/>
    public override string ToString() =>
        string.Create(CultureInfo.InvariantCulture, $"{InitiatorName},i,0x{InitiatorSessionId:x12} on port {TargetPort}");
}
