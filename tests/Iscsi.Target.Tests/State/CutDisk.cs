using Iscsi.Target.State;

namespace Iscsi.Target.Tests.State;

/// <summary>A disk whose power fails at a step: content is durable once flushed, a rename once the directory is.</summary>
internal sealed class CutDisk : IReplaceableFile
{
    public const int Steps = 4;
    private byte[]? _temporary;
    private byte[]? _renamed;
    private bool _isFlushed;
    private int _step;

    public byte[]? Durable { get; set; }

    public int CutAt { get; set; } = Steps;

    public string Path => "/disks/disk.img.state";

    // Before a rename nothing that is not flushed is seen. After it, either side may be.
    public static int OutcomesOf(int cut) => cut == 3 ? 2 : 1;

    public byte[]? Read() => Durable;

    public void WriteTemporary(ReadOnlySpan<byte> content)
    {
        Step();
        _temporary = content.ToArray();
        _isFlushed = false;
    }

    public void FlushTemporary()
    {
        Step();
        _isFlushed = true;
    }

    public void Replace()
    {
        Step();
        // What is renamed before its content is durable may be an empty file after the cut.
        _renamed = _isFlushed ? _temporary : [];
    }

    public void FlushDirectory()
    {
        Step();
        Durable = _renamed;
    }

    public void Lose(int outcome)
    {
        if (outcome == 1 && _renamed is not null) Durable = _renamed;
    }

    private void Step()
    {
        if (_step++ == CutAt) throw new IOException("The power is gone.");
    }
}
