namespace Iscsi.Protocol;

/// <summary>
/// The text of one side of a login: what came in over several PDUs, and what is still to be sent over several. Both lie in the buffer
/// that the connection's control reserve gave; nothing here grows.
/// </summary>
internal sealed class LoginText
{
    private readonly Memory<byte> _received;
    private readonly Memory<byte> _outgoing;
    private int _receivedBytes;
    private int _outgoingBytes;
    private int _sentBytes;

    public LoginText(Memory<byte> buffer)
    {
        if (buffer.Length < LoginLimits.TextBufferBytes)
            throw new ArgumentException($"The text buffer of a login has at least {LoginLimits.TextBufferBytes} bytes.", nameof(buffer));
        _received = buffer[..LoginLimits.MaxRequestTextBytes];
        _outgoing = buffer.Slice(LoginLimits.MaxRequestTextBytes, LoginLimits.MaxAnswerTextBytes);
    }

    /// <summary>Text of the sequence so far, C=1 parts joined.</summary>
    public ReadOnlySpan<byte> Received => _received.Span[.._receivedBytes];

    /// <summary>Bytes that are not sent yet.</summary>
    public int UnsentBytes => _outgoingBytes - _sentBytes;

    /// <summary>True when part of an answer went out and part did not: the peer must ask for the rest with empty PDUs.</summary>
    public bool IsSending => _sentBytes > 0 && UnsentBytes > 0;

    /// <summary>Appends a data segment; false when the sequence gets too long.</summary>
    public bool TryReceive(ReadOnlySpan<byte> segment)
    {
        if (segment.Length > _received.Length - _receivedBytes) return false;
        segment.CopyTo(_received.Span[_receivedBytes..]);
        _receivedBytes += segment.Length;
        return true;
    }

    /// <summary>Forgets what was received: the sequence is processed.</summary>
    public void ClearReceived() => _receivedBytes = 0;

    /// <summary>Forgets what was to be sent.</summary>
    public void ClearOutgoing() => _outgoingBytes = _sentBytes = 0;

    /// <summary>A builder that appends to what is to be sent; <see cref="Commit"/> makes it count.</summary>
    public TextBuilder Append() => new(_outgoing.Span[_outgoingBytes..]);

    /// <summary>Takes what a builder wrote; false when a pair did not fit.</summary>
    public bool Commit(in TextBuilder builder)
    {
        _outgoingBytes += builder.LengthBytes;
        return !builder.IsOverflowed;
    }

    /// <summary>Takes the next part to send; after the last one the buffer is empty again.</summary>
    /// <param name="destination">Where it goes; as long as the data segment may be.</param>
    public int Send(Span<byte> destination)
    {
        var length = Math.Min(destination.Length, UnsentBytes);
        _outgoing.Span.Slice(_sentBytes, length).CopyTo(destination);
        _sentBytes += length;
        if (UnsentBytes == 0) ClearOutgoing();
        return length;
    }
}
