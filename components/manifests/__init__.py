"""The Kubernetes objects and Helm releases as plain data: no Pulumi in here."""
