namespace Iscsi.Storage;

/// <content>How much space the file has, and its file system left.</content>
public sealed partial class FileBlockDevice : IBlockDeviceSpace
{
    /// <inheritdoc/>
    public async ValueTask<BlockDeviceSpace> GetSpaceAsync(CancellationToken cancellationToken = default)
    {
        _gate.Enter(this);
        try
        {
            // A file system that hangs must not hang the caller.
            return await Task.Run(_backend.GetSpace, cancellationToken).ConfigureAwait(false);
        }
        finally
        {
            _gate.Leave();
        }
    }
}
