#!/bin/sh
# journalctl for `minikube logs`, which asks it for a service: journalctl -u NAME [-n LINES] [-f]
unit=host lines=+1 follow=
while [ $# -gt 0 ]; do
    case $1 in
    -u) unit=$2 && shift ;;
    -n) lines=$2 && shift ;;
    -f) follow=-F ;;
    esac
    shift
done
read -r logs </run/blue-green-lab-logs
exec tail -n "$lines" $follow "$logs/$unit.log"
