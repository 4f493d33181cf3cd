namespace Iscsi.Protocol;

/// <summary>Why text or a value could not be read (RFC 7143, 6.1).</summary>
public enum TextFault
{
    /// <summary>Nothing.</summary>
    None,

    /// <summary>A pair without '='.</summary>
    MissingEquals,

    /// <summary>A pair whose key is empty.</summary>
    EmptyKey,

    /// <summary>A key longer than 63 bytes.</summary>
    KeyTooLong,

    /// <summary>A key with a character other than letters, digits, and <c>. - + @ _</c>.</summary>
    BadKeyCharacter,

    /// <summary>A value longer than it may be.</summary>
    ValueTooLong,

    /// <summary>The last pair has no terminating NUL.</summary>
    NotTerminated,

    /// <summary>A value that is not UTF-8.</summary>
    NotUtf8,

    /// <summary>A number that is empty, has a foreign digit or a leading zero, or does not fit.</summary>
    BadNumber,

    /// <summary>A number outside the range of its key.</summary>
    OutOfRange,

    /// <summary>A range that is not two numbers with '~' between, the first not above the second.</summary>
    BadRange,

    /// <summary>A boolean other than Yes and No.</summary>
    BadBoolean,

    /// <summary>A binary value that is neither hexadecimal nor base64, or is malformed.</summary>
    BadBinary,

    /// <summary>A list with an empty element.</summary>
    BadList,

    /// <summary>A key that came twice.</summary>
    DuplicateKey,
}
