"""What the stack config says: the one model of its checks, its messages, its schema and its reference.

Frozen, and complete with every default. A field is a key, in camelCase there; its annotation has its form
and what the reference says of it.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, Literal, cast

from . import rules
from .forms import Branches, Distinct, Flag, Foreign, Json, Key, Kind, Name, OneOf, Otherwise, Section, Whole

_KINDS = ("minikube", "kubeconfig")
_PORT = Whole(1, 65535, example=8080)
_SECONDS = Whole(1, 3600, example=10)
_DISTINCT = Distinct()
# https://github.com/grpc/grpc/blob/master/doc/health-checking.md
GRPC_HEALTH = "/grpc.health.v1.Health/Check"
_FLAG = Flag()
_POLICY = Foreign("Istio's TrafficPolicy")
_VALUES = Foreign("the chart's values")
_METRIC = Foreign("Kubernetes' MetricSpec")
_EXAMPLE = {
    "type": "Pods",
    "pods": {"metric": {"name": "queue"}, "target": {"type": "AverageValue", "averageValue": "10"}},
}
_TEMPLATE = Foreign("a piece of Kubernetes' PodTemplateSpec")


def _cluster(value: object) -> int:
    """Which class of the union `cluster` a value is read as."""
    return 1 if isinstance(value, dict) and cast("Json", value).get("kind") == "kubeconfig" else 0


@dataclass(frozen=True)
class MinikubeProgram(Section):
    """The `minikube` to run, where it is not the user's own; paths are relative to the project's folder.

    `home` is its MINIKUBE_HOME and `kubeconfig` its KUBECONFIG; None means the shell's.
    """

    command: Annotated[str, rules.FILE, Key("The command `minikube`.", example=".lab/bin/minikube")]
    home: Annotated[str | None, rules.FILE, Key("Its MINIKUBE_HOME.", default="the shell's")] = None
    kubeconfig: Annotated[str | None, rules.FILE, Key("Its KUBECONFIG.", default="the shell's")] = None


@dataclass(frozen=True)
class MinikubeCluster(Section):
    """A Minikube profile that the stack owns. `memory` is in MiB; None means Minikube's default.

    `minikube` None is the one on PATH. `this_machine` lets it make this very machine the node, by driver
    none. `adopt` and `recreate` say what becomes of a profile of that name that the stack has not made.
    """

    profile: Annotated[str, rules.WORD, Key("The profile's name.", "cluster", "dev")]
    driver: Annotated[
        str | None, rules.WORD, Key("Minikube's driver.", "cluster", "docker", default="Minikube's choice")
    ] = None
    minikube: Annotated[
        MinikubeProgram | None, Key("Another Minikube than the one on PATH.", default="the one on PATH")
    ] = None
    this_machine: Annotated[
        bool, _FLAG, Key("Whether driver none may make this very machine the node, as root.")
    ] = False
    cpus: Annotated[int, Whole(1, 1024, 4), Key("Processors of each node.", "cluster")] = 4
    memory: Annotated[int, Whole(1800, 16_000_000, 8192), Key("Memory of each node, in MiB.", "cluster")] = (
        8192
    )
    kubernetes_version: Annotated[
        str | None,
        rules.KUBERNETES_VERSION,
        Key("A newer one is applied to the cluster, an older one makes a new cluster.", "cluster", "v1.35.1",
            default="Minikube's"),
    ] = None  # fmt: skip
    container_runtime: Annotated[
        str | None, rules.WORD, Key("Minikube's --container-runtime.", "cluster", "containerd", "Minikube's")
    ] = None
    cni: Annotated[str | None, rules.CNI, Key("Minikube's --cni.", "cluster", "calico", "Minikube's")] = None
    disk_size: Annotated[
        str | None, rules.DISK_SIZE, Key("Disk of each node.", "cluster", "40g", "Minikube's")
    ] = None
    nodes: Annotated[int, Whole(1, 100), Key("How many nodes.", "cluster", 3)] = 1
    extra_config: Annotated[
        tuple[Annotated[str, rules.EXTRA_CONFIG], ...],
        _DISTINCT,
        Key("Minikube's --extra-config; a change starts Minikube once more.", "unmeasured"),
    ] = ()
    addons: Annotated[
        tuple[Annotated[str, rules.WORD], ...],
        _DISTINCT,
        Key("Minikube's addons.", example=["metrics-server"]),
    ] = ()
    mount: Annotated[
        str | None, rules.MOUNT, Key("A folder of this machine on the node.", "cluster", "/src:/mnt/src")
    ] = None
    flags: Annotated[
        tuple[Annotated[str, rules.FLAG], ...],
        _DISTINCT,
        Key("Any other flags of `minikube start`; a change starts Minikube once more.", "unmeasured"),
    ] = ()
    adopt: Annotated[
        bool, _FLAG, Key("Whether a profile of that name that is there already is taken over.")
    ] = False
    recreate: Annotated[
        bool,
        _FLAG,
        Key("Whether a profile of that name that the stack has not made is deleted first.", "cluster"),
    ] = False
    ingress_address: Annotated[
        str | None,
        rules.ADDRESS,
        Key("Where requests come in, if elsewhere than at the node.", example="192.168.49.2",
            default="`minikube ip`"),
    ] = None  # fmt: skip
    kind: Annotated[
        Literal["minikube"],
        Kind(_KINDS, "minikube"),
        Key("`minikube`: a profile that the stack owns."),
    ] = "minikube"


@dataclass(frozen=True)
class KubeconfigCluster(Section):
    """A cluster that exists: a context (None: the current one) of a kubeconfig file.

    Without `path` it is looked for as kubectl looks: in the files of KUBECONFIG, or ~/.kube/config.
    """

    path: Annotated[
        str | None,
        rules.FILE,
        Key(
            "The kubeconfig.", example="~/.kube/config", default="the files of KUBECONFIG, or ~/.kube/config"
        ),
    ] = None
    context: Annotated[
        str | None, rules.FILE, Key("The context.", example="prod", default="the current one")
    ] = None
    ingress_address: Annotated[
        str | None,
        rules.ADDRESS,
        Key("Where requests come in, if elsewhere than at a node or at the load balancer.",
            example="gateway.example.com", default="the load balancer's, or a ready node's"),
    ] = None  # fmt: skip
    kind: Annotated[
        Literal["kubeconfig"],
        Kind(_KINDS, "kubeconfig"),
        Key("`kubeconfig`: a cluster that exists.", example="kubeconfig"),
    ] = "kubeconfig"


@dataclass(frozen=True)
class IngressGateway(Section):
    """The Service of the gateway pods. `node_ports` fixes ports by the Service's port names."""

    service: Annotated[
        str, rules.SERVICE_NAME, Key("The gateway's Service, and its Helm release.", "unmeasured")
    ] = "istio-ingressgateway"
    namespace: Annotated[
        str, rules.DNS_LABEL, Key("Its namespace.", "unmeasured", default="that of `istio.namespace`")
    ] = "istio-system"
    service_type: Annotated[
        Literal["NodePort", "LoadBalancer"],
        OneOf(("NodePort", "LoadBalancer")),
        Key("The type of the Service.", "unmeasured", "LoadBalancer"),
    ] = "NodePort"
    node_ports: Annotated[
        Mapping[Annotated[str, Name(("http2", "https", "status-port"))], Annotated[int, _PORT]],
        Key("Node ports by the Service's port names.", "unmeasured", {"http2": 31380}),
    ] = field(default_factory=dict[str, int])


@dataclass(frozen=True)
class Istio(Section):
    """The mesh. `charts` is a Helm repository's address or a folder; `values` is by chart.

    `take_ownership` lets the stack take over its namespaces where they exist already.
    """

    version: Annotated[str, rules.VERSION, Key("The version of Istio's charts.", "unmeasured")] = "1.29.1"
    install: Annotated[
        bool,
        _FLAG,
        Key("Whether the stack installs the mesh; false where someone else does.", "unmeasured", False),
    ] = True
    namespace: Annotated[str, rules.DNS_LABEL, Key("The mesh's namespace.", "unmeasured")] = "istio-system"
    charts: Annotated[
        str, rules.CHARTS, Key("A Helm repository (https://, oci://) or a folder of charts.", "unmeasured")
    ] = "https://istio-release.storage.googleapis.com/charts"
    values: Annotated[
        Mapping[
            Annotated[str, Name(("base", "istiod", "gateway"))], Annotated[Mapping[str, object], _VALUES]
        ],
        Key(
            "Helm values by chart; a `null` takes nothing out: Pulumi's provider drops it.",
            "makes first",
            {"istiod": {"resources": {"requests": {"cpu": "500m"}}}},
        ),
    ] = field(default_factory=dict[str, Mapping[str, object]])
    gateway: Annotated[IngressGateway, Key("The Service of the gateway's pods.")] = field(
        default_factory=IngressGateway
    )
    take_ownership: Annotated[
        bool, _FLAG, Key("Whether the mesh's namespaces are taken over where they exist.")
    ] = False


@dataclass(frozen=True)
class Port(Section):
    """A port of the app: of its Service, and of every version's container beside the first.

    `gateway_port` is the gateway's, where its requests come in by the same weights; the first has that of
    the routing.
    """

    name: Annotated[str, rules.DNS_LABEL, Key("Its name in the Service.", "unmeasured", "api")]
    port: Annotated[int, _PORT, Key("Its number.", "unmeasured")]
    protocol: Annotated[
        Literal["http", "http2", "grpc"],
        OneOf(("http", "http2", "grpc")),
        Key("What the app speaks there; http2 and grpc without TLS (h2c).", "unmeasured"),
    ] = "http"
    gateway_port: Annotated[
        int | None,
        _PORT,
        Key("The gateway's port for it; the first one's is `routing.port`.", "route", 9000,
            "none: no way in through the gateway"),
    ] = None  # fmt: skip


@dataclass(frozen=True)
class App(Section):
    """The app that all versions are versions of. `port` is its Service's, the first of `ports`.

    `create_namespace` makes the namespace where it is not there, as Helm's `--create-namespace` does;
    nothing ever deletes it. `take_ownership` lets the stack take over objects of the app's names
    that exist already, as Helm's `--take-ownership` does.
    """

    name: Annotated[
        str,
        rules.SERVICE_NAME,
        Key(
            "The app: its Service's name, and what the names of its Deployments begin with.",
            "unmeasured",
            "myapp",
        ),
    ]
    namespace: Annotated[str, rules.DNS_LABEL, Key("Its namespace.", "unmeasured", "shop")] = "default"
    port: Annotated[int, _PORT, Key("The port of its Service.", "unmeasured", default="80")] = 80
    ports: Annotated[
        tuple[Port, ...],
        Key("All ports, where there are several (docs/ports.md); the first one is `port`.", "route",
            [{"name": "http", "port": 80}, {"name": "api", "port": 9000, "gatewayPort": 9000}]),
    ] = ()  # fmt: skip
    labels: Annotated[
        Mapping[Annotated[str, rules.LABEL_KEY], Annotated[str, rules.LABEL_VALUE]],
        Key("Labels of all its objects and pods.", "rolls", {"team": "web"}),
    ] = field(default_factory=dict[str, str])
    pod_template: Annotated[
        Mapping[str, object],
        _TEMPLATE,
        Key("A piece of a pod template, laid over that of all versions (docs/workloads.md).", "rolls",
            {"spec": {"serviceAccountName": "myapp"}}),
    ] = field(default_factory=dict[str, object])  # fmt: skip
    service: Annotated[
        str | None,
        rules.SERVICE_NAME,
        Key("A Service that somebody else has, in place of one that the stack makes.", "unmeasured", "cart",
            "the stack's own, called as the app is"),
    ] = None  # fmt: skip
    create_namespace: Annotated[
        bool,
        _FLAG,
        Key("Whether the namespace is made where it is missing; nothing ever deletes it.", example=True,
            default="true with `cluster.kind: minikube`, else false"),
    ] = False  # fmt: skip
    take_ownership: Annotated[
        bool,
        _FLAG,
        Key("Whether objects of the app's names that exist are taken over (docs/adopt.md).", example=True),
    ] = False

    @property
    def host(self) -> str:
        """The Service that all versions stand behind."""
        return self.service or self.name

    @property
    def served(self) -> tuple[Port, ...]:
        """Every port, the first one first."""
        return self.ports or (Port("http", self.port),)

    @property
    def grpc_ports(self) -> frozenset[int]:
        """The numbers of those that speak gRPC."""
        return frozenset(one.port for one in self.ports if one.protocol == "grpc")

    @property
    def more_entrances(self) -> dict[str, int]:
        """The gateway's ports beside that of the routing, by the names of the app's."""
        return {one.name: one.gateway_port for one in self.ports[1:] if one.gateway_port is not None}


@dataclass(frozen=True)
class SecretKey(Section):
    """One key of a Kubernetes Secret in the app's namespace."""

    secret: Annotated[str, rules.DNS_SUBDOMAIN, Key("The Secret's name.", "rolls", "db")]
    key: Annotated[str, rules.SECRET_KEY, Key("The key in it.", "rolls", "password")]


@dataclass(frozen=True)
class ConfigMapKey(Section):
    """One key of a ConfigMap in the app's namespace."""

    config_map: Annotated[str, rules.DNS_SUBDOMAIN, Key("The ConfigMap's name.", "rolls", "settings")]
    key: Annotated[str, rules.SECRET_KEY, Key("The key in it.", "rolls", "colour")]


@dataclass(frozen=True)
class Content(Section):
    """What a Secret or a ConfigMap has in it, which somebody else writes."""

    secret: Annotated[
        str | None, rules.DNS_SUBDOMAIN, Key("A Secret's name; this or a ConfigMap's.", "rolls", "db")
    ] = None
    config_map: Annotated[
        str | None, rules.DNS_SUBDOMAIN, Key("A ConfigMap's name; this or a Secret's.", "rolls", "site")
    ] = None

    @property
    def kind(self) -> str:
        """Which of the two it is."""
        return "ConfigMap" if self.secret is None else "Secret"

    @property
    def name(self) -> str:
        """The object's name."""
        return self.secret or self.config_map or ""


def _source(value: object) -> int:
    """Which branch a text is, or what names one: a Secret's key, or a ConfigMap's."""
    if not isinstance(value, dict):
        return 0
    return 2 if "configMap" in value else 1


@dataclass(frozen=True)
class Grpc(Section):
    """gRPC's health check: of one service, or of the server as a whole."""

    service: Annotated[
        str, rules.GRPC_SERVICE, Key("The service.", "rolls", "shop.Cart", "the server as a whole")
    ] = ""


@dataclass(frozen=True)
class Probe(Section):
    """A Kubernetes probe: HTTP GET of `path`, gRPC's health check, or without either a TCP connect."""

    path: Annotated[
        str | None, rules.HTTP_PATH, Key("What is asked by GET.", "rolls", "/healthz", "a TCP connect")
    ] = None
    grpc: Annotated[
        Grpc | None, Key("gRPC's health check instead of a GET.", "rolls", {"service": "shop.Cart"})
    ] = None
    port: Annotated[int | None, _PORT, Key("The port.", "rolls", default="`containerPort`")] = None
    initial_delay_seconds: Annotated[
        int, Whole(0, 3600, 5), Key("Seconds before the first look.", "rolls")
    ] = 0
    period_seconds: Annotated[
        int, _SECONDS, Key("Seconds between two looks.", "rolls", default="10; of readiness 2")
    ] = 10
    timeout_seconds: Annotated[int, _SECONDS, Key("Seconds for an answer.", "rolls")] = 1
    failure_threshold: Annotated[
        int, Whole(1, 1000, 3), Key("How many failures in a row count.", "rolls")
    ] = 3

    @property
    def asks_the_app(self) -> bool:
        """Whether the app itself answers it: a connect is answered by the kernel."""
        return self.path is not None or self.grpc is not None


@dataclass(frozen=True)
class Probes(Section):
    """The probes of one version; without a readiness probe its port must accept connections."""

    readiness: Annotated[
        Probe,
        Otherwise((("periodSeconds", 2),)),
        Key("When a pod gets requests.", "rolls", {"path": "/healthz"}, "a TCP connect every 2 s"),
    ] = field(default_factory=lambda: Probe(period_seconds=2))
    liveness: Annotated[
        Probe | None, Key("When a container is started again.", "rolls", {"path": "/healthz"})
    ] = None
    startup: Annotated[
        Probe | None,
        Key("What the other probes wait for.", "rolls", {"path": "/healthz", "failureThreshold": 30}),
    ] = None


@dataclass(frozen=True)
class Resources(Section):
    """Requests and limits, Kubernetes quantities by resource name (cpu, memory)."""

    requests: Annotated[
        Mapping[Annotated[str, Name(("cpu", "memory"))], Annotated[str, rules.QUANTITY]],
        Key("What the scheduler sets aside.", "rolls", {"cpu": "250m", "memory": "64Mi"}),
    ] = field(default_factory=dict[str, str])
    limits: Annotated[
        Mapping[Annotated[str, Name(("cpu", "memory"))], Annotated[str, rules.QUANTITY]],
        Key("What the container may use at most.", "rolls", {"memory": "128Mi"}),
    ] = field(default_factory=dict[str, str])


@dataclass(frozen=True)
class ExistingWorkload(Section):
    """What somebody else has, and what runs a version's pods."""

    kind: Annotated[
        Literal["Deployment", "StatefulSet"],
        OneOf(("Deployment", "StatefulSet")),
        Key("What it is.", "unmeasured"),
    ]
    name: Annotated[str, rules.DNS_SUBDOMAIN, Key("Its name.", "unmeasured", "cart-v1")]


@dataclass(frozen=True)
class Subset(Section):
    """By what the pods of an existing workload are told from those of other versions."""

    labels: Annotated[
        Mapping[Annotated[str, rules.LABEL_KEY], Annotated[str, rules.LABEL_VALUE]],
        Key("Labels that its pods have, and no other version's.", "unmeasured", {"release": "v1"}),
    ] = field(default_factory=dict[str, str])


@dataclass(frozen=True)
class Autoscaling(Section):
    """A HorizontalPodAutoscaler (autoscaling/v2): between which numbers of pods, and by what it chooses."""

    min: Annotated[int, Whole(1, 10_000, 2), Key("The fewest pods.", "scales")]
    max: Annotated[int, Whole(1, 10_000, 10), Key("The most pods.", "scales")]
    cpu: Annotated[
        int | None,
        Whole(1, 1000, 70),
        Key("The mean use of the requested cpu that it aims at, in percent.", default="80 where nothing is"),
    ] = None
    memory: Annotated[
        int | None,
        Whole(1, 1000, 80),
        Key("The mean use of the requested memory that it aims at, in percent."),
    ] = None
    metrics: Annotated[
        tuple[Annotated[Mapping[str, object], _METRIC], ...],
        Key("More metrics, as Kubernetes writes them.", "nothing", [_EXAMPLE]),
    ] = ()


@dataclass(frozen=True)
class Version(Section):
    """One version's workload. `replicas` None leaves the number to Kubernetes or an autoscaler.

    `workload`, or `deployment` in short, is one that somebody else has: then the stack makes none.

    `traffic_policy` is Istio's, of the version's subset; its members go before those of the routing's.
    """

    image: Annotated[
        str,
        rules.IMAGE,
        Key("Its image, best with a tag or a digest.", "rolls", "myapp:1.0", "none with `workload`"),
    ] = ""
    replicas: Annotated[
        int | None,
        Whole(0, 10_000, 3),
        Key("How many pods.", "scales", default="what runs: 1 at first, then an autoscaler's"),
    ] = None
    autoscaling: Annotated[
        Autoscaling | None,
        Key("An autoscaler has the number of pods (docs/workloads.md).", "scales",
            {"min": 2, "max": 10, "cpu": 70}, "none"),
    ] = None  # fmt: skip
    container_port: Annotated[int, _PORT, Key("The port that the app listens on.", "rolls")] = 80
    resources: Annotated[Resources, Key("Requests and limits of the container.", "rolls")] = field(
        default_factory=Resources
    )
    env: Annotated[
        Mapping[
            Annotated[str, rules.ENV_NAME],
            Annotated[
                Annotated[str, rules.ENV_VALUE] | SecretKey | ConfigMapKey,
                Branches(_source),
            ],
        ],
        Key("Variables: texts, {secret: NAME, key: KEY} or {configMap: NAME, key: KEY}. Numbers are as YAML "
            "reads them: quote '1.10'.",
            "rolls",
            {"MODE": "blue", "TOKEN": {"secret": "app", "key": "token"}}),
    ] = field(default_factory=dict[str, str | SecretKey | ConfigMapKey])  # fmt: skip
    files: Annotated[
        Mapping[
            Annotated[str, rules.FILE_PATH],
            Annotated[
                Annotated[str, rules.FILE_TEXT] | SecretKey | ConfigMapKey,
                Branches(_source),
            ],
        ],
        Key("Files of the container by their paths: texts, {secret: NAME, key: KEY} or {configMap: NAME, "
            "key: KEY} (docs/workloads.md).",
            "rolls",
            {"/etc/app/app.yaml": "colour: blue\n"}),
    ] = field(default_factory=dict[str, str | SecretKey | ConfigMapKey])  # fmt: skip
    restart_on: Annotated[
        tuple[Content, ...],
        _DISTINCT,
        Key("Secrets and ConfigMaps of others: another content rolls the version when `up` runs.", "rolls",
            [{"secret": "db"}]),
    ] = ()  # fmt: skip
    probes: Annotated[Probes, Key("How Kubernetes asks whether it is well.", "rolls")] = field(
        default_factory=Probes
    )
    labels: Annotated[
        Mapping[Annotated[str, rules.LABEL_KEY], Annotated[str, rules.LABEL_VALUE]],
        Key("More labels of its pods.", "rolls", {"team": "web"}),
    ] = field(default_factory=dict[str, str])
    image_pull_policy: Annotated[
        Literal["Always", "IfNotPresent", "Never"],
        OneOf(("Always", "IfNotPresent", "Never")),
        Key("When the image is pulled.", "rolls", "Always"),
    ] = "IfNotPresent"
    image_pull_secrets: Annotated[
        tuple[Annotated[str, rules.DNS_SUBDOMAIN], ...],
        _DISTINCT,
        Key("Secrets of the app's namespace for the registry.", "rolls", ["registry"]),
    ] = ()
    pod_security: Annotated[
        Literal["baseline", "restricted"],
        OneOf(("baseline", "restricted")),
        Key("The Pod Security standard that its pods meet.", "rolls", "restricted"),
    ] = "baseline"
    traffic_policy: Annotated[
        Mapping[str, object],
        _POLICY,
        Key("Istio's TrafficPolicy of this version, before that of `routing`.", "route",
            {"connectionPool": {"http": {"http1MaxPendingRequests": 100}}}),
    ] = field(default_factory=dict[str, object])  # fmt: skip
    pod_template: Annotated[
        Mapping[str, object],
        _TEMPLATE,
        Key("A piece of a pod template, laid over this version's own after the app's.", "rolls",
            {"spec": {"volumes": [{"name": "data", "emptyDir": {"sizeLimit": "1Gi"}}]}}),
    ] = field(default_factory=dict[str, object])  # fmt: skip
    workload: Annotated[
        ExistingWorkload | None,
        Key("A workload that somebody else has (docs/workloads.md).", "unmeasured",
            {"kind": "StatefulSet", "name": "cart"}, "the stack's own"),
    ] = None  # fmt: skip
    deployment: Annotated[
        str | None,
        rules.DNS_SUBDOMAIN,
        Key("In short: workload: {kind: Deployment, name: …}.", "unmeasured", "cart-v1", "the stack's own"),
    ] = None
    subset: Annotated[
        Subset, Key("By what its pods are told from those of other versions.", "unmeasured")
    ] = field(default_factory=Subset)
    min_ready_seconds: Annotated[
        int | None, Whole(0, 3600, 5), Key("How long a pod has to be ready to count.", default="0")
    ] = None
    progress_deadline_seconds: Annotated[
        int | None,
        Whole(1, 86_400, 600),
        Key("After how many seconds Kubernetes says that a roll-out is stuck.", default="600"),
    ] = None
    revision_history_limit: Annotated[
        int | None, Whole(0, 1000, 2), Key("How many old ReplicaSets are kept.", default="10")
    ] = None

    @property
    def existing(self) -> ExistingWorkload | None:
        """The workload that somebody else has; None: the stack makes one."""
        return ExistingWorkload("Deployment", self.deployment) if self.deployment else self.workload


@dataclass(frozen=True)
class Retries(Section):
    """Istio's HTTPRetry; 0 attempts switch retries off."""

    attempts: Annotated[int, Whole(0, 100, 2), Key("How many; 0 switches retries off.", "route")]
    per_try_timeout: Annotated[
        str | None, rules.DURATION, Key("How long each may take.", "route", "2s", "`routing.timeout`")
    ] = None
    retry_on: Annotated[
        str | None, rules.RETRY_ON, Key("Envoy's conditions.", "route", "connect-failure,5xx", "Istio's")
    ] = None


@dataclass(frozen=True)
class StickySession(Section):
    """Keeps a client on one pod within each version, by a cookie or by a request header.

    The version itself is drawn anew for each request, as the weights say.
    """

    cookie: Annotated[str | None, rules.COOKIE_NAME, Key("The cookie's name.", "route", "seat")] = None
    ttl: Annotated[
        str, rules.TTL, Key("How long the cookie lasts; 0s: until the browser closes.", "route", "1h")
    ] = "0s"
    header: Annotated[str | None, rules.HEADER_NAME, Key("The request header's name.", "route", "x-user")] = (
        None
    )


@dataclass(frozen=True)
class Check(Section):
    """The GET by which the app is asked whether it answers; a `path` of None means the route's first.

    An app whose first port speaks gRPC is asked by its health check instead, with `grpc`. `accept` has
    statuses (`401`) and classes of them (`2xx`) that count as answers.
    """

    path: Annotated[
        str | None,
        rules.HTTP_PATH,
        Key("The path.", example="/healthz", default="the first of `routing.paths`, or /"),
    ] = None
    headers: Annotated[
        Mapping[Annotated[str, rules.HEADER_NAME], Annotated[str, rules.HEADER_VALUE]],
        Key("Headers, beside those that the route asks for.", example={"x-team": "web"}),
    ] = field(default_factory=dict[str, str])
    accept: Annotated[
        tuple[Annotated[str, rules.STATUS], ...],
        _DISTINCT,
        Key("Statuses, and classes of them, that count as answers.", example=["2xx", 401]),
    ] = ("2xx", "3xx")
    grpc: Annotated[
        Grpc | None,
        Key("gRPC's health check in place of a GET.", example={"service": "shop.Cart"},
            default="that of the whole server, where the first of `app.ports` speaks grpc"),
    ] = None  # fmt: skip

    def accepts(self, status: int) -> bool:
        """Whether an answer with this HTTP status is one."""
        return not {str(status), f"{status // 100}xx"}.isdisjoint(self.accept)


@dataclass(frozen=True)
class Routing(Section):
    """How requests reach the app; the defaults take every request on port 80.

    `traffic_policy` is Istio's, of every version's subset.
    """

    hosts: Annotated[
        tuple[Annotated[str, rules.HOST], ...],
        _DISTINCT,
        Key("The hosts whose requests are split.", "route", ["shop.example.com"]),
    ] = ("*",)
    paths: Annotated[
        tuple[Annotated[str, rules.HTTP_PATH], ...],
        _DISTINCT,
        Key("What the path begins with, one of them.", "route", ["/shop"], "any path"),
    ] = ()
    headers: Annotated[
        Mapping[Annotated[str, rules.HEADER_NAME], Annotated[str, rules.HEADER_VALUE]],
        Key("Headers that a request must have.", "route", {"x-beta": "yes"}),
    ] = field(default_factory=dict[str, str])
    response_headers: Annotated[
        Mapping[Annotated[str, rules.HEADER_NAME], Annotated[str, rules.HEADER_VALUE]],
        Key("Headers that are set on every answer.", "route", {"x-served-by": "shop"}),
    ] = field(default_factory=dict[str, str])
    gateway: Annotated[
        str, rules.DNS_LABEL, Key("The name of the stack's Gateway.", "unmeasured", "shop")
    ] = "app-gateway"
    gateway_selector: Annotated[
        Mapping[Annotated[str, rules.LABEL_KEY], Annotated[str, rules.LABEL_VALUE]],
        Key("Labels of the gateway's pods.", "unmeasured", {"istio": "ingressgateway"},
            "those of the installed gateway, or {istio: ingressgateway}"),
    ] = field(default_factory=lambda: {"istio": "ingressgateway"})  # fmt: skip
    port: Annotated[
        int, _PORT, Key("The gateway's port.", "unmeasured", 443, default="80, or 443 with `tlsSecret`")
    ] = 80
    tls_secret: Annotated[
        str | None,
        rules.DNS_SUBDOMAIN,
        Key("A TLS Secret in the namespace of the gateway's pods; it makes the entrance https.", "unmeasured",
            "shop-tls"),
    ] = None  # fmt: skip
    timeout: Annotated[
        str | None, rules.DURATION, Key("How long an answer may take.", "route", "10s", "without limit")
    ] = None
    retries: Annotated[Retries | None, Key("How the gateway tries again.", "route", default="Istio's")] = None
    sticky_session: Annotated[
        StickySession | None,
        Key("Keeps a client on one pod within each version, by a cookie or a header; the version is drawn "
            "for each request.", "route", {"cookie": "seat", "ttl": "1h"}),
    ] = None  # fmt: skip
    traffic_policy: Annotated[
        Mapping[str, object],
        _POLICY,
        Key(
            "Istio's TrafficPolicy of every version.", "route", {"loadBalancer": {"simple": "LEAST_REQUEST"}}
        ),
    ] = field(default_factory=dict[str, object])
    mesh_callers: Annotated[
        bool,
        _FLAG,
        Key("Whether callers in the mesh follow the weights too (docs/callers.md).", "route", True),
    ] = False
    check: Annotated[Check, Key("The request that asks whether the app answers.")] = field(
        default_factory=Check
    )

    def asked_path(self) -> str:
        """The path of the request by which the app is asked: the check's, else the route's first."""
        if self.check.grpc is not None:
            return GRPC_HEALTH
        return self.check.path or (self.paths[0] if self.paths else "/")

    def asked_headers(self, host: str) -> dict[str, str]:
        """The headers of a request for one of the hosts; a wildcard stands for any host."""
        named = {} if host == "*" else {"Host": host.replace("*.", "any.")}
        return {**self.check.headers, **self.headers, **named}


@dataclass(frozen=True)
class RequestMark(Section):
    """What a request carries to reach one version whatever its weight: one header, or one cookie.

    `strip` takes the header off before the app sees it.
    """

    header: Annotated[
        Mapping[Annotated[str, rules.HEADER_NAME], Annotated[str, rules.HEADER_VALUE]],
        Key("A header and its value; this or a cookie.", "route", {"x-version": "v2"}),
    ] = field(default_factory=dict[str, str])
    cookie: Annotated[
        Mapping[Annotated[str, rules.COOKIE_NAME], Annotated[str, rules.COOKIE_VALUE]],
        Key("A cookie and its value; this or a header.", "route", {"version": "v2"}),
    ] = field(default_factory=dict[str, str])
    strip: Annotated[
        bool, _FLAG, Key("Whether the gateway takes the header off before the app sees it.", "route", True)
    ] = False

    def __str__(self) -> str:
        headers = [f"the header {name}: {value}" for name, value in self.header.items()]
        return ", ".join([*headers, *(f"the cookie {name}={value}" for name, value in self.cookie.items())])


@dataclass(frozen=True)
class Mirror(Section):
    """Copies of some requests to a version without traffic, whose answers nobody gets."""

    version: Annotated[
        str, rules.DNS_LABEL, Key("The version, at weight 0, that gets the copies.", "route", "v2")
    ]
    percent: Annotated[
        int, Whole(1, 100, 10), Key("How many of the requests by these methods are copied.", "route")
    ] = 100
    methods: Annotated[
        tuple[Annotated[str, rules.METHOD], ...],
        _DISTINCT,
        Key("The methods whose requests are copied; any but these two may write twice.", "route", ["GET"]),
    ] = ("GET", "HEAD")


@dataclass(frozen=True)
class Convergence(Section):
    """How long `up` waits for gateways to follow, and for requests in flight to end.

    `evidence` is what proves a split: what the gateways' Envoys say, or, where nobody may open a
    port-forward to them, requests alone.
    """

    timeout_seconds: Annotated[
        int, _SECONDS, Key("Seconds for versions to be ready and gateways to follow.", example=300)
    ] = 60
    drain_seconds: Annotated[
        int, Whole(0, 3600, 30), Key("Seconds for requests in flight to a version that is taken out.")
    ] = 30
    check: Annotated[
        Literal["request", "none"],
        OneOf(("request", "none")),
        Key("Whether a version is asked for an answer before it gets more traffic.", example="none"),
    ] = "request"
    room: Annotated[
        int,
        Whole(0, 100, 100),
        Key("How many ready pods a version needs before it gets more, in percent of as many as serve the "
            "same traffic now; 0: any number (docs/order.md)."),
    ] = 0  # fmt: skip
    evidence: Annotated[
        Literal["gateways", "requests"],
        OneOf(("gateways", "requests")),
        Key("What proves a split: the gateways' Envoys, or, weaker, requests alone.", "route", "requests"),
    ] = "gateways"

    @property
    def by_requests(self) -> bool:
        """Whether requests alone are the evidence, and no gateway may be asked."""
        return self.evidence == "requests"


@dataclass(frozen=True)
class Settings:
    """The whole config. `weights` holds every version, 0 for those without one; together 100."""

    cluster: Annotated[
        MinikubeCluster | KubeconfigCluster,
        Branches(_cluster),
        Key("Where it runs: a Minikube profile of the stack's own, or a cluster that exists."),
    ]
    istio: Annotated[Istio, Key("The mesh, installed by the stack or by someone else.")]
    app: Annotated[App, Key("The app that all versions are versions of.")]
    versions: Annotated[
        Mapping[str, Version],
        Key("Each version's workload by its name; it stays deployed until it is taken out.", "makes first",
            {"v1": {"image": "myapp:1.0"}}),
    ]  # fmt: skip
    weights: Annotated[
        Mapping[str, Annotated[int, Whole(0, 100, 50)]],
        Key("The split: whole percentages by version, together 100; a version without one gets 0.", "moves",
            {"v1": 90, "v2": 10}),
    ]  # fmt: skip
    routing: Annotated[Routing, Key("How requests reach the app.")]
    convergence: Annotated[Convergence, Key("How long `up` waits.")]
    test_routes: Annotated[
        Mapping[str, RequestMark],
        Key("By version, what a request carries to reach it whatever its weight (docs/test-routes.md).",
            "route", {"v2": {"header": {"x-version": "v2"}}}),
    ] = field(default_factory=dict[str, RequestMark])  # fmt: skip
    mirror: Annotated[
        Mirror | None,
        Key("Copies of some requests to a version that has no traffic (docs/mirror.md).", "route",
            {"version": "v2", "percent": 10}, "none"),
    ] = None  # fmt: skip
    warnings: tuple[str, ...] = ()

    def is_mirror(self, version: str) -> bool:
        """Whether all that a version gets is copies, beside the requests of a test route."""
        return self.mirror is not None and self.mirror.version == version
