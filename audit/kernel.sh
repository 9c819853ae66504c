#!/bin/bash
# Claim: bailiff runs on the kernels that it says it runs on. Each of $KERNELS (5.10 6.1 6.12) is booted in a virtual machine, without
# a network, whose whole disk is audit/kernel/*, the built programs, nft and a busybox; what is said there is said here.
#
# qemu emulates the processor (TCG). A kernel that does not boot, a part that says nothing, or FAIL is a failure.
#
# Usage: kernel.sh [PART...], of audit/kernel/PART.sh (cage group daemon). Needs apt-get (Debian 12): what is not here is fetched
# as aarch64.sh does it, into a private state and a private directory; nothing is installed. Older kernels come from the older
# releases on the servers that apt already asks. About 300 MB under $BAILIFF_VM (default: a temporary directory, removed).
set -eu
cd "$(dirname "$0")/.."
skip() { echo "skip  kernel: $*"; exit 0; }
command -v apt-get >/dev/null || skip "no apt-get here"
vm=${BAILIFF_VM:-}
[ -n "$vm" ] || { vm=$(mktemp -d); trap 'rm -rf "$vm"' EXIT; }
mkdir -p "$vm/apt/lists/partial" "$vm/apt/cache/archives/partial" "$vm/root"
release=$(sed -n 's/^VERSION_CODENAME=//p' /etc/os-release)

# The releases whose kernels are wanted, on the servers of this one's.
sources() {
    apt-get indextargets --format '$(REPO_URI) $(CODENAME)' 'Identifier: Packages' | sort -u | while read -r server name; do
        case $name in
        "$release" | "$release-security")
            for other in "$release" bullseye bookworm; do echo "deb $server ${name/$release/$other} main"; done ;;
        esac
    done | sort -u
}
if [ ! -x "$vm/root/usr/bin/qemu-system-x86_64" ]; then
    sources >"$vm/sources"
    cat >"$vm/apt.conf" <<APT
Dir::State::Lists "$vm/apt/lists";
Dir::Cache "$vm/apt/cache";
Dir::Etc::SourceList "$vm/sources";
Dir::Etc::SourceParts "-";
APT::Default-Release "$release";
APT::Sandbox::User "root";
Acquire::Languages "none";
APT
    apt="apt-get -qq -c $vm/apt.conf"
    { $apt update || true; $apt install -y --download-only --no-install-recommends -o APT::Get::Reinstall=1 qemu-system-x86 \
        busybox-static; } >"$vm/log" 2>&1 || skip "qemu cannot be had: $(tail -1 "$vm/log")"
    for package in "$vm"/apt/cache/archives/*.deb; do dpkg -x "$package" "$vm/root"; done
fi
libraries=$vm/root/usr/lib/x86_64-linux-gnu
libraries=$libraries:$vm/root/lib/x86_64-linux-gnu:$libraries/pulseaudio
busybox=$vm/root/bin/busybox

# The newest image of this version for virtual machines, unpacked, with the order of its modules.
image() {
    local at=$vm/linux-$1 name
    [ ! -e "$at/ready" ] || return 0
    mkdir -p "$at"
    name=$(apt-cache -c "$vm/apt.conf" pkgnames "linux-image-$1." | grep -E '^linux-image-[-+.0-9deb]+-cloud-amd64$' |
        sort -V | tail -1)
    [ -n "$name" ] && (cd "$at" && apt-get -qq -c "$vm/apt.conf" download "$name") >"$vm/log" 2>&1 || return 1
    dpkg -x "$at"/*.deb "$at" && "$busybox" depmod -b "$at" "$(ls "$at/lib/modules")" && touch "$at/ready"
}

# What the machine is booted with: its only disk.
disk() {
    local at=$vm/disk program
    rm -rf "$at"
    mkdir -p "$at/bin" "$at/lib" "$at/opt"
    cp audit/kernel/* "$busybox" "$at/bin"
    cp "${CARGO_TARGET_DIR:-target}"/release/bailiff{,-cage,-payload,d,-launcher,-watcher,-tracker,-compiler,-enforcer-nft} "$at/opt"
    mv "$at/bin/init" "$at/init"
    program=$(PATH=$PATH:/usr/sbin command -v nft) && {
        cp "$program" "$at/bin"
        ldd "$program" | grep -o '/[^ ]*' | while read -r file; do
            mkdir -p "$at$(dirname "$file")"
            cp -L "$file" "$at$file"
        done
    }
    mkdir -p "$at/lib/modules"
    cp -r "$vm/linux-$1/lib/modules/." "$at/lib/modules"
    rm -rf "$at"/lib/modules/*/kernel/{drivers,fs,sound,crypto,arch}
    (cd "$at" && find . | "$busybox" cpio -o -H newc 2>/dev/null | gzip -1) >"$vm/disk.gz"
}

${CARGO:-cargo} build --quiet --release --locked --offline --features captive --bins
failed=0
for version in ${KERNELS:-5.10 6.1 6.12}; do
    image "$version" || { echo "skip  kernel $version: no image of it can be had: $(tail -1 "$vm/log")"; continue; }
    disk "$version"
    rm -f "$vm/said"
    LD_LIBRARY_PATH=$libraries timeout 240 "$vm/root/usr/bin/qemu-system-x86_64" -accel tcg -L "$vm/root/usr/share/qemu" \
        -L "$vm/root/usr/share/seabios" -m 1024 -smp 2 -nodefaults -nographic -net none -no-reboot \
        -serial "file:$vm/console" -serial "file:$vm/said" -kernel "$vm/linux-$version"/boot/vmlinuz-* -initrd "$vm/disk.gz" \
        -append "console=ttyS0 quiet panic=-1 parts=$(IFS=,; echo "${*:-cage,group,daemon}")" </dev/null >"$vm/log" 2>&1 || true
    tr -d '\r' <"$vm/said" 2>/dev/null | sed -E "s/^(ok    |FAIL  |skip  )/\1kernel $version: /" || true
    grep -q '^end' "$vm/said" 2>/dev/null || { echo "FAIL  kernel $version: not run to its end: $(tail -n 2 "$vm/console")"; failed=1; }
    ! grep -q '^FAIL' "$vm/said" 2>/dev/null || failed=1
done
exit $failed
