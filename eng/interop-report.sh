#!/usr/bin/env bash
# Writes what a run of the foreign clients showed, as Markdown: docs/interop.md is made so.
#
#   ./test.sh interop && eng/interop-report.sh artifacts/test-results/Iscsi.Interop.trx >docs/interop.md
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
trx=${1:?see the first lines of $0}

version() { dpkg-query -W -f '${Version}' "$1" 2>/dev/null || echo "?"; }
guest=$(ls -t artifacts/vm/*/versions 2>/dev/null | head -n 1)
inside() { [[ -n $guest ]] && sed -n "s/^$1 //p" "$guest" | head -n 1 || echo "?"; }

cat <<TEXT
# Foreign clients and targets

What others wrote, and how it got on with IscsiNet. Made by \`eng/interop-report.sh\` from a run of \`./test.sh interop\` on two cores; the guests run
under QEMU's software emulation ($(cat "${guest%versions}accel" 2>/dev/null || echo tcg)), so seconds say what a run costs and not how fast anything is.

| what | version |
|---|---|
| Linux (guest's kernel: open-iscsi's transport, LIO) | $(inside kernel) |
| open-iscsi | $(inside open-iscsi) |
| multipath-tools | $(inside multipath-tools) |
| sg3_utils | $(inside sg3-utils) |
| fio | $(inside fio) |
| e2fsprogs, xfsprogs | $(inside e2fsprogs), $(inside xfsprogs) |
| QEMU (its own initiator, iPXE) | $(version qemu-system-x86), $(version ipxe-qemu) |
| libiscsi | $(version libiscsi-bin) |
| tgt | $(version tgt) |
| istgt | $(version istgt) |

TEXT

# testName, outcome and duration of every result; sorted, so that the order of a run does not matter.
grep -o '<UnitTestResult [^>]*>' "$trx" | awk '
    function attribute(name,    at, rest) {
        at = index($0, " " name "=\"")
        if (!at) return ""
        rest = substr($0, at + length(name) + 3)
        return substr(rest, 1, index(rest, "\"") - 1)
    }
    {
        test = attribute("testName"); gsub(/&quot;/, "", test); gsub(/&amp;/, "\\&", test); gsub(/&lt;/, "<", test); gsub(/&gt;/, ">", test)
        split(attribute("duration"), time, ":")
        print test "\t" attribute("outcome") "\t" time[1] * 3600 + time[2] * 60 + time[3]
    }' | sort | awk -F '\t' '
    BEGIN {
        n = split("Guests.LoginTests=open-iscsi: login|Guests.FileSystemTests=open-iscsi: file systems|Guests.SpaceTests=open-iscsi: space|" \
            "Guests.LoadTests=open-iscsi and fio|Guests.ReadOnlyTests=open-iscsi: a read-only LUN|Guests.OutageTests=open-iscsi: the daemon killed|" \
            "Guests.ResizeTests=open-iscsi: resizing|Guests.LiveChangeTests=open-iscsi: LUNs come and go|" \
            "Guests.MultipathTests=open-iscsi and dm-multipath|Guests.AsymmetricAccessTests=open-iscsi and sg3_utils: ALUA|" \
            "Guests.PersistentReservationTests=open-iscsi and sg3_utils: persistent reservations|Guests.CommandTests=open-iscsi and sg3_utils: commands|" \
            "Guests.FaultTests=open-iscsi on disks with deliberate faults|Guests.BootTests=Booting|" \
            "Targets.LioTests=Our initiator and LIO|Targets.TgtTests=Our initiator and tgt|Targets.IstgtTests=Our initiator and istgt|" \
            "QemuTests=QEMU: tools|LibiscsiToolTests=libiscsi: tools|LibiscsiSuiteTests=libiscsi: test suite", list, "|")
        for (i = 1; i <= n; i++) { split(list[i], pair, "="); class[i] = pair[1]; title[pair[1]] = pair[2] }
    }
    {
        name = $1; sub(/^Iscsi\.Interop\./, "", name)
        call = index(name, "(") ? substr(name, index(name, "(")) : ""
        if (call != "") name = substr(name, 1, index(name, "(") - 1)
        method = name; sub(/.*\./, "", method)
        owner = substr(name, 1, length(name) - length(method) - 1)
        if (!(owner in title)) next
        gsub(/_/, " ", method)
        result = $2 == "Passed" ? "passed" : $2 == "NotExecuted" ? "skipped" : "FAILED"
        count[owner, result]++; seconds[owner] += $3
        if (owner == "LibiscsiSuiteTests") next
        rows[owner] = rows[owner] sprintf("| %s%s | %s | %.1f |\n", method, call == "" ? "" : " " call, result, $3)
    }
    END {
        for (i = 1; i <= n; i++) {
            owner = class[i]
            if (!(owner in seconds)) continue
            printf "## %s\n\n%d passed, %d failed, %d skipped, %.0f s\n\n", title[owner], \
                count[owner, "passed"], count[owner, "FAILED"], count[owner, "skipped"], seconds[owner]
            if (rows[owner] != "") printf "| scenario | result | seconds |\n|---|---|---|\n%s\n", rows[owner]
        }
    }'
