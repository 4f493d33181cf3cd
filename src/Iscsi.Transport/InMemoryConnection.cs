using System.Net;
using Iscsi.Protocol;

namespace Iscsi.Transport;

/// <summary>One end of a connection inside the process (<see cref="InMemoryTransport"/>).</summary>
public sealed class InMemoryConnection : TransportConnection
{
    private readonly InMemoryPipe _in;
    private readonly InMemoryPipe _out;
    private readonly WorkLoop? _loop;

    internal InMemoryConnection(InMemoryPipe input, InMemoryPipe output, WorkLoop? loop)
    {
        _in = input;
        _out = output;
        _loop = loop;
    }

    /// <summary>Null: there is no address.</summary>
    public override EndPoint? RemoteEndPoint => null;

    /// <summary>Null: there is no address.</summary>
    public override EndPoint? LocalEndPoint => null;

    /// <inheritdoc/>
    public override WorkLoop? Pin() => _loop;

    /// <summary>Lets reads go on after <see cref="InMemoryTransportScheduler.NextReadBytes"/> answered 0.</summary>
    public void ResumeReading() => _in.Resume();

    /// <inheritdoc/>
    public override void Abort(ConnectionEndReason reason)
    {
        _out.CloseWriter();
        _in.CloseReader();
    }

    internal override int TryReceive(ReadOnlySpan<Memory<byte>> runs, int offsetBytes) => _in.TryRead(this, runs, offsetBytes);

    internal override bool WaitReadable() => _in.WaitReadable();

    internal override int TrySend(ReadOnlySpan<ReadOnlyMemory<byte>> segments, int offsetBytes, bool moreFollows) => _out.TryWrite(segments, offsetBytes);

    internal override bool WaitWritable(ReadOnlySpan<ReadOnlyMemory<byte>> segments, int offsetBytes, out int sent)
    {
        sent = 0;
        return _out.WaitWritable();
    }

    internal override void ShutdownSend() => _out.CloseWriter();

    private protected override void CloseGracefully() => Abort(ConnectionEndReason.Closed);
}
