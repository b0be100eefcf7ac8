// Stands in for the C library of virtual machines, which Minikube's driver kvm2 alone uses.
module libvirt.org/go/libvirt

go 1.26.0
