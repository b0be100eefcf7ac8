#!/bin/sh
# Makes a node of a Debian root: install.sh KICBASE FILES CRICTL ROOT, run by mmdebstrap when the packages are in.
#
# What a node has to be, Minikube's deploy/kicbase/Dockerfile says; KICBASE are the files beside it.
set -eu
kicbase=$1 files=$2 crictl=$3 root=$4

install -m 755 "$kicbase/entrypoint" "$root/usr/local/bin/entrypoint"
install -m 755 "$files/entrypoint.sh" "$root/usr/local/bin/lab-entrypoint"
install -m 755 "$crictl" "$root/usr/local/bin/crictl"
install -m 755 "$kicbase/automount/minikube-automount" "$root/usr/sbin/minikube-automount"
install -m 644 "$kicbase/automount/minikube-automount.service" "$root/usr/lib/systemd/system/"
mkdir -p "$root/var/lib/minikube/scheduled-stop"
install -m 755 "$kicbase/scheduled-stop/minikube-scheduled-stop" "$root/var/lib/minikube/scheduled-stop/"
install -m 644 "$kicbase/scheduled-stop/minikube-scheduled-stop.service" "$root/usr/lib/systemd/system/"
mkdir -p "$root/etc/containerd" "$root/etc/cni/net.d" "$root/opt/cni" "$root/etc/kubernetes/manifests" "$root/kind"
ln -s /usr/lib/cni "$root/opt/cni/bin"
# Without spaces, so that Minikube's edit leaves it: Docker may have been forbidden to lower any score.
sed 's/restrict_oom_score_adj = false/restrict_oom_score_adj=true/' "$kicbase/containerd.toml" \
    >"$root/etc/containerd/config.toml"

# Services of a machine that is none.
units=$root/usr/lib/systemd/system
rm -f "$units"/sysinit.target.wants/systemd-tmpfiles-setup.service "$units"/multi-user.target.wants/* \
    "$root"/etc/systemd/system/*.wants/* "$units"/local-fs.target.wants/* "$units"/sockets.target.wants/*udev* \
    "$units"/sockets.target.wants/*initctl* "$units"/basic.target.wants/*
chroot "$root" systemctl mask udev.service systemd-binfmt.service
chroot "$root" systemctl enable ssh.service minikube-automount.service
echo 'ReadKMsg=no' >>"$root/etc/systemd/journald.conf"
# They would be the machine's.
rm -f "$root"/usr/lib/sysctl.d/* "$root"/etc/sysctl.d/*
# Minikube finds the node's own names in /etc/hosts.
sed -i 's/^hosts:.*/hosts: files dns/' "$root/etc/nsswitch.conf"

printf '%s\n' 'PubkeyAcceptedAlgorithms +ssh-rsa' 'HostkeyAlgorithms +ssh-rsa' 'PubkeyAuthentication yes' \
    'PasswordAuthentication no' >>"$root/etc/ssh/sshd_config"
chroot "$root" groupadd docker
chroot "$root" useradd --create-home --shell /bin/bash --gid docker --groups sudo --password '*' docker
install -d -o 1000 -g "$(chroot "$root" id -g docker)" "$root/home/docker/.ssh"
echo '%sudo ALL=(ALL) NOPASSWD:ALL' >"$root/etc/sudoers.d/passwordless"
chmod 440 "$root/etc/sudoers.d/passwordless"

# What differs from build to build, or is of no use in a node.
rm -rf "$root"/etc/ssh/ssh_host_* "$root"/var/cache/apt/* "$root"/var/lib/apt/lists/* "$root"/var/log/* \
    "$root"/var/cache/ldconfig/* "$root"/usr/share/doc/* "$root"/usr/share/man/* "$root"/usr/share/locale/*
