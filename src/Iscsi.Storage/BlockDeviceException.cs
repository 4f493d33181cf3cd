namespace Iscsi.Storage;

/// <summary>A block device refused or failed a call.</summary>
public sealed class BlockDeviceException : IOException
{
    /// <summary>Creates the exception.</summary>
    /// <param name="error">The reason.</param>
    /// <param name="message">For a person: which device, what is wrong, what to do about it.</param>
    /// <param name="innerException">What caused it, if anything.</param>
    public BlockDeviceException(BlockDeviceError error, string message, Exception? innerException = null)
        : base(message, innerException) => Error = error;

    /// <summary>The reason.</summary>
    public BlockDeviceError Error { get; }
}
