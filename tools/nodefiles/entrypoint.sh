#!/bin/sh
# First process of a node: of the kernel's settings it may write those of its own network alone, as on the
# lab's host (lab/files/init.sh); then Minikube's own entrypoint.
set -eu
mkdir -p /run/shadow
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
# An image has none, as all nodes would share them.
ssh-keygen -A
exec /usr/local/bin/entrypoint "$@"
