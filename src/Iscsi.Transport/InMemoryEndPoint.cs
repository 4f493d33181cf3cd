using System.Net;

namespace Iscsi.Transport;

/// <summary>The address of an <see cref="InMemoryTransportListener"/>: a name for people.</summary>
/// <param name="name">The name.</param>
public sealed class InMemoryEndPoint(string name) : EndPoint
{
    /// <summary>The name.</summary>
    public string Name => name;

    /// <inheritdoc/>
    public override string ToString() => $"memory:{name}";
}
