"""What is true in the cluster now: the VirtualService, each gateway's Envoy, each version's pods."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ..errors import RolloutError
from ..gateway import envoy
from ..gateway.gateways import Answer, Gateways
from ..gateway.pods import GatewayPod
from ..kubernetes import kubeconfig
from ..kubernetes.api import Api
from ..kubernetes.errors import GatewayError
from ..kubernetes.kubeconfig import Kubeconfig
from ..manifests import workload
from ..manifests.routes import split
from ..profile.profile import Profile
from ..settings.model import KubeconfigCluster, MinikubeCluster, Settings

ROUTING = "/apis/networking.istio.io/v1/namespaces"


@dataclass(frozen=True)
class Writer:
    """Who last wrote an object: a field manager, such as kubectl-patch, and when."""

    manager: str
    time: str


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
        rules: the versions that have a subset in a DestinationRule of the app.
        gateways: every pod of the gateway that serves, or still ends its requests.
        pods: by version.
    """

    route: Mapping[str, int] | None
    route_writer: Writer | None
    rules: frozenset[str]
    gateways: tuple[Gateway, ...]
    pods: Mapping[str, Pods]


def connect(settings: Settings) -> Gateways:
    """Return the connections to the stack's gateways, by the user's kubeconfig; use it in a `with` statement.

    Raises:
        RolloutError: there is no such kubeconfig or context.
    """
    try:
        return Gateways(kubeconfig_of(settings.cluster), settings.routing.gateway_selector)
    except GatewayError as error:
        raise RolloutError(str(error)) from error


def kubeconfig_of(cluster: MinikubeCluster | KubeconfigCluster) -> Kubeconfig:
    """Return where the credentials for a stack's cluster are."""
    if isinstance(cluster, MinikubeCluster):
        named = cluster.minikube.kubeconfig if cluster.minikube else None
        return Profile(cluster.profile, kubeconfig=named).reference
    return kubeconfig.reference(cluster.path, cluster.context)


def target(settings: Settings) -> envoy.Target:
    """Return how the Envoys name the app's route and clusters."""
    return envoy.Target(settings.app.namespace, settings.app.name, settings.app.name)


def read(gateways: Gateways, settings: Settings) -> Live:
    """Read the cluster.

    Raises:
        RolloutError: the API server does not answer, or refuses; or there is no gateway.
    """
    api = gateways.api
    try:
        answers = gateways.ask(lambda admin: envoy.routed_weights(admin.get(envoy.ROUTES), target(settings)))
        route, writer = _route(api, settings)
        return Live(route, writer, _rules(api, settings), _serving(answers), _pods(api, settings))
    except GatewayError as error:
        raise RolloutError(str(error)) from error


def _serving(answers: Sequence[Answer[tuple[dict[str, int], ...]]]) -> tuple[Gateway, ...]:
    """Leave out the pods that get no traffic yet."""
    return tuple(
        Gateway(answer.pod, answer.value or (), str(answer.error) if answer.error else None)
        for answer in answers
        if answer.pod.ready or answer.pod.terminating
    )


def _route(api: Api, settings: Settings) -> tuple[Mapping[str, int] | None, Writer | None]:
    # A list, as a get of what is not there is an error.
    for item in _list(api, f"{ROUTING}/{settings.app.namespace}/virtualservices"):
        if item["metadata"]["name"] == settings.app.name:
            return split(item["spec"]), _writer(item)
    return None, None


def _writer(item: Mapping[str, Any]) -> Writer | None:
    fields: Sequence[Mapping[str, Any]] = item["metadata"].get("managedFields") or []
    wrote = [entry for entry in fields if "f:http" in _owned(entry)]
    if not wrote:
        return None
    last = max(wrote, key=lambda entry: str(entry.get("time")))
    return Writer(last["manager"], str(last.get("time")))


def _owned(entry: Mapping[str, Any]) -> Mapping[str, object]:
    fields: Mapping[str, Any] = entry.get("fieldsV1") or {}
    return fields.get("f:spec") or {}


def _rules(api: Api, settings: Settings) -> frozenset[str]:
    found: set[str] = set()
    for rule in _list(api, f"{ROUTING}/{settings.app.namespace}/destinationrules"):
        if rule["spec"]["host"] == settings.app.name:
            subsets: Sequence[Mapping[str, str]] = rule["spec"].get("subsets") or []
            found |= {subset["name"] for subset in subsets}
    return frozenset(found)


def _pods(api: Api, settings: Settings) -> Mapping[str, Pods]:
    app = settings.app
    query = {"labelSelector": f"app={app.name}"}
    running = _list(api, f"/api/v1/namespaces/{app.namespace}/pods", query)
    found: dict[str, Pods] = {}
    for item in _list(api, f"/apis/apps/v1/namespaces/{app.namespace}/deployments", query):
        version: str | None = item["spec"]["selector"]["matchLabels"].get("version")
        if version is not None:
            ours = [pod for pod in running if pod["metadata"]["labels"].get("version") == version]
            found[version] = Pods(
                workload.image(item),
                int(item["spec"].get("replicas", 1)),
                int(item["status"].get("readyReplicas", 0)),
                frozenset(image for pod in ours for image in _image_ids(pod, app.name)),
            )
    return found


def _image_ids(pod: Mapping[str, Any], container: str) -> list[str]:
    statuses: Sequence[Mapping[str, Any]] = pod["status"].get("containerStatuses") or []
    return [str(status["imageID"]) for status in statuses if status["name"] == container and status["ready"]]


def _list(api: Api, path: str, query: Mapping[str, str] | None = None) -> Sequence[Mapping[str, Any]]:
    return api.get(path, query)["items"]
