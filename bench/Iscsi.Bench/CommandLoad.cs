using System.Runtime.CompilerServices;
using Iscsi.Initiator;
using Iscsi.Storage;
using Reservations;

#pragma warning disable CA2012 // each task is consumed once, by the GetResult of its awaiter

namespace Iscsi.Bench;

/// <summary>What a load sends.</summary>
internal enum CommandKind
{
    UnitReady,
    Read,
    Write,
}

/// <summary>Workers with one command each; all there is of them is made before, so that a run allocates nothing of its own.</summary>
internal sealed class CommandLoad
{
    private readonly Worker[] _workers;
    private readonly SemaphoreSlim _ended = new(0);
    private int _left;
    private int _running;
    private Exception? _failure;

    public CommandLoad(IscsiSession session, IscsiBlockDevice disk, CommandKind kind, int bytes, int depth) =>
        _workers = [.. Enumerable.Range(0, depth).Select(i => new Worker(this, session, disk, kind, bytes, i))];

    /// <summary>Runs so many commands and waits for the last.</summary>
    public void Run(int commands)
    {
        _left = commands;
        _running = _workers.Length;
        foreach (var worker in _workers) worker.Issue();
        _ended.Wait();
        if (_failure is not null) throw new InvalidOperationException("A command failed.", _failure);
    }

    private bool TryTake() => Interlocked.Decrement(ref _left) >= 0;

    private void WorkerEnded()
    {
        if (Interlocked.Decrement(ref _running) == 0) _ended.Release();
    }

    private sealed class Worker
    {
        private readonly CommandLoad _load;
        private readonly IscsiSession _session;
        private readonly IscsiBlockDevice _disk;
        private readonly CommandKind _kind;
        private readonly BlockList _data;
        private readonly Random _random;
        private readonly Action _continue;
        private readonly long _places;
        private readonly int _blocks;
        private ConfiguredValueTaskAwaitable.ConfiguredValueTaskAwaiter _transfer;
        private ConfiguredValueTaskAwaitable<ScsiResult>.ConfiguredValueTaskAwaiter _command;

        public Worker(CommandLoad load, IscsiSession session, IscsiBlockDevice disk, CommandKind kind, int bytes, int number)
        {
            (_load, _session, _disk, _kind, _random, _continue) = (load, session, disk, kind, new Random(number), Continue);
            _data = BlockList.Over(GC.AllocateArray<byte>(Math.Max(512, bytes), pinned: true));
            _blocks = _data.Length / disk.Info.BlockSize;
            _places = disk.Info.BlockCount / _blocks;
        }

        public void Issue()
        {
            while (_load.TryTake())
            {
                if (!Start())
                {
                    if (_kind == CommandKind.UnitReady) _command.UnsafeOnCompleted(_continue);
                    else _transfer.UnsafeOnCompleted(_continue);
                    return;
                }
                Finish();
            }
            _load.WorkerEnded();
        }

        private void Continue()
        {
            Finish();
            Issue();
        }

        private bool Start()
        {
            var lba = _random.NextInt64(_places) * _blocks;
            switch (_kind)
            {
                case CommandKind.UnitReady:
                    _command = _session.ExecuteAsync(0, [0, 0, 0, 0, 0, 0]).ConfigureAwait(false).GetAwaiter();
                    return _command.IsCompleted;
                case CommandKind.Read:
                    _transfer = _disk.ReadAsync(lba, _data).ConfigureAwait(false).GetAwaiter();
                    return _transfer.IsCompleted;
                default:
                    _transfer = _disk.WriteAsync(lba, _data).ConfigureAwait(false).GetAwaiter();
                    return _transfer.IsCompleted;
            }
        }

        private void Finish()
        {
            try
            {
                if (_kind == CommandKind.UnitReady) _command.GetResult();
                else _transfer.GetResult();
            }
#pragma warning disable CA1031 // told by Run
            catch (Exception exception)
#pragma warning restore CA1031
            {
                _load._failure = exception;
            }
        }
    }
}
