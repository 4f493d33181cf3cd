using Iscsi.Target.Scsi;
using Iscsi.Target.Scsi.Copy;
using Iscsi.Transport;

namespace Iscsi.Target.Tasks;

// Third-party copies: the copy says what it asks of which disk, one request after the other. Each passes the range lock and the Store gate of
// that disk and gives both back before the next, so a copy between two disks holds only its credit and its burst while it waits for either.
internal sealed partial class TargetTask
{
    private CopyIo _copyIo;

    // The logical unit whose blocks the task enters.
    private LogicalUnit RangeUnit => _plan is Plan.Copy ? _copyIo.Unit : Request.Unit!;

    private void StartCopy()
    {
        var r = Request;
        r.Copy = r.Row!.StartCopy!(r);
        if (r.Copy is null) Complete();
        else NextCopyIo();
    }

    private void NextCopyIo()
    {
        if (!Request.Copy!.TryNext(Request, out var io))
        {
            Complete();
            return;
        }
        _copyIo = io;
        if (io.Unit.HasLeft)
        {
            CompleteTerminated();
            return;
        }
        _lane = io.Unit.Lane;
        EnterStore();
    }

    private void OnCopyIoEnded(Exception? error)
    {
        // Before the range is left: a token is made while the copy manager is alone with its blocks.
        if (error is null) Request.Copy!.OnIoEnded(Request);
        ReleaseRange();
        if (error is not null)
        {
            Request.Copy!.OnIoFailed(Request, error);
            Session.OnDeviceError(this, error);
            Complete();
            return;
        }
        // Through the executor, also where the device completes at once: other commands of the session, and the one that aborts this,
        // have their turn between two requests, and a long copy doesn't grow the stack.
        State = TaskState.Copying;
        Session.Executor.Post(_copyWork);
    }

    private void OnCopyTurn()
    {
        State = TaskState.Running;
        if (_isAborted) FinishAborted();
        else NextCopyIo();
    }

    // What is about to be written ends the tokens that stand for it. The range is entered: nobody makes a token of it meanwhile.
    private void RevokeTokens()
    {
        switch (_plan)
        {
            case Plan.Copy when _copyIo.IsWrite:
                _copyIo.Unit.RodTokens.OnWrite(_copyIo.Range);
                break;
            case Plan.Write or Plan.WriteVerify or Plan.Or when _ioStep == IoStep.Write:
                Request.Unit!.RodTokens.OnWrite(new(CurrentLba, RoundUp(_chunkBytes) / BlockBytes));
                break;
        }
    }

    private sealed class CopyWork(TargetTask task) : SerialWork
    {
        protected override void Run() => task.OnCopyTurn();
    }
}
