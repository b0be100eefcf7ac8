"""What is built from Go modules: one entry a command, with the version that it will report."""

from dataclasses import dataclass

KUBERNETES = "v1.35.1"
ISTIO = "1.29.1"
MINIKUBE = "v1.38.1"
PULUMI = "v3.259.0"
PULUMI_KUBERNETES = "4.27.0"

KUBECTL_FITS = ">=1.34,<1.37"  # one minor version off the cluster's, as Kubernetes' skew policy has it

PROVIDER_PLUGIN = "pulumi-resource-kubernetes"

KUBERNETES_VERSION = "k8s.io/component-base/version"
ISTIO_VERSION = "istio.io/istio/pkg/version"
MINIKUBE_VERSION = "k8s.io/minikube/pkg/version"


@dataclass(frozen=True)
class GoTool:
    """A command built from one of the modules below `tools/go`.

    Attributes:
        name: file name of the binary.
        module: folder below `tools/go` whose go.mod and go.sum pin it.
        package: import path of the command, or `./folder` where its main is ours.
        stamps: variables that the linker sets, as `import/path.name=value`, so that the
            command reports its true version.
        sources: further committed files that it is built of, or whole folders of them, below `tools/go`.
        toolchain: the Go that builds all of its module, where the one that is here builds it wrong.
        fits: versions of a command on PATH that are used instead (PEP 440), or none.
    """

    name: str
    module: str
    package: str
    stamps: tuple[str, ...] = ()
    sources: tuple[str, ...] = ()
    toolchain: str | None = None
    fits: str | None = None


def _kubernetes(name: str) -> GoTool:
    major, minor, _ = KUBERNETES.removeprefix("v").split(".")
    return GoTool(
        name=name,
        module="cluster",
        package=f"k8s.io/kubernetes/cmd/{name}",
        stamps=(
            f"{KUBERNETES_VERSION}.gitVersion={KUBERNETES}",
            f"{KUBERNETES_VERSION}.gitMajor={major}",
            f"{KUBERNETES_VERSION}.gitMinor={minor}",
            f"{KUBERNETES_VERSION}.gitTreeState=clean",
        ),
    )


def _istio(package: str, name: str | None = None) -> GoTool:
    return GoTool(
        name=name or package.rpartition("/")[2],
        module="cluster",
        package=f"istio.io/istio/{package}",
        stamps=(
            f"{ISTIO_VERSION}.buildVersion={ISTIO}",
            f"{ISTIO_VERSION}.buildTag={ISTIO}",
            f"{ISTIO_VERSION}.buildHub=istio",
            f"{ISTIO_VERSION}.buildStatus=Clean",
        ),
    )


GO_TOOLS: tuple[GoTool, ...] = (
    GoTool(
        name="pulumi",
        module="cluster",
        package="github.com/pulumi/pulumi/pkg/v3/cmd/pulumi",
        stamps=(f"github.com/pulumi/pulumi/sdk/v3/go/common/version.Version={PULUMI}",),
        sources=("cluster/openapi",),
        fits=">=3.259,<4",
    ),
    *(
        _kubernetes(name)
        for name in (
            "kubeadm",
            "kubelet",
            "kube-apiserver",
            "kube-controller-manager",
            "kube-scheduler",
            "kube-proxy",
        )
    ),
    GoTool(name="etcd", module="cluster", package="./etcd"),
    GoTool(name="coredns", module="cluster", package="./coredns"),
    _istio("pilot/cmd/pilot-discovery"),
    _istio("pilot/cmd/pilot-agent"),
    _istio("istioctl/cmd/istioctl"),
    _istio("pkg/test/echo/cmd/server", "echo"),
    GoTool(
        name="minikube",
        module="cluster",
        package="k8s.io/minikube/cmd/minikube",
        stamps=(
            f"{MINIKUBE_VERSION}.version={MINIKUBE}",
            f"{MINIKUBE_VERSION}.isoVersion=v1.38.0",
            f"{MINIKUBE_VERSION}.storageProvisionerVersion=v5",
        ),
        sources=("cluster/libvirt",),
        fits="==1.38.1",
    ),
    GoTool(
        name="crictl",
        module="crictl",
        package="sigs.k8s.io/cri-tools/cmd/crictl",
        stamps=("sigs.k8s.io/cri-tools/pkg/version.Version=v1.34.0",),
    ),
    GoTool(
        name=PROVIDER_PLUGIN,
        module="resource-kubernetes",
        package=".",
        stamps=(f"github.com/pulumi/pulumi-kubernetes/provider/v4/pkg/version.Version={PULUMI_KUBERNETES}",),
        sources=(
            "kubernetes-sdk/go.sum",
            "resource-kubernetes/sdk/go.mod",
            "resource-kubernetes/sdk/go/kubernetes/yaml/v2/register.go",
        ),
    ),
    GoTool(
        name="pulumi-language-python",
        module="language-python",
        package="github.com/pulumi/pulumi/sdk/python/cmd/pulumi-language-python/v3",
        stamps=("github.com/pulumi/pulumi/sdk/v3/go/common/version.Version=v3.184.0",),
    ),
    GoTool(name="myapp", module="myapp", package="."),
    GoTool(
        name="actionlint",
        module="actionlint",
        package="github.com/rhysd/actionlint/cmd/actionlint",
        stamps=("main.version=v1.7.12",),
    ),
    GoTool(name="load", module="load", package="."),
    GoTool(
        name="pulumi-language-yaml",
        module="language-yaml",
        package="github.com/pulumi/pulumi-yaml/cmd/pulumi-language-yaml",
        stamps=("github.com/pulumi/pulumi-yaml/pkg/version.Version=v1.25.0",),
    ),
    GoTool(
        name="pulumi-language-nodejs",
        module="language-nodejs",
        package="github.com/pulumi/pulumi/sdk/nodejs/cmd/pulumi-language-nodejs/v3",
        stamps=("github.com/pulumi/pulumi/sdk/v3/go/common/version.Version=v3.184.0",),
        # By the filepath.Rel of Go 1.26 it generates SDKs with wrong imports.
        toolchain="go1.25.8",
    ),
    GoTool(
        name="pulumi-language-go",
        module="language-go",
        package="github.com/pulumi/pulumi/sdk/go/pulumi-language-go/v3",
        stamps=("github.com/pulumi/pulumi/sdk/v3/go/common/version.Version=v3.184.0",),
    ),
)

# What the program runs with on any cluster.
PROGRAM = frozenset({"pulumi", "minikube", "pulumi-language-python", "pulumi-resource-kubernetes"})
# The language hosts of the examples, for their tests alone.
EXAMPLES = frozenset({"pulumi-language-go", "pulumi-language-nodejs", "pulumi-language-yaml"})
# What only checks what the repository has, and what it makes: built when it is asked for.
CHECKS = frozenset({"actionlint", "istioctl", "echo"})
# Pulumi's own CLI brings its language host and installs its providers.
PART_OF_PULUMI = frozenset({"pulumi-language-python", PROVIDER_PLUGIN})
