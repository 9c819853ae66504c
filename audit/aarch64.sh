#!/bin/bash
# Claim: bailiff compiles for aarch64 with the distribution's cross compiler, and the programs start there.
#
# rustup has one target here; Debian's rustc-web has a standard library for arm64. Its packages are fetched into a private
# apt state and unpacked into a private directory: nothing is installed. The programs then answer under qemu, which shows
# entry, relocation, RELRO and system calls on that architecture (not the cages, nor openat2: Debian 12's qemu has neither).
#
# Needs apt-get (Debian 12 or later) and about 1 GB under $BAILIFF_CROSS (default: a temporary directory, removed).
set -eu
cd "$(dirname "$0")/.."
command -v apt-get >/dev/null || { echo "skip  aarch64: no apt-get here"; exit 0; }
cross=${BAILIFF_CROSS:-}
[ -n "$cross" ] || { cross=$(mktemp -d); trap 'rm -rf "$cross"' EXIT; }
if [ ! -x "$cross/root/usr/bin/rustc" ]; then
    mkdir -p "$cross/apt/lists/partial" "$cross/apt/cache/archives/partial" "$cross/root"
    cat >"$cross/apt.conf" <<APT
Dir::State::Lists "$cross/apt/lists";
Dir::Cache "$cross/apt/cache";
APT::Architecture "amd64";
APT::Architectures { "amd64"; "arm64"; };
Acquire::Languages "none";
APT
    apt="apt-get -qq -c $cross/apt.conf"
    { $apt update && $apt install -y --download-only --no-install-recommends -o APT::Get::Reinstall=1 rustc-web \
        libstd-rust-web-dev:arm64 gcc-aarch64-linux-gnu libc6-dev-arm64-cross qemu-user-static; } >"$cross/log" 2>&1 ||
        { echo "skip  aarch64: the cross compiler cannot be had: $(tail -1 "$cross/log")"; exit 0; }
    for package in "$cross"/apt/cache/archives/*.deb; do dpkg -x "$package" "$cross/root"; done
fi
export LD_LIBRARY_PATH="$cross/root/usr/lib/x86_64-linux-gnu:$cross/root/usr/lib" PATH="$cross/root/usr/bin:$PATH"
out=$cross/target
RUSTC="$cross/root/usr/bin/rustc" CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_LINKER=aarch64-linux-gnu-gcc CARGO_TARGET_DIR=$out \
    cargo build --quiet --release --locked --offline --target aarch64-unknown-linux-gnu
echo "ok    aarch64: all seven programs compile and link ($(rustc --version))"
programs=$out/aarch64-unknown-linux-gnu/release
said=$(timeout 60 qemu-aarch64-static "$programs/bailiff" version 2>&1) || true
case $said in
"bailiff "[0-9]*) echo "ok    aarch64: $said runs" ;;
*) echo "FAIL  aarch64: bailiff version said: $said"; exit 1 ;;
esac
for program in bailiff-launcher bailiff-watcher bailiff-tracker bailiff-enforcer-nft bailiff-compiler; do
    code=0
    timeout 60 qemu-aarch64-static "$programs/$program" </dev/null >/dev/null 2>&1 || code=$?
    [ $code = 100 ] || [ $code = 111 ] || { echo "FAIL  aarch64: $program left with $code, not 100 or 111"; exit 1; }
done
echo "ok    aarch64: each program starts and refuses to run outside its place"
