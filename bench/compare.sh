#!/bin/bash
# compare.sh - our daemon against tgt on the same tmpfs file, by the same load generator, cell by cell in turns, so that what disturbs
# the machine disturbs both. Writes a table to bench/RESULTS.md (or --out).
#
#   bench/compare.sh                 every cell, 5 runs of 3 s: about two hours
#   bench/compare.sh --quick         the cells that matter most, 3 runs of 1.5 s: about three minutes
#   bench/compare.sh --cells 'R:4k:rand:32:1 W:1m:seq:32:4:digest' --runs 7 --secs 2
#   bench/compare.sh --daemon artifacts/aot/iscsinet     another build of the daemon
#
# A cell is R|W:size:rand|seq:depth:sessions[:digest]. Needs gcc and python3; without tgtd our daemon is measured alone.
# Runs in which the host took more than 5 % of the processors away (steal) are dropped, and counted.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd); root=$(dirname "$here")
runs=5 secs=3 quick='' cells='' out=$here/RESULTS.md daemon='' work=${BENCH_DIR:-/dev/shm/iscsinet-bench.$$} size=1024 serve_options=''
command="bench/compare.sh $*"
while [ $# -gt 0 ]; do case $1 in
  --quick) quick=1; runs=3; secs=1.5; shift;;
  --runs) runs=$2; shift 2;; --secs) secs=$2; shift 2;; --cells) cells=$2; shift 2;;
  --daemon) daemon=$2; shift 2;; --out) out=$2; shift 2;; --mib) size=$2; shift 2;; --serve-options) serve_options=$2; shift 2;;
  *) echo "compare.sh: unknown option $1 (see the head of the file)" >&2; exit 2;;
esac; done

if [ -z "$cells" ]; then
  if [ -n "$quick" ]; then
    cells='R:4k:rand:1:1 W:4k:rand:1:1 R:4k:rand:32:1 W:4k:rand:32:1 R:4k:rand:32:4 W:4k:rand:32:4 R:4k:rand:32:1:digest
      R:64k:seq:32:1 W:64k:seq:32:1 R:1m:seq:32:1 W:1m:seq:32:1'
  else
    for b in 4k 512; do for o in R W; do for q in 1 8 32 128; do for s in 1 4; do cells+=" $o:$b:rand:$q:$s"; done; done; done; done
    for b in 64k 256k 1m; do for o in R W; do for q in 1 32; do for s in 1 4; do cells+=" $o:$b:seq:$q:$s"; done; done; done; done
    for o in R W; do cells+=" $o:4k:rand:32:1:digest $o:64k:seq:32:1:digest $o:4k:rand:8:16 $o:4k:rand:8:64"; done
  fi
fi

mkdir -p "$work"; pids=()
stop() { for p in "${pids[@]}"; do kill "$p" 2>/dev/null || true; done; wait 2>/dev/null || true; rm -rf "$work"; }
trap stop EXIT

gcc -O2 -msse4.2 -o "$work/load" "$here/load/load.c" -lpthread
gcc -O2 -msse4.2 -o "$work/echo" "$here/load/echo.c"
if [ -z "$daemon" ]; then
  daemon=$root/src/iscsinet/bin/Release/net10.0/iscsinet.dll
  [ -f "$daemon" ] || dotnet build -c Release "$root/src/iscsinet" >"$work/build.log"
fi
[[ $daemon == *.dll ]] && run=(dotnet "$daemon") || run=("$daemon")
now_ms() { date +%s%3N; }
url_of() { awk '/^ready/{print $2;exit}' "$1"; }

# Idle: 16 MiB of budget, no session yet, then one.
start_ms=() ; idle_kib=()
for _ in 1 2 3; do
  t0=$(now_ms)
  "${run[@]}" serve memory,size=64MiB --memory 16MiB --listen 127.0.0.1:0 --log-level Warning >"$work/idle.out" 2>/dev/null & p=$!
  until grep -q ^ready "$work/idle.out" 2>/dev/null; do sleep 0.002; done
  start_ms+=($(($(now_ms) - t0))); "$work/load" -I -r 1 -t 1 -P $p -l idle "$(url_of "$work/idle.out")" >"$work/idle.txt"
  idle_kib+=($(grep -o 'VmRSS [0-9]*' "$work/idle.txt" | cut -d' ' -f2))
  kill $p; wait $p 2>/dev/null || true; rm "$work/idle.out"
done

dd if=/dev/urandom of="$work/ours.img" bs=1M count="$size" status=none
# shellcheck disable=SC2086
"${run[@]}" serve "$work/ours.img" --listen 127.0.0.1:0 --log-level Warning $serve_options >"$work/ours.out" 2>"$work/ours.err" & ours=$!; pids+=($ours)
until grep -q ^ready "$work/ours.out" 2>/dev/null; do kill -0 $ours; sleep 0.01; done
targets="ours=$ours=$(url_of "$work/ours.out")"
if command -v tgtd >/dev/null; then
  cp "$work/ours.img" "$work/tgt.img"
  port=$((20000 + RANDOM % 10000)) control=$((1000 + RANDOM % 20000)) iqn=iqn.2026-11.net.iscsinet.bench:tgt
  tgtd -f -C $control --iscsi portal=127.0.0.1:$port >"$work/tgt.log" 2>&1 & tgt=$!; pids+=($tgt); sleep 1
  tgtadm -C $control --lld iscsi --op new --mode target --tid 1 -T $iqn
  tgtadm -C $control --lld iscsi --op new --mode logicalunit --tid 1 --lun 1 --bstype rdwr -b "$work/tgt.img"
  tgtadm -C $control --lld iscsi --op bind --mode target --tid 1 -I ALL
  targets+=" tgt=$tgt=iscsi://127.0.0.1:$port/$iqn/1"
fi

measure() { # LABEL=PID=URL CELL SECONDS CSV
  local label=${1%%=*} rest=${1#*=} op bs pattern depth sessions digest
  IFS=: read -r op bs pattern depth sessions digest <<<"$2"
  timeout 120 "$work/load" -"$op" -b "$bs" $([ "$pattern" = seq ] && echo -s) -q "$depth" -r "$sessions" -j "$([ "$sessions" -gt 1 ] && echo 2 || echo 1)" \
    $([ -n "${digest:-}" ] && echo -g) -t "$3" -T 0.3 -P "${rest%%=*}" -l "$label${digest:+:$digest}" -c "$4" "${rest#*=}" >>"$work/load.log" 2>&1 ||
    echo "compare.sh: $label $2 failed: $(tail -1 "$work/load.log")" >&2
}

# The just-in-time compiler's last tier comes after some thousand calls; tgt warms its caches too.
for t in $targets; do for c in R:4k:rand:32:1 W:4k:rand:32:1 R:64k:seq:8:2 W:64k:seq:8:2; do measure "$t" $c 1.5 /dev/null; done; done

for ((i = 0; i < runs; i++)); do
  for c in $cells; do
    order=$targets; ((i % 2)) && order=$(tac -s' ' <<<"$targets " | tr '\n' ' ')
    for t in $order; do measure "$t" "$c" "$secs" "$work/runs.csv"; done
  done
  for e in "4k-read-1 48 4144 1" "4k-read-32 48 4144 32" "1m-read-32 48 1048816 32"; do
    # shellcheck disable=SC2086
    set -- $e; echo "$1 $("$work/echo" "$2" "$3" "$4" "$secs")" >>"$work/echo.txt"
  done
  for t in $targets; do rest=${t#*=}; "$work/load" -L -t "$secs" -P "${rest%%=*}" -l "${t%%=*}" "${rest#*=}" >>"$work/logins.txt"; done
done

python3 "$here/compare.py" --csv "$work/runs.csv" --echo "$work/echo.txt" --logins "$work/logins.txt" --command "$command" --secs "$secs" \
  --daemon "$([[ $daemon == *.dll ]] && echo 'just-in-time compiled' || echo "$(basename "$daemon"), $(stat -c %s "$daemon") bytes")" \
  --start-ms "${start_ms[*]}" --idle-kib "${idle_kib[*]}" --commit "$(git -C "$root" describe --always --dirty 2>/dev/null || echo unknown)" >"$out"
echo "written: $out"
