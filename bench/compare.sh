#!/bin/bash
# compare.sh - our daemon against tgt on the same files, by the same load generator, cell by cell in turns, so that what disturbs
# the machine disturbs both. Writes a table to bench/RESULTS.md (or --out) and its plots beside it.
#
#   bench/compare.sh                 every cell, 5 runs of 3 s: about an hour
#   bench/compare.sh --standard      the cells that have a floor, 5 runs of 2 s: about 22 minutes
#   bench/compare.sh --quick         the cells that matter most, 3 runs of 1.5 s: about four minutes
#   bench/compare.sh --estimate ...  says how long a run with these options takes, and ends; a run says it too before it starts
#   bench/compare.sh --cells 'R:4k:rand:32:1 W:1m:seq:32:4:digest' --runs 7 --secs 2
#   bench/compare.sh --daemon artifacts/aot/iscsinet     another build of the daemon
#   bench/compare.sh --publish                           publishes the daemon, compiled ahead of time and ReadyToRun, for the table of starts
#   bench/compare.sh --generators    other load generators too, a few cells each: our own initiator (iscsinet perf), and iscsi-perf where it is
#                                    installed; without this option in --standard and whole only
#   bench/compare.sh --dir PATH --disk PATH              where the image files live: --dir for most cells (default /dev/shm),
#                                                        --disk for the cells named disk (default /var/tmp)
#   bench/compare.sh --lock FILE                         holds flock(1) on FILE while it measures, run by run
#
# A cell is R|W:size:rand|seq:depth:sessions[:digest][:disk|:null]: disk is a file on a file system with a device below, null a LUN that
# stores nothing. Needs gcc and python3; without tgtd our daemon is measured alone, and what is left out for want of a tool is said.
# Data of reads from 16 KiB up are dropped by the load generator without a copy (unless it has to check a digest): one that copies them is
# slower than the target.
# Runs in which the host took more than 5 % of the processors away (steal) are dropped, and counted. A run that fails makes no row.
# Resident sizes are those of fresh daemons, one for each row, after the cells; the floors at the end are judged by the rows of the run.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd); root=$(dirname "$here")
runs=5 secs=3 kind=whole cells='' out=$here/RESULTS.md daemon='' size=1024 memory=64MiB lock='' publish='' serve_options=() generators='' estimate=''
dir=${BENCH_DIR:-/dev/shm} disk_dir=/var/tmp
command="bench/compare.sh $*"
while [ $# -gt 0 ]; do case $1 in
  --quick) kind=quick; runs=3; secs=1.5; shift;;
  --standard) kind=standard; runs=5; secs=2; shift;;
  --runs) runs=$2; shift 2;; --secs) secs=$2; shift 2;; --cells) cells=$2; shift 2;;
  --daemon) daemon=$2; shift 2;; --out) out=$2; shift 2;; --mib) size=$2; shift 2;; --memory) memory=$2; shift 2;;
  --publish) publish=1; shift;; --generators) generators=1; shift;; --estimate) estimate=1; shift;;
  --dir) dir=$2; shift 2;; --disk) disk_dir=$2; shift 2;; --lock) lock=$2; shift 2;;
  --serve-options) read -ra serve_options <<<"$2"; shift 2;;
  -h | --help) sed -n '2,/^set -/{/^set -/d;s/^# \{0,1\}//p}' "$0"; exit 0;;
  *) echo "compare.sh: unknown option $1 (--help lists them)" >&2; exit 2;;
esac; done

# How often the resident sizes are taken.
rounds=1
if [ "$kind" = standard ] || [[ $kind = whole && -z $cells ]]; then generators=1; rounds=3; fi
if [ -z "$cells" ]; then
  case $kind in
  quick)
    cells='R:4k:rand:1:1 W:4k:rand:1:1 R:4k:rand:32:1 W:4k:rand:32:1 R:4k:rand:32:4 W:4k:rand:32:4 R:4k:rand:32:1:digest
      R:64k:seq:32:1 W:64k:seq:32:1 R:1m:seq:32:1 W:1m:seq:32:1';;
  standard)
    for o in R W; do
      for q in 1 8 32; do for s in 1 4; do cells+=" $o:4k:rand:$q:$s"; done; done
      cells+=" $o:64k:seq:1:1"
      for b in 64k 1m; do for s in 1 4; do cells+=" $o:$b:seq:32:$s"; done; done
      cells+=" $o:4k:rand:32:1:digest $o:4k:rand:32:64"
      for b in 4k:rand 64k:seq 1m:seq; do cells+=" $o:$b:32:1:disk"; done
    done
    cells+=' W:1m:seq:32:16 R:4k:rand:32:1:null W:4k:rand:32:1:null';;
  whole)
    for b in 4k 512; do for o in R W; do for q in 1 8 32 128; do for s in 1 4; do cells+=" $o:$b:rand:$q:$s"; done; done; done; done
    for b in 64k 256k 1m; do for o in R W; do for q in 1 32; do for s in 1 4; do cells+=" $o:$b:seq:$q:$s"; done; done; done; done
    for o in R W; do
      cells+=" $o:4k:rand:32:1:digest $o:4k:rand:32:4:digest $o:64k:seq:32:1:digest $o:1m:seq:32:1:digest $o:4k:rand:32:16 $o:4k:rand:32:64"
      cells+=" $o:4k:rand:1:1:disk $o:4k:rand:1:4:disk"
      for b in 4k:rand 64k:seq 1m:seq; do cells+=" $o:$b:32:1:disk $o:$b:32:4:disk"; done
      cells+=" $o:4k:rand:32:1:null $o:4k:rand:32:4:null $o:64k:seq:32:1:null $o:1m:seq:32:1:null"
    done
    cells+=' W:1m:seq:32:16';;
  esac
fi
perf_cells='R:4k:rand:32:1 W:4k:rand:32:1 R:64k:seq:32:1' iscsi_perf_cells='R:4k:rand:32:1 R:64k:seq:32:1'

# Cells that files.c has a figure for: what the system calls allow.
bare_cell() { local op bs depth sessions options; IFS=: read -r op bs _ depth sessions options <<<"$1"; [[ $depth = 32 && -z $options && $bs:$sessions =~ ^(4k|64k|1m):[14]$ ]]; }
count() { echo $#; }

# Seconds: each kind of run by its count, its length and what it takes beside (start, logins, warm-up).
seconds() {
  local c bare=0 other=0 targets=1 builds=1
  for c in $cells; do if bare_cell "$c"; then bare=$((bare + 1)); fi; done
  if command -v tgtd >/dev/null; then targets=2; fi
  # shellcheck disable=SC2086 # counted by words
  if [ -n "$generators" ]; then
    other=$(count $perf_cells)
    if command -v iscsi-perf >/dev/null; then other=$(count $perf_cells $iscsi_perf_cells); fi
  fi
  if [ -n "$publish" ]; then builds=3; fi
  # shellcheck disable=SC2086
  awk -v runs="$runs" -v secs="$secs" -v rounds=$rounds -v targets=$targets -v cells="$(count $cells)" -v bare=$bare -v other=$other -v builds=$builds '
    BEGIN { whole = secs == int(secs) ? secs : int(secs) + 1
      print int(8 + builds * 7 * 1 + (builds > 1) * 100 + targets * 4 * 2 \
        + runs * (targets * (cells * (secs + 0.5) + secs + other * (whole + 0.8)) + 4 * (secs + 0.1) + bare * (secs + 0.4)) \
        + rounds * targets * (4 * 1.2 + 2 * secs)) }'
}
expected=$(seconds)
echo "compare.sh: about $(((expected + 30) / 60)) min ($expected s, without a build of the daemon)" >&2
if [ -n "$estimate" ]; then exit 0; fi

work=$(mktemp -d "$dir/iscsinet-bench.XXXXXX"); disk=''; pids=() controls=()
# tgtd ends neither at once nor surely by SIGTERM while sessions are there.
stop() {
  for p in "${pids[@]}"; do kill "$p" 2>/dev/null || true; done
  for _ in {1..20}; do
    local alive=''
    for p in "${pids[@]}"; do kill -0 "$p" 2>/dev/null && alive=1; done
    [ -n "$alive" ] || break
    sleep 0.1
  done
  for p in "${pids[@]}"; do disown "$p" 2>/dev/null || true; kill -9 "$p" 2>/dev/null || true; done
  # A tgtd that was killed leaves them.
  for p in "${controls[@]}"; do rm -f "/var/run/tgtd/socket.$p" "/var/run/tgtd/socket.$p.lock"; done
  rm -rf "$work" ${disk:+"$disk"}
}
trap stop EXIT
trap 'exit 130' INT TERM
: >"$work/notes.txt"
# What was left out, and why: below the table of that SECTION, and here.
note() { printf '%s\t%s\n' "$1" "$2" >>"$work/notes.txt"; echo "compare.sh: $2" >&2; }
locked() { if [ -n "$lock" ]; then flock "$lock" "$@"; else "$@"; fi; }

gcc -O2 -msse4.2 -o "$work/load" "$here/load/load.c" -lpthread
gcc -O2 -msse4.2 -o "$work/echo" "$here/load/echo.c"
gcc -O2 -o "$work/files" "$here/load/files.c"
if [ -z "$daemon" ]; then
  daemon=$root/src/iscsinet/bin/Release/net10.0/iscsinet.dll
  [ -f "$daemon" ] || dotnet build -c Release "$root/src/iscsinet" >"$work/build.log"
fi
if [[ $daemon == *.dll ]]; then run=(dotnet "$daemon"); else run=("$daemon"); fi
url_of() { awk -v n="$2" '/^ready/ && ++seen == n {print $2; exit}' "$1"; }

# Start and size of each build: 16 MiB of budget, no session yet, then one. Every line but `ready` is of no interest.
if [[ $daemon == *.dll ]]; then built='just-in-time compiled'; else built=$(basename "$daemon"); fi
builds=("$built|${run[*]}")
if [ -n "$publish" ]; then
  rid=$(dotnet --info | awk '/RID:/ {rid = $2} END {print rid}')
  # Sources of its own, because a build for one system leaves its traces in obj.
  mkdir "$work/tree"; git -C "$root" archive HEAD | tar -x -C "$work/tree"
  for kind in aot r2r; do
    dotnet publish "$work/tree/src/iscsinet" -c Release -r "$rid" "$([ $kind = aot ] && echo -p:Aot=true || echo --no-self-contained)" \
      -o "$work/$kind" >"$work/publish.log" 2>&1 || { tail -5 "$work/publish.log" >&2; exit 1; }
  done
  builds+=("ahead of time|$work/aot/iscsinet" "ReadyToRun|$work/r2r/iscsinet")
  rm -rf "$work/tree"
fi
mkfifo "$work/ready"
for ((i = 0; i < 7; i++)); do
  for build in "${builds[@]}"; do
    t0=$EPOCHREALTIME
    ${build#*|} serve memory,size=64MiB --memory 16MiB --listen 127.0.0.1:0 --log-level Warning >"$work/ready" 2>/dev/null & p=$!
    pids=("$p")
    exec 5<"$work/ready"
    while read -r word address _ <&5 && [ "$word" != ready ]; do :; done
    t1=$EPOCHREALTIME
    "$work/load" -I -r 1 -t 0.5 -P "$p" -l idle "$address" >"$work/idle.txt"
    run_as=${build#*|}; executable=$(readlink -f "${run_as##* }")
    echo "${build%%|*},$(((${t1/./} - ${t0/./}) / 1000)),$(sed -E 's/.* RSS ([0-9]+) .*/\1/' "$work/idle.txt"),$(stat -c %s "$executable")" >>"$work/starts.csv"
    kill "$p"; wait "$p" 2>/dev/null || true; exec 5<&-
  done
done
pids=()

# One daemon each with a LUN a place: a process without requests takes nothing away, and its CPU is its requests' alone.
places=main
[[ $cells == *:disk* ]] && { disk=$(mktemp -d "$disk_dir/iscsinet-bench.XXXXXX"); places+=' disk'; }
[[ $cells == *:null* ]] && places+=' null'
file_of() { case $2 in main) echo "$work/$1.img";; disk) echo "$disk/$1.img";; null) echo null;; esac; }
dd if=/dev/urandom of="$work/ours.img" bs=1M count="$size" status=none
[ -z "$disk" ] || { cp "$work/ours.img" "$disk/ours.img"; cp "$work/ours.img" "$disk/tgt.img"; sync -f "$disk"; }
cp "$work/ours.img" "$work/bare.img"
luns=()
for place in $places; do
  f=$(file_of ours "$place"); [ "$f" = null ] && f="null,size=${size}MiB"
  luns+=("$f")
done
"${run[@]}" serve "${luns[@]}" --listen 127.0.0.1:0 --memory "$memory" --log-level Warning "${serve_options[@]}" \
  >"$work/ours.out" 2>"$work/ours.err" & ours=$!; pids+=("$ours")
until [ "$(grep -c ^ready "$work/ours.out" 2>/dev/null)" = ${#luns[@]} ]; do
  kill -0 "$ours" 2>/dev/null || { cat "$work/ours.err" >&2; exit 1; }
  sleep 0.01
done
declare -A url
n=0
for place in $places; do n=$((n + 1)); url[ours:$place]=$(url_of "$work/ours.out" $n); done
declare -A pid=([ours]=$ours)
targets=ours
# Not ours to wait for: its output is a file, so that nothing that waits for ours waits for a tgtd that does not end.
start_tgt() { # CONTROL-PORT PORT IQN: its process in tgt
  tgtd -f -C "$1" --iscsi portal=127.0.0.1:"$2" >>"$work/tgt.log" 2>&1 </dev/null & tgt=$!; pids+=("$tgt"); controls+=("$1")
  for _ in {1..50}; do tgtadm -C "$1" --lld iscsi --op show --mode sys >/dev/null 2>&1 && break; sleep 0.1; done
  tgtadm -C "$1" --lld iscsi --op new --mode target --tid 1 -T "$3"
}
control=$((1000 + RANDOM % 20000)) port=$((20000 + RANDOM % 10000)) iqn=iqn.2026-11.net.iscsinet.bench:tgt
if command -v tgtd >/dev/null; then
  cp "$work/ours.img" "$work/tgt.img"
  start_tgt $control $port $iqn
  n=0
  for place in $places; do
    n=$((n + 1)); f=$(file_of tgt "$place")
    if [ "$place" = null ]; then store=null; else store=rdwr; fi
    tgtadm -C $control --lld iscsi --op new --mode logicalunit --tid 1 --lun $n --bstype $store -b "$f" ||
      { note cells "this tgt has no $place: its cells are ours alone"; continue; }
    url[tgt:$place]=iscsi://127.0.0.1:$port/$iqn/$n
  done
  tgtadm -C $control --lld iscsi --op bind --mode target --tid 1 -I ALL
  pid[tgt]=$tgt targets='ours tgt'
else
  note cells 'tgtd is not installed: our daemon was measured alone, and no floor that compares with tgt could be judged'
fi

measure() { # TARGET CELL SECONDS CSV
  local target=$1 op bs pattern depth sessions options place=main flags=()
  IFS=: read -r op bs pattern depth sessions options <<<"$2"
  case :$options: in *:disk:*) place=disk;; *:null:*) place=null;; esac
  [ -n "${url[$target:$place]:-}" ] || return 0
  [ "$pattern" = seq ] && flags+=(-s)
  if [[ :$options: == *:digest:* ]]; then flags+=(-g); elif [[ $bs == [1-9]*m || $bs == [1-9][0-9]*k ]]; then flags+=(-D); fi
  [ "$sessions" -gt 1 ] && flags+=(-j 2)
  locked timeout 120 "$work/load" "-$op" -b "$bs" -q "$depth" -r "$sessions" "${flags[@]}" -t "$3" -T 0.3 -P "${pid[$target]}" \
    -l "$target:$options" -c "$4" "${url[$target:$place]}" >>"$work/load.log" 2>&1 && return
  note cells "a run failed and is left out: $target $2: $(tail -1 "$work/load.log")"
  # Sessions that were not logged out hold memory for 2 s in which another initiator is refused.
  sleep 3
}

# Another load generator than ours in C: GENERATOR TARGET CELL
other() {
  local program=("${run[@]}" perf)
  if [ "$1" = iscsi-perf ]; then program=(iscsi-perf); fi
  locked python3 "$here/generators.py" --generator "$1" --cell "$3" --pid "${pid[$2]}" --secs "$secs" --label "$2" --csv "$work/generators.csv" \
    --url "${url[$2:main]}" -- "${program[@]}" 2>"$work/generators.err" && return
  note generators "a run failed and is left out: $(tail -1 "$work/generators.err")"
  sleep 3
}

# Resident sizes, of a daemon that has done nothing else: ROW SESSIONS OPTIONS-OF-LOAD. In a file of the same size as the others serve.
resident() {
  local row=$1 sessions=$2 target size promised address port control; shift 2
  for target in $targets; do
    if [ "$target" = ours ]; then
      for size in "$memory" 128MiB 256MiB 512MiB; do
        # Emptied first: what the daemon before said is not what this one says.
        : >"$work/fresh.out"; : >"$work/fresh.err"
        "${run[@]}" serve "$work/bare.img" --listen 127.0.0.1:0 --memory "$size" "${serve_options[@]}" >"$work/fresh.out" 2>"$work/fresh.err" &
        fresh=$!; pids+=("$fresh")
        # Two streams: the line that says how many sessions may come, in pieces, after the one that says that it is ready.
        for _ in {1..1000}; do
          if grep -q ^ready "$work/fresh.out" && grep -q '^memory:.* sessions of ' "$work/fresh.err"; then break; fi
          kill -0 "$fresh" 2>/dev/null || break
          sleep 0.01
        done
        promised=$(sed -nE 's/^memory:.* ([0-9]+) sessions of .*/\1/p' "$work/fresh.err")
        [ "${promised:-0}" -lt "$sessions" ] || break
        end_fresh; promised=0
      done
      if [ "$promised" = 0 ]; then note resident "left out: ours, $row: no --memory up to $size promises $sessions sessions"; continue; fi
      address=$(url_of "$work/fresh.out" 1)
    else
      size=- port=$((20000 + RANDOM % 10000)) control=$((1000 + RANDOM % 20000))
      # One that does not start, for its port is taken, say, must not end a run whose cells are all measured.
      if start_tgt $control $port $iqn; then
        tgtadm -C $control --lld iscsi --op new --mode logicalunit --tid 1 --lun 1 --bstype rdwr -b "$work/bare.img" || true
        tgtadm -C $control --lld iscsi --op bind --mode target --tid 1 -I ALL || true
      fi
      fresh=$tgt address=iscsi://127.0.0.1:$port/$iqn/1
    fi
    if [ -n "$address" ] && locked timeout 120 "$work/load" "$@" -r "$sessions" -P "$fresh" -l "$target" "$address" >"$work/resident.txt" 2>&1; then
      echo "$row|$target|$size|$(sed -nE 's/.* RSS ([0-9]+) HWM ([0-9]+) anonymous ([0-9]+) mapped ([0-9]+) KiB.*/\1|\2|\3|\4/p' "$work/resident.txt")" >>"$work/resident.csv"
    else
      note resident "left out: $target, $row: $(tail -1 "$work/resident.txt")"
    fi
    end_fresh
  done
}
# Nothing is to be saved: its file is removed.
end_fresh() { disown "$fresh" 2>/dev/null || true; kill -9 "$fresh" 2>/dev/null || true; unset 'pids[-1]'; while kill -0 "$fresh" 2>/dev/null; do sleep 0.01; done; }

# The just-in-time compiler's last tier comes after some thousand calls; tgt warms its caches too.
for t in $targets; do for c in R:4k:rand:32:1 W:4k:rand:32:1 R:64k:seq:8:2 W:64k:seq:8:2; do measure "$t" $c 1.5 /dev/null; done; done

for f in runs.csv files.csv generators.csv resident.csv echo.txt logins.txt; do : >"$work/$f"; done
if [ -n "$generators" ] && ! command -v iscsi-perf >/dev/null; then note generators 'iscsi-perf (of libiscsi) is not installed: its rows are left out'; fi
for ((i = 0; i < runs; i++)); do
  order=$targets; ((i % 2)) && order=$(tac -s' ' <<<"$targets " | tr '\n' ' ')
  for c in $cells; do for t in $order; do measure "$t" "$c" "$secs" "$work/runs.csv"; done; done
  for e in 4k-read-1:48:4144:1 4k-read-32:48:4144:32 64k-read-32:48:65584:32 1m-read-32:48:1048816:32; do
    IFS=: read -r name request response depth <<<"$e"
    echo "$name $(locked "$work/echo" "$request" "$response" "$depth" "$secs")" >>"$work/echo.txt"
  done
  for c in $cells; do
    bare_cell "$c" || continue
    IFS=: read -r op bs _ _ sessions _ <<<"$c"
    n=$((sessions > 1 ? 2 : 1)) bytes=${bs/k/*1024}; bytes=$((${bytes/m/*1048576}))
    echo "$op,$bytes,$sessions,$(locked "$work/files" "$work/bare.img" "$op" "$bytes" 32 "$n" "$secs")" >>"$work/files.csv"
  done
  if [ -n "$generators" ]; then
    for c in $perf_cells; do for t in $order; do other 'iscsinet perf' "$t" "$c"; done; done
    if command -v iscsi-perf >/dev/null; then for c in $iscsi_perf_cells; do for t in $order; do other iscsi-perf "$t" "$c"; done; done; fi
  fi
  for t in $order; do
    locked "$work/load" -L -t "$secs" -P "${pid[$t]}" -l "$t" "${url[$t:main]}" >>"$work/logins.txt" 2>"$work/logins.err" ||
      { note logins "a run of logins failed and is left out: $t: $(tail -1 "$work/logins.err")"; sleep 3; }
  done
done
for ((i = 0; i < rounds; i++)); do
  resident '1 idle session' 1 -I -t 0.3
  resident '128 idle sessions' 128 -I -t 0.3
  resident '128 sessions, 4 KiB random reads, depth 8' 128 -R -b 4k -q 8 -j 2 -T 0.3 -t "$secs"
  resident '16 sessions, 1 MiB writes, depth 32' 16 -W -s -b 1m -q 32 -j 2 -T 0.3 -t "$secs"
done

if [[ $daemon == *.dll ]]; then described=$built; else described="$built, $(stat -c %s "$daemon") bytes"; fi
python3 "$here/compare.py" --csv "$work/runs.csv" --echo "$work/echo.txt" --logins "$work/logins.txt" --command "$command" --secs "$secs" \
  --daemon "$described" --starts "$work/starts.csv" --files "$work/files.csv" --generators "$work/generators.csv" \
  --resident "$work/resident.csv" --notes "$work/notes.txt" --took $SECONDS --mib "$size" \
  --commit "$(git -C "$root" describe --always --dirty 2>/dev/null || echo unknown)" \
  --dirs "$(df --output=fstype "$work" ${disk:+"$disk"} | tail -n +2 | tr '\n' ' ')" --memory "$memory" --out "$out"
echo "written: $out, after $SECONDS s ($expected s expected)"
