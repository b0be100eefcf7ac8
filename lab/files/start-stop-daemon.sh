#!/bin/sh
# start-stop-daemon, but for what a service loses by it:
# - What a background service prints is kept: LAB/logs/<pidfile's name>.log (the script that Minikube writes
#   for the kubelet would lose it).
# - The kubelet's stop leaves no kubelet. Minikube's script (its sysinit package) tells the kubelet to end, then
#   the wrapper that starts it again, which on a busy host has done so by then.
background=false stop=false pidfile=daemon session= previous=
for argument in "$@"; do
    case $argument in
    --background) background=true ;;
    --stop) stop=true ;;
    esac
    case $previous in
    --pidfile) pidfile=$argument ;;
    esac
    previous=$argument
done
name=${pidfile##*/}
name=${name%.pid}
if $background; then
    read -r logs </run/blue-green-lab-logs
    set -- --output "$logs/$name.log" "$@"
fi
# A background service has a session of its own.
if $stop && [ "$name" = kubelet ] && { read -r wrapper <"$pidfile"; } 2>/dev/null; then
    session=$(ps -o sid= -p "$wrapper" | tr -d ' ')
fi
if [ -z "$session" ]; then
    exec /usr/sbin/start-stop-daemon "$@"
fi
/usr/sbin/start-stop-daemon "$@" || exit
for signal in TERM KILL; do
    pkill -"$signal" --session "$session"
    for _ in $(seq 100); do
        pgrep --session "$session" >/dev/null || exit 0
        sleep 0.1
    done
done
echo "the kubelet does not end" >&2
exit 1
