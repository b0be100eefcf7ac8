#!/bin/sh
# start-stop-daemon, but what a background service prints is kept: LAB/logs/<pidfile's name>.log
# (the script that Minikube writes for the kubelet would lose it).
background=false pidfile=daemon previous=
for argument in "$@"; do
    case $argument in
    --background) background=true ;;
    esac
    case $previous in
    --pidfile) pidfile=${argument##*/} ;;
    esac
    previous=$argument
done
if $background; then
    read -r logs </run/blue-green-lab-logs
    set -- --output "$logs/${pidfile%.pid}.log" "$@"
fi
exec /usr/sbin/start-stop-daemon "$@"
