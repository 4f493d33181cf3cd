#!/usr/bin/env python3
"""The tables and plots of compare.sh: medians and spread by cell, ours beside tgt, the loopback's ceiling of the same runs."""
import argparse, collections, csv, math, os, platform, re, statistics, subprocess
import floors, plot

COLUMNS = "label engine bs r qd w pattern iops mibs p50 p99 p999 errs tus ous tcpu ocpu other idle steal rss hwm slowest fastest anon mapped".split()

p = argparse.ArgumentParser()
for name in "csv echo files generators resident logins starts notes command secs daemon commit dirs memory mib took out".split():
    p.add_argument("--" + name, required=True)
a = p.parse_args()
processors = os.cpu_count()
Cell = collections.namedtuple("Cell", "place digest bs write depth sessions pattern")

rows, dropped, total = collections.defaultdict(list), 0, 0
with open(a.csv) as f:
    for line in csv.reader(f):
        x = dict(zip(COLUMNS, line))
        target, *options = x["label"].split(":")
        x = {k: v if k in ("label", "engine", "pattern") else float(v) for k, v in x.items()}
        total += 1
        if x["steal"] > 0.05 * processors * float(a.secs):
            dropped += 1
            continue
        place = next((o for o in options if o in ("disk", "null")), "main")
        cell = Cell(place, "digest" in options, int(x["bs"]), int(x["w"]), int(x["qd"]), int(x["r"]), x["pattern"])
        rows[cell, target].append(x)


def size(n):
    return f"{n >> 30} GiB" if n >= 1 << 30 else f"{n >> 20} MiB" if n >= 1 << 20 else f"{n >> 10} KiB" if n >= 1024 else f"{n} B"


def median(runs, name):
    return statistics.median(x[name] for x in runs)


def spread(runs, name, digits):
    if not runs:
        return "–"
    values = [x[name] for x in runs]
    return f"{statistics.median(values):,.{digits}f} ({min(values):,.{digits}f}–{max(values):,.{digits}f})"


def ratio(cell, name):
    ours, tgt = rows.get((cell, "ours")), rows.get((cell, "tgt"))
    return f"{median(ours, name) / median(tgt, name):.2f}" if ours and tgt and median(tgt, name) else "–"


def name_of(cell, place=False):
    text = f"{size(cell.bs)} {'random' if cell.pattern == 'rand' else 'sequential'} {'write' if cell.write else 'read'}"
    text += f", depth {cell.depth}, {cell.sessions} session{'s' if cell.sessions > 1 else ''}"
    return text + (", digests" if cell.digest else "") + (f", {cell.place}" if place and cell.place != "main" else "")


def notes(section):
    """What was left out, and why; what happened several times is said once."""
    with open(a.notes) as f:
        said = collections.Counter(text for key, _, text in (line.rstrip("\n").partition("\t") for line in f) if key == section)
    if said:
        print()
    for text, times in said.items():
        print(f"- {text}" + (f" ({times} times)" if times > 1 else "") + ".")


def machine():
    with open("/proc/cpuinfo") as f:
        model = next((l.split(":")[1].strip() for l in f if l.startswith("model name")), platform.machine())
    return f"{processors} × {model}, Linux {platform.release().split('-')[0]}"


def tgt_version():
    try:
        return "tgt " + subprocess.run(["tgtd", "--version"], capture_output=True, text=True).stdout.strip()
    except OSError:
        return None


def table(place):
    print("| cell | IOPS ours | IOPS tgt | × | MiB/s ours | CPU µs an I/O ours | CPU µs an I/O tgt | × | p50 / p99 / p99.9 µs ours | tgt |")
    print("|---|---|---|---|---|---|---|---|---|---|")
    for cell in sorted({c for c, _ in rows if c.place == place}):
        ours, tgt = rows.get((cell, "ours")), rows.get((cell, "tgt"))
        if not ours:
            continue
        latency = [" / ".join(f"{median(v, n):,.0f}" for n in ("p50", "p99", "p999")) if v else "–" for v in (ours, tgt)]
        errors = [f" **{int(sum(x['errs'] for x in v))} errors**" if v and any(x["errs"] for x in v) else "" for v in (ours, tgt)]
        print(f"| {name_of(cell)} | {spread(ours, 'iops', 0)}{errors[0]} | {spread(tgt, 'iops', 0)}{errors[1]} | {ratio(cell, 'iops')} | "
              f"{median(ours, 'mibs'):,.0f} | {spread(ours, 'tus', 2)} | {spread(tgt, 'tus', 2)} | {ratio(cell, 'tus')} | "
              f"{latency[0]} | {latency[1]} |")


# A figure is written beside the table that refers to it.
out = open(a.out, "w")
_print = print


def print(*text, **options):
    _print(*text, file=out, **options)


file_systems = a.dirs.split()
print("# Results\n")
tgt = tgt_version()
print(f"`{a.command}` at {a.commit}, daemon {a.daemon}, `--memory {a.memory}`; {f'{tgt} (rdwr); both serve' if tgt else 'no tgt; it serves'} a {size(int(a.mib) << 20)} file on {file_systems[0]}.  ")
print(f"{machine()}; load average at the end {os.getloadavg()[0]:.1f}. {a.secs} s a run, {int(a.took) / 60:.0f} min in all; {dropped} of {total} runs "
      "dropped for steal above 5 %.\n")
print("Medians, in brackets the least and the greatest run. Compare within a row only: the two were measured in turns, other rows at other")
print("moments. CPU is the target's, user and system, from `/proc/PID/stat`; the load generator shares the processors.\n")
table("main")
notes("cells")

plain, with_digest = (rows.get((Cell("main", d, 4096, 0, 32, 1, "rand"), "ours")) for d in (False, True))
if plain and with_digest:
    print(f"\nDigests cost {median(with_digest, 'tus') / median(plain, 'tus'):.2f} times the CPU of a 4 KiB read at depth 32.")

cells = [c for c in sorted({c for c, _ in rows}) if (c, "ours") in rows and (c, "tgt") in rows]
if cells:
    stem = os.path.splitext(a.out)[0]
    for column, title, better in (("iops", "IOPS", "more"), ("tus", "CPU µs an I/O of the target", "less")):
        bars = [(name_of(c, place=True), median(rows[c, "ours"], column), median(rows[c, "tgt"], column)) for c in cells]
        bars = [b for b in bars if b[1] > 0 and b[2] > 0]
        figure = f"{stem}-{'iops' if column == 'iops' else 'cpu'}.svg"
        with open(figure, "w") as f:
            f.write(plot.bars(f"{title} ({better} is better, logarithmic)", ("ours", "tgt"), bars))
        print(f"\n![{title}, ours and tgt]({os.path.basename(figure)})")

if any(c.place == "disk" for c, _ in rows):
    print(f"\n## A file on {file_systems[1]}\n\nA device below, and so threads for what may block; both as they come, without direct I/O.\n")
    table("disk")
if any(c.place == "null" for c, _ in rows):
    print("\n## A LUN that stores nothing\n\nOurs is `null`, tgt's the backing store of the same name: what is left is the protocol.\n")
    table("null")

many = sorted({c for c, t in rows if c.sessions >= 4 and t == "ours"})
if many:
    print("\n## How sessions share\n\nThe slowest session's I/Os over the mean of all, medians (in brackets the worst run).\n")
    print("| cell | ours | tgt |\n|---|---|---|")
    for cell in many:
        shares = [f"{median(v, 'slowest'):.2f} ({min(x['slowest'] for x in v):.2f})" if (v := rows.get((cell, t))) else "–" for t in ("ours", "tgt")]
        print(f"| {name_of(cell, place=True)} | {shares[0]} | {shares[1]} |")

others = collections.defaultdict(list)
with open(a.generators) as f:
    for generator, cell, target, rate, us, own in csv.reader(f):
        others[generator, cell, target].append((float(rate), float(us), float(own)))
if others:
    print("\n## Other load generators\n\n`iscsinet perf` is our own initiator, `iscsi-perf` that of libiscsi, which only reads. One session each, in the same runs, "
          f"in turns, {max(1, math.ceil(float(a.secs)))} s each; the CPU is the target's in the middle of the run.")
    print("Both copy all data, and on two processors take from the target what they use themselves: they cap a fast target, and not a slow one.\n")
    print("| generator | cell | IOPS ours | IOPS tgt | × | CPU µs an I/O ours | CPU µs an I/O tgt | × | generator's CPU, of one processor, ours / tgt |")
    print("|---|---|---|---|---|---|---|---|---|")
    for generator, text in dict.fromkeys((g, c) for g, c, _ in others):
        op, bs, pattern, depth, _ = text.split(":")
        cell = Cell("main", False, int(bs[:-1]) << 10, 100 if op == "W" else 0, int(depth), 1, pattern)
        pair = [others.get((generator, text, t)) for t in ("ours", "tgt")]
        part = [[statistics.median(v[i] for v in runs) for i in range(3)] if runs else None for runs in pair]
        across = [f"{part[0][i] / part[1][i]:.2f}" if part[0] and part[1] and part[1][i] else "–" for i in (0, 1)]
        shown = [[f"{m[0]:,.0f}", f"{m[1]:.2f}", f"{100 * m[2]:.0f} %"] if m else ["–"] * 3 for m in part]
        print(f"| {generator} | {name_of(cell)} | {shown[0][0]} | {shown[1][0]} | {across[0]} | {shown[0][1]} | {shown[1][1]} | {across[1]} | "
              f"{shown[0][2]} / {shown[1][2]} |")
notes("generators")

print("\n## Loopback ceiling\n\nAn echo in C that moves the same bytes with the same batching, in the same runs. Large ones are dropped by its client without "
      "a copy,\nas by the load generator; its server sends them out of one buffer of its own, ours out of the file's pages, which may be cheaper (`sendfile`) and so above 100 %.\n")
print("| bytes | exchanges a second | its server's CPU µs | ours reaches |\n|---|---|---|---|")
echo, ceiling = collections.defaultdict(list), {}
with open(a.echo) as f:
    for line in f:
        m = re.match(r"(\S+) .*?: (\d+) IOPS .*server\(\+sender\) CPU ([\d.]+)", line)
        if m:
            echo[m[1]].append((float(m[2]), float(m[3])))
of = {"4k-read-1": (4096, 1, "rand"), "4k-read-32": (4096, 32, "rand"), "64k-read-32": (65536, 32, "seq"), "1m-read-32": (1 << 20, 32, "seq")}
for name, values in echo.items():
    rate = statistics.median(v[0] for v in values)
    bs, depth, pattern = of[name]
    ours = rows.get((Cell("main", False, bs, 0, depth, 1, pattern), "ours"))
    share = f"{100 * median(ours, 'iops') / rate:.0f} %" if ours else "–"
    ceiling[bs, depth] = rate
    print(f"| {name.replace('-', ' ')} | {rate:,.0f} | {statistics.median(v[1] for v in values):.2f} | {share} |")

bare = collections.defaultdict(list)
with open(a.files) as f:
    for line in f:
        m = re.match(r"(\w),(\d+),(\d+),(\d+) IOPS, server CPU ([\d.]+)", line)
        if not m:
            continue
        op, bs, sessions, rate, cpu = m.groups()
        bare[int(bs), op == "W", int(sessions)].append((float(rate), float(cpu)))
if bare:
    print("\n## What the system calls allow\n\nA server in C (load/files.c) that receives, calls `pread`, `sendfile` or `pwrite` for each request, sends, and does nothing "
          "else: no protocol. In the same runs, on a file of the same size; one pair of processes for one session, two for four.\n")
    print("| cell | its I/Os a second | CPU µs | ours reaches | ours takes of its CPU |\n|---|---|---|---|---|")
    for (bs, write, sessions), values in sorted(bare.items()):
        cell = Cell("main", False, bs, 100 if write else 0, 32, sessions, "rand" if bs == 4096 else "seq")
        ours = rows.get((cell, "ours"))
        rate, cpu = (statistics.median(v[i] for v in values) for i in (0, 1))
        shares = f"{100 * median(ours, 'iops') / rate:.0f} % | {median(ours, 'tus') / cpu:.2f}" if ours else "– | –"
        print(f"| {name_of(cell)} | {rate:,.0f} | {cpu:.2f} | {shares} |")

print("\n## Start and size\n\nA budget of 16 MiB; from exec to the line `ready`, then one idle session. Medians of 7, in turns, before anything else ran.\n")
print("| build | ready after ms | resident MiB | executable MB |\n|---|---|---|---|")
starts = collections.defaultdict(list)
with open(a.starts) as f:
    for build, ms, kib, size_bytes in csv.reader(f):
        starts[build].append((int(ms), int(kib) / 1024, int(size_bytes) / 1e6))
for build, values in starts.items():
    ms, mib, mb = ([v[i] for v in values] for i in range(3))
    print(f"| {build} | {statistics.median(ms):.0f} ({min(ms)}–{max(ms)}) | {statistics.median(mib):.0f} | {mb[0]:.1f} |")

print("\n## Logins\n")
logins = collections.defaultdict(list)
with open(a.logins) as f:
    for line in f:
        m = re.match(r"(\S+) logins .* = (\d+) login.*target CPU ([\d.]+)", line)
        if m:
            logins[m[1]].append((int(m[2]), float(m[3])))
for label, values in logins.items():
    rates = [v[0] for v in values]
    print(f"- logins and logouts a second, {label}: {statistics.median(rates):,.0f} ({min(rates):,}–{max(rates):,}), "
          f"{statistics.median(v[1] for v in values):.0f} µs of CPU each")
notes("logins")


def mib(kib):
    return f"{kib / 1024:.0f}"


def parts(anon, mapped, whole):
    return f"{mib(anon)} + {mib(mapped)}, at once {mib(whole)}"


resident = collections.defaultdict(list)
with open(a.resident) as f:
    for line in f:
        row, target, promised, *sizes = line.rstrip("\n").split("|")
        resident[row, target].append((promised, *map(int, sizes)))
peaks = {t: [x for (_, l), v in rows.items() if l == t for x in v] for t in ("ours", "tgt")}
print("\n## Resident sizes\n")
print("MiB: anonymous memory + pages of files (of tmpfs too, so of a disk that is mapped) that are mapped, the greatest of each, looked at every 20 ms; then the")
print("greatest resident size at once (VmHWM). Each row is a daemon's that has done nothing else; medians. The last is of the cells above, one daemon for all.\n")
print("| | ours | tgt | `--memory` of ours |\n|---|---|---|---|")
for row in dict.fromkeys(r for r, _ in resident):
    shown = [parts(*(statistics.median(v[i] for v in runs) for i in (3, 4, 2))) if (runs := resident.get((row, t))) else "–" for t in ("ours", "tgt")]
    used = {v[0] for v in resident.get((row, "ours"), [])}
    more = "" if used <= {a.memory} else f", because {a.memory} promise fewer sessions"
    print(f"| {row} | {shown[0]} | {shown[1]} | {', '.join(sorted(used)) or '–'}{more} |")
shown = [parts(*(max(x[n] for x in v) for n in ("anon", "mapped", "hwm"))) if (v := peaks[t]) else "–" for t in ("ours", "tgt")]
print(f"| greatest over all runs | {shown[0]} | {shown[1]} | {a.memory} |")
notes("resident")

figures = {key: {n: median(v, n) for n in ("iops", "tus", "p99", "slowest")} for key, v in rows.items()}
middle = {key: [statistics.median(v[i] for v in values) for i in (0, 1)] for key, values in bare.items()}
print("\n## Floors\n\nWhat was aimed at, judged by the medians above; only what was run. Beside a floor that is short, what the C server of the same system "
      "calls reaches of it,\nwhere it was measured: a floor that is beyond it is beyond the system calls.\n")
judged = floors.judge(figures, name_of, ceiling, middle, {b: [statistics.median(x[i] for x in v) for i in (0, 1)] for b, v in starts.items()},
                      {t: statistics.median(x[0] for x in v) for t, v in logins.items()})
if judged:
    print(f"{sum(f.met for f in judged)} of {len(judged)} are met.\n")
    print("| floor | of | measured | | the C server |\n|---|---|---|---|---|")
    for f in judged:
        print(f"| {f.floor} | {f.of} | {f.measured} | {'met' if f.met else '**short** ' + f.short} | {f.bare} |")
else:
    print("None of the cells that have a floor was run.")
if any(t == "ours" for _, t in rows):
    print("\nWhere the time goes in the cells that are short: [PROFILE.md](PROFILE.md), by hand, of an earlier run.")
out.close()
