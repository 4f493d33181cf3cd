namespace Iscsi.Target.Scsi.Copy;

/// <summary>
/// The copies that a logical unit's copy manager knows (SPC-4): those that run, and the results that are held until they are received, their
/// list identifier is used again, their nexus is lost, the unit is reset, or room is needed. Any thread.
/// </summary>
internal sealed class UnitCopies
{
    private readonly Lock _lock = new();
    private readonly List<CopyRecord> _records = [];

    /// <summary>Begins a copy.</summary>
    /// <param name="record">The copy.</param>
    public CopyAdmission Begin(CopyRecord record)
    {
        lock (_lock)
        {
            if (record.IsHeld && IndexOf(record.Nexus, record.ListIdentifier) is var at && at >= 0)
            {
                if (_records[at].Status == CopyStatus.InProgress) return CopyAdmission.ListIdentifierInUse;
                _records.RemoveAt(at);
            }
            _records.RemoveAll(static other => !other.IsHeld && other.Status != CopyStatus.InProgress);
            if (_records.Count >= CopyLimits.MaxCopies)
            {
                var oldest = _records.FindIndex(static other => other.Status != CopyStatus.InProgress);
                if (oldest < 0) return CopyAdmission.TooMany;
                _records.RemoveAt(oldest);
            }
            _records.Add(record);
            return CopyAdmission.Begun;
        }
    }

    /// <summary>An identified copy of a nexus; null: there is none, or its status was received.</summary>
    public CopyRecord? Find(ScsiNexus nexus, uint listIdentifier)
    {
        lock (_lock)
        {
            var at = IndexOf(nexus, listIdentifier);
            return at >= 0 && _records[at].HasStatus ? _records[at] : null;
        }
    }

    /// <summary>An identified copy of a nexus that has ended; null: there is none, or its details were received.</summary>
    public CopyRecord? FindDetails(ScsiNexus nexus, uint listIdentifier)
    {
        lock (_lock)
        {
            var at = IndexOf(nexus, listIdentifier);
            return at >= 0 && _records[at] is { HasDetails: true, Status: not CopyStatus.InProgress } record ? record : null;
        }
    }

    /// <summary>The status was received: once the copy has ended it is not told again.</summary>
    public void OnStatusReceived(CopyRecord record)
    {
        if (record.Status == CopyStatus.InProgress) return;
        lock (_lock)
        {
            record.HasStatus = false;
            RemoveIfReceived(record);
        }
    }

    /// <summary>The failed segment details were received.</summary>
    public void OnDetailsReceived(CopyRecord record)
    {
        lock (_lock)
        {
            record.HasDetails = false;
            RemoveIfReceived(record);
        }
    }

    /// <summary>A nexus is lost, and its results with it.</summary>
    public void OnNexusLost(ScsiNexus nexus)
    {
        lock (_lock) _records.RemoveAll(record => ReferenceEquals(record.Nexus, nexus) && record.Status != CopyStatus.InProgress);
    }

    /// <summary>The unit is reset: no results are held.</summary>
    public void OnReset()
    {
        lock (_lock) _records.RemoveAll(static record => record.Status != CopyStatus.InProgress);
    }

    private void RemoveIfReceived(CopyRecord record)
    {
        // Only a failure has details.
        if (!record.HasStatus && (!record.HasDetails || record.Status != CopyStatus.Failed)) _records.Remove(record);
    }

    private int IndexOf(ScsiNexus nexus, uint listIdentifier) =>
        _records.FindIndex(record => record.IsHeld && record.ListIdentifier == listIdentifier && ReferenceEquals(record.Nexus, nexus));
}

/// <summary>Whether a copy may begin.</summary>
internal enum CopyAdmission
{
    /// <summary>It has begun.</summary>
    Begun,

    /// <summary>A copy of the nexus with that list identifier runs.</summary>
    ListIdentifierInUse,

    /// <summary>As many copies run as may.</summary>
    TooMany,
}
