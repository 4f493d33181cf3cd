using System.Diagnostics;

namespace Reservations;

/// <summary>What <see cref="OrderCheck.Full"/> adds, and what is said of open grants.</summary>
public sealed partial class ReservationNode
{
    private readonly DenySource? _deny; // with the full check only

    internal void DescribeOpenGrants(List<string> open, bool recursive)
    {
        foreach (var record in Volatile.Read(ref _records))
        {
            if (record.State != GrantState.Ended) open.Add(Describe(record));
        }
        if (!recursive) return;
        foreach (var child in Children) child.DescribeOpenGrants(open, recursive);
    }

    private string Describe(GrantRecord record)
    {
        var held = new List<string>();
        foreach (ref readonly var claim in record.Demand!.Claims)
        {
            if ((record.Held & (1u << claim.Level.Rank)) == 0) continue;
            held.Add($"{claim.Level.Name} {claim.Blocks} blocks" + (claim.Slots > 0 ? $" {claim.Slots} slots" : ""));
        }
        var text = $"{(record.State == GrantState.Prepaid ? "prepaid " : "")}grant of node {Name} ({(held.Count == 0 ? "nothing left in it" : string.Join(", ", held))})";
        if (record.Gate is not null) text += $" from gate {record.Gate.Name}";
        if (record.Site is not null) text += $" taken{Environment.NewLine}{record.Site}";
        return text;
    }

    internal TimeSpan OldestGrant()
    {
        var oldest = long.MaxValue;
        foreach (var record in Volatile.Read(ref _records))
        {
            if (record.State is GrantState.Plain or GrantState.General) oldest = Math.Min(oldest, record.Since);
        }
        return oldest == long.MaxValue ? TimeSpan.Zero : _root.Clock.GetElapsedTime(oldest);
    }

    private bool IsDenied(Flow? flow)
    {
        if (flow is not null) flow.CheckScope();
        return _deny!.Next();
    }

    private void CheckFull(Flow flow, Gate gate, Demand demand)
    {
        flow.CheckScope();
        if (gate.Level.Rank != demand.HighestRank)
            throw new ArgumentException($"Gate {gate.Name} waits at rank {gate.Level.Rank} and the demand's highest rank is {demand.HighestRank}.", nameof(gate));
        _root.Edges.Add(flow, gate);
    }

    private static void NoteGate(GrantRecord record, Gate? gate)
    {
        record.Gate = gate;
        if (record.Flow is null) return;
        foreach (ref readonly var claim in record.Demand!.Claims)
        {
            if ((record.Held & (1u << claim.Level.Rank)) != 0) record.Flow.NoteGate(claim.Level.Rank, gate);
        }
    }

    private void OpenFull(GrantRecord record)
    {
        record.Since = _root.Clock.GetTimestamp();
        record.Site = new StackTrace(2, fNeedFileInfo: true);
    }
}
