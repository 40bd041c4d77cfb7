#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Runs a command on a machine with pure cgroup v2: a QEMU microvm with Debian's cloud kernel, on this host's own files,
# of which it can change none. Boots in seconds under software emulation.
#
#   tests/vmhost/run.sh COMMAND [ARGUMENT…]      exit code: the command's; 77 where no machine can be made
#
# KUKEON_VMHOST_SECONDS bounds the whole (600), KUKEON_VMHOST_MEMORY is its memory in MiB (1536).
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

seconds=${KUKEON_VMHOST_SECONDS:-600}
memory=${KUKEON_VMHOST_MEMORY:-1536}
cache=$PWD/build/vmhost
virtiofsd=/usr/lib/qemu/virtiofsd

skip() { echo "skipped: $*"; exit 77; }
[ $# -gt 0 ] || { sed -n 's/^# \{0,1\}//; 3,8p' "$0"; exit 2; }
[ "$(id -u)" -eq 0 ] || skip "needs root to share its files with a machine"
for program in qemu-system-x86_64 cpio depmod busybox $virtiofsd; do
  command -v $program >/dev/null || skip "no $program here (scripts/deps --test)"
done

# The kernel's package is unpacked, not installed: nothing of this host's boot changes.
fetch_kernel() {
  local package
  package=$(apt-cache depends linux-image-cloud-amd64 2>/dev/null | sed -n 's/.*Depends: //p' | head -1)
  [ -n "$package" ] || skip "apt knows no linux-image-cloud-amd64"
  [ ! -d "$cache/$package" ] || { kernel=$cache/$package; return; }
  local work
  mkdir -p "$cache"
  work=$(mktemp -d "$cache/fetch.XXXXXX")
  (cd "$work" && apt-get -q download "$package" >log 2>&1) \
    || { tail -3 "$work/log"; rm -rf "$work"; skip "cannot download $package"; }
  dpkg-deb -x "$work"/*.deb "$work/kernel"
  depmod -b "$work/kernel" "$(ls "$work/kernel/lib/modules")"
  mv -T "$work/kernel" "$cache/$package"
  rm -rf "$work"
  kernel=$cache/$package
}
fetch_kernel
release=$(ls "$kernel/lib/modules")

machine=$(mktemp -d /tmp/kukeon-vmhost.XXXXXX)
virtiofsd_pid=
# shellcheck disable=SC2317  # called by the trap
clean_up() {
  [ -z "$virtiofsd_pid" ] || kill "$virtiofsd_pid" 2>/dev/null || true
  wait 2>/dev/null || true
  rm -rf "$machine"
}
trap clean_up EXIT

# --- the initial file system: what mounts this host's root under a layer that takes the writes ---
root=$machine/initrd
mkdir -p "$root"/{bin,modules,proc,sys,dev,lower,upper,new}
cp "$(command -v busybox)" "$root/bin/busybox"
modules=(drivers/virtio/virtio_ring drivers/virtio/virtio drivers/virtio/virtio_mmio fs/fuse/fuse fs/fuse/virtiofs
  fs/overlayfs/overlay)
for module in "${modules[@]}"; do cp "$kernel/lib/modules/$release/kernel/$module.ko" "$root/modules/"; done
cat >"$root/init" <<INIT
#!/bin/busybox sh
b=/bin/busybox
\$b mount -t proc proc /proc
\$b mount -t sysfs sysfs /sys
\$b mount -t devtmpfs dev /dev
for module in ${modules[*]##*/}; do \$b insmod /modules/\$module.ko; done
\$b mount -t virtiofs -o ro root /lower
\$b mount -t tmpfs -o size=40% tmpfs /upper
\$b mkdir /upper/data /upper/work
\$b mount -t overlay -o lowerdir=/lower,upperdir=/upper/data,workdir=/upper/work overlay /new
for directory in proc sys dev; do \$b mount --move /\$directory /new/\$directory; done
\$b mount -t cgroup2 cgroup2 /new/sys/fs/cgroup
# An overlay cannot be the upper layer of another: what containers are made of stands on tmpfs.
for directory in run tmp; do \$b mount -t tmpfs -o size=60% tmpfs /new/\$directory; done
# This folder, also where it lies below one of those; nothing writes to it.
\$b mkdir -p '/new$PWD'
\$b mount -o bind '/lower$PWD' '/new$PWD'
\$b mkdir -p /new/dev/pts /new/dev/shm /new/lib/modules
\$b mount -t devpts devpts /new/dev/pts
\$b mount -t tmpfs tmpfs /new/dev/shm
\$b cp /command /new/run/vmhost-command
exec \$b switch_root /new /bin/bash /run/vmhost-command
INIT
chmod +x "$root/init"
{
  printf 'export PATH=%q HOME=/root KUKEON_VMHOST=1\n' "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
  printf 'mount --bind %q /lib/modules\n' "$kernel/lib/modules"
  printf 'ip link set lo up\ncd %q\n' "$PWD"
  printf '(%s)\n' "$(printf ' %q' "$@")"
  printf 'echo "vmhost: exit code $?"\nsync\nbusybox poweroff -f\n'
} >"$root/command"
(cd "$root" && find . | cpio -o -H newc 2>/dev/null | gzip -1) >"$machine/initrd.gz"

# --- the machine ---
"$virtiofsd" --socket-path="$machine/fs" -o source=/ -o sandbox=chroot -o cache=auto >"$machine/virtiofsd.log" 2>&1 &
virtiofsd_pid=$!
for _ in $(seq 100); do
  [ ! -S "$machine/fs" ] || break
  kill -0 "$virtiofsd_pid" 2>/dev/null || { cat "$machine/virtiofsd.log"; skip "virtiofsd does not start"; }
  read -rt 0.05 <> <(:) || true
done

# Without the host's clock rate machines that boot side by side hang while they measure theirs.
khz=$(awk '/^cpu MHz/ { printf "%d", $4 * 1000; exit }' /proc/cpuinfo)
timeout "$seconds" qemu-system-x86_64 -M microvm,acpi=on -accel tcg,thread=multi -cpu max -smp 2 -m "$memory" \
  -object memory-backend-memfd,id=memory,size="${memory}M",share=on -numa node,memdev=memory \
  -global virtio-mmio.force-legacy=false -kernel "$kernel/boot/vmlinuz-$release" -initrd "$machine/initrd.gz" \
  -append "console=ttyS0 quiet loglevel=1 panic=-1 reboot=t tsc_early_khz=$khz" \
  -chardev socket,id=fs,path="$machine/fs" -device vhost-user-fs-device,chardev=fs,tag=root \
  -nodefaults -no-user-config -nographic -serial stdio -no-reboot </dev/null >"$machine/console" 2>"$machine/errors" \
  &
qemu=$!
tail -n +1 -f --pid="$qemu" "$machine/console" | tr -d '\r' &
wait "$qemu" || echo "vmhost: the machine ended with code $?"
wait $! 2>/dev/null || true
[ ! -s "$machine/errors" ] || cat "$machine/errors"
code=$(tr -d '\r' <"$machine/console" | sed -n 's/^vmhost: exit code //p' | tail -1)
[ -n "$code" ] || { echo "vmhost: the command did not come to its end"; exit 1; }
exit "$code"
