using System.Buffers.Binary;
using System.Security.Cryptography;

namespace Iscsi.Protocol;

/// <summary>
/// Remembers the challenges this node sent lately, on all its connections, so that one that is reflected on another connection is
/// recognised (RFC 7143, 12.1.3). Safe for use from several threads.
/// </summary>
/// <remarks>
/// A process that is target and initiator uses one for each role: with one for both, a login of the process into itself would look like a
/// reflection.
/// </remarks>
public sealed class ChapChallengeRegistry
{
    private readonly Lock _lock = new();
    private readonly UInt128[] _recent;
    private readonly HashSet<UInt128> _known;
    private int _next;
    private int _count;

    /// <summary>Creates a registry.</summary>
    /// <param name="capacity">
    /// Challenges to remember; the oldest is forgotten first. Default 4096: 16 for each of 256 connections that log in at once.
    /// </param>
    public ChapChallengeRegistry(int capacity = 4096)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(capacity, 1);
        _recent = new UInt128[capacity];
        _known = new HashSet<UInt128>(capacity);
    }

    /// <summary>Remembers a challenge that is about to be sent.</summary>
    /// <param name="challenge">The challenge.</param>
    public void Remember(ReadOnlySpan<byte> challenge)
    {
        var print = Fingerprint(challenge);
        lock (_lock)
        {
            if (!_known.Add(print)) return;
            if (_count == _recent.Length) _known.Remove(_recent[_next]);
            else _count++;
            _recent[_next] = print;
            _next = (_next + 1) % _recent.Length;
        }
    }

    /// <summary>True when this node sent the challenge lately.</summary>
    /// <param name="challenge">A challenge that was received.</param>
    public bool IsOurs(ReadOnlySpan<byte> challenge)
    {
        var print = Fingerprint(challenge);
        lock (_lock) return _known.Contains(print);
    }

    // 128 bits of a hash: challenges have up to 1,024 bytes, and no two collide by accident.
    private static UInt128 Fingerprint(ReadOnlySpan<byte> challenge)
    {
        Span<byte> hash = stackalloc byte[SHA256.HashSizeInBytes];
        SHA256.HashData(challenge, hash);
        return BinaryPrimitives.ReadUInt128BigEndian(hash);
    }
}
