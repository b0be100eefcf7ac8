"""What is true in the cluster now: the VirtualService, each gateway's Envoy, each version's pods."""

import shlex
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ..errors import NotAskedError
from ..gateway import envoy
from ..gateway.gateways import Answer, Gateways
from ..gateway.pods import GatewayPod
from ..kubernetes import kubeconfig, workloads
from ..kubernetes.api import Api
from ..kubernetes.errors import GatewayError, KubeconfigError, UnreachableError
from ..kubernetes.kubeconfig import Kubeconfig
from ..kubernetes.workloads import Workload, emptied_at
from ..kubernetes.writers import Writer, last_writer
from ..manifests import workload
from ..manifests.objects import objects as manifests
from ..manifests.routes import split
from ..profile.profile import Profile
from ..pulumi_cli.splits import TextCluster
from ..settings.model import KubeconfigCluster, MinikubeCluster, Settings


@dataclass(frozen=True)
class Gateway:
    """One gateway pod and the splits that its Envoy routes by: one, unless it is between two."""

    pod: GatewayPod
    splits: tuple[Mapping[str, int], ...]
    error: str | None = None

    def holds(self, weights: Mapping[str, int]) -> bool:
        """Whether the Envoy routes by just these weights; a version at 0 is left out of its route."""
        return self.splits == ({version: weight for version, weight in weights.items() if weight},)


@dataclass(frozen=True)
class Pods:
    """A version's Deployment: its image, and how many pods it wants and has ready.

    Attributes:
        image: the image that its pod template names.
        wanted: replicas asked for.
        ready: pods that are ready.
        image_ids: what the nodes say that the ready pods run, such as name@sha256:digest.
    """

    image: str
    wanted: int
    ready: int
    image_ids: frozenset[str]


@dataclass(frozen=True)
class Live:
    """The cluster at one moment.

    Attributes:
        route: the VirtualService's weights; None where it is not there.
        route_writer: who wrote its routes last.
        objects: of the kinds that the app is made of, those in its namespace, by kind and name.
        gateways: every pod of the gateway that serves, or still ends its requests; none where requests alone
            are the evidence.
        pods: by version.
        emptied: when each version that is scaled to 0 was, where Kubernetes' events still tell it.
        kubectl: that command for this cluster, for hints.
    """

    route: Mapping[str, int] | None
    route_writer: Writer | None
    objects: Mapping[tuple[str, str], Mapping[str, Any]]
    gateways: tuple[Gateway, ...]
    pods: Mapping[str, Pods]
    emptied: Mapping[str, str] = field(default_factory=dict[str, str])
    kubectl: str = "kubectl"


def connect(settings: Settings) -> Gateways:
    """Return the connections to the stack's gateways, by the user's kubeconfig; use it in a `with` statement.

    Raises:
        NotAskedError: there is no such kubeconfig or context.
    """
    try:
        return Gateways(kubeconfig_of(settings.cluster), settings.routing.gateway_selector)
    except GatewayError as error:
        raise not_asked(settings.cluster, error) from error


def kubeconfig_of(cluster: MinikubeCluster | KubeconfigCluster) -> Kubeconfig:
    """Return where the credentials for a stack's cluster are."""
    if isinstance(cluster, MinikubeCluster):
        named = cluster.minikube.kubeconfig if cluster.minikube else None
        return Profile(cluster.profile, kubeconfig=named).reference
    if isinstance(cluster, TextCluster):
        return cluster.text
    return kubeconfig.reference(cluster.path, cluster.context)


def not_asked(cluster: MinikubeCluster | KubeconfigCluster, error: Exception) -> NotAskedError:
    """Return the error of a command that cannot ask the cluster: what is wrong, and what to type."""
    if not isinstance(error, UnreachableError | KubeconfigError):
        return NotAskedError(str(error))
    if isinstance(cluster, TextCluster):
        return NotAskedError(str(error))
    if isinstance(cluster, MinikubeCluster):
        start = "make up" if cluster.minikube else shlex.join(["minikube", "start", "-p", cluster.profile])
        look = f"`minikube status -p {cluster.profile}` tells whether it runs; `{start}` starts it"
    else:
        # A shell knows no quoted ~.
        path = cluster.path and str(Path(cluster.path).expanduser())
        given = {"--kubeconfig": path, "--context": cluster.context}
        options = [part for option, value in given.items() if value for part in (option, value)]
        look = f"look at `{shlex.join(['kubectl', *options, 'cluster-info'])}`"
    return NotAskedError(f"{str(error).rstrip('.')}; {look}")


def target(settings: Settings) -> envoy.Target:
    """Return how the Envoys name the app's route and clusters."""
    return envoy.Target(settings.app.namespace, settings.app.name, settings.app.host)


def read(gateways: Gateways, settings: Settings) -> Live:
    """Read the cluster.

    Raises:
        NotAskedError: the API server does not answer, or refuses; or there is no gateway.
    """
    try:
        answers = () if settings.convergence.by_requests else _routed(gateways, settings)
        found = _objects(gateways.api, settings)
        service = found.get(("VirtualService", settings.app.name))
        return Live(
            None if service is None else split(service["spec"]),
            None if service is None else last_writer(service, ("spec", "http")),
            found,
            _serving(answers),
            _pods(gateways.api, settings, found),
            _emptied(gateways.api, settings, found),
            gateways.api.kubectl,
        )
    except GatewayError as error:
        raise not_asked(settings.cluster, error) from error


def _routed(gateways: Gateways, settings: Settings) -> tuple[Answer[tuple[dict[str, int], ...]], ...]:
    return gateways.ask(lambda admin: envoy.routed_weights(admin.get(envoy.ROUTES), target(settings)))


def _serving(answers: Sequence[Answer[tuple[dict[str, int], ...]]]) -> tuple[Gateway, ...]:
    """Leave out the pods that get no traffic yet."""
    return tuple(
        Gateway(answer.pod, answer.value or (), str(answer.error) if answer.error else None)
        for answer in answers
        if answer.pod.ready or answer.pod.terminating
    )


def _objects(api: Api, settings: Settings) -> Mapping[tuple[str, str], Mapping[str, Any]]:
    """The objects of each kind that the app has, by kind and name."""
    kinds = {one["kind"]: one["apiVersion"] for one in manifests(settings)}
    found: dict[tuple[str, str], Mapping[str, Any]] = {}
    for kind, version in kinds.items():
        group = "/api/v1" if version == "v1" else f"/apis/{version}"
        where = f"{group}/namespaces/{settings.app.namespace}/{kind.lower()}s"
        found |= {(kind, item["metadata"]["name"]): item for item in _list(api, where)}
    return found


def _pods(
    api: Api, settings: Settings, objects: Mapping[tuple[str, str], Mapping[str, Any]]
) -> Mapping[str, Pods]:
    app = settings.app
    query = {"labelSelector": f"app={app.name}"}
    running = _list(api, f"/api/v1/namespaces/{app.namespace}/pods", query)
    found: dict[str, Pods] = {}
    for version in settings.versions:
        item = objects.get(("Deployment", f"{app.name}-{version}"))
        if item is not None:
            ours = [pod for pod in running if pod["metadata"]["labels"].get("version") == version]
            found[version] = Pods(
                workload.image(item),
                int(item["spec"].get("replicas", 1)),
                int(item["status"].get("readyReplicas", 0)),
                frozenset(image for pod in ours for image in _image_ids(pod, app.name)),
            )
    return found | dict(_existing(api, settings))


def existing_workloads(
    api: Api, settings: Settings
) -> Iterator[tuple[str, Workload, Mapping[str, Any] | None]]:
    """By version, the workloads that somebody else has, and their objects; None: there is none any more.

    Of one that is gone the labels are those that the config has. Raises GatewayError.
    """
    for version, wanted in settings.versions.items():
        if one := wanted.existing:
            labels = wanted.subset.labels
            found = workloads.read(api, settings.app.namespace, one.kind, one.name, labels)
            known, item = found or (Workload(one.kind, one.name, labels, ""), None)
            yield version, known, item


def existing(api: Api, settings: Settings) -> Mapping[str, Workload]:
    """By version, the workloads that somebody else has. Raises GatewayError."""
    return {version: known for version, known, _ in existing_workloads(api, settings)}


def _existing(api: Api, settings: Settings) -> Iterator[tuple[str, Pods]]:
    """The pods of the workloads that somebody else has."""
    namespace = settings.app.namespace
    for version, known, item in existing_workloads(api, settings):
        if item is not None:
            running = workloads.serving(api, namespace, {version: known})[version].images
            containers: Sequence[Mapping[str, Any]] = item["spec"]["template"]["spec"]["containers"]
            yield (
                version,
                Pods(
                    next(one["image"] for one in containers if one["name"] == known.container),
                    int(item["spec"].get("replicas", 1)),
                    int(item["status"].get("readyReplicas", 0)),
                    frozenset(running),
                ),
            )


def _emptied(
    api: Api, settings: Settings, objects: Mapping[tuple[str, str], Mapping[str, Any]]
) -> Mapping[str, str]:
    found: dict[str, str] = {}
    for version in settings.versions:
        item = objects.get(("Deployment", f"{settings.app.name}-{version}"))
        if item is not None and item["spec"].get("replicas") == 0 and (at := emptied_at(api, item)):
            found[version] = at
    return found


def _image_ids(pod: Mapping[str, Any], container: str) -> list[str]:
    statuses: Sequence[Mapping[str, Any]] = pod["status"].get("containerStatuses") or []
    return [str(status["imageID"]) for status in statuses if status["name"] == container and status["ready"]]


def _list(api: Api, path: str, query: Mapping[str, str] | None = None) -> Sequence[Mapping[str, Any]]:
    return api.get(path, query)["items"]
