using Iscsi.Protocol;

namespace Iscsi.Initiator;

/// <summary>A session or a request failed.</summary>
public class IscsiException : IOException
{
    /// <summary>Creates the exception.</summary>
    /// <param name="message">For a person.</param>
    /// <param name="endReason">Why the connection ended, when it did.</param>
    /// <param name="innerException">What caused it, if anything.</param>
    public IscsiException(string message, ConnectionEndReason endReason = ConnectionEndReason.None, Exception? innerException = null)
        : base(message, innerException) => EndReason = endReason;

    /// <summary>Why the connection ended; <see cref="ConnectionEndReason.None"/> when it lives, or never did.</summary>
    public ConnectionEndReason EndReason { get; }
}
