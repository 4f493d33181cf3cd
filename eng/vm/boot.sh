#!/usr/bin/env bash
# Boots the guest that prepare.sh made. It sees the loopback of this machine as 10.0.2.2; nothing else is reachable.
#
#   eng/vm/boot.sh CONSOLE-LOG [QEMU-OPTION...]     standard input and output are the guest's script port (see init)
#   eng/vm/boot.sh --shell                          a shell in the guest, to try things by hand; the kernel's log goes to console.log
#
# ISCSINET_VM_ACCEL: kvm or tcg; by default KVM where a guest was seen to boot with it. ISCSINET_VM_MEMORY: MiB, default 768.
# ISCSINET_VM_FORWARD: more options of QEMU's user network, such as hostfwd=tcp:127.0.0.1:13260-:3260.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
append=
console=${1:?see the first lines of $0}
shift
if [[ $console == --shell ]]; then
    console=console.log append=iscsinet.shell
    stty -echo -icanon 2>/dev/null && trap 'stty echo icanon' EXIT
fi
image=$("$here/prepare.sh")
machine=(-cpu max -smp 1 -m "${ISCSINET_VM_MEMORY:-768}" -nodefaults -no-user-config -display none -no-reboot
    -kernel "$image/vmlinuz" -initrd "$image/initramfs.cpio")
# Of a machine that stops for a while the guest's kernel would say that it hangs itself.
command_line="console=ttyS0 panic=-1 nokaslr mitigations=off random.trust_cpu=on audit=0 nosoftlockup rcupdate.rcu_cpu_stall_suppress=1"

# A machine can offer KVM and yet never come out of it, so only a guest that was seen to boot counts. Asked once for an image.
accel=${ISCSINET_VM_ACCEL:-$(cat "$image/accel" 2>/dev/null || true)}
if [[ -z $accel ]]; then
    accel=tcg
    if [[ -w /dev/kvm ]] && timeout -k 1 10 qemu-system-x86_64 -accel kvm "${machine[@]}" \
        -append "$command_line iscsinet.say=@@probe" -serial stdio 2>/dev/null </dev/null | grep -q '^@@probe'; then accel=kvm; fi
    echo "$accel" >"$image/accel"
fi

run=(qemu-system-x86_64 -accel "$accel" "${machine[@]}" -append "$command_line $append"
    -serial "file:$console" -chardev stdio,id=scripts,signal=off -serial chardev:scripts
    -netdev "user,id=net${ISCSINET_VM_FORWARD:+,$ISCSINET_VM_FORWARD}" -device virtio-net-pci,netdev=net,romfile= "$@")
if [[ -n $append ]]; then "${run[@]}"; else exec "${run[@]}"; fi
