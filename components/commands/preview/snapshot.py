"""What a set of Pulumi resources means for traffic: each version's weight and workload."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, cast

from ...manifests import routes, workload
from ...settings.model import Settings


@dataclass(frozen=True)
class Workload:
    """One version's workload.

    Attributes:
        image: its container's image.
        replicas: None where Kubernetes or an autoscaler decides.
        template: the pod template; a change of it restarts the pods.
        owned: the stack has it; else `image` is its kind and name, and somebody else says the rest.
    """

    image: str
    replicas: int | None
    template: Mapping[str, Any] = field(repr=False)
    owned: bool = True


@dataclass(frozen=True)
class Snapshot:
    """Versions with their workloads, and their weights; a version without a weight has 0."""

    weights: Mapping[str, int]
    workloads: Mapping[str, Workload]

    def weight(self, version: str) -> int:
        """Return a version's percentage of the traffic."""
        return self.weights.get(version, 0)


def of_resources(resources: Iterable[Mapping[str, Any]]) -> Snapshot:
    """Read the Kubernetes objects out of resources with `type` and `inputs`, as Pulumi's state has them."""
    return of_manifests(
        resource["inputs"]
        for resource in resources
        if resource["type"].startswith("kubernetes:") and resource.get("inputs")
    )


def of_settings(settings: Settings) -> Snapshot:
    """Read the objects that the program makes of these settings."""
    route = routes.virtual_service(
        settings.app, settings.weights, settings.routing, settings.test_routes, settings.mirror
    )
    app, versions = settings.app, settings.versions
    own = {key: version for key, version in versions.items() if version.existing is None}
    deployments = (workload.deployment(app, key, version) for key, version in own.items())
    rules = (
        routes.destination_rule(app, key, version, settings.routing) for key, version in versions.items()
    )
    return of_manifests((route, *deployments, *rules))


def of_manifests(manifests: Iterable[Mapping[str, Any]]) -> Snapshot:
    """Read the VirtualService and the versions' Deployments out of Kubernetes objects."""
    weights: dict[str, int] = {}
    workloads: dict[str, Workload] = {}
    for manifest in manifests:
        spec: Mapping[str, Any] = manifest.get("spec") or {}
        if manifest.get("kind") == "VirtualService":
            weights |= routes.split(spec)
        elif manifest.get("kind") == "DestinationRule":
            workloads |= _existing(manifest)
        elif manifest.get("kind") == "Deployment":
            version = manifest["metadata"]["labels"]["version"]
            replicas = spec.get("replicas")
            template = spec["template"]
            workloads[version] = Workload(
                workload.image(manifest),
                None if replicas is None else int(replicas),
                _without_zeros(template),
            )
    return Snapshot(weights, workloads)


def _existing(rule: Mapping[str, Any]) -> dict[str, Workload]:
    """The workload that somebody else has, whose image is no matter of the stack's."""
    named = rule["metadata"].get("annotations", {}).get(routes.WORKLOAD)
    return {
        subset["name"]: Workload(named, None, {}, owned=False) for subset in rule["spec"]["subsets"] if named
    }


def _without_zeros(value: Any) -> Any:
    """Leave out what is 0 or empty: Pulumi's state does so too, and to Kubernetes it is the same."""
    if isinstance(value, dict):
        members = {key: _without_zeros(item) for key, item in cast("dict[str, Any]", value).items()}
        return {key: item for key, item in members.items() if item or item is False}
    if isinstance(value, list):
        return [_without_zeros(item) for item in cast("list[Any]", value)]
    return value
