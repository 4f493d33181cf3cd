#!/usr/bin/env python3
"""Reads, compares and accepts the counts of instructions.sh."""
import glob, json, os, platform, re, subprocess, sys

MARGIN = 0.02

# A login crosses threads, whose waking is part of the count: it measured up to 9 % apart.
MARGINS = {"Login": 0.15}


def conditions(runtime):
    """What two counts must have in common to be compared."""
    valgrind = subprocess.run(["valgrind", "--version"], capture_output=True, text=True).stdout.strip()
    with open("/proc/cpuinfo") as f:
        flags = next((l.split() for l in f if l.startswith("flags")), [])
    # The vector instructions that valgrind shows when the processor has them; the C library chooses its copies by them.
    vectors = " ".join(x for x in ("avx2", "avx", "sse4_2") if x in flags)
    return {"runtime": runtime, "libc": " ".join(platform.libc_ver()), "valgrind": valgrind, "vectors": vectors}


def read(folder):
    with open(os.path.join(folder, "workload.out")) as f:
        lines = f.read().split("\n")
    runtime = lines[0].removeprefix("runtime ")
    operations = {n: int(c) for n, c in (l.split() for l in lines[1:] if l)}
    counts = {}
    for file in sorted(glob.glob(os.path.join(folder, "counts.*")), key=lambda x: int(x.rsplit(".", 1)[1])):
        with open(file) as f:
            text = f.read()
        trigger = re.search(r"^desc: Trigger: --dump-after=\S+__(\w+)$", text, re.M)
        if trigger:
            counts[trigger[1]] = int(re.search(r"^totals: (\d+)", text, re.M)[1])  # the second pass overwrites the first
    missing = [n for n in operations if counts.get(n, 0) == 0]
    if missing:
        sys.exit(f"instructions.py: nothing was counted for {', '.join(missing)}")
    return {"conditions": conditions(runtime), "operations": {n: round(counts[n] / c) for n, c in operations.items()}}


def load(file):
    with open(file) as f:
        return json.load(f)


def main():
    verb, *files = sys.argv[1:]
    if verb == "read":
        print(json.dumps(read(files[0]), indent=2))
        return 0
    stored, *runs = files
    runs = [load(x) for x in runs]
    least = {n: min(r["operations"][n] for r in runs) for n in runs[0]["operations"]}
    greatest = {n: max(r["operations"][n] for r in runs) for n in least}
    if len(runs) > 1:
        for n in least:
            print(f"{n:24} {least[n]:>9,} to {greatest[n]:>9,}: {100 * (greatest[n] / least[n] - 1):.3f} %")
    now = {"conditions": runs[0]["conditions"], "operations": least}
    if verb == "accept":
        with open(stored, "w") as f:
            f.write(json.dumps(now, indent=2) + "\n")
        print(f"written: {stored}")
        return 0
    was = load(stored)
    other = [f"{k} {now['conditions'][k]}, not {v}" for k, v in was["conditions"].items() if now["conditions"].get(k) != v]
    if other:
        print("not compared: the counts that are written down are for another " + "; ".join(other))
        return 77
    failed = 0
    for n, count in least.items():
        before = was["operations"].get(n)
        change = "new" if before is None else f"{100 * (count / before - 1):+.2f} %"
        bad = before is None or count > before * (1 + MARGINS.get(n, MARGIN))
        failed += bad
        print(f"{n:24} {count:>9,} instructions an operation, {change}{'  TOO MANY' if bad else ''}")
    if failed:
        print(f"{failed} operations take over {100 * MARGIN:.0f} % (or their own margin) more than {os.path.basename(stored)} says; if that is meant: bench/instructions.sh --accept")
    return 1 if failed else 0


sys.exit(main())
