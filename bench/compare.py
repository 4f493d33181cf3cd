#!/usr/bin/env python3
"""The tables and plots of compare.sh: medians and spread by cell, ours beside tgt, the loopback's ceiling of the same runs."""
import argparse, collections, csv, os, platform, re, statistics, subprocess
import plot

COLUMNS = "label engine bs r qd w pattern iops mibs p50 p99 p999 errs tus ous tcpu ocpu other idle steal rss hwm slowest fastest".split()

p = argparse.ArgumentParser()
for name in "csv echo files logins starts command secs daemon commit dirs memory out".split():
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
    return f"{n >> 20} MiB" if n >= 1 << 20 else f"{n >> 10} KiB" if n >= 1024 else f"{n} B"


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


def machine():
    with open("/proc/cpuinfo") as f:
        model = next((l.split(":")[1].strip() for l in f if l.startswith("model name")), platform.machine())
    return f"{processors} × {model}, Linux {platform.release().split('-')[0]}"


def tgt_version():
    try:
        return "tgt " + subprocess.run(["tgtd", "--version"], capture_output=True, text=True).stdout.strip()
    except OSError:
        return "no tgt"


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
print(f"`{a.command}` at {a.commit}, daemon {a.daemon}, `--memory {a.memory}`; {tgt_version()} (rdwr); both serve a 1 GiB file on {file_systems[0]}.  ")
print(f"{machine()}; load average at the end {os.getloadavg()[0]:.1f}. {a.secs} s a run; {dropped} of {total} runs dropped for steal above 5 %.\n")
print("Medians, in brackets the least and the greatest run. Compare within a row only: the two were measured in turns, other rows at other")
print("moments. CPU is the target's, user and system, from `/proc/PID/stat`; the load generator shares the processors.\n")
table("main")

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

print("\n## Loopback ceiling\n\nAn echo in C that moves the same bytes with the same batching, in the same runs.\n")
print("| bytes | exchanges a second | its server's CPU µs | ours reaches |\n|---|---|---|---|")
echo = collections.defaultdict(list)
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
    print(f"| {name.replace('-', ' ')} | {rate:,.0f} | {statistics.median(v[1] for v in values):.2f} | {share} |")

bare = collections.defaultdict(list)
with open(a.files) as f:
    for line in f:
        op, bs, sessions, rate, cpu = re.match(r"(\w),(\d+),(\d+),(\d+) IOPS, server CPU ([\d.]+)", line).groups()
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

print("\n## Logins and memory\n")
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
for label in ("ours", "tgt"):
    peak = [x["hwm"] for (_, l), v in rows.items() if l == label for x in v]
    if peak:
        print(f"- greatest resident size over all runs, {label}: {max(peak) / 1024:.0f} MiB")
out.close()
