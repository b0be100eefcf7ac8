"""A version's workload, and all that its pods have."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, Literal

from .. import rules
from ..forms import Branches, Foreign, Key, Name, OneOf, Otherwise, Section, Whole

_POLICY = Foreign("Istio's TrafficPolicy")
_METRIC = Foreign("Kubernetes' MetricSpec")
_EXAMPLE = {
    "type": "Pods",
    "pods": {"metric": {"name": "queue"}, "target": {"type": "AverageValue", "averageValue": "10"}},
}
_TEMPLATE = Foreign("a piece of Kubernetes' PodTemplateSpec")


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
        str, rules.GRPC_SERVICE, Key("The service.", None, "shop.Cart", "the server as a whole")
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
    port: Annotated[int | None, rules.PORT, Key("The port.", "rolls", default="`containerPort`")] = None
    initial_delay_seconds: Annotated[
        int, Whole(0, 3600, 5), Key("Seconds before the first look.", "rolls")
    ] = 0
    period_seconds: Annotated[
        int, rules.SECONDS, Key("Seconds between two looks.", "rolls", default="10; of readiness 2")
    ] = 10
    timeout_seconds: Annotated[int, rules.SECONDS, Key("Seconds for an answer.", "rolls")] = 1
    failure_threshold: Annotated[
        int, Whole(1, 1000, 3), Key("How many failures in a row count.", "rolls")
    ] = 3


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
        Key("The mean use of the requested cpu that it aims at, in percent.", "scales",
            default="80 where nothing is"),
    ] = None  # fmt: skip
    memory: Annotated[
        int | None,
        Whole(1, 1000, 80),
        Key("The mean use of the requested memory that it aims at, in percent.", "scales"),
    ] = None
    metrics: Annotated[
        tuple[Annotated[Mapping[str, object], _METRIC], ...],
        Key("More metrics, as Kubernetes writes them.", "scales", [_EXAMPLE]),
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
    container_port: Annotated[int, rules.PORT, Key("The port that the app listens on.", "rolls")] = 80
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
            {"/etc/app/app.yaml": "colour: blue"}),
    ] = field(default_factory=dict[str, str | SecretKey | ConfigMapKey])  # fmt: skip
    restart_on: Annotated[
        tuple[Content, ...],
        rules.DISTINCT,
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
        rules.DISTINCT,
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
