using Iscsi.Protocol.Scsi;

namespace Iscsi.Target.Scsi.PersistentReservations;

/// <summary>
/// RESERVE and RELEASE (SPC-2), for initiators that know nothing newer. Third-party reservations and extents are obsolete: their
/// fields are outside the usage masks.
/// </summary>
internal static class ReserveCommands
{
    /// <summary>The rows.</summary>
    public static readonly ScsiCommandRow[] Rows =
    [
        Row("RESERVE (6)", [OperationCode.Reserve6, 0, 0, 0, 0, 0], static r => r.Unit!.Reservations.Reserve(r)),
        Row("RELEASE (6)", [OperationCode.Release6, 0, 0, 0, 0, 0], static r => r.Unit!.Reservations.Release(r)),
        Row("RESERVE (10)", [OperationCode.Reserve10, 0, 0, 0, 0, 0, 0, 0, 0, 0], static r => r.Unit!.Reservations.Reserve(r)),
        Row("RELEASE (10)", [OperationCode.Release10, 0, 0, 0, 0, 0, 0, 0, 0, 0], static r => r.Unit!.Reservations.Release(r)),
    ];

    private static ScsiCommandRow Row(string name, byte[] usage, Func<ScsiRequest, ScsiStep> begin) => new()
    {
        Name = name,
        Usage = usage,
        Traits = ScsiTraits.ManagesReservations | ScsiTraits.AllowedWhenStopped,
        Begin = begin,
    };
}
