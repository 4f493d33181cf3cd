using Iscsi.Protocol.Scsi;

namespace Iscsi.Protocol.Tests.Scsi;

public sealed class ModePageTests
{
    [Fact]
    public void A_control_page_has_its_fields_where_SPC_has_them_and_reads_back()
    {
        var page = new ControlModePage
        {
            TaskSetType = 1, DescriptorFormatSense = true, GlobalLoggingTargetSaveDisable = true, QueueAlgorithmModifier = 1,
            QueueErrorManagement = QueueErrorManagement.AbortNexus, SoftwareWriteProtect = true, TaskAbortedStatus = true,
            BusyTimeoutPeriod = 0x1234, ExtendedSelfTestCompletionSeconds = 0x5678,
        };
        var bytes = new byte[ControlModePage.Size];
        Assert.Equal(bytes.Length, page.Write(bytes));
        Assert.Equal([0x0A, 0x0A, 0x26, 0x16, 0x08, 0x40, 0, 0, 0x12, 0x34, 0x56, 0x78], bytes);
        Assert.Equal(page, ControlModePage.TryParse(bytes));
        bytes[0] |= 0x80;
        Assert.Equal(page, ControlModePage.TryParse(bytes));
    }

    [Fact]
    public void A_caching_page_has_WCE_where_SBC_has_it_and_reads_back()
    {
        var bytes = new byte[CachingModePage.Size];
        new CachingModePage { WriteCacheEnabled = true }.Write(bytes);
        Assert.Equal([0x08, 0x12, 0x04], bytes[..3]);
        Assert.True(CachingModePage.TryParse(bytes)!.WriteCacheEnabled);
        new CachingModePage().Write(bytes);
        Assert.False(CachingModePage.TryParse(bytes)!.WriteCacheEnabled);
    }

    [Fact]
    public void An_informational_exceptions_page_has_its_fields_where_SPC_has_them_and_reads_back()
    {
        var page = new InformationalExceptionsModePage { DisableExceptionControl = true, Test = true, Method = 6, IntervalTimer = 0x01020304, ReportCount = 5 };
        var bytes = new byte[InformationalExceptionsModePage.Size];
        page.Write(bytes);
        Assert.Equal([0x1C, 0x0A, 0x0C, 0x06, 1, 2, 3, 4, 0, 0, 0, 5], bytes);
        Assert.Equal(page, InformationalExceptionsModePage.TryParse(bytes));
    }

    [Fact]
    public void A_provisioning_page_has_two_thresholds_and_reads_back()
    {
        var page = new LogicalBlockProvisioningModePage { SingleInitiator = true, Available = 0x01020304, Used = null };
        var bytes = new byte[LogicalBlockProvisioningModePage.Size];
        page.Write(bytes);
        Assert.Equal([0x5C, 0x02, 0, 28, 1], bytes[..5]);
        Assert.Equal([0x80, 1, 0, 0, 1, 2, 3, 4, 0x01, 2, 0, 0, 0, 0, 0, 0], bytes[16..]);
        Assert.Equal(page, LogicalBlockProvisioningModePage.TryParse(bytes));
        page = new LogicalBlockProvisioningModePage { Used = 9 };
        page.Write(bytes);
        Assert.Equal(page, LogicalBlockProvisioningModePage.TryParse(bytes));
    }

    [Fact]
    public void The_mask_of_a_provisioning_page_is_SITUA_ENABLED_and_the_counts()
    {
        var mask = new byte[LogicalBlockProvisioningModePage.Size];
        LogicalBlockProvisioningModePage.WriteChangeable(mask);
        Assert.Equal([0, 0, 0, 0, 1], mask[..5]);
        Assert.Equal([0x80, 0, 0, 0, 0xFF, 0xFF, 0xFF, 0xFF, 0x80, 0, 0, 0, 0xFF, 0xFF, 0xFF, 0xFF], mask[16..]);
    }

    [Fact]
    public void What_is_too_short_or_another_page_is_none()
    {
        var bytes = new byte[32];
        new ControlModePage().Write(bytes);
        for (var length = 0; length < ControlModePage.Size; length++) Assert.Null(ControlModePage.TryParse(bytes.AsSpan(0, length)));
        Assert.Null(CachingModePage.TryParse(bytes));
        Assert.Null(InformationalExceptionsModePage.TryParse(bytes));
        Assert.Null(LogicalBlockProvisioningModePage.TryParse(bytes));
        new LogicalBlockProvisioningModePage().Write(bytes);
        for (var length = 0; length < LogicalBlockProvisioningModePage.Size; length++)
            Assert.Null(LogicalBlockProvisioningModePage.TryParse(bytes.AsSpan(0, length)));
        Assert.Null(ControlModePage.TryParse(bytes));
        new CachingModePage().Write(bytes);
        for (var length = 0; length < CachingModePage.Size; length++) Assert.Null(CachingModePage.TryParse(bytes.AsSpan(0, length)));
        new InformationalExceptionsModePage().Write(bytes);
        for (var length = 0; length < InformationalExceptionsModePage.Size; length++)
            Assert.Null(InformationalExceptionsModePage.TryParse(bytes.AsSpan(0, length)));
    }
}
