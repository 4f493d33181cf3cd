"""The floors that are aimed at, and how a run stands to each: compare.py's closing table. Only what was measured is judged."""
import collections

# `of`: the cell or build; `short`: by how much, empty when met; `bare`: what the C server of the same system calls reaches, beside a floor that is short.
Judged = collections.namedtuple("Judged", "floor of measured met short bare")

# Bytes, write: least of tgt's IOPS, most of its CPU an I/O. At depth 32, with 1 and 4 sessions.
AGAINST_TGT = {(4 << 10, False): (5.5, 0.17), (4 << 10, True): (5.5, 0.17), (64 << 10, False): (3, 0.45), (64 << 10, True): (2.2, 0.45),
               (1 << 20, False): (2.5, 0.45), (1 << 20, True): (2.5, 0.45)}
OF_THE_CEILING = {4 << 10: 0.25, 1 << 20: 0.60}
FAIR = 0.7
DIGESTS = 1.15
# Resident MiB and ms until ready, of the idle daemon with a budget of 16 MiB.
STARTS = {"ahead of time": (45, 60), "ReadyToRun": (75, 250)}


def at_least(value, floor):
    return "" if value >= floor else f"by {100 * (1 - value / floor):.0f} %"


def at_most(value, floor):
    return "" if value <= floor else f"by {100 * (value / floor - 1):.0f} %"


def both(pairs):
    """What is short, of (name, shortfall) pairs."""
    return ", ".join(f"{shortfall} in {name}" for name, shortfall in pairs if shortfall)


def against_tgt(figures, cells, name_of, bare):
    for cell in cells:
        write, plain = cell.write == 100, cell.place == "main" and not cell.digest and cell.write in (0, 100)
        if not plain or (cell, "tgt") not in figures:
            continue
        if cell.depth == 32 and cell.sessions in (1, 4) and (cell.bs, write) in AGAINST_TGT:
            least, most = AGAINST_TGT[cell.bs, write]
        elif cell.depth == 1:
            least, most = 1, 1
        else:
            continue
        ours, tgt = figures[cell, "ours"], figures[cell, "tgt"]
        if not tgt["iops"] or not tgt["tus"]:
            continue
        rate, cpu = ours["iops"] / tgt["iops"], ours["tus"] / tgt["tus"]
        short = both([("IOPS", at_least(rate, least)), ("CPU", at_most(cpu, most))])
        its = bare.get((cell.bs, write, cell.sessions)) if cell.depth == 32 else None
        text = f"{its[0] / tgt['iops']:.2f} × at {its[1] / tgt['tus']:.2f}" if short and its else "–"
        yield Judged(f"≥ {least:g} × tgt's IOPS at ≤ {most:g} of its CPU an I/O", name_of(cell), f"{rate:.2f} × at {cpu:.2f}", not short, short, text)


def latencies(figures, cells, name_of):
    compared = [c for c in cells if (c, "tgt") in figures and figures[c, "tgt"]["p99"]]
    if not compared:
        return
    worse = {c: figures[c, "ours"]["p99"] / figures[c, "tgt"]["p99"] for c in compared}
    above = [c for c in compared if worse[c] > 1]
    worst = max(compared, key=worse.get)
    short = "; ".join(f"{at_most(worse[c], 1)} in {name_of(c, place=True)}" for c in above)
    yield Judged("median p99 ≤ tgt's", f"every cell ({len(compared)})",
                 f"{len(compared) - len(above)} of {len(compared)}; the worst {worse[worst]:.2f} × ({name_of(worst, place=True)})", not above, short, "–")


def of_the_ceiling(figures, cells, name_of, ceiling, bare):
    for cell in cells:
        least = OF_THE_CEILING.get(cell.bs)
        rate = ceiling.get((cell.bs, 32))
        if not least or not rate or (cell.place, cell.digest, cell.write, cell.depth, cell.sessions) != ("main", False, 0, 32, 1):
            continue
        reached = figures[cell, "ours"]["iops"] / rate
        its = bare.get((cell.bs, False, 1))
        short = at_least(reached, least)
        yield Judged(f"≥ {100 * least:.0f} % of the loopback ceiling", name_of(cell), f"{100 * reached:.0f} %", not short, short,
                     f"{100 * its[0] / rate:.0f} %" if short and its else "–")


def sharing(figures, cells, name_of):
    for cell in cells:
        if cell.sessions == 64:
            slowest = figures[cell, "ours"]["slowest"]
            yield Judged(f"slowest of 64 sessions ≥ {FAIR} of the mean", name_of(cell, place=True), f"{slowest:.2f}", slowest >= FAIR, at_least(slowest, FAIR), "–")


def digests(figures, cells, name_of):
    """Of 4 KiB I/Os: a large read without digests is not copied at all, one with them is."""
    for cell in cells:
        plain = cell._replace(digest=False)
        if cell.digest and cell.bs == 4096 and (plain, "ours") in figures and figures[plain, "ours"]["tus"]:
            times = figures[cell, "ours"]["tus"] / figures[plain, "ours"]["tus"]
            tgt = [figures.get((c, "tgt")) for c in (cell, plain)]
            beside = f" (tgt {tgt[0]['tus'] / tgt[1]['tus']:.2f})" if all(tgt) and tgt[1]["tus"] else ""
            yield Judged(f"digests ≤ {DIGESTS} times the CPU", name_of(plain), f"{times:.2f}{beside}", times <= DIGESTS, at_most(times, DIGESTS), "–")


def starts_and_logins(starts, logins):
    for build, (mib, ms) in STARTS.items():
        if build in starts:
            ready, resident = starts[build]
            short = both([("MiB", at_most(resident, mib)), ("ms", at_most(ready, ms))])
            yield Judged(f"idle with a budget of 16 MiB: < {mib} MiB, ready in < {ms} ms", build, f"{resident:.0f} MiB, {ready:.0f} ms", not short, short, "–")
    if "ours" in logins and "tgt" in logins:
        short = at_least(logins["ours"], logins["tgt"])
        yield Judged("logins a second ≥ tgt's", "one at a time", f"{logins['ours'] / logins['tgt']:.2f} ×", not short, short, "–")


def judge(figures, name_of, ceiling, bare, starts, logins):
    """figures: (cell, target) -> medians; ceiling: (bytes, depth) -> exchanges a second; bare: (bytes, write, sessions) -> I/Os a second and CPU µs;
    starts: build -> ms and resident MiB; logins: target -> a second."""
    cells = sorted(c for c, target in figures if target == "ours")
    return [*against_tgt(figures, cells, name_of, bare), *latencies(figures, cells, name_of), *of_the_ceiling(figures, cells, name_of, ceiling, bare),
            *sharing(figures, cells, name_of), *digests(figures, cells, name_of), *starts_and_logins(starts, logins)]
