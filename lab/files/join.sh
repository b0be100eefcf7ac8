#!/bin/sh
# Run a command as a member of cgroups: join.sh LIST COMMAND [ARG...]
# LIST is a file of cgroup.procs paths, one a line.
#
# `lab down` finds every process of the lab by its cgroups, so whatever acts for the lab joins
# them first; once they are removed, joining fails and nothing more is started.
set -eu
while read -r procs; do
    echo $$ >"$procs"
done <"$1"
shift
exec "$@"
