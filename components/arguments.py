"""The arguments of components: the stack config's sections in Python's words; some may be Outputs."""

from collections.abc import Mapping, Sequence
from typing import Any, NotRequired, TypedDict, get_type_hints

import pulumi


class ArgumentsError(pulumi.RunError):
    """Arguments that a component cannot take; each of `mistakes` begins with the argument's path."""

    def __init__(self, component: str, mistakes: Sequence[str], *, late: bool = False) -> None:
        self.mistakes = mistakes
        count = "one mistake" if len(mistakes) == 1 else f"{len(mistakes)} mistakes"
        end = "." if late else "; nothing was touched."
        super().__init__("\n  ".join((f"The arguments of {component} have {count}{end}", *mistakes)))


class SecretKey(TypedDict):
    """One key of a Kubernetes Secret in the app's namespace."""

    secret: pulumi.Input[str]
    """The Secret's name."""
    key: pulumi.Input[str]
    """The key in it."""


class ConfigMapKey(TypedDict):
    """One key of a ConfigMap in the app's namespace."""

    config_map: pulumi.Input[str]
    """The ConfigMap's name."""
    key: pulumi.Input[str]
    """The key in it."""


class Content(TypedDict):
    """A Secret or a ConfigMap in the app's namespace, which somebody else writes."""

    secret: NotRequired[pulumi.Input[str]]
    """The Secret's name; this or a ConfigMap's."""
    config_map: NotRequired[pulumi.Input[str]]
    """The ConfigMap's name; this or a Secret's."""


class Resources(TypedDict):
    """What a version's container asks for, and may use at most: Kubernetes quantities by cpu and memory."""

    requests: NotRequired[Mapping[str, str]]
    """What the scheduler keeps for it."""
    limits: NotRequired[Mapping[str, str]]
    """What it may use at most."""


class Grpc(TypedDict):
    """gRPC's health check: of one service, or of the server as a whole."""

    service: NotRequired[str]
    """The service."""


class Probe(TypedDict):
    """A Kubernetes probe: HTTP GET of the path, gRPC's health check, or without either a TCP connect."""

    path: NotRequired[str]
    """The page to get."""
    grpc: NotRequired[Grpc]
    """gRPC's health check instead of a GET."""
    port: NotRequired[int]
    """Another port than the container's."""
    initial_delay_seconds: NotRequired[int]
    """How long to wait before the first one."""
    period_seconds: NotRequired[int]
    """How often to ask."""
    timeout_seconds: NotRequired[int]
    """How long to wait for an answer."""
    failure_threshold: NotRequired[int]
    """How many failures in a row count."""


class Probes(TypedDict):
    """The probes of one version; without a readiness probe its port must accept connections."""

    readiness: NotRequired[Probe]
    """Whether a pod gets requests."""
    liveness: NotRequired[Probe]
    """Whether a pod is started again."""
    startup: NotRequired[Probe]
    """Whether a pod has started."""


class Autoscaling(TypedDict):
    """A HorizontalPodAutoscaler (autoscaling/v2) of one version."""

    min: int
    """The fewest pods."""
    max: int
    """The most pods."""
    cpu: NotRequired[int]
    """The mean use of the requested cpu that it aims at, in percent."""
    memory: NotRequired[int]
    """The mean use of the requested memory that it aims at, in percent."""
    metrics: NotRequired[Sequence[Mapping[str, Any]]]
    """More metrics, as Kubernetes writes them."""


class Workload(TypedDict):
    """What somebody else has, and what runs a version's pods."""

    kind: str
    """Deployment or StatefulSet."""
    name: str
    """Its name."""


class Subset(TypedDict):
    """By what the pods of an existing workload are told from those of other versions."""

    labels: NotRequired[Mapping[str, str]]
    """Labels that its pods have, and no other version's."""


class Version(TypedDict):
    """One version's workload, deployed for as long as it is named."""

    image: NotRequired[pulumi.Input[str]]
    """The image, such as registry.example.com/cart:1.0; none with a workload that exists."""
    workload: NotRequired[Workload]
    """A workload that somebody else has: then none is made."""
    deployment: NotRequired[str]
    """In short: a workload of the kind Deployment, by its name."""
    subset: NotRequired[Subset]
    """By what the pods of an existing workload are told from those of other versions."""
    replicas: NotRequired[int]
    """How many pods; without it Kubernetes or an autoscaler has the number."""
    autoscaling: NotRequired[Autoscaling]
    """An autoscaler has the number of pods."""
    container_port: NotRequired[int]
    """The port that the container listens on; 80."""
    resources: NotRequired[Resources]
    """What the container asks for."""
    env: NotRequired[Mapping[str, pulumi.Input[str]]]
    """Environment variables; a value may be a secret, which then stands in the Deployment."""
    secret_env: NotRequired[Mapping[str, SecretKey]]
    """Environment variables out of Kubernetes Secrets."""
    config_map_env: NotRequired[Mapping[str, ConfigMapKey]]
    """Environment variables out of ConfigMaps."""
    files: NotRequired[Mapping[str, pulumi.Input[str]]]
    """Texts of files by their paths in the container; they stand in a ConfigMap, and may be no secrets."""
    secret_files: NotRequired[Mapping[str, SecretKey]]
    """Files out of Kubernetes Secrets, by their paths."""
    config_map_files: NotRequired[Mapping[str, ConfigMapKey]]
    """Files out of ConfigMaps, by their paths."""
    restart_on: NotRequired[Sequence[Content]]
    """Another content of these rolls the version, when `up` runs."""
    probes: NotRequired[Probes]
    """How Kubernetes asks the pods."""
    labels: NotRequired[Mapping[str, pulumi.Input[str]]]
    """Labels of the pods, beside our own."""
    image_pull_policy: NotRequired[str]
    """Always, IfNotPresent or Never."""
    image_pull_secrets: NotRequired[Sequence[pulumi.Input[str]]]
    """The names of Secrets with registry credentials."""
    pod_security: NotRequired[str]
    """baseline, or restricted as the Pod Security Standards have it."""
    traffic_policy: NotRequired[Mapping[str, Any]]
    """Istio's TrafficPolicy of this version's subset."""
    pod_template: NotRequired[Mapping[str, Any]]
    """A piece of a pod template, laid over this version's own after the app's."""
    min_ready_seconds: NotRequired[int]
    """How long a pod has to be ready to count; 0."""
    progress_deadline_seconds: NotRequired[int]
    """After how many seconds Kubernetes says that a roll-out is stuck; 600."""
    revision_history_limit: NotRequired[int]
    """How many old ReplicaSets are kept; 10."""


class Port(TypedDict):
    """A port of the app: of its Service, and of every version's pods beside the first."""

    name: str
    """Its name in the Service."""
    port: int
    """Its number."""
    protocol: NotRequired[str]
    """http, or without TLS http2 or grpc; http."""
    gateway_port: NotRequired[int]
    """The port of the gateway's Service for it; without it no way in. The first one's is routing.port."""


class App(TypedDict):
    """The app that all versions are versions of."""

    name: NotRequired[str]
    """Its name in the cluster; without it the component's."""
    namespace: NotRequired[pulumi.Input[str]]
    """The namespace of all of its objects; default."""
    port: NotRequired[int]
    """The port of its Service; 80."""
    ports: NotRequired[Sequence[Port]]
    """All ports, where there are several; the first one is port."""
    labels: NotRequired[Mapping[str, pulumi.Input[str]]]
    """Labels of all of its objects, beside our own."""
    service: NotRequired[str]
    """A Service that somebody else has, in place of one that is made."""
    create_namespace: NotRequired[bool]
    """Make the namespace where it is missing; nothing ever deletes it."""
    pod_template: NotRequired[Mapping[str, Any]]
    """A piece of a pod template, laid over that of all versions."""
    take_ownership: NotRequired[bool]
    """Take over objects of the app's names that exist already."""


class Retries(TypedDict):
    """Istio's HTTPRetry; 0 attempts switch retries off."""

    attempts: int
    """How many."""
    per_try_timeout: NotRequired[str]
    """How long each may take, such as 2s."""
    retry_on: NotRequired[str]
    """Envoy's conditions, such as connect-failure,5xx."""


class StickySession(TypedDict):
    """Keeps a client on one pod within each version, by a cookie or by a request header.

    The version itself is drawn anew for each request, as the weights say.
    """

    cookie: NotRequired[str]
    """The cookie's name."""
    ttl: NotRequired[str]
    """How long the cookie lives, such as 1h."""
    header: NotRequired[str]
    """The header's name."""


class StickyVersion(TypedDict):
    """Keeps a user on the version that he got, by a request header or a cookie of which each has its own."""

    cookie: NotRequired[str]
    """The name of a cookie that the app sets."""
    header: NotRequired[str]
    """The header's name."""


class Check(TypedDict):
    """The GET by which the app is asked whether it answers."""

    path: NotRequired[str]
    """The page; without it the route's first path."""
    headers: NotRequired[Mapping[str, str]]
    """Its headers."""
    accept: NotRequired[Sequence[str]]
    """Statuses (401) and classes of them (2xx) that count as answers."""
    grpc: NotRequired[Grpc]
    """gRPC's health check instead of a GET."""


class Routing(TypedDict):
    """How requests reach the app; the defaults take every request on port 80."""

    hosts: NotRequired[Sequence[pulumi.Input[str]]]
    """Host names."""
    paths: NotRequired[Sequence[str]]
    """Path prefixes."""
    headers: NotRequired[Mapping[str, str]]
    """Headers that a request must have."""
    response_headers: NotRequired[Mapping[str, str]]
    """Headers that every answer gets."""
    gateway: NotRequired[str]
    """The name of the Gateway object; without it NAME-gateway, by the app's name."""
    gateway_selector: NotRequired[Mapping[str, str]]
    """The labels of the gateway's pods; istio: ingressgateway."""
    port: NotRequired[int]
    """The port of the gateway's Service; 80, or 443 with tls_secret."""
    tls_secret: NotRequired[pulumi.Input[str]]
    """The Secret with the certificate, in the namespace of the gateway's pods."""
    timeout: NotRequired[str]
    """How long a request may take, such as 10s."""
    retries: NotRequired[Retries]
    """What is tried again."""
    sticky_session: NotRequired[StickySession]
    """Keeps a client on one pod within each version."""
    sticky_version: NotRequired[StickyVersion]
    """Keeps a user on the version that he got."""
    traffic_policy: NotRequired[Mapping[str, Any]]
    """Istio's TrafficPolicy of every version's subset."""
    mesh_callers: NotRequired[bool]
    """The weights hold for callers with a sidecar inside the mesh as well."""
    check: NotRequired[Check]
    """The request that asks the app."""


class Convergence(TypedDict):
    """How long `up` waits."""

    timeout_seconds: NotRequired[int]
    """For gateways to follow; 60."""
    drain_seconds: NotRequired[int]
    """For requests in flight to end; 30."""
    check: NotRequired[str]
    """request, or none where a version is not asked for an answer before it gets more traffic."""
    room: NotRequired[int]
    """Ready pods that a version needs before it gets more, in percent of those that serve it now; 0."""
    evidence: NotRequired[str]
    """gateways, or requests where nobody may ask the gateways' Envoys."""


class RequestMark(TypedDict):
    """What a request carries to reach one version whatever its weight: one header, or one cookie."""

    header: NotRequired[Mapping[str, str]]
    """A header and its value."""
    cookie: NotRequired[Mapping[str, str]]
    """A cookie and its value."""
    strip: NotRequired[bool]
    """The gateway takes the header off before the app sees it."""


class Mirror(TypedDict):
    """Copies of some requests to a version without traffic, whose answers nobody gets."""

    version: str
    """The version, at weight 0, that gets the copies."""
    percent: NotRequired[int]
    """How many of the requests by these methods are copied; 100."""
    methods: NotRequired[Sequence[str]]
    """The methods whose requests are copied; GET and HEAD."""


class Gateway(TypedDict):
    """The Service of the mesh's gateway pods."""

    service: NotRequired[str]
    """Its name; istio-ingressgateway."""
    namespace: NotRequired[str]
    """Its namespace; istio-system."""


class Cluster(TypedDict):
    """The cluster that exists: the text of a kubeconfig, or where one is read from."""

    kubeconfig: NotRequired[pulumi.Input[str]]
    """The text, as of a cluster that the same program makes; its current context counts."""
    path: NotRequired[str]
    """A file; without it those that kubectl would read."""
    context: NotRequired[str]
    """The context; without it the current one."""
    ingress_address: NotRequired[pulumi.Input[str]]
    """The address of the gateway, where it is neither its Service's load balancer nor a node."""


class BlueGreenArgs(TypedDict):
    """An app in several versions on a cluster that exists, and how its traffic is split."""

    versions: Mapping[str, Version]
    """The versions by name."""
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
    cluster: NotRequired[Cluster]
    """The cluster; without it the current context of the user's kubeconfig."""
    gateway: NotRequired[Gateway]
    """The mesh's gateway."""


def of_section(typed_dict: type) -> Mapping[str, Any]:
    """The annotations of a section; `pulumi.Input` names Output by a text, which has to be evaluated."""
    return get_type_hints(typed_dict, localns={"Output": pulumi.Output, "T": Any})
