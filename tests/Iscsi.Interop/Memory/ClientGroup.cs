using Iscsi.Initiator;
using Iscsi.Protocol;

namespace Iscsi.Interop.Memory;

/// <summary>Many clients of one daemon.</summary>
internal sealed class ClientGroup : IAsyncDisposable
{
    private readonly Daemon _daemon;
    private readonly List<Client> _clients = [];

    private ClientGroup(Daemon daemon) => _daemon = daemon;

    public int Count => _clients.Count;

    public Client this[int index] => _clients[index];

    /// <summary>Opens a number of sessions, all at once.</summary>
    public static async Task<ClientGroup> OpenAsync(Daemon daemon, int count)
    {
        var group = new ClientGroup(daemon);
        try
        {
            for (var i = 0; i < count; i++) group._clients.Add(new Client(daemon, i));
            await group.ForEachAsync(static client => client.LoginAsync());
            await group.ForEachAsync(static client => client.ReadAsync());
            return group;
        }
        catch
        {
            await group.DisposeAsync();
            throw;
        }
    }

    public Task ForEachAsync(Func<Client, Task> action) => Task.WhenAll(_clients.Select(action));

    /// <summary>Tries one session more and expects status class 3, detail 02.</summary>
    public async Task OneMoreIsRefusedAsync()
    {
        await using var stranger = new Client(_daemon, 1000);
        var refused = await Assert.ThrowsAsync<IscsiLoginException>(stranger.LoginAsync);
        Assert.Equal(LoginStatus.OutOfResources, refused.Status);
    }

    public async ValueTask DisposeAsync() => await Task.WhenAll(_clients.Select(static client => client.DisposeAsync().AsTask()));
}
