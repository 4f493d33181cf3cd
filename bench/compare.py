#!/usr/bin/env python3
"""The table of compare.sh: medians and spread by cell, ours beside tgt, the loopback's ceiling of the same runs."""
import argparse, collections, csv, os, platform, re, statistics, subprocess

COLUMNS = "label engine bs r qd w pattern iops mibs p50 p99 p999 errs tus ous tcpu ocpu other idle steal rss hwm".split()

p = argparse.ArgumentParser()
for name in "csv echo logins command secs daemon start-ms idle-kib commit".split():
    p.add_argument("--" + name, required=True)
a = p.parse_args()
processors = os.cpu_count()

rows, dropped = collections.defaultdict(list), 0
with open(a.csv) as f:
    for line in csv.reader(f):
        x = dict(zip(COLUMNS, line))
        label, _, digest = x["label"].partition(":")
        x = {k: v if k in ("label", "engine", "pattern") else float(v) for k, v in x.items()}
        if x["steal"] > 0.05 * processors * float(a.secs):
            dropped += 1
            continue
        key = (bool(digest), int(x["bs"]), int(x["w"]), int(x["qd"]), int(x["r"]), x["pattern"])
        rows[key, label].append(x)

def size(n):
    return f"{n >> 20} MiB" if n >= 1 << 20 else f"{n >> 10} KiB" if n >= 1024 else f"{n} B"

def median(runs, name):
    return statistics.median(x[name] for x in runs)

def spread(runs, name, digits):
    values = [x[name] for x in runs]
    return f"{statistics.median(values):,.{digits}f} ({min(values):,.{digits}f}–{max(values):,.{digits}f})"

def machine():
    with open("/proc/cpuinfo") as f:
        model = next((l.split(":")[1].strip() for l in f if l.startswith("model name")), platform.machine())
    return f"{processors} × {model}, Linux {platform.release().split('-')[0]}"

def tgt_version():
    try:
        return "tgt " + subprocess.run(["tgtd", "--version"], capture_output=True, text=True).stdout.strip()
    except OSError:
        return "no tgt"

print("# Results\n")
print(f"`{a.command}` at {a.commit}, daemon {a.daemon}; {tgt_version()} (rdwr); both serve a 1 GiB file on tmpfs.  ")
print(f"{machine()}; load average at the end {os.getloadavg()[0]:.1f}. {a.secs} s a run; {dropped} runs dropped for steal above 5 %.\n")
print("Medians, in brackets the least and the greatest run. Compare within a row only: the two were measured in turns, other rows at other")
print("moments. CPU is the target's, user and system, from `/proc/PID/stat`; the load generator shares the processors.\n")
print("| cell | IOPS ours | IOPS tgt | × | MiB/s ours | CPU µs an I/O ours | CPU µs an I/O tgt | × | p50 / p99 / p99.9 µs ours | tgt |")
print("|---|---|---|---|---|---|---|---|---|---|")
for key in sorted({k for k, _ in rows}):
    digest, bs, w, qd, r, pattern = key
    ours, tgt = rows.get((key, "ours")), rows.get((key, "tgt"))
    if not ours:
        continue
    name = f"{size(bs)} {'random' if pattern == 'rand' else 'sequential'} {'write' if w else 'read'}, depth {qd}, {r} session{'s' if r > 1 else ''}"
    if digest:
        name += ", digests"
    latency = lambda v: " / ".join(f"{median(v, n):,.0f}" for n in ("p50", "p99", "p999")) if v else "–"
    errors = "!" if any(x["errs"] for x in ours) else ""
    print(f"| {name} | {spread(ours, 'iops', 0)}{errors} | {spread(tgt, 'iops', 0) if tgt else '–'} | "
          f"{median(ours, 'iops') / median(tgt, 'iops'):.2f}" if tgt else f"| {name} | {spread(ours, 'iops', 0)} | – | –", end=" | ")
    print(f"{median(ours, 'mibs'):,.0f} | {spread(ours, 'tus', 2)} | {spread(tgt, 'tus', 2) if tgt else '–'} | "
          f"{format(median(ours, 'tus') / median(tgt, 'tus'), '.2f') if tgt and median(tgt, 'tus') else '–'} | {latency(ours)} | {latency(tgt)} |")

plain, with_digest = rows.get(((False, 4096, 0, 32, 1, "rand"), "ours")), rows.get(((True, 4096, 0, 32, 1, "rand"), "ours"))
if plain and with_digest:
    print(f"\nDigests cost {median(with_digest, 'tus') / median(plain, 'tus'):.2f} times the CPU of a 4 KiB read at depth 32.")

print("\n## Loopback ceiling\n\nAn echo in C that moves the same bytes with the same batching, in the same runs.\n")
print("| bytes | exchanges a second | its server's CPU µs | ours reaches |\n|---|---|---|---|")
echo = collections.defaultdict(list)
with open(a.echo) as f:
    for line in f:
        m = re.match(r"(\S+) .*?: (\d+) IOPS .*server\(\+sender\) CPU ([\d.]+)", line)
        if m:
            echo[m[1]].append((float(m[2]), float(m[3])))
of = {"4k-read-1": (False, 4096, 0, 1, 1, "rand"), "4k-read-32": (False, 4096, 0, 32, 1, "rand"), "1m-read-32": (False, 1 << 20, 0, 32, 1, "seq")}
for name, values in echo.items():
    rate = statistics.median(v[0] for v in values)
    ours = rows.get((of[name], "ours"))
    share = f"{100 * median(ours, 'iops') / rate:.0f} %" if ours else "–"
    print(f"| {name.replace('-', ' ')} | {rate:,.0f} | {statistics.median(v[1] for v in values):.2f} | {share} |")

print("\n## Logins, size, start\n")
logins = collections.defaultdict(list)
with open(a.logins) as f:
    for line in f:
        m = re.match(r"(\S+) logins .* = (\d+) login", line)
        if m:
            logins[m[1]].append(int(m[2]))
for label, values in logins.items():
    print(f"- logins and logouts a second, {label}: {statistics.median(values):,.0f} ({min(values):,}–{max(values):,})")
kib = sorted(int(x) for x in a.idle_kib.split())
ms = sorted(int(x) for x in a.start_ms.split())
print(f"- resident with a budget of 16 MiB and one idle session: {kib[len(kib) // 2] / 1024:.0f} MiB")
print(f"- from exec to the line `ready`: {ms[len(ms) // 2]} ms (median of {len(ms)}, on the loaded machine)")
for label in ("ours", "tgt"):
    peak = [x["hwm"] for (k, l), v in rows.items() if l == label for x in v]
    if peak:
        print(f"- greatest resident size over all runs, {label}: {max(peak) / 1024:.0f} MiB")
