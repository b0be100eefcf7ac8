"""The whole config."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, cast

from ..forms import Branches, Json, Key, Whole
from .app import App
from .cluster import KubeconfigCluster, MinikubeCluster
from .convergence import Convergence
from .istio import Istio
from .routing import Mirror, RequestMark, Routing
from .version import Version


def _cluster(value: object) -> int:
    """Which class of the union `cluster` a value is read as."""
    return 1 if isinstance(value, dict) and cast("Json", value).get("kind") == "kubeconfig" else 0


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
