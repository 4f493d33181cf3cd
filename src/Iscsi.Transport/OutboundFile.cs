using Microsoft.Win32.SafeHandles;

namespace Iscsi.Transport;

/// <summary>
/// A part of a file that is sent from there, without a copy through memory of ours. Its bytes are read when the connection takes them, and may
/// be read again until the peer has them: what is written to that part meanwhile may or may not be sent.
/// </summary>
/// <param name="Handle">The open file: one that the system's sendfile can read.</param>
/// <param name="OffsetBytes">First byte; 0 or more.</param>
/// <param name="LengthBytes">Number of bytes; 1 or more. If the file ends before, the connection fails: what was promised can't be sent.</param>
public readonly record struct OutboundFile(SafeFileHandle Handle, long OffsetBytes, int LengthBytes);
