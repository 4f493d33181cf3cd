namespace Iscsi.Target.Scsi.Media;

// PREVENT ALLOW MEDIUM REMOVAL (SPC-4): the medium stays in while any nexus prevents its removal.
internal sealed partial class UnitMedium
{
    // At most one entry a session.
    private readonly List<ScsiNexus> _preventing = [];

    /// <summary>Whether any nexus prevents removal.</summary>
    public bool IsRemovalPrevented
    {
        get
        {
            lock (_lock) return _preventing.Count > 0;
        }
    }

    /// <summary>Whether the medium was ejected.</summary>
    public bool IsAbsent => Has(MediumObstacles.Absent);

    /// <summary>A nexus prevents removal.</summary>
    public void PreventRemoval(ScsiNexus nexus)
    {
        lock (_lock)
        {
            if (!_preventing.Contains(nexus)) _preventing.Add(nexus);
        }
    }

    /// <summary>A nexus allows removal, logs out, or is lost.</summary>
    public void AllowRemoval(ScsiNexus nexus)
    {
        lock (_lock) _preventing.Remove(nexus);
    }

    /// <summary>Every nexus allows removal.</summary>
    public void AllowRemoval()
    {
        lock (_lock) _preventing.Clear();
    }

    /// <summary>Ejects the medium.</summary>
    /// <returns>False: somebody prevents it.</returns>
    public bool TryEject()
    {
        lock (_lock)
        {
            if (_preventing.Count > 0) return false;
            _obstacles |= MediumObstacles.Absent;
            return true;
        }
    }

    /// <summary>Loads the medium and starts the unit.</summary>
    /// <param name="wasAbsent">Whether it was out before.</param>
    /// <returns>False: somebody prevents it.</returns>
    public bool TryLoad(out bool wasAbsent)
    {
        lock (_lock)
        {
            wasAbsent = false;
            if (_preventing.Count > 0) return false;
            wasAbsent = IsAbsent;
            _obstacles &= ~(MediumObstacles.Absent | MediumObstacles.Stopped);
            _power = PowerCondition.Active;
            return true;
        }
    }
}
