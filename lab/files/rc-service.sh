#!/bin/sh
# rc-service NAME start|stop|status, and rc-update: how kubeadm asks OpenRC for a service (its initsystem package).
#
# Where it knows of no init system, a `kubeadm reset` meets the kubelet at work, which then makes its containers
# anew among the files that go, and a second `kubeadm init` waits for a kubelet that nobody has started again.
case ${0##*/} in
rc-update) exec ls /etc/init.d ;;
esac
service=/etc/init.d/$1
if ! [ -x "$service" ]; then
    echo "service $1 does not exist" >&2
    exit 1
fi
case $2 in
status) "$service" status || { echo stopped && exit 3; } ;;
*) exec "$service" "$2" ;;
esac
