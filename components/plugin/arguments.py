"""The arguments of the parts of BlueGreen as programs in other languages write them."""

from collections.abc import Mapping, Sequence
from typing import Any, NotRequired, TypedDict

from ..arguments import App, Cluster, Convergence, Gateway, Mirror, RequestMark, Routing, Version


class MinikubeProgram(TypedDict):
    """The `minikube` to run, where it is not the user's own; paths are relative to the project's folder."""

    command: str
    """The command."""
    home: NotRequired[str]
    """Its MINIKUBE_HOME; the shell's."""
    kubeconfig: NotRequired[str]
    """Its KUBECONFIG; the shell's."""


class MinikubeArgs(TypedDict):
    """A Minikube profile that the stack owns."""

    profile: str
    """The profile's name."""
    driver: NotRequired[str]
    """Minikube's driver."""
    minikube: NotRequired[MinikubeProgram]
    """Another Minikube than the one on PATH."""
    this_machine: NotRequired[bool]
    """Driver none may make this very machine the node, as root."""
    cpus: NotRequired[int]
    """Processors of each node; 4."""
    memory: NotRequired[int]
    """Memory of each node, in MiB; 8192."""
    disk_size: NotRequired[str]
    """Disk of each node, such as 40g."""
    nodes: NotRequired[int]
    """How many nodes; 1."""
    kubernetes_version: NotRequired[str]
    """A newer one is applied to the cluster, an older one makes a new cluster."""
    container_runtime: NotRequired[str]
    """Minikube's --container-runtime."""
    cni: NotRequired[str]
    """Minikube's --cni."""
    extra_config: NotRequired[Sequence[str]]
    """Minikube's --extra-config; a change starts Minikube once more."""
    addons: NotRequired[Sequence[str]]
    """Minikube's addons."""
    mount: NotRequired[str]
    """A folder of this machine on the node, such as /src:/mnt/src."""
    flags: NotRequired[Sequence[str]]
    """Any other flags of `minikube start`; a change starts Minikube once more."""
    adopt: NotRequired[bool]
    """Take over a profile of that name that is there already."""
    recreate: NotRequired[bool]
    """Delete a profile of that name first that the stack has not made."""


class IngressGateway(TypedDict):
    """The Service of the gateway's pods."""

    service: NotRequired[str]
    """Its name, and that of its Helm release; istio-ingressgateway."""
    namespace: NotRequired[str]
    """Its namespace; the mesh's."""
    service_type: NotRequired[str]
    """NodePort or LoadBalancer; NodePort."""
    node_ports: NotRequired[Mapping[str, int]]
    """Node ports by the Service's port names: http2, https, status-port."""


class IstioArgs(TypedDict):
    """The mesh by Istio's Helm charts, or the one that is there."""

    version: NotRequired[str]
    """The version of Istio's charts."""
    install: NotRequired[bool]
    """Install the mesh; false where somebody else does. true."""
    namespace: NotRequired[str]
    """The mesh's namespace; istio-system."""
    charts: NotRequired[str]
    """A Helm repository (https://, oci://) or a folder of charts; Istio's."""
    values: NotRequired[Mapping[str, Mapping[str, Any]]]
    """Helm values by chart: base, istiod, gateway."""
    gateway: NotRequired[IngressGateway]
    """The Service of the gateway's pods."""
    take_ownership: NotRequired[bool]
    """Take over the mesh's namespaces where they exist."""
    cluster: NotRequired[Cluster]
    """The cluster; without it the current context of the user's kubeconfig."""


class ApplicationArgs(TypedDict):
    """An app in several versions that run side by side, whatever traffic they get."""

    versions: Mapping[str, Version]
    """The versions by name."""
    app: NotRequired[App]
    """The app."""
    routing: NotRequired[Routing]
    """How requests reach it: another app.port waits until the gateways send them there."""
    convergence: NotRequired[Convergence]
    """How long `up` waits."""
    cluster: NotRequired[Cluster]
    """The cluster; without it the current context of the user's kubeconfig."""


# Pulumi reads the docstrings of a class's own keys alone, so what BlueGreenArgs has too stands here again.
class TrafficSplitArgs(TypedDict):
    """The traffic of an app that is there, split by weight among its versions."""

    versions: Mapping[str, Version]
    """The versions by name, each with its workload or as the Application has it."""
    weights: Mapping[str, int]
    """Whole percentages by version, together 100; a version without one gets 0."""
    weights_key: NotRequired[str]
    """The key of the stack's config from which the program takes the weights; commands write them there."""
    app: NotRequired[App]
    """The app."""
    routing: NotRequired[Routing]
    """How requests reach it."""
    convergence: NotRequired[Convergence]
    """How long `up` waits."""
    test_routes: NotRequired[Mapping[str, RequestMark]]
    """By version, what a request carries to reach it whatever its weight."""
    mirror: NotRequired[Mirror]
    """Copies of some requests to a version without traffic."""
    gateway: NotRequired[Gateway]
    """The mesh's gateway, in whose namespace routing.sticky_version has its EnvoyFilter."""
    cluster: NotRequired[Cluster]
    """The cluster; without it the current context of the user's kubeconfig."""
