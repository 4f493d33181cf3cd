using Iscsi.Protocol.Scsi;

namespace Iscsi.Target.Scsi;

/// <summary>
/// The values of a logical unit's mode pages: current, default, saved (SPC-4). Current values are one immutable set, which MODE SELECT
/// replaces as a whole; readers need no lock.
/// </summary>
internal sealed class UnitModePages
{
    private readonly Lock _lock = new();
    private readonly LogicalUnit _unit;
    private readonly byte[][] _default = new byte[ModePages.All.Length][];
    private readonly byte[][] _changeable = new byte[ModePages.All.Length][];
    private byte[][] _saved;
    private volatile byte[][] _current = [];
    private volatile ControlModePage _control = null!;
    private volatile CachingModePage _caching = null!;
    private volatile InformationalExceptionsModePage _exceptions = null!;
    private volatile LogicalBlockProvisioningModePage _provisioning = null!;

    /// <summary>Starts with what the unit's state has saved, and with the defaults where it has nothing.</summary>
    public UnitModePages(LogicalUnit unit, LunOptions options)
    {
        _unit = unit;
        LowSpaceBytes = options.LowSpaceBytes;
        for (var i = 0; i < ModePages.All.Length; i++)
        {
            var page = ModePages.All[i];
            _default[i] = new byte[page.Size];
            _changeable[i] = new byte[page.Size];
            page.WriteDefault(this, unit, _default[i]);
            page.WriteChangeable?.Invoke(unit, _changeable[i]);
        }
        _saved = new byte[ModePages.All.Length][];
        for (var i = 0; i < ModePages.All.Length; i++) _saved[i] = Load(i);
        Publish(_saved);
    }

    /// <summary>The current control page.</summary>
    public ControlModePage Control => _control;

    /// <summary>The current caching page.</summary>
    public CachingModePage Caching => _caching;

    /// <summary>The current informational exceptions control page.</summary>
    public InformationalExceptionsModePage Exceptions => _exceptions;

    /// <summary>The current logical block provisioning page.</summary>
    public LogicalBlockProvisioningModePage Provisioning => _provisioning;

    /// <summary>What the default threshold of the provisioning page is made of; see <see cref="LunOptions.LowSpaceBytes"/>.</summary>
    public long? LowSpaceBytes { get; }

    /// <summary>Whether pages can be saved.</summary>
    public bool CanSave => _unit.State.IsKept;

    /// <summary>Current values of a page, PS zero.</summary>
    public ReadOnlySpan<byte> Current(int index) => _current[index];

    /// <summary>Default values of a page, PS zero.</summary>
    public ReadOnlySpan<byte> Default(int index) => _default[index];

    /// <summary>Saved values of a page, PS zero: the default ones when none were saved (SPC-4).</summary>
    public ReadOnlySpan<byte> Saved(int index)
    {
        lock (_lock) return _saved[index];
    }

    /// <summary>The mask of bits that can be changed, all zero in the header.</summary>
    public ReadOnlySpan<byte> Changeable(int index) => _changeable[index];

    /// <summary>Whether a logical unit has a page.</summary>
    public bool Has(int index) => ModePages.All[index].IsSupported is not { } isSupported || isSupported(_unit);

    /// <summary>A copy of the current values, for a change.</summary>
    public byte[][] CopyCurrent() => Array.ConvertAll(_current, static page => (byte[])page.Clone());

    /// <summary>Puts changed values in force, after they were saved if that is asked for: all or none.</summary>
    /// <param name="next">The values.</param>
    /// <param name="saves">SP. Saves every page, also those that were not sent. Blocks on the disk.</param>
    /// <returns>Whether any current value is another one now.</returns>
    /// <exception cref="IOException">They could not be saved; nothing has changed.</exception>
    /// <exception cref="UnauthorizedAccessException">The same.</exception>
    public bool Apply(byte[][] next, bool saves)
    {
        lock (_lock)
        {
            if (saves)
            {
                Save(next);
                _saved = next;
            }
            var isChange = false;
            for (var i = 0; i < next.Length; i++) isChange |= !next[i].AsSpan().SequenceEqual(_current[i]);
            if (isChange) Publish(next);
            return isChange;
        }
    }

    /// <summary>A logical unit reset: the current values are the saved ones again (SPC-4).</summary>
    public void Reset()
    {
        bool endsCache;
        lock (_lock)
        {
            endsCache = _caching.WriteCacheEnabled;
            Publish(_saved);
            endsCache &= _unit.WritesThrough;
        }
        // Whoever sees now that there is no cache sends no flush for what was written while there was one.
        if (endsCache && !_unit.Info.IsReadOnly && !_unit.IsWriteErrorLatched) _ = FlushAsync();
    }

    private async Task FlushAsync()
    {
        try
        {
            await _unit.FlushAsync(CancellationToken.None).ConfigureAwait(false);
        }
        catch (Exception e) when (e is IOException or ObjectDisposedException)
        {
            // It has latched: every later write is told.
        }
    }

    private void Publish(byte[][] next)
    {
        _current = next;
        _control = ControlModePage.TryParse(next[ModePages.Control])!;
        _caching = CachingModePage.TryParse(next[ModePages.Caching])!;
        _exceptions = InformationalExceptionsModePage.TryParse(next[ModePages.Exceptions])!;
        _provisioning = LogicalBlockProvisioningModePage.TryParse(next[ModePages.Provisioning])!;
    }

    private void Save(byte[][] next)
    {
        var changes = new List<(string, string?)>(next.Length);
        for (var i = 0; i < next.Length; i++)
        {
            // A page without changeable bits is never another one; a default may be better in a later version.
            if (_changeable[i].AsSpan().ContainsAnyExcept((byte)0))
                changes.Add((ModePages.All[i].StateName, Convert.ToHexStringLower(next[i])));
        }
        _unit.State.Set([.. changes]);
    }

    // What was saved, as far as this version and this device can still be set to it.
    private byte[] Load(int index)
    {
        var page = ModePages.All[index];
        if (_unit.State.Get(page.StateName) is not { } text || text.Length != 2 * page.Size) return _default[index];
        byte[] saved;
        try
        {
            saved = Convert.FromHexString(text);
        }
        catch (FormatException)
        {
            return _default[index];
        }
        var merged = (byte[])_default[index].Clone();
        for (var i = 0; i < merged.Length; i++) merged[i] = (byte)((merged[i] & ~_changeable[index][i]) | (saved[i] & _changeable[index][i]));
        return page.Check is { } check && check(_unit, merged) >= 0 ? _default[index] : merged;
    }
}
