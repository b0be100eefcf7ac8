"""The way back at once: the routes first, the proof in every gateway's Envoy, and Pulumi's state after it."""

import time
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from ...errors import RolloutError
from ...gateway import chain
from ...gateway.chain import Split, Wanted
from ...gateway.envoy import Target
from ...gateway.finding import failures
from ...gateway.gateways import Gateways
from ...gateway.waiting import wait_until
from ...history import past as pasts
from ...history import record, routes
from ...history.past import Cause, Past
from ...kubernetes import istio
from ...kubernetes.api import Api
from ...kubernetes.errors import GatewayError
from ...kubernetes.kubeconfig import Kubeconfig
from ...kubernetes.workloads import Workload
from ...manifests.routes import WORKLOAD, split
from ...observation import live
from ...pulumi_cli import config, locks, project, splits, stack
from ...settings.mistakes import ConfigError
from ...settings.model import App, KubeconfigCluster, MinikubeCluster
from ...settings.parse import parse_parts
from ..shift import journal
from .target import Candidate, choose, judged, must_be_known, served

_PROOF_SECONDS = 60
_UP_SECONDS = 300
_LOOK_SECONDS = 0.2


@dataclass(frozen=True)
class Place:
    """Where the routes are.

    Attributes:
        cluster: as the config has it.
        kubeconfig: of the cluster.
        app: the app.
        selector: the gateways' labels.
        existing: the workloads that somebody else has, by version.
    """

    cluster: MinikubeCluster | KubeconfigCluster
    kubeconfig: Kubeconfig
    app: App
    selector: Mapping[str, str]
    existing: Mapping[str, Workload]

    @property
    def path(self) -> str:
        """The VirtualService's path at the API server."""
        return istio.virtual_service(self.app.namespace, self.app.name)

    @property
    def split(self) -> Split:
        """What the gateways are asked about."""
        app = self.app
        target = Target(app.namespace, app.name, app.host, existing=self.existing)
        return Split(self.kubeconfig, self.selector, target)


def rollback_now(name: str, to: int | None) -> Past:
    """Route by the split from before, prove that in every gateway, then let Pulumi write its state.

    Neither Pulumi nor its backend is asked before traffic is back, but for the state of another program;
    of the config only `cluster` and `app` must be right.

    Raises:
        RolloutError: there is no such split, it cannot be served, or the gateways do not follow; or
            traffic is back and the state could not be written, which the text says.
    """
    past = _move(name, to)
    project.say(f"rollback: traffic is back: every gateway routes by {past}")
    with _goes_on(name, f"Traffic is back at {past}, and Pulumi's state does not have it yet."):
        _write_state(name, past)
    journal.remove_killed(name)
    return past


def candidates(name: str) -> list[Candidate]:
    """Return the splits that the cluster tells, the newest first, and whether they could be served now.

    Raises:
        RolloutError: the cluster cannot be asked.
    """
    place = _place(name)
    with _asking(place.cluster), Gateways(place.kubeconfig, place.selector) as gateways:
        found = gateways.api.get(place.path)
        others = _others(found, served(gateways.api, place.app, found, place.existing))
        return [_judged(gateways, place, past) for past in others]


def _move(name: str, to: int | None) -> Past:
    place = _place(name)
    with _asking(place.cluster), Gateways(place.kubeconfig, place.selector) as gateways:
        found = gateways.api.get(place.path)
        past = served(gateways.api, place.app, found, place.existing)
        # What was interrupted goes on; a second one that somebody types in an incident moves nothing.
        if to is None and pasts.is_rolled_back(record.read(found), past):
            project.say(f"rollback: traffic was rolled back to {past} already; --to N goes further back")
        else:
            others = _others(found, past)
            past = choose(others, to, lambda one: _judged(gateways, place, one))
            project.say(f"rollback: {_shown(found)} → {past}")
            # The mark first: an `up` that looks for it before its own write then stops.
            at = gateways.api.clock.latest(time.time())
            mark = Past(round(at, 3), Cause.rollback, past.weights, past.images)
            record.add(gateways.api, place.path, mark)
            routes.write(gateways.api, place.path, past)
        with _goes_on(name, f"The VirtualService has {past}, {project.config_file(name).name} may not."):
            _prove(gateways, place, past)
            if running := _at_work(name):
                project.say(f"rollback: every gateway routes by {past}; watching {running}")
                _watch(name, gateways, place, past)
        return past


@contextmanager
def _asking(cluster: MinikubeCluster | KubeconfigCluster) -> Generator[None]:
    """Raises NotAskedError where the block cannot ask the cluster."""
    try:
        yield
    except GatewayError as error:
        raise live.not_asked(cluster, error) from error


@contextmanager
def _goes_on(name: str, so_far: str) -> Generator[None]:
    """Tell what is done and what to type where the block fails or is interrupted."""
    said = f"{so_far} To go on, type: blue-green rollback --now {splits.options(name)}"
    try:
        yield
    except (GatewayError, RolloutError) as error:
        msg = f"{error}\n{said}"
        raise RolloutError(msg) from error
    except KeyboardInterrupt:
        project.say(f"rollback: {said}")
        raise


def _watch(name: str, gateways: Gateways, place: Place, past: Past) -> None:
    """Stay until what runs has ended; what an `up` wrote before it saw the mark is written over.

    So is where a shift goes back to, which sees that it was overtaken or whose `up` fails by the mark.
    """
    deadline = time.monotonic() + _UP_SECONDS
    while True:
        running = _at_work(name)
        if split(gateways.api.get(place.path)["spec"]) != past.weights:
            project.say(f"rollback: traffic was moved meanwhile; back to {past} again")
            routes.write(gateways.api, place.path, past)
            _prove(gateways, place, past)
        if not running:
            return
        if time.monotonic() > deadline:
            msg = (
                f"every gateway routes by {past}, and {running} has not ended in {_UP_SECONDS} s: look at it"
            )
            raise RolloutError(msg)
        time.sleep(_LOOK_SECONDS)


def _at_work(name: str) -> str:
    """What else moves the stack's traffic from this host, in words; empty where nothing does."""
    shift = journal.read(name)
    if shift is not None and shift.is_running and shift.concerns(splits.named()):
        return f"the shift of process {shift.pid}"
    return f"the `up` of process {running[0]}" if (running := locks.engines(name)) else ""


def _prove(gateways: Gateways, place: Place, past: Past) -> None:
    """Raises NotConvergedError where a gateway does not follow."""

    def check() -> tuple[str, ...]:
        found = chain.look_at_all(gateways, place.split, Wanted(past.weights))
        failed = failures(chain.judged(gateways, place.split, found))
        return tuple(one.told(gateways.api.kubectl) for one in failed)

    wait_until(check, _PROOF_SECONDS, list)


def _others(virtual_service: Mapping[str, Any], now: Past) -> list[Past]:
    """The splits that may be gone back to; another image alone is no other route."""
    return [past for past in pasts.targets(record.read(virtual_service)) if past.weights != now.weights]


def _judged(gateways: Gateways, place: Place, past: Past) -> Candidate:
    found = judged(gateways, place.split, past)
    if found.obstacle is None and found.restarts:
        reason = (
            f"{', '.join(found.restarts)} runs another image now: `rollback` without --now brings it back"
        )
        return Candidate(past, reason)
    return found


def _place(name: str) -> Place:
    """Read as little of the config as can be: it may be wrong elsewhere."""
    if not config.is_ours(name):
        # Another program's: its state knows where the cluster is, so Pulumi's backend is needed.
        settings = config.settings(name)
        config.weights_key(name)
        cluster, app = settings.cluster, settings.app
        kubeconfig = live.kubeconfig_of(cluster)
        with _asking(cluster), Api(kubeconfig) as api:
            selector = settings.routing.gateway_selector
            return Place(cluster, kubeconfig, app, selector, _existing(api, app))
    try:
        cluster, app = parse_parts(_values(name))
    except ConfigError as error:
        msg = f"{project.config_file(name).name}: {error}"
        raise RolloutError(msg) from error
    kubeconfig = live.kubeconfig_of(cluster)
    with _asking(cluster), Api(kubeconfig) as api:
        named: str = api.get(istio.virtual_service(app.namespace, app.name))["spec"]["gateways"][0]
        gateway = api.get(istio.gateway(app.namespace, named))
        return Place(cluster, kubeconfig, app, gateway["spec"]["selector"], _existing(api, app))


def _existing(api: Api, app: App) -> Mapping[str, Workload]:
    """The workloads that somebody else has, as the DestinationRules of their versions name them."""
    rules: list[Mapping[str, Any]] = api.get(f"{istio.GROUP}/namespaces/{app.namespace}/destinationrules")[
        "items"
    ]
    found: dict[str, Workload] = {}
    for rule in rules:
        kind, _, workload_name = rule["metadata"].get("annotations", {}).get(WORKLOAD, "").partition(" ")
        if kind and rule["spec"]["host"] == app.host:
            subsets: list[Mapping[str, Any]] = rule["spec"]["subsets"]
            found |= {
                one["name"]: Workload(kind, workload_name, one.get("labels") or {}, "") for one in subsets
            }
    return found


def _values(name: str) -> Mapping[str, Any]:
    """The file's own values: to be told of them Pulumi would have to be asked."""
    if not project.config_file(name).exists():
        raise RolloutError(f"there is no {project.config_file(name)}")
    ours = f"{project.NAME}:"
    values = {key: config.read(value) for key, value in project.written(name).items()}
    return {key.removeprefix(ours): value for key, value in values.items() if key.startswith(ours)}


def _shown(virtual_service: Mapping[str, Any]) -> str:
    return ", ".join(f"{version} {weight} %" for version, weight in split(virtual_service["spec"]).items())


def _write_state(name: str, past: Past) -> None:
    settings = config.settings(name)
    must_be_known(name, settings, past)
    for line in config.write_split(name, settings, past):
        project.say(line)
    project.say("rollback: `pulumi up` writes the same into the state")
    stack.converge(name, Cause.rollback, f"to {past}, at once", quiet=True)
