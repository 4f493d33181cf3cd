namespace Iscsi.Target.State;

/// <summary>
/// What a logical unit remembers over a restart, beside its persistent reservations: named lines, each the business of the part that
/// writes it. A unit without a file remembers until the server ends.
/// </summary>
internal sealed class UnitState
{
    private readonly Lock _lock = new();
    private readonly IReplaceableFile? _file;
    private SortedDictionary<string, string> _lines;

    /// <summary>Reads the state.</summary>
    /// <param name="file">Where it is kept; null: nowhere.</param>
    /// <exception cref="InvalidDataException">The file is damaged.</exception>
    public UnitState(IReplaceableFile? file = null)
    {
        _file = file;
        _lines = file?.Read() is not { } bytes
            ? new(StringComparer.Ordinal)
            : UnitStateText.Decode(bytes) ?? throw new InvalidDataException(
                $"The state of a disk in {file.Path} is damaged: the checksum does not fit. " +
                "Put the file back from a backup, or delete it: then the disk has its default settings, and a sanitize operation that was under way is forgotten.");
    }

    /// <summary>Whether what is set survives a restart.</summary>
    public bool IsKept => _file is not null;

    /// <summary>The value under a name; null: none was set.</summary>
    public string? Get(string name)
    {
        lock (_lock) return _lines.GetValueOrDefault(name);
    }

    /// <summary>
    /// Sets values, all or none, and makes them durable before it returns. Blocks on the disk: for commands that are rare. When it
    /// throws, the values here are the old ones.
    /// </summary>
    /// <param name="changes">Names of printable ASCII without blanks; values without line feeds; a null value removes the name.</param>
    /// <exception cref="IOException">The file could not be written.</exception>
    /// <exception cref="UnauthorizedAccessException">The file may not be written.</exception>
    public void Set(params ReadOnlySpan<(string Name, string? Value)> changes)
    {
        lock (_lock)
        {
            var next = new SortedDictionary<string, string>(_lines, StringComparer.Ordinal);
            foreach (var (name, value) in changes)
            {
                if (value is null) next.Remove(name);
                else next[name] = value;
            }
            _file?.Save(UnitStateText.Encode(next));
            _lines = next;
        }
    }
}
