using System.Buffers;

namespace Iscsi.Storage;

/// <summary>
/// A part of a mapping as <see cref="Memory{T}"/>, for system calls that are given its address. Whoever touches the bytes himself is killed
/// by SIGBUS where the file has become shorter; a system call only fails (EFAULT).
/// </summary>
internal sealed unsafe class MappedMemory(byte* address, int lengthBytes) : MemoryManager<byte>
{
    public int LengthBytes => lengthBytes;

    public override Span<byte> GetSpan() => new(address, lengthBytes);

    public override MemoryHandle Pin(int elementIndex = 0) => new(address + elementIndex);

    public override void Unpin()
    {
        // It does not move.
    }

    // The mapping is the owner's.
    protected override void Dispose(bool disposing)
    {
    }
}
