"""What the stack config says, checked: frozen, and complete with every default."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal


@dataclass(frozen=True)
class MinikubeProgram:
    """The `minikube` to run, where it is not the user's own; paths are relative to the project's folder.

    `home` is its MINIKUBE_HOME and `kubeconfig` its KUBECONFIG; None means the shell's.
    """

    command: str
    home: str | None = None
    kubeconfig: str | None = None


@dataclass(frozen=True)
class MinikubeCluster:
    """A Minikube profile that the stack owns. `memory` is in MiB; None means Minikube's default.

    `minikube` None is the one on PATH. `this_machine` lets it make this very machine the node, by driver
    none. `adopt` and `recreate` say what becomes of a profile of that name that the stack has not made.
    """

    profile: str
    driver: str | None = None
    minikube: MinikubeProgram | None = None
    this_machine: bool = False
    cpus: int = 4
    memory: int = 8192
    kubernetes_version: str | None = None
    container_runtime: str | None = None
    cni: str | None = None
    disk_size: str | None = None
    nodes: int = 1
    extra_config: tuple[str, ...] = ()
    addons: tuple[str, ...] = ()
    mount: str | None = None
    flags: tuple[str, ...] = ()
    adopt: bool = False
    recreate: bool = False
    ingress_address: str | None = None


@dataclass(frozen=True)
class KubeconfigCluster:
    """A cluster that exists: a context (None: the current one) of a kubeconfig file.

    Without `path` it is looked for as kubectl looks: in the files of KUBECONFIG, or ~/.kube/config.
    """

    path: str | None = None
    context: str | None = None
    ingress_address: str | None = None


@dataclass(frozen=True)
class IngressGateway:
    """The Service of the gateway pods. `node_ports` fixes ports by the Service's port names."""

    service: str = "istio-ingressgateway"
    namespace: str = "istio-system"
    service_type: Literal["NodePort", "LoadBalancer"] = "NodePort"
    node_ports: Mapping[str, int] = field(default_factory=dict[str, int])


@dataclass(frozen=True)
class Istio:
    """The mesh. `charts` is a Helm repository's address or a folder; `values` is by chart.

    `take_ownership` lets the stack take over its namespaces where they exist already.
    """

    version: str = "1.29.1"
    install: bool = True
    namespace: str = "istio-system"
    charts: str = "https://istio-release.storage.googleapis.com/charts"
    values: Mapping[str, Mapping[str, object]] = field(default_factory=dict[str, Mapping[str, object]])
    gateway: IngressGateway = field(default_factory=IngressGateway)
    take_ownership: bool = False


@dataclass(frozen=True)
class App:
    """The app that all versions are versions of. `port` is its Service's.

    `create_namespace` makes the namespace where it is not there, as Helm's `--create-namespace` does;
    nothing ever deletes it. `take_ownership` lets the stack take over objects of the app's names
    that exist already, as Helm's `--take-ownership` does.
    """

    name: str
    namespace: str = "default"
    port: int = 80
    labels: Mapping[str, str] = field(default_factory=dict[str, str])
    create_namespace: bool = False
    take_ownership: bool = False


@dataclass(frozen=True)
class SecretKey:
    """One key of a Kubernetes Secret in the app's namespace."""

    secret: str
    key: str


@dataclass(frozen=True)
class Probe:
    """A Kubernetes probe: HTTP GET of `path`, or without one a TCP connect."""

    path: str | None = None
    port: int | None = None
    initial_delay_seconds: int = 0
    period_seconds: int = 10
    timeout_seconds: int = 1
    failure_threshold: int = 3


@dataclass(frozen=True)
class Probes:
    """The probes of one version; without a readiness probe its port must accept connections."""

    readiness: Probe = field(default_factory=lambda: Probe(period_seconds=2))
    liveness: Probe | None = None
    startup: Probe | None = None


@dataclass(frozen=True)
class Resources:
    """Requests and limits, Kubernetes quantities by resource name (cpu, memory)."""

    requests: Mapping[str, str] = field(default_factory=dict[str, str])
    limits: Mapping[str, str] = field(default_factory=dict[str, str])


@dataclass(frozen=True)
class Version:
    """One version's workload. `replicas` None leaves the number to Kubernetes or an autoscaler.

    `traffic_policy` is Istio's, of the version's subset; its members go before those of the routing's.
    """

    image: str
    replicas: int | None = None
    container_port: int = 80
    resources: Resources = field(default_factory=Resources)
    env: Mapping[str, str | SecretKey] = field(default_factory=dict[str, str | SecretKey])
    probes: Probes = field(default_factory=Probes)
    labels: Mapping[str, str] = field(default_factory=dict[str, str])
    image_pull_policy: Literal["Always", "IfNotPresent", "Never"] = "IfNotPresent"
    image_pull_secrets: tuple[str, ...] = ()
    pod_security: Literal["baseline", "restricted"] = "baseline"
    traffic_policy: Mapping[str, object] = field(default_factory=dict[str, object])


@dataclass(frozen=True)
class Retries:
    """Istio's HTTPRetry; 0 attempts switch retries off."""

    attempts: int
    per_try_timeout: str | None = None
    retry_on: str | None = None


@dataclass(frozen=True)
class StickySession:
    """Keeps a client on one pod of the version it got: by a cookie, or by a request header."""

    cookie: str | None = None
    ttl: str = "0s"
    header: str | None = None


@dataclass(frozen=True)
class Check:
    """The GET by which the app is asked whether it answers; a `path` of None means the route's first.

    `accept` has statuses (`401`) and classes of them (`2xx`) that count as answers.
    """

    path: str | None = None
    headers: Mapping[str, str] = field(default_factory=dict[str, str])
    accept: tuple[str, ...] = ("2xx", "3xx")

    def accepts(self, status: int) -> bool:
        """Whether an answer with this HTTP status is one."""
        return not {str(status), f"{status // 100}xx"}.isdisjoint(self.accept)


@dataclass(frozen=True)
class Routing:
    """How requests reach the app; the defaults take every request on port 80.

    `traffic_policy` is Istio's, of every version's subset.
    """

    hosts: tuple[str, ...] = ("*",)
    paths: tuple[str, ...] = ()
    headers: Mapping[str, str] = field(default_factory=dict[str, str])
    response_headers: Mapping[str, str] = field(default_factory=dict[str, str])
    gateway: str = "app-gateway"
    gateway_selector: Mapping[str, str] = field(default_factory=lambda: {"istio": "ingressgateway"})
    port: int = 80
    tls_secret: str | None = None
    timeout: str | None = None
    retries: Retries | None = None
    sticky_session: StickySession | None = None
    traffic_policy: Mapping[str, object] = field(default_factory=dict[str, object])
    mesh_callers: bool = False
    check: Check = field(default_factory=Check)


@dataclass(frozen=True)
class Convergence:
    """How long `up` waits for gateways to follow, and for requests in flight to end."""

    timeout_seconds: int = 60
    drain_seconds: int = 30


@dataclass(frozen=True)
class Settings:
    """The whole config. `weights` holds every version, 0 for those without one; together 100."""

    cluster: MinikubeCluster | KubeconfigCluster
    istio: Istio
    app: App
    versions: Mapping[str, Version]
    weights: Mapping[str, int]
    routing: Routing
    convergence: Convergence
    warnings: tuple[str, ...] = ()
