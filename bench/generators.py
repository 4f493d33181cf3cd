#!/usr/bin/env python3
"""One run of a load generator that is not load.c, for compare.sh: our own initiator (`iscsinet perf`), or `iscsi-perf` of libiscsi.

Appends a line to --csv: generator, cell, label, I/Os a second, the target's CPU µs an I/O, the generator's CPU as a share of one processor.
Without an answer it appends nothing, says why on standard error and ends with 1.
"""
import argparse, json, math, os, re, resource, subprocess, sys, time

TICK = 1 / os.sysconf("SC_CLK_TCK")
LOOK = 0.02
AT_REST = 0.3  # Of the warm-up, the start and the end of a generator: not looked at.


def cpu_seconds(pid):
    with open(f"/proc/{pid}/stat") as f:
        fields = f.read().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) * TICK


def block_counts(size):
    units = {"k": 1024, "m": 1 << 20}
    n = int(size[:-1]) * units[size[-1]] if size[-1] in units else int(size)
    return n, n // 512


def command_of(generator, program, cell, seconds, url):
    op, size, pattern, depth, _ = cell.split(":")
    size_bytes, blocks = block_counts(size)
    if generator == "iscsi-perf":
        if op == "W":
            sys.exit("generators.py: iscsi-perf only reads")
        return [*program, "-m", depth, "-b", str(blocks), "-t", str(seconds), *(["-r"] if pattern == "rand" else []), url]
    return [*program, url, "--json", "--size", str(size_bytes), "--depth", depth, "--seconds", str(seconds),
            "--random" if pattern == "rand" else "--sequential", *(["--write", "--overwrite"] if op == "W" else ["--read"])]


def rate_of(generator, text):
    """I/Os a second, or None where it says none, or says that some failed."""
    if generator == "iscsi-perf":
        m = re.search(r"iops average (\d+)", text)
        return float(m[1]) if m and "finished" in text else None
    try:
        result = json.loads(text)
    except ValueError:
        return None
    return result["iops"] if not result["errors"] else None


def main():
    p = argparse.ArgumentParser()
    for name in "generator cell pid secs label csv url".split():
        p.add_argument("--" + name, required=True)
    p.add_argument("program", nargs="+")
    a = p.parse_args()
    # iscsi-perf counts whole seconds.
    seconds = max(1, math.ceil(float(a.secs)))
    looks = []
    run = subprocess.Popen(command_of(a.generator, a.program, a.cell, seconds, a.url), stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                           text=True, errors="replace")
    deadline = time.monotonic() + seconds + 30
    while run.poll() is None:
        looks.append((time.monotonic(), cpu_seconds(a.pid)))
        if looks[-1][0] > deadline:
            run.kill()
            run.communicate()
            sys.exit(f"generators.py: {a.generator} {a.cell} {a.label}: no end")
        time.sleep(LOOK)
    end = time.monotonic()
    text, errors = run.communicate()
    rate = rate_of(a.generator, text)
    if run.returncode != 0 or not rate:
        sys.exit(f"generators.py: {a.generator} {a.cell} {a.label} failed ({run.returncode}): {(errors or text).strip()[-200:]}")
    # The seconds that the generator measured are the last ones before its end; their middle is the load at rest.
    window = [x for x in looks if end - seconds + AT_REST / 2 < x[0] < end - AT_REST]
    if len(window) < 5:
        sys.exit(f"generators.py: {a.generator} {a.cell} {a.label}: too few looks at the target's CPU")
    (t0, c0), (t1, c1) = window[0], window[-1]
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    with open(a.csv, "a") as f:
        f.write(f"{a.generator},{a.cell},{a.label},{rate:.1f},{(c1 - c0) / (t1 - t0) / rate * 1e6:.3f},"
                f"{(used.ru_utime + used.ru_stime) / (end - looks[0][0]):.2f}\n")


if __name__ == "__main__":
    main()
