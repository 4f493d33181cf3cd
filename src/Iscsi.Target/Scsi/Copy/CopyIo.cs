using Iscsi.Storage;

namespace Iscsi.Target.Scsi.Copy;

/// <summary>What a third-party copy asks of one logical unit. The bytes are in <see cref="ScsiRequest.Window"/>.</summary>
/// <param name="Kind">What is asked.</param>
/// <param name="Unit">Of whom.</param>
/// <param name="Range">The blocks.</param>
internal readonly record struct CopyIo(CopyIoKind Kind, LogicalUnit Unit, BlockRange Range)
{
    /// <summary>Whether it changes the medium.</summary>
    public bool IsWrite => Kind is CopyIoKind.Write or CopyIoKind.WriteZeroes;

    /// <summary>Asks the device. The range is entered in <see cref="LogicalUnit.Ranges"/>, and the Store slot is there.</summary>
    public ValueTask StartAsync(ScsiRequest r) => Kind switch
    {
        CopyIoKind.Read => Unit.Device.ReadAsync(Range.Lba, r.Window, r.Cancellation),
        CopyIoKind.Write => Unit.Device.WriteAsync(
            Range.Lba, r.Window, Unit.WritesThrough ? BlockWriteFlags.ForceUnitAccess : BlockWriteFlags.None, r.Cancellation),
        CopyIoKind.WriteZeroes when Unit.WritesThrough => ZeroThroughAsync(r.Cancellation),
        CopyIoKind.WriteZeroes => Unit.Device.WriteZeroesAsync(Range, BlockWriteFlags.None, r.Cancellation),
        _ => default,
    };

    private async ValueTask ZeroThroughAsync(CancellationToken cancellation)
    {
        await Unit.Device.WriteZeroesAsync(Range, BlockWriteFlags.None, cancellation).ConfigureAwait(false);
        await Unit.FlushAsync(cancellation).ConfigureAwait(false);
    }
}

/// <summary>What a copy asks.</summary>
internal enum CopyIoKind : byte
{
    /// <summary>Nothing of the device: only to be alone with the blocks for a moment, when no write to them is under way.</summary>
    Barrier,

    /// <summary>Reads into the window.</summary>
    Read,

    /// <summary>Writes the window.</summary>
    Write,

    /// <summary>Makes the range read as zeroes.</summary>
    WriteZeroes,
}
