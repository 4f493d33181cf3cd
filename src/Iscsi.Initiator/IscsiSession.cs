using Iscsi.Protocol;
using Iscsi.Protocol.Scsi;
using Iscsi.Transport;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using Reservations;

namespace Iscsi.Initiator;

/// <summary>
/// A session with a target, over one connection: any number of calls at once, from any thread. When the connection is lost every pending
/// call fails with an <see cref="IscsiException"/> that says why, and so does every later one.
/// </summary>
/// <remarks>
/// All state belongs to one serial executor. Calls post themselves to it; what they produced leaves, at the end of each batch of work, in
/// one gather-send. Data go to and from the caller's memory, so the receive loop waits for nothing.
/// </remarks>
public sealed partial class IscsiSession : IAsyncDisposable
{
    private readonly IscsiInitiatorOptions _options;
    private readonly SerialExecutor _executor = new();
    private readonly SessionMemory _memory;
    private readonly ILogger _log;
    private readonly Inner _inner;
    private LoggedInConnection _connection = null!;
    private PduChannel _channel = null!;
    private CmdSNCounter _cmdSN = null!;
    private ExpStatSNCounter _expStatSN = null!;
    private DataSequenceParameters _sequence = null!;
    private TaskSlot[] _slots = [];
    private TaskTagAllocator _tags = null!;

    private IscsiSession(IscsiUrl url, IscsiInitiatorOptions options)
    {
        _options = options;
        TargetName = url.TargetName!;
        _log = options.LoggerFactory?.CreateLogger("Iscsi.Initiator") ?? NullLogger.Instance;
        _inner = new Inner(this);
        _executor.Owner = _inner;
        _submitWork = new SubmitWork(this);
        _timerWork = new TimerWork(this);
        _memory = new SessionMemory(_inner, options.ReceiveBufferBytes, options.MaxOutstandingCommands, MaxControlRequests);
    }

    /// <summary>What the login agreed on.</summary>
    public NegotiatedParameters Parameters => _connection.Login.Parameters!;

    /// <summary>Name of the target.</summary>
    public string TargetName { get; }

    /// <summary>Alias of the target, a description for people; null when it has none.</summary>
    public string? TargetAlias => _connection.Login.TargetAlias;

    /// <summary>Target portal group tag; null when the target did not say it.</summary>
    public ushort? TargetPortalGroupTag => _connection.Login.TargetPortalGroupTag;

    /// <summary>Whether the target proved who it is (mutual CHAP).</summary>
    public bool IsTargetAuthenticated => _connection.Login.IsTargetAuthenticated;

    /// <summary>Why the session ended; <see cref="ConnectionEndReason.None"/> while it lives.</summary>
    public ConnectionEndReason EndReason => _channel.EndReason;

    /// <summary>The name of the target and where it was reached, for messages.</summary>
    internal string Place => _connection.Place;

    internal IscsiInitiatorOptions Options => _options;

    internal ILogger Log => _log;

    internal static async Task<IscsiSession> ConnectAsync(IscsiUrl url, IscsiInitiatorOptions options, CancellationToken cancellationToken)
    {
        var session = new IscsiSession(url, options);
        var started = false;
        try
        {
            var connection = await new LoginDriver(options, url, session._memory).RunAsync(cancellationToken).ConfigureAwait(false);
            await session.StartAsync(connection).ConfigureAwait(false);
            started = true;
            return session;
        }
        finally
        {
            if (!started) session._memory.Dispose();
        }
    }

    /// <summary>Executes a command.</summary>
    /// <param name="lun">Logical unit, 0 to 16383.</param>
    /// <param name="cdb">The CDB, 1 to 16 bytes.</param>
    /// <param name="dataIn">Where data that are read go; empty when none are.</param>
    /// <param name="dataOut">Data to write; empty when none are. Not together with <paramref name="dataIn"/>.</param>
    /// <param name="cancellationToken">Aborts the task (ABORT TASK); the memory is not touched after the return.</param>
    /// <returns>How it ended, whatever the status is.</returns>
    /// <exception cref="ArgumentException">The CDB is empty or longer than 16 bytes, or there are data both ways.</exception>
    /// <exception cref="IscsiException">The session ended, or the target rejected the command.</exception>
    public ValueTask<ScsiResult> ExecuteAsync(
        int lun, ReadOnlySpan<byte> cdb, Memory<byte> dataIn = default, ReadOnlyMemory<byte> dataOut = default, CancellationToken cancellationToken = default) =>
        ExecuteAsync(lun, cdb, dataIn, dataOut, mayRetry: false, cancellationToken);

    internal ValueTask<ScsiResult> ExecuteAsync(
        int lun, ReadOnlySpan<byte> cdb, Memory<byte> dataIn, ReadOnlyMemory<byte> dataOut, bool mayRetry, CancellationToken cancellationToken)
    {
        var field = LogicalUnitNumber.Encode(lun);
        if (cdb.Length is 0 or > Cdb.Size) throw new ArgumentException($"A CDB has 1 to {Cdb.Size} bytes here.", nameof(cdb));
        if (!dataIn.IsEmpty && !dataOut.IsEmpty) throw new ArgumentException("Bidirectional commands are not supported.", nameof(dataOut));
        if (cancellationToken.IsCancellationRequested) return ValueTask.FromCanceled<ScsiResult>(cancellationToken);
        var task = Rent();
        task.Begin(field, cdb, mayRetry, disk: null);
        if (!dataIn.IsEmpty) task.SetData(dataIn, isWrite: false);
        else if (!dataOut.IsEmpty) task.SetData(System.Runtime.InteropServices.MemoryMarshal.AsMemory(dataOut), isWrite: true);
        return new ValueTask<ScsiResult>(task, task.Submit(cancellationToken));
    }

    /// <summary>A command of a disk, whose failures are those of a block device and which is repeated where that helps.</summary>
    internal ValueTask ExecuteAsync(
        IscsiBlockDevice disk, in Cdb cdb, BlockList? data, int offsetBytes, int lengthBytes, bool isWrite, CancellationToken cancellationToken)
    {
        if (cancellationToken.IsCancellationRequested) return ValueTask.FromCanceled(cancellationToken);
        var task = Rent();
        task.Begin(disk.LunField, cdb.ReadOnlyBytes, mayRetry: true, disk);
        if (data is not null) task.SetData(data, offsetBytes, lengthBytes, isWrite);
        return new ValueTask(task, task.Submit(cancellationToken));
    }

    private async Task StartAsync(LoggedInConnection connection)
    {
        _connection = connection;
        _cmdSN = connection.CmdSN;
        _expStatSN = connection.ExpStatSN;
        var parameters = connection.Login.Parameters!;
        _sequence = new DataSequenceParameters
        {
            InitialR2T = parameters.InitialR2T,
            ImmediateData = parameters.ImmediateData,
            FirstBurstLength = parameters.FirstBurstLength,
            MaxBurstLength = parameters.MaxBurstLength,
            MaxOutstandingR2T = parameters.MaxOutstandingR2T,
        };
        _slots = [.. _memory.Responses.Select(response => new TaskSlot(parameters.MaxOutstandingR2T, response))];
        _tags = new TaskTagAllocator(_slots.Length);
        _channel = new PduChannel(connection.Transport, _executor, _inner, connection.Parser, new TransmitEntries(_memory.Entries), _options.Clock)
        {
            SendHeaderDigest = parameters.HeaderDigestCrc32C,
            SendDataDigest = parameters.DataDigestCrc32C,
        };
        _lastReceived = _options.Clock.GetTimestamp();
        _timer = _options.Clock.CreateTimer(
            static state => ((IscsiSession)state!).Post(((IscsiSession)state)._timerWork), this, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
        InitiatorLog.LoggedIn(_log, Place, parameters.MaxBurstLength, parameters.FirstBurstLength, parameters.PeerMaxRecvDataSegmentLength);
        InitiatorMetrics.SessionOpened();
        await RunAsync(() => _channel.Start()).ConfigureAwait(false);
    }

    /// <summary>Runs something on the executor; not on the hot path.</summary>
    private Task RunAsync(Action action)
    {
        var work = new ActionWork(action);
        _executor.Post(work);
        return work.Completion.Task;
    }

    /// <summary>For tests: everything that was posted before has run.</summary>
    internal Task SettleAsync() => RunAsync(static () => { });

    internal void Post(SerialWork work) => _executor.Post(work);

    private sealed class ActionWork(Action action) : SerialWork
    {
        public TaskCompletionSource Completion { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

        protected override void Run()
        {
            try
            {
                action();
                Completion.TrySetResult();
            }
#pragma warning disable CA1031 // handed to who waits
            catch (Exception exception)
#pragma warning restore CA1031
            {
                Completion.TrySetException(exception);
            }
        }
    }

    /// <summary>What the channel, the executor and the reservations call; kept off the public surface.</summary>
    private sealed class Inner(IscsiSession session) : IPduChannelHandler, ISerialOwner, IReservationOwner, IPduSendCompletion
    {
        private readonly ProcessWork _processWork = new(session);

        public void OnHeader() => session.OnHeader();

        public void OnPdu() => session.OnPdu();

        public void OnFramingFault() => session.OnFramingFault();

        public void OnInputEnded(bool insidePdu, Exception? error) => session.OnInputEnded(insidePdu, error);

        public void OnQuiet() => session.OnQuiet();

        public void OnBatchEnd() => session.OnBatchEnd();

        public void OnFault(Exception exception) => session.OnFault(exception);

        public void OnPduSent(int tag, bool isSent) => session.OnDataSent(tag);

        void IReservationOwner.Post(ReservationNode node) => session._executor.Post(_processWork);

        private sealed class ProcessWork(IscsiSession session) : SerialWork
        {
            protected override void Run() => session._memory.Node.ProcessPosted();
        }
    }
}
