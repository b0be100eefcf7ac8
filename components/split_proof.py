"""The Pulumi resources that hold the order: before the VirtualService, after it, and at the end.

They ask the gateways in `diff`, which Pulumi calls on every `up` and preview, and wait in
`create` and `update`. Pulumi pickles the providers by name, so the program's folder must hold
this module. Why not hooks: docs/order.md.
"""

import dataclasses
import sys
import time
from collections.abc import Collection, Mapping, Sequence
from functools import cache
from typing import Any

import pulumi
from pulumi import dynamic

from . import later
from .gateway import convergence as proof
from .gateway import serving
from .gateway.beside import Beside, of_rule
from .gateway.chain import Entrance, Wanted
from .gateway.envoy import Target
from .gateway.last_requests import wait_for_last_requests
from .gateway.room import Room, too_few
from .gateway.waiting import say
from .history import record
from .kubernetes import istio
from .kubernetes.api import Api
from .kubernetes.errors import GatewayError
from .kubernetes.kubeconfig import Kubeconfig
from .kubernetes.question import Question
from .kubernetes.workloads import Workload
from .manifests.manifest import Manifest
from .observation import endpoint
from .provider import Carried, Provider, kubeconfig_input, plain_errors

# Inputs that may be left out: one that is gone is a change too.
_OPTIONAL = ("beside", "callers", "drawnBy", "evidence", "ports", "room", "tlsSecret")
# Inputs that are no matter of a proof: Pulumi's pickled provider, and what the commands read.
_UNPROVED = ("__provider", "config")
# The inputs by which the Gateway is another one.
_ENTRANCE = ("gateway", "gatewaySelector", "hosts", "tlsSecret")


def split_inputs(
    kubeconfig: pulumi.Input[Kubeconfig], gateway: Manifest, virtual_service: Manifest, host: str
) -> dict[str, Any]:
    """The inputs that say which gateways and whose split."""
    return {
        "kubeconfig": kubeconfig_input(kubeconfig),
        "gatewaySelector": gateway["spec"]["selector"],
        "namespace": virtual_service["metadata"]["namespace"],
        "virtualService": virtual_service["metadata"]["name"],
        "host": host,
    }


def chain_inputs(gateway: Manifest, virtual_service: Manifest) -> dict[str, Any]:
    """The inputs that say which way the requests take; the states of the first releases lack them."""
    (server, *others), (*beside, route) = gateway["spec"]["servers"], virtual_service["spec"]["http"]
    secret = {"tlsSecret": server["tls"]["credentialName"]} if "tls" in server else {}
    port = _port(route)
    # Those of the app's further ports that the gateways have a way to.
    more = sorted({_port(one) for one in beside if of_rule(one).matches} - {port}) if others else []
    return {
        "gateway": gateway["metadata"]["name"],
        "hosts": server["hosts"],
        "port": port,
        **({"ports": more} if more else {}),
        **secret,
        **({"beside": beside} if beside else {}),
    }


def _port(rule: Mapping[str, Any]) -> int:
    return rule["route"][0]["destination"]["port"]["number"]


def _split(props: Mapping[str, Any]) -> proof.Split:
    port = props.get("port")
    target = Target(
        props["namespace"],
        props["virtualService"],
        props["host"],
        tuple(int(one) for one in (port, *props.get("ports", ())) if one),
        {version: Workload(**one) for version, one in props.get("existing", {}).items()},
    )
    entrance = (
        Entrance(props["gateway"], tuple(props["hosts"]), props.get("tlsSecret"))
        if "gateway" in props
        else None
    )
    by_requests = props.get("evidence") == "requests"
    callers = bool(props.get("callers"))
    return proof.Split(props["kubeconfig"], props["gatewaySelector"], target, entrance, by_requests, callers)


def _wanted(props: Mapping[str, Any]) -> Wanted:
    port = props.get("port")
    for_callers = tuple(of_rule(rule, for_callers=True) for rule in props.get("beside") or ())
    return Wanted(
        _weights(props),
        props.get("route"),
        _beside(props),
        port and int(port),
        for_callers,
        props.get("drawnBy", ""),
    )


def _beside(props: Mapping[str, Any]) -> tuple[Beside, ...]:
    return tuple(of_rule(rule) for rule in props.get("beside") or ())


def _weights(props: Mapping[str, Any]) -> dict[str, int]:
    """The versions with traffic. Pulumi hands over every number as a float."""
    return {version: int(weight) for version, weight in props["weights"].items()}


def _decided(olds: Mapping[str, Any]) -> frozenset[str]:
    """What requests told at the last proof, where the configuration did not."""
    proofs: list[Mapping[str, Any]] = olds.get("proof") or []
    return frozenset(text for one in proofs for text in one.get("undecided") or ())


def _is_same(olds: Mapping[str, Any], news: Mapping[str, Any]) -> bool:
    """Whether the split is that of the last `up`; one elsewhere, or of another name, serves nothing yet."""
    return all(olds.get(key) == news[key] for key in ("kubeconfig", "namespace", "virtualService"))


def _room(olds: Mapping[str, Any], news: Mapping[str, Any]) -> Room:
    """What the move asks of the ready pods."""
    before = _weights(olds) if _is_same(olds, news) else {}
    return room_of(news, before, int(news["room"]), olds.get("existing", {}))


def room_of(
    props: Mapping[str, Any], before: Mapping[str, int], percent: int, existing: Mapping[str, Any]
) -> Room:
    """What a move from the weights `before` asks; `existing` are workloads of others as they were."""
    after = _weights(props)
    target = _split({**props, "existing": {**existing, **props.get("existing", {})}}).target
    return Room(before, after, percent, {one: target.workload(one) for one in {*before, *after}})


def _proved(olds: Mapping[str, Any]) -> serving.Served:
    """What served at the last proof; it was read once for all gateways."""
    proofs: list[Mapping[str, Any]] = olds.get("proof") or []
    first: Mapping[str, Any] = proofs[0] if proofs else {}
    return serving.Served(first.get("images", {}), first.get("templates", {}))


def _changed(olds: Mapping[str, Any], news: Mapping[str, Any]) -> bool:
    """Whether an input is another one that matters; `olds` holds outputs as well."""
    keys = {*news, *_OPTIONAL}.difference(_UNPROVED)
    return any(olds.get(key) != news.get(key) for key in keys)


def _gaining(olds: Mapping[str, Any], news: Mapping[str, Any]) -> tuple[str, ...]:
    """The versions that get more than before, a test route or copies, or whose workload is another one."""
    # Of another split, of other gateways and of another port nothing is known.
    asked_by = ("gatewaySelector", "ports")
    known = _is_same(olds, news) and all(olds.get(key) == news.get(key) for key in asked_by)
    # The states of the first releases have no port.
    known = known and olds.get("port", news.get("port")) == news.get("port")
    before = _weights(olds) if known else {}
    known_beside = {rule.reached for rule in _beside(olds)} if known else set[str]()
    workloads = olds.get("workloads", {})
    weights = _weights(news)
    reached = {*weights, *(rule.reached for rule in _beside(news))}
    return tuple(
        version
        for version in sorted(reached)
        if weights.get(version, 0) > before.get(version, 0)
        or not (version in before or version in known_beside)
        or news["workloads"][version] != workloads.get(version)
    )


def _record(props: Mapping[str, Any]) -> None:
    """Notes the split in the cluster; where that cannot be, `rollback --now` alone misses it."""
    try:
        with Api(props["kubeconfig"]) as api:
            where = istio.virtual_service(props["namespace"], props["virtualService"])
            record.add(api, where, record.proved(_weights(props), props["images"]))
    except GatewayError as error:
        print(f"`rollback --now` will not know this split: {error}", file=sys.stderr, flush=True)


@cache
def _drains_began() -> float:
    """When the first drain of this process began: all of them come after the one move of an `up`."""
    return time.monotonic()


def _questions(props: Mapping[str, Any], versions: tuple[str, ...]) -> dict[str, Question]:
    """What these versions are asked; nothing by the state of an older `up`, which lacks the input."""
    questions: Mapping[str, Mapping[str, Any]] = props.get("questions") or {}
    return {
        version: Question(int(one["port"]), one["path"], one["headers"])
        for version, one in questions.items()
        if version in versions
    }


class ReadyProvider(Provider):
    """Waits until the versions that are to get traffic can take it."""

    def create(self, props: dict[str, Any]) -> dynamic.CreateResult:
        """Waits for every version that has a weight."""
        self._wait({}, props)
        return dynamic.CreateResult(props["virtualService"], props)

    def diff(self, _id: str, _olds: dict[str, Any], _news: dict[str, Any]) -> dynamic.DiffResult:
        """A change of inputs; or none, but a gateway lost a version that has traffic."""
        if _changed(_olds, _news):
            return dynamic.DiffResult(changes=True)
        routed = tuple(_weights(_news))
        try:
            return dynamic.DiffResult(changes=not proof.can_take(_split(_news), routed))
        except GatewayError:
            return dynamic.DiffResult(changes=True)

    def update(self, _id: str, _olds: dict[str, Any], _news: dict[str, Any]) -> dynamic.UpdateResult:
        """Waits for the versions that get more, so that nothing blocks a move away from one."""
        self._wait(_olds, _news)
        return dynamic.UpdateResult(_news)

    @plain_errors()
    def _wait(self, olds: Mapping[str, Any], news: Mapping[str, Any]) -> None:
        split = _split(news)
        if news.get("tlsSecret") and any(olds.get(key) != news[key] for key in _ENTRANCE):
            proof.check_certificate(split)
        # Where its VirtualService is gone, every version is cut off, a sound one too: it is written first,
        # and what a version lacks fails the proof behind it.
        if _is_same(olds, news) and not proof.is_routed(split):
            return
        gaining = _gaining(olds, news)
        lost = () if gaining or _changed(olds, news) else tuple(_weights(news))
        if gaining or lost:
            questions = _questions(news, gaining)
            room = _room(olds, news) if gaining and news.get("room") else None
            proof.wait_for_versions(split, gaining or lost, news["timeoutSeconds"], questions, room)


class ConvergedProvider(Provider):
    """Waits until every gateway routes by the weights; its output `proof` is what they said."""

    def create(self, props: dict[str, Any]) -> dynamic.CreateResult:
        """Waits."""
        return dynamic.CreateResult(props["virtualService"], self._wait({}, props))

    def diff(self, _id: str, _olds: dict[str, Any], _news: dict[str, Any]) -> dynamic.DiffResult:
        """A change of inputs; or none, but a gateway routes otherwise, or to an image without a proof."""
        if _changed(_olds, _news):
            return dynamic.DiffResult(changes=True)
        split = _split(_news)
        try:
            holds = _holds(_news, _olds) and serving.serves_only(split, _proved(_olds), _own(_news))
            return dynamic.DiffResult(changes=not holds)
        except GatewayError:
            return dynamic.DiffResult(changes=True)

    def update(self, _id: str, _olds: dict[str, Any], _news: dict[str, Any]) -> dynamic.UpdateResult:
        """Waits."""
        return dynamic.UpdateResult(self._wait(_olds, _news))

    @plain_errors()
    def _wait(self, olds: Mapping[str, Any], props: Mapping[str, Any]) -> dict[str, Any]:
        split, weights, seconds = _split(props), _weights(props), props["timeoutSeconds"]
        served = serving.wait_for_replaced(split, weights, _own(props), _proved(olds), seconds)
        hosts = [endpoint.recorded(one) for one in props.get("requests") or ()]
        if split.by_requests:
            from .observation import requests_alone

            requests_alone.wait_for_answers(split, props["marks"], hosts, seconds)
            proofs = requests_alone.proofs(weights, hosts)
            if split.callers:
                say(
                    "callers in the mesh are not proved: with convergence.evidence requests, nobody asks them"
                )
        else:
            proofs = proof.wait_for_weights(split, _wanted(props), seconds)
        undecided = tuple(dict.fromkeys(text for one in proofs for text in one.undecided))
        if not split.by_requests and (hosts or undecided):
            # The HTTP client takes longer to import than all else here, and no other call needs it.
            from .observation import own_requests

            own_requests.prove(split, weights, hosts, undecided)
        _record(props)
        pods = dataclasses.asdict(served)
        return {**props, "proof": [dataclasses.asdict(one) | pods for one in proofs]}


def _own(props: Mapping[str, Any]) -> Collection[str]:
    """The versions with traffic whose workload is the stack's own; no other has an image in the config."""
    return props.get("images", {}).keys()


def _holds(news: Mapping[str, Any], olds: Mapping[str, Any]) -> bool:
    """Whether the last proof would be one now too. Raises GatewayError."""
    split = _split(news)
    if not split.by_requests:
        return proof.holds(split, _wanted(news), _decided(olds))
    from .observation import requests_alone

    hosts = [endpoint.recorded(one) for one in news.get("requests") or ()]
    return requests_alone.all_arrive(news["marks"], hosts)


class DrainProvider(Provider):
    """Stands for a version's requests: its deletion waits until the last of them has ended."""

    def create(self, props: dict[str, Any]) -> dynamic.CreateResult:
        """Nothing but the entry in the state."""
        return dynamic.CreateResult(props["version"], props)

    def update(self, _id: str, _olds: dict[str, Any], _news: dict[str, Any]) -> dynamic.UpdateResult:
        """Nothing but the entry in the state."""
        return dynamic.UpdateResult(_news)

    def diff(self, _id: str, _olds: dict[str, Any], _news: dict[str, Any]) -> dynamic.DiffResult:
        """A change of inputs."""
        return dynamic.DiffResult(changes=_changed(_olds, _news))

    def delete(self, _id: str, _props: dict[str, Any]) -> None:
        """Waits; a gateway that is gone has no requests.

        Pulumi serves four at a time, so what is left of the time counts from when the first began.
        """
        left = _drains_began() + _props["drainSeconds"] - time.monotonic()
        wait_for_last_requests(_split(_props), _props["version"], max(0, left))


def idle_warnings(props: Mapping[str, Any], versions: tuple[str, ...]) -> tuple[str, ...]:
    """A sentence for each version without traffic that could not take any now."""
    try:
        reasons = proof.not_ready(_split(props), versions)
    except GatewayError as error:
        return (f"whether the versions without traffic are ready is unknown: {error}",)
    return tuple(
        f"version {version} gets no traffic and is not ready yet: {reason}"
        for version, reason in reasons.items()
    )


def crowded(api: Api, props: Mapping[str, Any], before: Mapping[str, int], percent: int) -> Sequence[str]:
    """A sentence for each version that is to get more than it has ready pods for now. Raises GatewayError."""
    return too_few(api, props["namespace"], room_of(props, before, percent, {}))


class SplitReady(Carried, name="SplitReady"):
    """Stands before the VirtualService: while it fails, traffic does not move.

    `weights` are those of the last time that it asked.
    """

    weights: pulumi.Output[Mapping[str, float]]

    def __init__(self, name: str, props: Mapping[str, Any], opts: pulumi.ResourceOptions) -> None:
        super().__init__(ReadyProvider(), name, later.filled(dict(props)), opts)


class SplitConverged(Carried, name="SplitConverged"):
    """Stands after the VirtualService: while it fails, `up` fails.

    `weights` are the last that were proved.
    """

    weights: pulumi.Output[Mapping[str, float]]
    proof: pulumi.Output[list[Mapping[str, Any]]]

    def __init__(self, name: str, props: Mapping[str, Any], opts: pulumi.ResourceOptions) -> None:
        super().__init__(ConvergedProvider(), name, later.filled({**props, "proof": None}), opts)


class VersionDrain(Carried, name="VersionDrain"):
    """Stands after a version's rule: deleted before it and before the Deployment."""

    def __init__(self, name: str, props: Mapping[str, Any], opts: pulumi.ResourceOptions) -> None:
        super().__init__(DrainProvider(), name, later.filled(dict(props)), opts)
