namespace Iscsi.Storage;

/// <summary>Requests that wait, first in, first out. It is the requests themselves that are linked, so nothing is allocated. Not thread-safe.</summary>
internal struct StoreRequestList
{
    private StoreRequest? _first;
    private StoreRequest? _last;

    public readonly bool IsEmpty => _first is null;

    public void Add(StoreRequest request)
    {
        if (_last is null) _first = request;
        else _last.Next = request;
        _last = request;
    }

    /// <summary>The first one, by itself; null if there is none.</summary>
    public StoreRequest? Take()
    {
        if (_first is not { } request) return null;
        _first = request.Next;
        if (_first is null) _last = null;
        request.Next = null;
        return request;
    }

    /// <summary>The first one, and the others after it; null if there is none.</summary>
    public StoreRequest? TakeAll()
    {
        var first = _first;
        _first = _last = null;
        return first;
    }
}
