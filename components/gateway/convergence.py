"""The two questions of an `up`: can the versions take traffic, and do the gateways send it so?"""

import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass

from ..kubernetes import workloads
from ..kubernetes.api import Api
from ..kubernetes.errors import GatewayError, NotConvergedError
from . import envoy
from .admin import EnvoyAdmin
from .gateways import Answer, Gateways
from .waiting import InterruptedWaitError, wait_until

_ISTIOD = "kubectl get pods -A -l app=istiod"


@dataclass(frozen=True)
class Split:
    """What the gateways are asked about: who they are, and whose split it is.

    `selector` is the Gateway's, for its pods; `target` names the VirtualService and the host.
    """

    kubeconfig: str
    selector: Mapping[str, str]
    target: envoy.Target


@dataclass(frozen=True)
class Proof:
    """One gateway pod and the weights by which its Envoy routed, at a time (UTC, ISO 8601).

    `images` are, by version with traffic, those that its ready pods run, by digest.
    """

    pod: str
    weights: Mapping[str, int]
    at: str
    images: Mapping[str, tuple[str, ...]]


def routes_by(split: Split, weights: Mapping[str, int]) -> bool:
    """Whether every gateway routes by these weights now. Raises GatewayError."""
    with Gateways(split.kubeconfig, split.selector) as gateways:
        return not _otherwise(_routed(gateways, split), weights)


def serves_only(split: Split, images: Mapping[str, Sequence[str]]) -> bool:
    """Whether no version's ready pods run an image that is not among these. Raises GatewayError.

    While a version is being rolled out, its images are in motion and tell nothing.
    """
    target = split.target
    with Api(split.kubeconfig) as api:
        running = workloads.images(api, target.namespace, target.host, images)
        others = tuple(version for version in images if not set(running[version]) <= set(images[version]))
        return len(_not_rolled_out(api, target, others)) == len(others)


def can_take(split: Split, versions: tuple[str, ...]) -> bool:
    """Whether every gateway has healthy endpoints of the versions now. Raises GatewayError."""
    with Gateways(split.kubeconfig, split.selector) as gateways:
        return not _unknown(gateways, split, versions)


def wait_for_versions(split: Split, versions: tuple[str, ...], seconds: float) -> None:
    """Waits until the versions are rolled out and known to every gateway.

    Raises NotConvergedError with what is missing, and the reasons of pods that are not ready.
    """
    target = split.target
    with Gateways(split.kubeconfig, split.selector) as gateways:

        def check() -> tuple[str, ...]:
            for version in versions:
                name = f"{target.host}-{version}"
                reason = workloads.not_rolled_out(gateways.api, target.namespace, name)
                if reason is not None:
                    return (reason,)
            return _unknown(gateways, split, versions)

        try:
            wait_until(check, seconds, lambda: _pod_reasons(gateways, split, versions))
        except NotConvergedError as error:
            stuck = _stuck(gateways.api, split, versions)
            late = tuple(stuck) or versions
            until = "before it was interrupted" if _interrupted(error) else f"within {seconds:g} s"
            raise type(error)(
                _lines(
                    f"Traffic has not moved: {_names(late)} could not take it {until}.",
                    *(stuck.values() or str(error).splitlines()),
                    *_pod_reasons(gateways, split, late),
                    f"Look at: kubectl -n {target.namespace} describe pods -l app={target.host}",
                    "To go on as before, set the config back and run pulumi up.",
                )
            ) from error


def wait_for_weights(split: Split, weights: Mapping[str, int], seconds: float) -> tuple[Proof, ...]:
    """Waits until every gateway routes by the weights, and returns what each one said.

    Raises NotConvergedError with the gateways that route otherwise, and how.
    """
    answers: tuple[Answer[_Weights], ...] = ()
    with Gateways(split.kubeconfig, split.selector) as gateways:

        def check() -> tuple[str, ...]:
            nonlocal answers
            answers = _routed(gateways, split)
            return _otherwise(answers, weights)

        try:
            wait_until(check, seconds, list)
        except NotConvergedError as error:
            after = "when it was interrupted" if _interrupted(error) else f"after {seconds:g} s"
            raise type(error)(
                _lines(
                    f"Not every gateway routes by {_shown(weights)} {after}.",
                    *str(error).splitlines(),
                    f"Look at: {_ISTIOD}, and the log of the gateway's pod.",
                    "To try again, run pulumi up; to go back, set the config back before it.",
                )
            ) from error
        now = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
        target = split.target
        routed = [version for version, weight in weights.items() if weight]
        images = workloads.images(gateways.api, target.namespace, target.host, routed)
    return tuple(Proof(str(one.pod), one.value[0], now, images) for one in answers if one.value)


def not_ready(split: Split, versions: tuple[str, ...]) -> dict[str, str]:
    """Which of the versions are not rolled out, and why. Raises GatewayError."""
    with Api(split.kubeconfig) as api:
        return _not_rolled_out(api, split.target, versions)


def wait_for_last_requests(split: Split, version: str, seconds: float) -> None:
    """Waits until no gateway has a request in flight to the version, or the time is over.

    Where no gateway can be asked there is nothing to wait for; one that was asked and does not answer now
    has what it had.
    """
    active: dict[str, int] = {}

    def requests(admin: EnvoyAdmin) -> int:
        return envoy.active_requests(admin.get(envoy.CLUSTERS), split.target, version)

    def check() -> tuple[str, ...]:
        nonlocal active
        with suppress(GatewayError):
            answers = gateways.ask(requests)
            counts = {str(one.pod): one.value for one in answers}
            active = {pod: active.get(pod, 0) if count is None else count for pod, count in counts.items()}
        return tuple(f"{pod}: {count} requests" for pod, count in active.items() if count)

    # A kubeconfig of the last `up` may name what this machine lacks; the version can go all the same.
    with suppress(GatewayError), Gateways(split.kubeconfig, split.selector) as gateways:
        wait_until(check, seconds)


_Weights = tuple[dict[str, int], ...]


def _routed(gateways: Gateways, split: Split) -> tuple[Answer[_Weights], ...]:
    return gateways.ask(lambda admin: envoy.routed_weights(admin.get(envoy.ROUTES), split.target))


def _otherwise(answers: tuple[Answer[_Weights], ...], weights: Mapping[str, int]) -> tuple[str, ...]:
    """A sentence for every gateway that does not route by the weights.

    A pod that is not ready gets no traffic, so it counts only once its Envoy has the route. One that
    terminates must follow, for the requests that it still has, and proves nothing for those to come.
    """
    wanted = {version: weight for version, weight in weights.items() if weight}
    wrong: list[str] = []
    proven = 0
    for answer in answers:
        idle = not answer.pod.ready
        if answer.value == (wanted,):
            proven += answer.pod.serves
        elif answer.value:
            shown = " and ".join(_shown(one) for one in answer.value)
            wrong.append(f"gateway {answer.pod} still routes by {shown}")
        elif not idle:
            reason = answer.error or "it has no route of the VirtualService"
            wrong.append(f"gateway {answer.pod}: {reason}")
    if not proven and not wrong:
        wrong.append("no gateway is ready")
    return tuple(wrong)


def _unknown(gateways: Gateways, split: Split, versions: tuple[str, ...]) -> tuple[str, ...]:
    """A sentence for every gateway that cannot send to one of the versions.

    One that terminates has to, for the requests that it still has, and does not do alone.
    """

    def endpoints(admin: EnvoyAdmin) -> list[str]:
        dump = admin.get(envoy.endpoints_target(split.target))
        found = {one: envoy.healthy_endpoints(dump, split.target, one) for one in versions}
        return [
            f"has no {'cluster' if healthy is None else 'healthy endpoint'} of {version}"
            for version, healthy in found.items()
            if not healthy
        ]

    wrong: list[str] = []
    ready = [answer for answer in gateways.ask(endpoints) if answer.pod.ready]
    for answer in ready:
        reasons = [str(answer.error)] if answer.value is None else answer.value
        wrong += [f"gateway {answer.pod} {reason}" for reason in reasons]
    if not wrong and not any(answer.pod.serves for answer in ready):
        wrong.append("no gateway is ready")
    return tuple(wrong)


def _not_rolled_out(api: Api, target: envoy.Target, versions: tuple[str, ...]) -> dict[str, str]:
    """The versions that are not rolled out, and why. Raises GatewayError."""
    reasons = {
        version: workloads.not_rolled_out(api, target.namespace, f"{target.host}-{version}")
        for version in versions
    }
    return {version: reason for version, reason in reasons.items() if reason is not None}


def _stuck(api: Api, split: Split, versions: tuple[str, ...]) -> dict[str, str]:
    """The same of a cluster that may be unable to answer: then nothing is known."""
    try:
        return _not_rolled_out(api, split.target, versions)
    except GatewayError:
        return {}


def _pod_reasons(gateways: Gateways, split: Split, versions: tuple[str, ...]) -> list[str]:
    reasons: list[str] = []
    for version in versions:
        labels = {"app": split.target.host, "version": version}
        try:
            reasons += workloads.pod_reasons(gateways.api, split.target.namespace, labels)
        except GatewayError as error:
            reasons.append(str(error))
    return reasons


def _interrupted(error: NotConvergedError) -> bool:
    return isinstance(error, InterruptedWaitError)


def _names(versions: tuple[str, ...]) -> str:
    return ("version " if len(versions) == 1 else "versions ") + ", ".join(versions)


def _shown(weights: Mapping[str, int]) -> str:
    return ", ".join(f"{version} {weight} %" for version, weight in sorted(weights.items()))


def _lines(*lines: str) -> str:
    return "\n  ".join(lines)
