#!/usr/bin/env bash
# Makes what a guest boots from: Debian's kernel, and an initramfs of Debian's own programs. Nothing is installed here: packages are
# downloaded, by apt and as if for an empty system so that it resolves and checks everything, and unpacked.
#
#   eng/vm/prepare.sh        prints the directory that holds vmlinuz, initramfs.cpio, boot.img and versions
#
# boot.img is a disk that a PC's firmware boots: GRUB, the kernel, and an initramfs that says @@booted and ends.
#
# Packages are kept in ${XDG_CACHE_HOME:-~/.cache}/iscsinet/packages, the result in artifacts/vm. Both are made anew when the package
# index has other versions. Exit code 3: this system has no package index with a Debian kernel.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
out=$(cd "$here/../.." && pwd)/artifacts/vm
archives=${XDG_CACHE_HOME:-${HOME:-/tmp}/.cache}/iscsinet/packages

packages=(linux-image-amd64 busybox-static dash kmod open-iscsi e2fsprogs xfsprogs util-linux sg3-utils fio dmsetup multipath-tools mount grub-pc-bin)

# Relative to the guest's root; a pattern may match nothing only in another release of Debian, and the scenario that needs it says so.
programs=(bin/busybox bin/dash bin/kmod sbin/iscsid sbin/iscsi_discovery sbin/iscsiadm sbin/iscsistart
          sbin/mke2fs sbin/e2fsck sbin/dumpe2fs sbin/resize2fs sbin/mkfs.xfs sbin/xfs_repair usr/sbin/xfs_io usr/sbin/xfs_growfs
          sbin/fstrim sbin/blkdiscard sbin/blockdev bin/lsblk bin/dd 'usr/bin/sg_*' usr/bin/fio sbin/dmsetup
          sbin/multipath sbin/multipathd lib/multipath/libcheckdirectio.so lib/multipath/libchecktur.so
          lib/multipath/libprioconst.so lib/multipath/libprioalua.so lib/multipath/libpriosysfs.so
          lib/multipath/libforeign-nvme.so)

# Those that a scenario needs; what they depend on comes along. The generic checksums are asked for by name at run time.
modules=(virtio_pci virtio_net sd_mod sg iscsi_tcp ext4 xfs dm_mod dm_multipath dm_round_robin dm_service_time dm_queue_length scsi_dh_alua
         target_core_mod target_core_file target_core_iblock iscsi_target_mod loop
         crc32c_generic crc32c_intel crct10dif_generic crct10dif_pclmul sha3_generic)

# Directories of the kernel's modules that can hold any of these; the rest is most of the package.
module_directories=(arch block crypto lib net drivers/scsi drivers/target drivers/net drivers/virtio drivers/md drivers/block
                    drivers/char fs drivers/infiniband drivers/dax drivers/nvdimm)

say() { echo "vm: $*" >&2; }

resolve() { # with the directory where packages are looked for
    # An empty status file is a system with no package installed.
    apt-get install -y --no-install-recommends "${@:2}" -o Acquire::Retries=5 -o Dir::State::status="$nothing/status" -o Dir::Cache::archives="$1" \
        -o Debug::NoLocking=true -o APT::Sandbox::User="$(id -un)" "${packages[@]}" </dev/null
}

command -v apt-get >/dev/null && command -v dpkg-deb >/dev/null || { say "needs apt-get and dpkg-deb"; exit 3; }
mkdir -p "$archives/partial" "$out"
nothing=$(mktemp -d)
work=
trap 'rm -rf "$nothing" ${work:+"$work"}' EXIT
mkdir "$nothing/partial"
touch "$nothing/status"
# A new machine may have no package index, an old one an index of packages that are gone.
refresh_index() {
    [[ -z ${ISCSINET_VM_INDEX_IS_NEW:-} && $(id -u) -eq 0 ]] || return 0
    say "reading the package index"
    apt-get update -qq -o Acquire::Retries=5 >&2 </dev/null || return 0
    ISCSINET_VM_INDEX_IS_NEW=1 exec "${BASH_SOURCE[0]}"
}

if ! list=$(resolve "$nothing" --print-uris -qq 2>"$nothing/log"); then
    refresh_index
    say "the package index can't resolve ${packages[*]}:"
    cat "$nothing/log" >&2
    exit 3
fi
files=$(awk '{ print $2 }' <<<"$list" | sort)
key=$({ echo "$files"; cat "$here/prepare.sh" "$here/init" "$here/functions"; } | sha256sum | cut -c1-16)
if [[ -f $out/$key/versions ]]; then
    echo "$out/$key"
    exit 0
fi

say "downloading $(wc -l <<<"$files") packages, as far as they are not there"
if ! resolve "$archives" --download-only -qq >&2; then
    refresh_index
    say "the packages can't be downloaded"
    exit 1
fi

# Two runs at a time make the same thing twice; the first rename wins.
work=$(mktemp -d "$out/making.XXXXXX")
root=$work/root guest=$work/guest
mkdir -p "$root"/usr/{bin,sbin,lib,lib64}
ln -s usr/bin usr/sbin usr/lib usr/lib64 "$root"/
say "unpacking"
for file in $files; do
    select=(--exclude './usr/share/*' --exclude './usr/lib/python*')
    case $file in
        linux-image-[0-9]*)
            select=(--wildcards './boot/vmlinuz-*' './lib/modules/*/modules.*')
            for directory in "${module_directories[@]}"; do select+=("./lib/modules/*/kernel/$directory/*"); done
            ;;
        perl* | libperl* | python* | libpython* | debconf* | dpkg_* | tar_* | passwd_*) continue ;;
    esac
    # tar complains about a pattern that matches nothing, and about owners that an ordinary user can't set.
    dpkg-deb --fsys-tarfile "$archives/$file" |
        tar -x -C "$root" --no-same-owner --keep-directory-symlink "${select[@]}" 2>/dev/null || true
done
kernel=$(basename "$(echo "$root"/boot/vmlinuz-*)")
kernel=${kernel#vmlinuz-}
[[ -f $root/boot/vmlinuz-$kernel ]] || { say "no kernel in the packages"; exit 1; }

# Programs of the packages run here with their own C library: this system may be another release, or have no such program.
multiarch=$root/usr/lib/x86_64-linux-gnu
loader=$root/usr/lib64/ld-linux-x86-64.so.2
[[ -e $loader ]] || loader=$multiarch/ld-linux-x86-64.so.2
libraries=$multiarch:$root/usr/lib:$multiarch/ceph
kmod() { "$loader" --library-path "$libraries" --argv0 "$1" "$root/usr/bin/kmod" "${@:2}"; }

put() { # a file, relative to the root, as it is, with the links on its way
    local path=$1 target
    [[ -e $guest/$path || -L $guest/$path ]] && return
    mkdir -p "$guest/$(dirname "$path")"
    if [[ -L $root/$path ]]; then
        target=$(readlink "$root/$path")
        ln -s "$target" "$guest/$path"
        if [[ $target == /* ]]; then put "usr/${target#/}"; else put "$(realpath -m --relative-to=/ "/$(dirname "$path")/$target")"; fi
    else
        cp -p "$root/$path" "$guest/$path"
    fi
}

say "making the initramfs"
mkdir -p "$guest"/{proc,sys,dev,run,tmp,root,mnt,etc/iscsi,etc/multipath,var/lib,usr/bin,usr/sbin,usr/lib,usr/lib64,applets}
ln -s usr/bin usr/sbin usr/lib usr/lib64 "$guest"/
put "usr/lib64/ld-linux-x86-64.so.2"
cd "$root"
for pattern in "${programs[@]}"; do
    for program in $pattern; do
        if [[ ! -e $program ]]; then say "no $program in the packages"; continue; fi
        [[ $program == usr/* ]] || program=usr/$program
        put "$program"
        [[ -L $program ]] && program=$(realpath --relative-to="$root" "$program")
        "$loader" --verify "$program" >/dev/null 2>&1 || [[ $? -eq 2 ]] || continue # static
        "$loader" --library-path "$libraries" --list "$program" 2>/dev/null | awk -v root="$root/" '
            match($0, /=> [^ ]+/) { path = substr($0, RSTART + 3, RLENGTH - 3); if (index(path, root) == 1) print substr(path, length(root) + 1) }'
    done
done | sort -u | while read -r library; do put "$library"; done
# Loaded by name at run time: a thread that is cancelled unwinds with it.
put "usr/lib/x86_64-linux-gnu/libgcc_s.so.1"
cd - >/dev/null
for link in modprobe insmod lsmod depmod; do ln -sf ../bin/kmod "$guest/usr/sbin/$link"; done
ln -sf mke2fs "$guest/usr/sbin/mkfs.ext4"
ln -sf e2fsck "$guest/usr/sbin/fsck.ext4"
for file in mke2fs.conf iscsi/iscsid.conf; do [[ -f $root/etc/$file ]] && cp "$root/etc/$file" "$guest/etc/$file"; done
# A target that does not answer for the default of 5 seconds may be on a machine that stops for a while: that is nothing to complain about.
# A scenario that wants a dead path to be noticed says when.
[[ ! -f $guest/etc/iscsi/iscsid.conf ]] || sed -i 's/^\(node\.conn\[0\]\.timeo\.noop_out_timeout *=\).*/\1 60/' "$guest/etc/iscsi/iscsid.conf"

kmod depmod -b "$root/usr" "$kernel" 2>/dev/null || kmod depmod -b "$root" "$kernel"
wanted=$(printf '%s\n' "${modules[@]}" | tr - _)
awk -v wanted="$wanted" '
    BEGIN { n = split(wanted, list, "\n"); for (i = 1; i <= n; i++) want[list[i]] = 1; FS = ": *" }
    {
        name = $1; sub(/.*\//, "", name); sub(/\.ko.*/, "", name); gsub(/-/, "_", name)
        if (!(name in want)) next
        delete want[name]
        print $1; m = split($2, more, " "); for (i = 1; i <= m; i++) print more[i]
    }
    END { for (name in want) print "no module " name > "/dev/stderr" }' "$root/usr/lib/modules/$kernel/modules.dep" | sort -u |
    while read -r module; do put "usr/lib/modules/$kernel/$module"; done
cp "$root/usr/lib/modules/$kernel"/modules.{order,builtin,builtin.modinfo} "$guest/usr/lib/modules/$kernel/"
kmod depmod -b "$guest" "$kernel"
install -m 755 "$here/init" "$guest/init"
install -m 644 "$here/functions" "$guest/etc/functions"

mkdir "$work/done"
(cd "$guest" && find . -print0 | "$root/usr/bin/busybox" cpio -0 -o -H newc -R 0:0) >"$work/done/initramfs.cpio" 2>/dev/null
cp "$root/boot/vmlinuz-$kernel" "$work/done/vmlinuz"

say "making the boot disk"
mini=$work/mini files_on_disk=$work/files
mkdir -p "$mini"/{bin,proc,sys,dev,run,etc,applets} "$files_on_disk"
cp "$root/usr/bin/busybox" "$mini/bin/"
install -m 755 "$here/init" "$mini/init"
(cd "$mini" && find . -print0 | "$root/usr/bin/busybox" cpio -0 -o -H newc -R 0:0) >"$files_on_disk/initramfs" 2>/dev/null
cp "$root/boot/vmlinuz-$kernel" "$files_on_disk/vmlinuz"
run() { "$loader" --library-path "$libraries" "$root/usr/$1" "${@:2}"; }
run sbin/mke2fs -q -t ext2 -d "$files_on_disk" "$work/partition" 24M >/dev/null 2>&1
printf '%s\n' 'set root=(hd0,msdos1)' 'linux /vmlinuz console=ttyS0 panic=-1 iscsinet.say=@@booted' 'initrd /initramfs' 'boot' >"$work/grub.cfg"
grub=$root/usr/lib/grub/i386-pc
run bin/grub-mkimage -O i386-pc -d "$grub" -p '(hd0,msdos1)/' -c "$work/grub.cfg" -o "$work/core.img" biosdisk part_msdos ext2 linux
# GRUB's first sector loads what follows it. Its place for the partition table holds code for floppies: the one partition, of type 83h,
# begins at 1 MiB and has 24.
disk=$work/done/boot.img
cat "$grub/boot.img" "$work/core.img" >"$disk"
[[ $(stat -c %s "$disk") -le 1048576 ]] || { say "GRUB is too large"; exit 1; }
{ printf '\x80\xfe\xff\xff\x83\xfe\xff\xff\x00\x08\x00\x00\x00\xc0\x00\x00'; head -c 48 /dev/zero; } |
    dd of="$disk" bs=1 seek=446 conv=notrunc status=none
dd if="$work/partition" of="$disk" bs=1M seek=1 conv=notrunc status=none
{
    echo "kernel $kernel"
    for package in "${packages[@]}" linux-image-$kernel; do
        file=$(grep -m 1 "^${package}_" <<<"$files") && echo "$package $(cut -d_ -f2 <<<"$file" | sed 's/%3a/:/')"
    done
} >"$work/done/versions"
# Of earlier versions nothing is needed any more; another run may be reading the newest.
find "$out" -mindepth 1 -maxdepth 1 -type d ! -name "$key" ! -path "$work" -mmin +120 -exec rm -rf {} +
mv -T "$work/done" "$out/$key" 2>/dev/null || true
say "$(du -h "$out/$key/initramfs.cpio" | cut -f1) of initramfs, kernel $kernel"
echo "$out/$key"
