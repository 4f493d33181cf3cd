using Iscsi.Protocol;

namespace Iscsi.Initiator;

/// <summary>The way in: sessions with targets, and discovery.</summary>
public static class IscsiInitiator
{
    /// <summary>Connects to the target of a URL and logs in.</summary>
    /// <param name="url">As libiscsi writes it: <c>iscsi://[user[%secret]@]host[:port]/iqn[/lun]</c>.</param>
    /// <param name="options">How; null for the defaults.</param>
    /// <param name="cancellationToken">Gives up.</param>
    /// <exception cref="FormatException">The URL is none.</exception>
    /// <exception cref="ArgumentException">The URL names no target, or an option is out of its range.</exception>
    /// <exception cref="IscsiLoginException">The target refused, or broke a rule of the login.</exception>
    /// <exception cref="IscsiException">The target could not be reached, or did not answer in time.</exception>
    public static Task<IscsiSession> ConnectAsync(string url, IscsiInitiatorOptions? options = null, CancellationToken cancellationToken = default) =>
        ConnectAsync(IscsiUrl.Parse(url), options, cancellationToken);

    /// <inheritdoc cref="ConnectAsync(string, IscsiInitiatorOptions?, CancellationToken)"/>
    public static async Task<IscsiSession> ConnectAsync(IscsiUrl url, IscsiInitiatorOptions? options = null, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(url);
        if (url.TargetName is null) throw new ArgumentException($"{url} names no target: append /iqn.… to it. Discovery lists the names.", nameof(url));
        options ??= new IscsiInitiatorOptions();
        options.Validate();
        return await IscsiSession.ConnectAsync(url, options, cancellationToken).ConfigureAwait(false);
    }

    /// <summary>Asks a portal which targets it serves.</summary>
    /// <param name="portal"><c>host[:port]</c>, or a URL, which may hold a CHAP name and secret.</param>
    /// <param name="options">How; null for the defaults.</param>
    /// <param name="cancellationToken">Gives up.</param>
    /// <returns>The targets in the portal's order; none when it serves none to this initiator.</returns>
    /// <exception cref="FormatException">The portal is no address.</exception>
    /// <exception cref="ArgumentException">An option is out of its range.</exception>
    /// <exception cref="IscsiLoginException">The portal refused, or broke a rule of the login.</exception>
    /// <exception cref="IscsiException">The portal could not be reached, or did not answer in time.</exception>
    public static async Task<IReadOnlyList<DiscoveredTarget>> DiscoverAsync(
        string portal, IscsiInitiatorOptions? options = null, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(portal);
        options ??= new IscsiInitiatorOptions();
        options.Validate();
        var url = IscsiUrl.Parse(portal.Contains("://", StringComparison.Ordinal) ? portal : $"iscsi://{portal}");
        return await DiscoverySession.RunAsync(url with { TargetName = null, Lun = null }, options, cancellationToken).ConfigureAwait(false);
    }
}
