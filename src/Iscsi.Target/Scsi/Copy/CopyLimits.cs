namespace Iscsi.Target.Scsi.Copy;

/// <summary>Bounds of third-party copies. Clients read them in the Third-party Copy VPD page and in the operating parameters.</summary>
internal static class CopyLimits
{
    /// <summary>
    /// The longest parameter list. Half of the least that a command may have in memory at once (<see cref="ScsiLimits.MinAllAtOnceBytes"/>),
    /// so that a block of 4 KiB to copy through always fits beside it.
    /// </summary>
    public const int MaxParameterListBytes = 4096;

    /// <summary>MAXIMUM CSCD DESCRIPTOR COUNT: a copy is between few disks; a target has more LUNs than that only rarely.</summary>
    public const int MaxCscdDescriptors = 32;

    /// <summary>MAXIMUM SEGMENT DESCRIPTOR COUNT: hosts send a few large ones.</summary>
    public const int MaxSegmentDescriptors = 64;

    /// <summary>
    /// MAXIMUM DESCRIPTOR LIST LENGTH: what the longer header (LID4, 48 bytes) leaves of <see cref="MaxParameterListBytes"/>. Either kind of
    /// descriptor alone fits at its maximum count.
    /// </summary>
    public const int MaxDescriptorListBytes = MaxParameterListBytes - 48;

    /// <summary>MAXIMUM RANGE DESCRIPTORS of POPULATE TOKEN and WRITE USING TOKEN: Windows sends one or a few.</summary>
    public const int MaxRanges = 64;

    /// <summary>
    /// MAXIMUM TOKEN TRANSFER SIZE in bytes: a WRITE USING TOKEN of a slow disk (100 MB/s) stays within the few seconds that Windows gives it.
    /// </summary>
    public const long MaxTokenBytes = 256L << 20;

    /// <summary>
    /// Copies of one logical unit that are known: those that run, and those whose results are held. A finished one makes room for a new
    /// one; a new one is BUSY when all of them run.
    /// </summary>
    public const int MaxCopies = 64;

    /// <summary>ROD tokens of one logical unit. Their list (96 bytes each) fits the parameter data of REPORT ALL ROD TOKENS.</summary>
    public const int MaxTokens = 64;

    /// <summary>DEFAULT INACTIVITY TIMEOUT, seconds: the time from a token's last use.</summary>
    public const uint DefaultInactivitySeconds = 30;

    /// <summary>MAXIMUM INACTIVITY TIMEOUT, seconds.</summary>
    public const uint MaxInactivitySeconds = 300;

    /// <summary>MAXIMUM TOKEN LIFETIME, seconds: however often it is used.</summary>
    public const uint MaxTokenLifetimeSeconds = 3600;
}
