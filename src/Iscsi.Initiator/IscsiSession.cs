using Iscsi.Protocol;

namespace Iscsi.Initiator;

/// <summary>A session with a target: any number of calls at once, from any thread.</summary>
public sealed partial class IscsiSession : IAsyncDisposable
{
    private IscsiSession() => throw new NotSupportedException();

    /// <summary>What the login agreed on.</summary>
    public NegotiatedParameters Parameters => throw new NotSupportedException();

    /// <summary>Name of the target.</summary>
    public string TargetName => throw new NotSupportedException();

    /// <summary>Alias of the target, a description for people; null when it has none.</summary>
    public string? TargetAlias => throw new NotSupportedException();

    /// <summary>Target portal group tag; null when the target did not say it.</summary>
    public ushort? TargetPortalGroupTag => throw new NotSupportedException();

    /// <summary>Opens a logical unit as a disk. Disposing the disk leaves the session open.</summary>
    /// <param name="lun">Its number, 0 to 16383.</param>
    /// <param name="cancellationToken">Gives up.</param>
    /// <exception cref="IscsiException">The logical unit does not exist, is no disk, is not ready, or the session ended.</exception>
    public Task<IscsiBlockDevice> OpenDiskAsync(int lun, CancellationToken cancellationToken = default) => throw new NotSupportedException();

    /// <summary>Lists the logical units.</summary>
    /// <param name="cancellationToken">Gives up.</param>
    /// <returns>Their numbers, ascending.</returns>
    public Task<IReadOnlyList<int>> ReportLunsAsync(CancellationToken cancellationToken = default) => throw new NotSupportedException();

    /// <summary>Asks a logical unit who it is: standard INQUIRY data, serial number, designators.</summary>
    /// <param name="lun">Its number, 0 to 16383.</param>
    /// <param name="cancellationToken">Gives up.</param>
    public Task<LogicalUnitInfo> InquiryAsync(int lun, CancellationToken cancellationToken = default) => throw new NotSupportedException();

    /// <summary>Executes a command.</summary>
    /// <param name="lun">Logical unit, 0 to 16383.</param>
    /// <param name="cdb">The CDB, 1 to 16 bytes.</param>
    /// <param name="dataIn">Where data that are read go; empty when none are.</param>
    /// <param name="dataOut">Data to write; empty when none are. Not together with <paramref name="dataIn"/>.</param>
    /// <param name="cancellationToken">Aborts the task (ABORT TASK); the memory is not touched after the return.</param>
    /// <returns>How it ended, whatever the status is.</returns>
    /// <exception cref="IscsiException">The session ended, or the target rejected the command.</exception>
    public ValueTask<ScsiResult> ExecuteAsync(
        int lun, ReadOnlySpan<byte> cdb, Memory<byte> dataIn = default, ReadOnlyMemory<byte> dataOut = default, CancellationToken cancellationToken = default) =>
        throw new NotSupportedException();

    /// <summary>LOGICAL UNIT RESET (RFC 7143, 11.5.1).</summary>
    /// <param name="lun">Logical unit, 0 to 16383.</param>
    /// <param name="cancellationToken">Stops waiting for the answer.</param>
    /// <returns>The target's answer.</returns>
    public Task<TaskManagementResponse> LogicalUnitResetAsync(int lun, CancellationToken cancellationToken = default) => throw new NotSupportedException();

    /// <summary>Pings the target (NOP-Out).</summary>
    /// <param name="cancellationToken">Stops waiting for the answer.</param>
    /// <returns>The round trip's time.</returns>
    public Task<TimeSpan> PingAsync(CancellationToken cancellationToken = default) => throw new NotSupportedException();

    /// <summary>Ends the session in order: pending calls end first, then the target is told.</summary>
    /// <param name="cancellationToken">Stops waiting: the connection is closed without an answer.</param>
    public Task LogoutAsync(CancellationToken cancellationToken = default) => throw new NotSupportedException();

    /// <summary>Logs out, if that was not done, and closes the connection.</summary>
    public ValueTask DisposeAsync() => throw new NotSupportedException();
}
