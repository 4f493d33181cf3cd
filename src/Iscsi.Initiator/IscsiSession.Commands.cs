using System.Buffers.Binary;
using Iscsi.Protocol;
using Iscsi.Protocol.Scsi;

namespace Iscsi.Initiator;

/// <content>Commands and functions that are not the hot path.</content>
public sealed partial class IscsiSession
{
    // REPORT LUNS of a target with very many: asked again with as much as it says, up to this.
    private const int MaxReportLunsBytes = 8 + (8 * (LogicalUnitNumber.Max + 1));

    private const int VpdBytes = 1024;

    /// <summary>Opens a logical unit as a disk. Disposing the disk leaves the session open.</summary>
    /// <param name="lun">Its number, 0 to 16383.</param>
    /// <param name="cancellationToken">Gives up.</param>
    /// <exception cref="IscsiException">The logical unit does not exist, is no disk, is not ready, or the session ended.</exception>
    public Task<IscsiBlockDevice> OpenDiskAsync(int lun, CancellationToken cancellationToken = default) =>
        IscsiBlockDevice.OpenAsync(this, lun, cancellationToken);

    /// <summary>Lists the logical units.</summary>
    /// <param name="cancellationToken">Gives up.</param>
    /// <returns>Their numbers, ascending; those that are no simple number (buses, well-known logical units) are left out.</returns>
    /// <exception cref="ScsiCommandException">The command failed.</exception>
    /// <exception cref="IscsiException">The session ended.</exception>
    public async Task<IReadOnlyList<int>> ReportLunsAsync(CancellationToken cancellationToken = default)
    {
        for (var size = 8 + (8 * 256); ;)
        {
            var data = new byte[size];
            var length = await ExecuteCheckedAsync("REPORT LUNS", 0, ReportLunsCdb(size), data, cancellationToken).ConfigureAwait(false);
            if (length < 8) throw new IscsiException($"{Place}: REPORT LUNS brought {length} bytes.");
            var listed = BinaryPrimitives.ReadUInt32BigEndian(data);
            if (listed > (uint)size - 8 && size < MaxReportLunsBytes)
            {
                size = (int)Math.Min(MaxReportLunsBytes, listed + 8L);
                continue;
            }
            var luns = new SortedSet<int>();
            for (var at = 8; at + 8 <= length && at < 8 + listed; at += 8)
            {
                if (LogicalUnitNumber.TryDecode(BinaryPrimitives.ReadUInt64BigEndian(data.AsSpan(at)), out var lun)) luns.Add(lun);
            }
            return [.. luns];
        }
    }

    /// <summary>Asks a logical unit who it is: standard INQUIRY data, serial number, designators.</summary>
    /// <param name="lun">Its number, 0 to 16383.</param>
    /// <param name="cancellationToken">Gives up.</param>
    /// <exception cref="ScsiCommandException">The command failed.</exception>
    /// <exception cref="IscsiException">The session ended.</exception>
    public async Task<LogicalUnitInfo> InquiryAsync(int lun, CancellationToken cancellationToken = default)
    {
        var data = new byte[255];
        var length = await ExecuteCheckedAsync("INQUIRY", lun, InquiryCdb(null, data.Length), data, cancellationToken).ConfigureAwait(false);
        if (!StandardInquiryData.TryParse(data.AsSpan(0, length), out var inquiry)) throw new IscsiException($"{Place}: INQUIRY brought {length} bytes.");
        var pages = await TryVpdAsync(lun, VpdPageCode.SupportedPages, cancellationToken).ConfigureAwait(false);
        string? serial = null;
        IReadOnlyList<string> designators = [];
        if (pages is not null && pages.Contains((byte)VpdPageCode.UnitSerialNumber) &&
            await TryVpdAsync(lun, VpdPageCode.UnitSerialNumber, cancellationToken).ConfigureAwait(false) is { } serialPage)
            serial = ScsiText.Read(serialPage).Trim();
        if (pages is not null && pages.Contains((byte)VpdPageCode.DeviceIdentification) &&
            await TryVpdAsync(lun, VpdPageCode.DeviceIdentification, cancellationToken).ConfigureAwait(false) is { } identification)
            designators = ReadDesignators(identification);
        return new LogicalUnitInfo { Lun = lun, Inquiry = inquiry!, VpdPages = pages ?? [], SerialNumber = serial, Designators = designators };
    }

    /// <summary>LOGICAL UNIT RESET (RFC 7143, 11.5.1): commands of this session that were sent to it before end with TASK ABORTED.</summary>
    /// <param name="lun">Logical unit, 0 to 16383.</param>
    /// <param name="cancellationToken">Stops waiting for the answer.</param>
    /// <returns>The target's answer.</returns>
    /// <exception cref="IscsiException">The session ended, or the target rejected the request.</exception>
    public async Task<TaskManagementResponse> LogicalUnitResetAsync(int lun, CancellationToken cancellationToken = default) =>
        (TaskManagementResponse)await RequestAsync(new(ControlKind.LogicalUnitReset) { Lun = LogicalUnitNumber.Encode(lun) }, cancellationToken)
            .ConfigureAwait(false);

    /// <summary>Pings the target (NOP-Out).</summary>
    /// <param name="cancellationToken">Stops waiting for the answer.</param>
    /// <returns>The round trip's time.</returns>
    /// <exception cref="IscsiException">The session ended, or the target rejected the request.</exception>
    public async Task<TimeSpan> PingAsync(CancellationToken cancellationToken = default) =>
        _options.Clock.GetElapsedTime(0, await RequestAsync(new(ControlKind.Ping), cancellationToken).ConfigureAwait(false));

    /// <summary>A VPD page's body; null when the logical unit refuses it.</summary>
    internal async Task<byte[]?> TryVpdAsync(int lun, VpdPageCode page, CancellationToken cancellationToken)
    {
        var data = new byte[VpdBytes];
        var result = await ExecuteAsync(lun, InquiryCdb(page, data.Length).ReadOnlyBytes, data, default, mayRetry: true, cancellationToken).ConfigureAwait(false);
        if (result.Status == ScsiStatus.CheckCondition && result.Sense is { Key: SenseKey.IllegalRequest }) return null;
        result.ThrowIfFailed("INQUIRY");
        if (result.TransferredBytes < 4 || data[1] != (byte)page) return null;
        var length = Math.Min(BinaryPrimitives.ReadUInt16BigEndian(data.AsSpan(2)), (int)result.TransferredBytes - 4);
        return data[4..(4 + length)];
    }

    /// <summary>Executes a command that reads, repeats it where that helps, and throws unless it is good.</summary>
    /// <returns>Bytes read.</returns>
    internal async Task<int> ExecuteCheckedAsync(string name, int lun, Cdb cdb, Memory<byte> data, CancellationToken cancellationToken)
    {
        var result = await ExecuteAsync(lun, cdb.ReadOnlyBytes, data, default, mayRetry: true, cancellationToken).ConfigureAwait(false);
        result.ThrowIfFailed(name);
        return (int)result.TransferredBytes;
    }

    private async Task<long> RequestAsync(ControlRequest request, CancellationToken cancellationToken)
    {
        await RunAsync(() =>
        {
            if (RefusalOfNewCalls() is { } refusal) request.Fail(refusal);
            else Send(request);
        }).ConfigureAwait(false);
        return await request.Completion.Task.WaitAsync(cancellationToken).ConfigureAwait(false);
    }

    private static Cdb ReportLunsCdb(int allocationLength)
    {
        Cdb cdb = default;
        cdb[0] = OperationCode.ReportLuns;
        BinaryPrimitives.WriteInt32BigEndian(cdb.Bytes[6..], allocationLength);
        return cdb;
    }

    private static Cdb InquiryCdb(VpdPageCode? page, int allocationLength)
    {
        Cdb cdb = default;
        cdb[0] = OperationCode.Inquiry;
        cdb[1] = (byte)(page is null ? 0 : 1);
        cdb[2] = (byte)(page ?? VpdPageCode.SupportedPages);
        BinaryPrimitives.WriteUInt16BigEndian(cdb.Bytes[3..], (ushort)allocationLength);
        return cdb;
    }

    private static List<string> ReadDesignators(ReadOnlySpan<byte> body)
    {
        var designators = new List<string>();
        while (DesignationDescriptor.TryRead(ref body, out var descriptor))
        {
            if (descriptor.Association != DesignatorAssociation.LogicalUnit) continue;
            var text = descriptor.Type switch
            {
                DesignatorType.Naa => "naa." + Convert.ToHexStringLower(descriptor.Designator),
                DesignatorType.Eui64 => "eui." + Convert.ToHexStringLower(descriptor.Designator),
                DesignatorType.T10VendorId => "t10." + ScsiText.Read(descriptor.Designator),
                DesignatorType.ScsiNameString => System.Text.Encoding.UTF8.GetString(descriptor.Designator.TrimEnd((byte)0)),
                _ => null,
            };
            if (text is not null) designators.Add(text);
        }
        return designators;
    }
}
