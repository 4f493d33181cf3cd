#!/usr/bin/env bash
# Builds the solution and runs its tests; what CI runs. Needs the .NET SDK; the foreign-client tests also need the tools below.
#
#   ./test.sh           everything; installs the foreign clients with apt when it may
#   ./test.sh unit      what needs only the SDK
#   ./test.sh interop   the tests against foreign clients only
#
# Ends with one line "N passed, N failed, N skipped" and exits non-zero when something failed or nothing ran.
# With CI=true a foreign client that is missing is a failure; elsewhere its tests are skipped, by name.
set -uo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")" || exit 1

# command:package (Debian and Ubuntu). qemu-block-extra holds QEMU's iSCSI driver, which is a module without a command.
foreign_tools=(iscsi-ls:libiscsi-bin iscsi-test-cu:libiscsi-bin iscsi-perf:libiscsi-bin
               qemu-img:qemu-utils qemu-io:qemu-utils tgtd:tgt tgtadm:tgt istgt:istgt qemu-system-x86_64:qemu-system-x86
               valgrind:valgrind gcc:gcc strip:binutils python3:python3)
# valgrind and what follows it count instructions. qemu-system-x86 boots the guests of eng/vm, which asks apt itself for what runs inside them; ipxe-qemu holds a boot ROM with iSCSI.
foreign_packages=(libiscsi-bin qemu-utils qemu-block-extra tgt istgt qemu-system-x86 ipxe-qemu
                  valgrind gcc binutils libc6-dev zlib1g-dev python3)
unit_limit_seconds=900
interop_limit_seconds=2100
instructions_limit_seconds=600
results=artifacts/test-results

usage() { sed -n '2,9s/^# \{0,1\}//p' "${BASH_SOURCE[0]}"; }

has_foreign_tools() {
    local tool
    for tool in "${foreign_tools[@]}"; do command -v "${tool%%:*}" >/dev/null 2>&1 || return 1; done
    # A QEMU without the driver refuses the protocol by name; with it, it fails to connect to a closed port.
    ! qemu-img info iscsi://127.0.0.1:1/iqn.2026-11.net.iscsinet:none/0 2>&1 | grep -q 'Unknown protocol'
}

install_foreign_tools() {
    has_foreign_tools && return
    if [[ $(id -u) -ne 0 ]] || ! command -v apt-get >/dev/null 2>&1; then
        echo "foreign clients are missing and can't be installed here; as root: apt-get install ${foreign_packages[*]}"
        return
    fi
    echo "installing ${foreign_packages[*]}"
    # tgt's package starts a system daemon where there is a service manager; the tests start their own.
    { apt-get update -qq -o Acquire::Retries=5 &&
        DEBIAN_FRONTEND=noninteractive apt-get install -y -qq -o Acquire::Retries=5 --no-install-recommends "${foreign_packages[@]}"; } \
        >"$results/apt.log" 2>&1 </dev/null || { echo "apt-get failed:"; tail -n 5 "$results/apt.log"; }
}

# Prints "passed failed skipped" of a TRX file on the first line, then each failed and skipped test with its message.
read_trx() {
    awk '
        function attribute(name,    at, rest) {
            at = index(head, " " name "=\"")
            if (!at) return ""
            rest = substr(head, at + length(name) + 3)
            return substr(rest, 1, index(rest, "\"") - 1)
        }
        function element(name,    from, to) {
            from = index($0, "<" name ">"); to = index($0, "</" name ">")
            return from && to > from ? substr($0, from + length(name) + 2, to - from - length(name) - 2) : ""
        }
        function text(value) {
            gsub(/&lt;/, "<", value); gsub(/&gt;/, ">", value); gsub(/&quot;/, "\"", value); gsub(/&apos;/, "\047", value)
            gsub(/&#xD;/, "", value); gsub(/&#xA;/, "\n", value); gsub(/&amp;/, "\\&", value)
            return value
        }
        function indent(value, lines,    n, part, i, out) {
            n = split(value, part, "\n"); out = ""
            for (i = 1; i <= n && i <= lines; i++) out = out "\n        " part[i]
            if (n > lines) out = out "\n        ... " (n - lines) " more lines"
            return out
        }
        BEGIN { RS = "<UnitTestResult " }
        NR > 1 {
            head = " " substr($0, 1, index($0, ">"))
            outcome = attribute("outcome")
            if (outcome == "Passed") passed++
            else if (outcome == "NotExecuted") {
                skipped++
                notes = notes "\n    skipped: " text(attribute("testName")) ": " text(element("Message"))
            } else {
                failed++
                notes = notes "\n    FAILED: " text(attribute("testName")) \
                    indent(text(element("Message")), 40) indent(text(element("StackTrace")), 6) indent(text(element("StdOut")), 60)
            }
        }
        END { print passed + 0, failed + 0, skipped + 0 notes }' "$1"
}

# Runs one test project with an optional filter; adds to the sums.
run_project() {
    local project=$1 filter=$2 limit=$3 name log trx status counts started passed failed skipped
    name=$(basename "$project" .csproj)
    log=$results/$name.log trx=$results/$name.trx
    started=$SECONDS
    rm -f "$trx"
    timeout -k 10 "$limit" dotnet test "$project" -c Release --no-build --nologo -v q ${filter:+--filter "$filter"} \
        --logger "trx;LogFileName=$name.trx" --results-directory "$results" >"$log" 2>&1 </dev/null
    status=$?
    passed=0 failed=0 skipped=0
    if [[ -f $trx ]]; then
        counts=$(read_trx "$trx")
        read -r passed failed skipped <<<"${counts%%$'\n'*}"
    fi
    echo "$name: $passed passed, $failed failed, $skipped skipped ($((SECONDS - started)) s)"
    [[ -f $trx && $counts == *$'\n'* ]] && echo "${counts#*$'\n'}"
    if [[ $status -ne 0 && $failed -eq 0 ]]; then
        failed=1
        if [[ $status -eq 124 || $status -eq 137 ]]; then echo "    FAILED: $name did not end within $limit s"
        else echo "    FAILED: $name: the test run itself failed (exit code $status)"; fi
        tail -n 30 "$log" | sed 's/^/        /'
    fi
    total_passed=$((total_passed + passed)) total_failed=$((total_failed + failed)) total_skipped=$((total_skipped + skipped))
}

# Instructions of a fixed workload, against what is written down; one test to the sums.
count_instructions() {
    local log=$results/instructions.log started=$SECONDS status
    timeout -k 10 "$instructions_limit_seconds" bench/instructions.sh >"$log" 2>&1 </dev/null
    status=$?
    case $status in
        0) total_passed=$((total_passed + 1)); echo "instructions: 1 passed, 0 failed, 0 skipped ($((SECONDS - started)) s)" ;;
        77)
            total_skipped=$((total_skipped + 1)); echo "instructions: 0 passed, 0 failed, 1 skipped ($((SECONDS - started)) s)"
            echo "    skipped: instruction counts: $(tail -n 1 "$log")" ;;
        *)
            total_failed=$((total_failed + 1)); echo "instructions: 0 passed, 1 failed, 0 skipped ($((SECONDS - started)) s)"
            echo "    FAILED: instruction counts (exit code $status)"
            tail -n 20 "$log" | sed 's/^/        /' ;;
    esac
}

mode=${1:-all}
case $mode in
    all | unit | interop) ;;
    -h | --help | help) usage; exit 0 ;;
    *) usage >&2; exit 2 ;;
esac
if ! command -v dotnet >/dev/null 2>&1; then
    echo "dotnet is not on the PATH: install the .NET SDK that global.json names" >&2
    exit 1
fi
# The tools below leave build servers behind that would keep a CI job's output open.
export MSBUILDDISABLENODEREUSE=1 DOTNET_CLI_TELEMETRY_OPTOUT=1 DOTNET_NOLOGO=1 DOTNET_SKIP_FIRST_TIME_EXPERIENCE=1
[[ ${CI:-} == true ]] && export ISCSINET_REQUIRE_FOREIGN_TOOLS=1
mkdir -p "$results"
total_passed=0 total_failed=0 total_skipped=0

[[ $mode == unit ]] || install_foreign_tools

echo "building"
if ! dotnet build IscsiNet.sln -c Release -v q -nologo -clp:NoSummary >"$results/build.log" 2>&1 </dev/null; then
    grep -E 'error|warn' "$results/build.log" | sort -u | head -n 40
    echo "0 passed, 1 failed, 0 skipped"
    exit 1
fi

for project in tests/*/*.csproj; do
    if [[ $project == */Iscsi.Interop.csproj ]]; then
        [[ $mode == unit ]] || run_project "$project" "" $interop_limit_seconds
    elif grep -rqs --include='*.cs' 'Trait("Category", "Foreign")' "$(dirname "$project")"; then
        case $mode in
            unit) run_project "$project" "Category!=Foreign" $unit_limit_seconds ;;
            interop) run_project "$project" "Category=Foreign" $interop_limit_seconds ;;
            all) run_project "$project" "" $((unit_limit_seconds + interop_limit_seconds)) ;;
        esac
    elif [[ $mode != interop ]]; then
        run_project "$project" "" $unit_limit_seconds
    fi
done

[[ $mode == unit ]] || count_instructions
if [[ $mode != unit && -f $results/Iscsi.Interop.trx ]]; then
    eng/interop-report.sh "$results/Iscsi.Interop.trx" >"$results/interop.md" || echo "no report of the foreign clients"
fi
echo "$total_passed passed, $total_failed failed, $total_skipped skipped"
[[ $total_failed -eq 0 && $total_passed -gt 0 ]]
