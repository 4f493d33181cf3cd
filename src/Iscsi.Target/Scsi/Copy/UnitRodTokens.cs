using System.Buffers.Binary;
using System.Collections.Immutable;
using Iscsi.Protocol.Scsi;
using Iscsi.Storage;

namespace Iscsi.Target.Scsi.Copy;

/// <summary>The ROD tokens of a logical unit's blocks. They end with the unit and with the server. Any thread.</summary>
internal sealed class UnitRodTokens(TimeProvider clock)
{
    private readonly Lock _lock = new();
    private readonly List<RodToken> _tokens = [];

    // Valid tokens, read without the lock before every write.
    private int _valid;

    /// <summary>
    /// Makes a token. Nothing may be writing its blocks: the caller is alone with them.
    /// </summary>
    /// <returns>Null: there are as many as there may be.</returns>
    public RodToken? Create(LogicalUnit unit, ImmutableArray<BlockRange> ranges, TimeSpan inactivityTimeout)
    {
        var now = clock.GetTimestamp();
        var token = new RodToken(unit, ranges) { InactivityTimeout = inactivityTimeout, Created = now, LastUsed = now };
        lock (_lock)
        {
            Expire(now);
            if (_tokens.Count >= CopyLimits.MaxTokens)
            {
                // One that is over is kept only to say so.
                var over = _tokens.FindIndex(static other => other.State != RodTokenState.Valid);
                if (over < 0) return null;
                _tokens.RemoveAt(over);
            }
            _tokens.Add(token);
            _valid++;
            return token;
        }
    }

    /// <summary>Takes a token into use that somebody shows; its inactivity begins when it is given back.</summary>
    /// <returns>The reason why not; null: it is in use. No token and no reason: it is not one of this unit's.</returns>
    public AdditionalSense? TryUse(ReadOnlySpan<byte> bytes, out RodToken? token)
    {
        var identifier = BinaryPrimitives.ReadUInt64BigEndian(bytes[RodToken.IdentifierAt..]);
        lock (_lock)
        {
            Expire(clock.GetTimestamp());
            token = _tokens.Find(other => other.Identifier == identifier);
            if (token is null) return null;
            if (!token.IsShown(bytes)) return AdditionalSense.TokenCorrupt;
            if (token.State != RodTokenState.Valid) return Reason(token.State);
            token.Users++;
            return null;
        }
    }

    /// <summary>Gives a token back.</summary>
    public void Release(RodToken token)
    {
        lock (_lock)
        {
            token.Users--;
            token.LastUsed = clock.GetTimestamp();
        }
    }

    /// <summary>Nothing more is copied from a token.</summary>
    public void Delete(RodToken token)
    {
        lock (_lock) End(token, RodTokenState.Deleted);
    }

    /// <summary>Blocks are about to be written: tokens that stand for one of them end first. One read where there are none.</summary>
    public void OnWrite(in BlockRange blocks)
    {
        if (Volatile.Read(ref _valid) == 0) return;
        lock (_lock)
        {
            foreach (var token in _tokens)
                if (token.State == RodTokenState.Valid && token.Overlaps(blocks)) End(token, RodTokenState.Revoked);
        }
    }

    /// <summary>The tokens that can be used.</summary>
    public ImmutableArray<RodToken> Valid()
    {
        lock (_lock)
        {
            Expire(clock.GetTimestamp());
            return [.. _tokens.Where(static token => token.State == RodTokenState.Valid)];
        }
    }

    /// <summary>What WRITE USING TOKEN says of a token that is over (SPC-4, INVALID TOKEN OPERATION).</summary>
    public static AdditionalSense Reason(RodTokenState state) => state switch
    {
        RodTokenState.Expired => AdditionalSense.TokenExpired,
        RodTokenState.Deleted => AdditionalSense.TokenDeleted,
        _ => AdditionalSense.TokenRevoked,
    };

    private void Expire(long now)
    {
        foreach (var token in _tokens)
        {
            if (token.State != RodTokenState.Valid) continue;
            var isIdle = token.Users == 0 && clock.GetElapsedTime(token.LastUsed, now) >= token.InactivityTimeout;
            if (isIdle || clock.GetElapsedTime(token.Created, now).TotalSeconds >= CopyLimits.MaxTokenLifetimeSeconds) End(token, RodTokenState.Expired);
        }
    }

    private void End(RodToken token, RodTokenState reason)
    {
        if (token.State != RodTokenState.Valid) return;
        token.End(reason);
        Volatile.Write(ref _valid, _valid - 1);
    }
}
