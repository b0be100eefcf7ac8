"""A Minikube profile, by the `minikube` command: no Pulumi in here."""
