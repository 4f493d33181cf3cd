namespace Iscsi.Target.Scsi.Media;

/// <summary>What an operation on a whole medium does.</summary>
internal enum MediumWork
{
    /// <summary>SANITIZE, OVERWRITE: every block is written with a pattern, once or several times.</summary>
    SanitizeOverwrite,

    /// <summary>SANITIZE, BLOCK ERASE: every block is deallocated and reads as zeroes.</summary>
    SanitizeBlockErase,

    /// <summary>FORMAT UNIT: every block is deallocated, or written with a pattern.</summary>
    Format,
}
