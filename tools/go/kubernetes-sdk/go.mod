// Pins the source of which the Kubernetes provider gets four packages alone: tools/provider_source.py.
module blue-green/tools/go/kubernetes-sdk

go 1.26.0

require github.com/pulumi/pulumi-kubernetes/sdk/v4 v4.27.0
