#!/bin/sh
# Run a command inside the lab's host: enter.sh LAB COMMAND [ARG...]
#
# Directory, environment (but TMPDIR), streams and exit status stay the caller's. When this process ends, by
# whatever signal, the kernel ends the command too (setpriv --pdeathsig).
lab=$1
shift
start="python3 -m lab --dir $lab up"
if [ "$lab" -ef "${0%/*}/../../.lab" ]; then start='make up'; fi
down="lab: the host of $lab is not running: $start"
if ! { read -r pid _ <"$lab/host/pid"; } 2>/dev/null || ! [ -e "/proc/$pid/ns/pid" ]; then
    echo "$down" >&2
    exit 3
fi
# The marker is in the host's own /run: a process that merely got the same pid has none.
# shellcheck disable=SC2016
inside='
if [ "$(cat /run/blue-green-lab 2>/dev/null)" != "$1" ]; then
    echo "$3" >&2
    exit 3
fi
cd "$2" 2>/dev/null || cd /
shift 3
exec "$@"'
export KUBECACHEDIR="$lab/host/kube-cache" TMPDIR=/tmp
exec "${0%/*}/join.sh" "$lab/host/cgroups" \
    nsenter --target "$pid" --net --mount --uts --ipc --pid --cgroup -- \
    setpriv --pdeathsig TERM -- /bin/sh -c "$inside" enter "$lab" "$PWD" "$down" "$@"
