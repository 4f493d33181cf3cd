namespace Iscsi.Target.Scsi.Copy;

/// <summary>Bytes to copy from neighbouring blocks to neighbouring blocks; checked against both devices.</summary>
/// <param name="Source">Where they are; null: zeroes.</param>
/// <param name="SourceLba">First block there.</param>
/// <param name="Destination">Where they go.</param>
/// <param name="DestinationLba">First block there.</param>
/// <param name="LengthBytes">Whole blocks of both devices; 1 or more.</param>
internal readonly record struct CopyExtent(LogicalUnit? Source, long SourceLba, LogicalUnit Destination, long DestinationLba, long LengthBytes)
{
    /// <summary>
    /// Whether the end is copied first: the destination overlaps the source and lies behind it, so that going forward would read what was
    /// just written.
    /// </summary>
    public bool IsBackwards => ReferenceEquals(Source, Destination) && DestinationLba > SourceLba &&
        DestinationLba - SourceLba < LengthBytes / Destination.Info.BlockSize;
}
