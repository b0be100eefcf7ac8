#!/bin/sh
# Make the namespaces of the lab's host and keep them: hold.sh LAB ADDRESS GATEWAY [KEPT...]
#
# The lab's cgroups become the roots of a new cgroup namespace; then everything moves into their
# child "init", because on cgroup v2 a cgroup with processes cannot have the kubelet's children.
# --kill-child: when this process ends, the host's first process and all in it end too.
files=${0%/*}
exec "$files/join.sh" "$1/host/cgroups.root" \
    unshare --cgroup -- "$files/join.sh" "$1/host/cgroups" \
    unshare --net --mount --uts --ipc --pid --fork --kill-child --mount-proc -- \
    "$files/init.sh" "$@"
