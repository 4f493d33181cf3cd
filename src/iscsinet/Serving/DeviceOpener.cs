using Iscsi.Storage;

namespace IscsiNet.Cli.Serving;

/// <summary>Opens a disk that was described on the command line.</summary>
internal static class DeviceOpener
{
    public static async Task<IBlockDevice> OpenAsync(BlockDeviceSpec spec)
    {
        if (spec.Kind == BlockDeviceKind.Iscsi)
            throw UserException.Usage($"{spec.Location}: serving a disk of another target is not in this version; copy it with 'iscsinet copy'.");
        return await spec.OpenAsync().ConfigureAwait(false);
    }
}
