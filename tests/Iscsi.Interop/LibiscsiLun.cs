namespace Iscsi.Interop;

/// <summary>The LUNs of the daemon that serves libiscsi's suite, in the order of their numbers.</summary>
internal enum LibiscsiLun
{
    /// <summary>A file with blocks of 512 bytes: what a test gets that wants nothing else.</summary>
    File512,

    /// <summary>A file with blocks of 4096 bytes, which is also what it allocates.</summary>
    File4096,

    /// <summary>Memory: it promises atomic writes, and all of it is overwritten in no time.</summary>
    Memory,

    /// <summary>A removable medium.</summary>
    Removable,

    /// <summary>A disk that can't be written.</summary>
    ReadOnly,

    /// <summary>A disk that keeps nothing and is so large that overwriting it takes half a minute.</summary>
    Null,

    /// <summary>A file with all its space reserved, which does not unmap.</summary>
    Thick,
}
