namespace Iscsi.Target.Scsi;

/// <summary>The data buffer and the echo buffer of a logical unit (SPC-4, READ BUFFER). Any thread.</summary>
internal sealed class LogicalUnitBuffer
{
    /// <summary>Bytes of each: a block, since all that is tested is the way to the device.</summary>
    public const int Size = 512;

    private readonly Lock _lock = new();
    private readonly byte[] _data = new byte[Size];
    private readonly byte[] _echo = new byte[Size];
    private int _echoLength;
    private ScsiNexus? _echoOwner;

    /// <summary>Writes into the data buffer.</summary>
    public void Write(int offsetBytes, ReadOnlySpan<byte> data)
    {
        lock (_lock) data.CopyTo(_data.AsSpan(offsetBytes));
    }

    /// <summary>Copies the whole data buffer.</summary>
    public void Read(Span<byte> destination)
    {
        lock (_lock) _data.CopyTo(destination);
    }

    /// <summary>Keeps what a nexus sent. It replaces what another one sent.</summary>
    public void WriteEcho(ScsiNexus nexus, ReadOnlySpan<byte> data)
    {
        lock (_lock)
        {
            data.CopyTo(_echo);
            _echoLength = data.Length;
            _echoOwner = nexus;
        }
    }

    /// <summary>Copies what the nexus sent last.</summary>
    /// <returns>Its length; -1 when it sent nothing, or another nexus has sent something since.</returns>
    public int ReadEcho(ScsiNexus nexus, Span<byte> destination)
    {
        lock (_lock)
        {
            if (!ReferenceEquals(_echoOwner, nexus)) return -1;
            _echo.AsSpan(0, _echoLength).CopyTo(destination);
            return _echoLength;
        }
    }
}
