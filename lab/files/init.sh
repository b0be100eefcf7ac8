#!/bin/sh
# First process of the lab's host: init.sh LAB ADDRESS GATEWAY [KEPT...]
#
# Gives the host its own view of the file system, so that what Minikube and Kubernetes write
# outside LAB lands below LAB/host, then stays as the parent of every orphan. KEPT paths are the
# outer ones inside as well. Writes LAB/host/ready when all is in place.
set -eu
lab=$1 address=$2 gateway=$3
shift 3
host=$lab/host
files=${0%/*}

name=lab

hostname "$name"
mount -t tmpfs -o mode=755 tmpfs /run
mkdir -p /run/lock /run/shadow

# cgroups: mount every hierarchy again, which shows the new namespace's root, not the machine's.
while read -r target type options; do
    umount "$target"
    mount -t "$type" -o "$options" "$type" "$target"
done <"$host/cgroup-mounts"

# /sys: the new network namespace's devices; the cgroup mounts move over to it.
mkdir "$host/move"
mount --move /sys/fs/cgroup "$host/move"
mount -t sysfs sysfs /sys
mount --move "$host/move" /sys/fs/cgroup
rmdir "$host/move"

# Overlays: reads see the machine's files, writes go below LAB/host.
tops='etc lib opt tmp usr var'
for top in $tops; do
    if [ ! -d "/$top" ] || [ -L "/$top" ]; then continue; fi
    mkdir -p "$host/$top/upper" "$host/$top/work" "$host/$top/root"
    chmod --reference="/$top" "$host/$top/upper"
    mount -t overlay "lab-$top" \
        -o "lowerdir=/$top,upperdir=$host/$top/upper,workdir=$host/$top/work" "$host/$top/root"
done
# /var/lib is a plain directory: containerd's snapshots cannot lie on an overlay, and Minikube
# removes /var/lib/minikube, which therefore is no mount point itself.
mkdir -p "$host/var-lib"
mount --bind "$host/var-lib" "$host/var/root/lib"
for kept in "$@"; do
    below=${kept#/}
    if [ -d "$host/${below%%/*}/root" ] && [ "$below" != "${below%%/*}" ]; then
        target=$host/${below%%/*}/root/${below#*/}
        mkdir -p "$target"
        mount --bind "$kept" "$target"
    fi
done
put_in_place() {
    if mountpoint -q "$host/$1/root"; then mount --move "$host/$1/root" "/$1"; fi
}
# The one that holds LAB goes last: it hides the others' mount points.
own=${lab#/}
own=${own%%/*}
for top in $tops; do
    if [ "$top" != "$own" ]; then put_in_place "$top"; fi
done
put_in_place "$own"

# The kubelet sets some of the machine's sysctls: here it sets copies. All others but those of the
# network namespace are read-only.
mount --bind /proc/sys /proc/sys
mount -o remount,bind,ro /proc/sys
mount --bind /proc/sys/net /proc/sys/net
mount -o remount,bind,rw /proc/sys/net
for key in vm/overcommit_memory vm/panic_on_oom kernel/panic kernel/panic_on_oops \
    kernel/keys/root_maxkeys kernel/keys/root_maxbytes; do
    if [ ! -e "/proc/sys/$key" ]; then continue; fi
    mkdir -p "/run/shadow/${key%/*}"
    cat "/proc/sys/$key" >"/run/shadow/$key"
    mount --bind "/run/shadow/$key" "/proc/sys/$key"
done

# What the machine itself may have of Kubernetes, CNI or name service is not this host's.
rm -rf /etc/cni /etc/kubernetes /opt/cni /var/log/pods /var/log/containers
rm -f /etc/resolv.conf /etc/hosts /etc/hostname
echo "$name" >/etc/hostname
printf '127.0.0.1 localhost\n%s %s\n' "$address" "$name" >/etc/hosts
# Nothing answers there, at once: the host has no way to the internet, and says so quickly.
echo "nameserver $gateway" >/etc/resolv.conf

# Minikube: services are OpenRC-like scripts (no systemctl), CNI plugins in /opt/cni/bin. kubeadm: OpenRC.
rm -f /usr/bin/systemctl
mkdir -p /opt/cni /etc/containerd /etc/cni/net.d /var/log/pods /var/log/containers
ln -s /usr/lib/cni /opt/cni/bin
cp "$host/containerd.toml" /etc/containerd/config.toml
install -m 755 "$files/containerd.init" /etc/init.d/containerd
install -m 755 "$files/start-stop-daemon.sh" /usr/local/sbin/start-stop-daemon
install -m 755 "$files/journalctl.sh" /usr/local/bin/journalctl
for name in openrc rc-service rc-update; do
    install -m 755 "$files/rc-service.sh" "/usr/local/sbin/$name"
done
install -m 440 "$files/sudoers" /etc/sudoers.d/blue-green-lab
ln -sf "$host/crictl" /usr/local/bin/crictl
echo "$lab/logs" >/run/blue-green-lab-logs
echo "$lab" >/run/blue-green-lab

mount --make-rshared /
: >"$host/ready"

# `wait` also reaps the orphans that a host's first process inherits.
while :; do
    sleep 1000000 &
    wait $! || :
done
