using Iscsi.Protocol.Scsi;

namespace Iscsi.Target.Scsi;

/// <summary>A mode page: its layout, its default, what of it MODE SELECT may change. The values are in <see cref="UnitModePages"/>.</summary>
/// <param name="Code">PAGE CODE.</param>
/// <param name="Subcode">SUBPAGE CODE; 0: the page has the format without one.</param>
/// <param name="Size">Bytes of the page with its header.</param>
/// <param name="WriteDefault">Writes the default of a logical unit, PS zero. The span is zero.</param>
internal sealed record ModePage(byte Code, byte Subcode, int Size, ModePage.PageWriter WriteDefault)
{
    /// <summary>Writes the mask of a page.</summary>
    public delegate void MaskWriter(LogicalUnit unit, Span<byte> mask);

    /// <summary>Writes a page.</summary>
    public delegate void PageWriter(UnitModePages modes, LogicalUnit unit, Span<byte> page);

    /// <summary>Finds the first byte of a page whose value is not allowed; -1: all are.</summary>
    public delegate int PageCheck(LogicalUnit unit, ReadOnlySpan<byte> page);

    /// <summary>Sets the bits that MODE SELECT may change. The span is zero. Null: none.</summary>
    public MaskWriter? WriteChangeable { get; init; }

    /// <summary>Checks what the mask of changeable bits does not say. Null: every value is allowed.</summary>
    public PageCheck? Check { get; init; }

    /// <summary>Whether a logical unit has it; null: all have.</summary>
    public Func<LogicalUnit, bool>? IsSupported { get; init; }

    /// <summary>Bytes of the header: PAGE CODE and PAGE LENGTH, or PAGE CODE, SUBPAGE CODE and PAGE LENGTH (2).</summary>
    public int HeaderSize => Subcode == 0 ? 2 : 4;

    /// <summary>Its name in the state of a logical unit.</summary>
    public string StateName { get; } = $"mode-page/{Code:X2}/{Subcode:X2}";
}

/// <summary>The mode pages, ascending by code and subpage (SPC-4, SBC-3). All are shared by all I_T nexuses.</summary>
internal static partial class ModePages
{
    /// <summary>The pages. The place in it is the place in <see cref="UnitModePages"/>.</summary>
    public static ReadOnlySpan<ModePage> All => Pages;

    private static readonly ModePage[] Pages =
    [
        new(0x01, 0x00, 12, WriteReadWriteErrorRecovery),
        new(CachingModePage.Code, 0x00, CachingModePage.Size, WriteCaching) { WriteChangeable = MaskCaching },
        new(ControlModePage.Code, 0x00, ControlModePage.Size, WriteControl) { WriteChangeable = MaskControl, Check = CheckControl },
        new(ControlModePage.Code, 0x01, 32, WriteControlExtension),
        new(0x1A, 0x00, 40, WritePowerCondition),
        new(InformationalExceptionsModePage.Code, 0x00, InformationalExceptionsModePage.Size, WriteExceptions)
        {
            WriteChangeable = MaskExceptions,
            Check = CheckExceptions,
        },
        new(LogicalBlockProvisioningModePage.Code, LogicalBlockProvisioningModePage.Subcode, LogicalBlockProvisioningModePage.Size, WriteProvisioning)
        {
            WriteChangeable = static (_, mask) => LogicalBlockProvisioningModePage.WriteChangeable(mask),
            IsSupported = static unit => unit.Space.IsKnown,
        },
    ];

    /// <summary>The most bytes that the pages of a unit have together.</summary>
    public static int MaxTotalSize { get; } = Sum();

    /// <summary>The place of the caching page.</summary>
    public static int Caching { get; } = IndexOf(CachingModePage.Code, 0);

    /// <summary>The place of the control page.</summary>
    public static int Control { get; } = IndexOf(ControlModePage.Code, 0);

    /// <summary>The place of the informational exceptions control page.</summary>
    public static int Exceptions { get; } = IndexOf(InformationalExceptionsModePage.Code, 0);

    /// <summary>The place of the logical block provisioning page.</summary>
    public static int Provisioning { get; } = IndexOf(LogicalBlockProvisioningModePage.Code, LogicalBlockProvisioningModePage.Subcode);

    /// <summary>Finds a page; -1: there is none.</summary>
    public static int IndexOf(byte code, byte subcode)
    {
        for (var i = 0; i < Pages.Length; i++)
            if (Pages[i].Code == code && Pages[i].Subcode == subcode) return i;
        return -1;
    }

    // SBC-3: Read-Write Error Recovery mode page
    //
    //      0|PS    |SPF (0)| PAGE CODE (01h)
    //      1| PAGE LENGTH (0Ah)
    //      2|AWRE  |ARRE   |TB     |RC     |EER    |PER    |DTE    |DCR
    //      3| READ RETRY COUNT                 8| WRITE RETRY COUNT          10| RECOVERY TIME LIMIT (2)
    private static void WriteReadWriteErrorRecovery(UnitModePages modes, LogicalUnit unit, Span<byte> page)
    {
        const byte automaticReallocation = 0xC0;
        page[0] = 0x01;
        page[1] = 0x0A;
        // What is below the device reallocates by itself; it does not say so, and is not told how often to try.
        page[2] = automaticReallocation;
    }

    private static void WriteCaching(UnitModePages modes, LogicalUnit unit, Span<byte> page) =>
        new CachingModePage { WriteCacheEnabled = unit.Info.HasVolatileWriteCache }.Write(page);

    // A device that writes through can't be given a cache.
    private static void MaskCaching(LogicalUnit unit, Span<byte> mask)
    {
        if (!unit.Info.HasVolatileWriteCache) return;
        new CachingModePage { WriteCacheEnabled = true }.Write(mask);
        mask[..2].Clear();
    }

    private static void WriteControl(UnitModePages modes, LogicalUnit unit, Span<byte> page) => new ControlModePage
    {
        // TST 001b: a task set for each I_T nexus, so that each session orders its own tasks and no lock is shared.
        TaskSetType = 1,
        GlobalLoggingTargetSaveDisable = true,
        QueueAlgorithmModifier = 1,
        BusyTimeoutPeriod = 0xFFFF,
        ExtendedSelfTestCompletionSeconds = DiagnosticCommands.ExtendedSeconds,
    }.Write(page);

    private static void MaskControl(LogicalUnit unit, Span<byte> mask)
    {
        new ControlModePage
        {
            DescriptorFormatSense = true,
            QueueErrorManagement = QueueErrorManagement.AbortNexus,
            SoftwareWriteProtect = true,
            TaskAbortedStatus = true,
        }.Write(mask);
        mask[..2].Clear();
    }

    // QERR 10b is reserved.
    private static int CheckControl(LogicalUnit unit, ReadOnlySpan<byte> page) => (page[3] & 0x06) == 0x04 ? 3 : -1;

    // SPC-4: Control Extension mode page
    //
    //      0|PS    |SPF (1)| PAGE CODE (0Ah)
    //      1| SUBPAGE CODE (01h)
    //      2| PAGE LENGTH (2) (001Ch)
    //      4|                              |TCMOS  |SCSIP  |IALUAE
    //      5|                              | INITIAL COMMAND PRIORITY
    //      6| MAXIMUM SENSE DATA LENGTH, 0: not limited
    private static void WriteControlExtension(UnitModePages modes, LogicalUnit unit, Span<byte> page)
    {
        page[0] = 0x40 | ControlModePage.Code;
        page[1] = 0x01;
        page[3] = 0x1C;
        // The device clock is the host's (TCMOS), until SET TIMESTAMP, which takes precedence (SCSIP).
        page[4] = 0x06;
    }

    // SPC-4: Power Condition mode page: PM_BG_PRECEDENCE and the enable bits of all timers are zero, so no timer runs.
    private static void WritePowerCondition(UnitModePages modes, LogicalUnit unit, Span<byte> page)
    {
        page[0] = 0x1A;
        page[1] = 0x26;
    }

    private static void WriteExceptions(UnitModePages modes, LogicalUnit unit, Span<byte> page) => new InformationalExceptionsModePage().Write(page);

    private static void MaskExceptions(LogicalUnit unit, Span<byte> mask)
    {
        new InformationalExceptionsModePage
        {
            DisableExceptionControl = true, Test = true, Method = 0x0F,
        }.Write(mask);
        mask[..2].Clear();
    }

    // SPC-4: DEXCPT and TEST exclude each other. MRIE: reporting as the status of commands that have not failed, 3h to 5h, is not done.
    private static int CheckExceptions(LogicalUnit unit, ReadOnlySpan<byte> bytes)
    {
        var page = InformationalExceptionsModePage.TryParse(bytes)!;
        if (page is { DisableExceptionControl: true, Test: true }) return 2;
        return page.Method is InformationalExceptionsModePage.MethodNone or InformationalExceptionsModePage.MethodUnitAttention or
            InformationalExceptionsModePage.MethodOnRequest ? -1 : 3;
    }

    private static void WriteProvisioning(UnitModePages modes, LogicalUnit unit, Span<byte> page)
    {
        var setBytes = UnitSpace.ThresholdSetBytesOf(unit.Info);
        new LogicalBlockProvisioningModePage
        {
            Available = modes.LowSpaceBytes is { } low ? (uint)Math.Clamp((low + setBytes - 1) / setBytes, 0, uint.MaxValue) : null,
        }.Write(page);
    }

    private static int Sum()
    {
        var size = 0;
        foreach (var page in Pages) size += page.Size;
        return size;
    }
}
