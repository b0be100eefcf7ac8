"""The mesh, installed by the stack or by someone else."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, Literal

from .. import rules
from ..forms import Foreign, Key, Name, OneOf, Section

# The ports of the gateway chart's Service by their names, as the chart has them.
GATEWAY_PORTS = {"status-port": 15021, "http2": 80, "https": 443}
_VALUES = Foreign("the chart's values")


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
        Mapping[Annotated[str, Name(("http2", "https", "status-port"))], Annotated[int, rules.PORT]],
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
        rules.BOOLEAN,
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
        bool, rules.BOOLEAN, Key("Whether the mesh's namespaces are taken over where they exist.")
    ] = False
