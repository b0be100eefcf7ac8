"""The app that all versions are versions of."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, Literal

from .. import rules
from ..forms import Foreign, Key, OneOf, Section

_TEMPLATE = Foreign("a piece of Kubernetes' PodTemplateSpec")


@dataclass(frozen=True)
class Port(Section):
    """A port of the app: of its Service, and of every version's container beside the first.

    `gateway_port` is the gateway's, where its requests come in by the same weights; the first has that of
    the routing.
    """

    name: Annotated[str, rules.DNS_LABEL, Key("Its name in the Service.", "unmeasured", "api")]
    port: Annotated[int, rules.PORT, Key("Its number.", "makes first")]
    protocol: Annotated[
        Literal["http", "http2", "grpc"],
        OneOf(("http", "http2", "grpc")),
        Key("What the app speaks there; http2 and grpc without TLS (h2c).", "unmeasured"),
    ] = "http"
    gateway_port: Annotated[
        int | None,
        rules.PORT,
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
    namespace: Annotated[
        str,
        rules.DNS_LABEL,
        Key("Its namespace; with the same `routing.hosts` another one is refused.", "unmeasured", "shop"),
    ] = "default"
    port: Annotated[
        int,
        rules.PORT,
        Key("The port of its Service; that of the pods is `versions.<name>.containerPort`.", "route",
            default="80"),
    ] = 80  # fmt: skip
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
        rules.BOOLEAN,
        Key("Whether the namespace is made where it is missing; nothing ever deletes it.", example=True,
            default="true with `cluster.kind: minikube`, else false"),
    ] = False  # fmt: skip
    take_ownership: Annotated[
        bool,
        rules.BOOLEAN,
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
