#!/bin/bash
# instructions.sh - counts the instructions of bench/Iscsi.Instructions, operation by operation, under callgrind.
#
#   bench/instructions.sh            compares the lesser of two counts with bench/instructions.json; exit code 1 when an operation takes over 2 %
#                                    (a login 15 %) more than is written there
#   bench/instructions.sh --accept   writes bench/instructions.json   (also with ISCSINET_ACCEPT_INSTRUCTIONS=1)
#   bench/instructions.sh --runs 10  counts so often and prints the spread
#
# Counts of different runtimes, C libraries or processors are not compared: exit code 77 and one line that says why. So is what can't be counted
# here for lack of a tool; with CI=true that is exit code 1. Needs x86-64 Linux, valgrind, python3, strip, and what publishing ahead of time needs
# (gcc, zlib's header files).
set -uo pipefail
here=$(cd "$(dirname "$0")" && pwd); root=$(dirname "$here")
stored=$here/instructions.json out=$root/artifacts/instructions runs=2 accept=${ISCSINET_ACCEPT_INSTRUCTIONS:-}
while [ $# -gt 0 ]; do case $1 in
  --accept) accept=1; shift;;
  --runs) runs=$2; shift 2;;
  -h | --help) sed -n '2,12s/^# \{0,1\}//p' "$0"; exit 0;;
  *) echo "instructions.sh: unknown option $1 (--help lists them)" >&2; exit 2;;
esac; done
skip() { echo "not compared: $*"; exit 77; }
lacks() { if [ "${CI:-}" = true ]; then echo "instructions.sh: $*" >&2; exit 1; else skip "$*"; fi; }

[ "$(uname -sm)" = "Linux x86_64" ] || skip "the counts are for x86-64 Linux"
for tool in valgrind python3 strip gcc; do command -v $tool >/dev/null || lacks "$tool is missing"; done
mkdir -p "$out"
if ! dotnet restore "$here/Iscsi.Instructions" -r linux-x64 -p:Aot=true -v q >"$out/restore.log" 2>&1; then
  skip "the compiler's package can't be had here ($out/restore.log)"
fi
if ! dotnet publish "$here/Iscsi.Instructions" -c Release -r linux-x64 -p:Aot=true -o "$out/publish" -v q -nologo >"$out/publish.log" 2>&1; then
  tail -n 20 "$out/publish.log" >&2
  skip "the workload can't be published ahead of time here ($out/publish.log)"
fi
# Symbols stay; valgrind can't read the compiler's debugging information.
strip --strip-debug -o "$out/workload" "$out/publish/iscsi-instructions"

# The collector's budget is greater than the garbage of a run, and idle threads do not spin: nothing depends on time. The C library's functions
# are the ones for a processor without AVX-512, which valgrind does not have either.
scenarios=(Login Read4KiB Write4KiB Read64KiB Write64KiB Read4KiBWithDigests Write4KiBWithDigests)
options=()
for s in "${scenarios[@]}"; do
  options+=("--dump-after=iscsi_instructions_Iscsi_Instructions_Scenarios__$s")
done
for ((i = 1; i <= runs; i++)); do
  rm -f "$out/counts".*
  if ! DOTNET_GCHeapHardLimit=0x10000000 DOTNET_GCgen0size=0x4000000 DOTNET_ThreadPool_UnfairSemaphoreSpinLimit=0 \
    timeout 300 valgrind --tool=callgrind --callgrind-out-file="$out/counts" "${options[@]}" "$out/workload" \
    >"$out/workload.out" 2>"$out/valgrind.log"; then
    tail -n 20 "$out/valgrind.log" >&2
    echo "instructions.sh: the workload failed" >&2; exit 1
  fi
  python3 "$here/instructions.py" read "$out" >"$out/run-$i.json" || exit 1
done
files=(); for ((i = 1; i <= runs; i++)); do files+=("$out/run-$i.json"); done
if [ -n "$accept" ]; then python3 "$here/instructions.py" accept "$stored" "${files[@]}"; else python3 "$here/instructions.py" compare "$stored" "${files[@]}"; fi
