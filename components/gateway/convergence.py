"""The two questions of an `up`: can the versions take traffic, and do the gateways send it so?"""

import time
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass

from ..kubernetes import workloads
from ..kubernetes.api import Api
from ..kubernetes.errors import GatewayError, NotConvergedError
from ..kubernetes.question import Question, refusal
from . import chain, envoy
from .admin import EnvoyAdmin
from .callers import Sampled, of_split, of_versions, refuse_ambient
from .causes import causes, virtual_service
from .certificates import unusable
from .chain import Seen, Split, Wanted, shown
from .finding import Finding, Grade, Link, failures
from .gateways import Answer, Gateways
from .room import Room, too_few
from .serving import not_rolled_out, pod_reasons, selector, with_cure
from .waiting import HopelessWaitError, InterruptedWaitError, outcome, say, wait_until

# Envoys follow within a fraction of a second; what takes longer has a reason, which is asked for as often.
_REASON_SECONDS = 2
_MORE_PODS = "raise its replicas or autoscaling.min, or lower convergence.room"


@dataclass(frozen=True)
class Proof:
    """One gateway pod and the weights by which its Envoy routed, at a time (UTC, ISO 8601).

    `undecided` is what the Envoy's configuration alone does not tell: requests have to.
    """

    pod: str
    weights: Mapping[str, int]
    at: str
    undecided: tuple[str, ...] = ()


def holds(split: Split, wanted: Wanted, decided: Collection[str] = ()) -> bool:
    """Whether every gateway sends requests as wanted now, link by link. Raises GatewayError.

    `decided` is what was undecided, and requests have told since.
    """
    with Gateways(split.kubeconfig, split.selector) as gateways:
        answers = chain.look_at_all(gateways, split, wanted)
        found = (*chain.judged(gateways, split, answers), *unusable(gateways, split.entrance))
        if split.callers and not failures(found):
            found = (*found, *of_split(gateways, split, wanted, 0).look().findings)
    undecided = {text for answer in answers if answer.value for text in _undecided(answer.value)}
    if failures(found) or not undecided <= set(decided):
        return False
    _say_notes(answers)
    return True


def check_certificate(split: Split) -> None:
    """Looks whether every gateway finds the certificate of the entrance. Raises HopelessWaitError."""
    with Gateways(split.kubeconfig, split.selector) as gateways:
        failing = failures(unusable(gateways, split.entrance))
        if failing:
            said = (one.told(gateways.api.kubectl) for one in failing)
            raise HopelessWaitError(_lines("The Gateway has not changed:", *said))


def can_take(split: Split, versions: tuple[str, ...]) -> bool:
    """Whether every gateway has healthy endpoints of the versions now. Raises GatewayError."""
    with Gateways(split.kubeconfig, split.selector) as gateways:
        return not failures(lacking(gateways, split, versions))


def is_routed(split: Split) -> bool:
    """Whether the VirtualService is there. Raises GatewayError."""
    with Api(split.kubeconfig) as api:
        return virtual_service(api, split.target) is not None


def wait_for_versions(
    split: Split,
    versions: tuple[str, ...],
    seconds: float,
    questions: Mapping[str, Question] | None = None,
    room: Room | None = None,
) -> None:
    """Waits until the versions are rolled out, known to every gateway, have room, and answer what is asked.

    Raises NotConvergedError with what is missing, and the reasons of pods that are not ready.
    """
    target = split.target
    with Gateways(split.kubeconfig, split.selector) as gateways:
        asked = split.callers and not split.by_requests
        callers = of_versions(gateways, split, versions, seconds / 2) if asked else None

        def look() -> tuple[Finding, ...]:
            for version in versions:
                reason = workloads.not_rolled_out(gateways.api, target.namespace, target.workload(version))
                if reason is not None:
                    return (Finding(Link.ENDPOINTS, reason),)
            found = lacking(gateways, split, versions)
            if callers is not None and not failures(found):
                found = (*found, *callers.look().missing)
            if not failures(found) and room is not None:
                few = too_few(gateways.api, target.namespace, room)
                found = (*found, *(Finding(Link.ENDPOINTS, one, _MORE_PODS) for one in few))
            return found if failures(found) else (*found, *_silent(gateways.api, split, questions or {}))

        if split.callers and (ambient := refuse_ambient(gateways, target.namespace)):
            raise HopelessWaitError(_lines("Traffic has not moved:", ambient.told(gateways.api.kubectl)))
        try:
            check = _explained(gateways, split, versions, look)
            wait_until(check, seconds, lambda: pod_reasons(gateways.api, target, versions))
        except NotConvergedError as error:
            said, rest = outcome(error, f"within {seconds:g} s")
            if isinstance(error, InterruptedWaitError):
                # Whoever interrupts does not wait for reasons.
                first = f"Traffic has not moved: {_names(versions)} could not take it{said}"
                raise type(error)(_lines(first, *rest)) from error
            stuck = _stuck(gateways.api, split, versions)
            late = tuple(stuck) or versions
            raise type(error)(
                _lines(
                    f"Traffic has not moved: {_names(late)} could not take it{said}",
                    *(stuck.values() or rest),
                    *pod_reasons(gateways.api, target, late),
                    f"Look at: {gateways.api.kubectl} -n {target.namespace} describe pods "
                    f"-l {selector(target, late)}",
                    "To go on as before, set the config back and run pulumi up.",
                )
            ) from error


def wait_for_weights(split: Split, wanted: Wanted, seconds: float) -> tuple[Proof, ...]:
    """Waits until every gateway sends requests as wanted, link by link, and returns what each one said.

    Raises NotConvergedError with the links that do not.
    """
    answers: tuple[Answer[Seen], ...] = ()
    sampled: Sampled | None = None
    with Gateways(split.kubeconfig, split.selector) as gateways:
        callers = of_split(gateways, split, wanted, seconds / 2) if split.callers else None

        def look() -> tuple[Finding, ...]:
            nonlocal answers, sampled
            answers = chain.look_at_all(gateways, split, wanted)
            found = chain.judged(gateways, split, answers)
            if not failures(found):
                found = (*found, *unusable(gateways, split.entrance))
            if callers is not None and not failures(found):
                sampled = callers.look()
                found = (*found, *sampled.missing)
            return found

        try:
            wait_until(_explained(gateways, split, tuple(wanted.served), look), seconds, list)
        except NotConvergedError as error:
            said, rest = outcome(error, f"after {seconds:g} s")
            who = "gateway and sidecar" if split.callers else "gateway"
            raise type(error)(
                _lines(
                    f"Not every {who} routes by {shown(wanted.weights)}{said}",
                    *rest,
                    *_stuck(gateways.api, split, tuple(wanted.served)).values(),
                    f"Look at: {gateways.api.kubectl} get pods -A -l app=istiod, "
                    "and the log of the gateway's pod.",
                    "To try again, run pulumi up; to go back, set the config back before it.",
                )
            ) from error
    now = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    _say_notes(answers)
    seen = ((str(one.pod), one.value) for one in answers if one.value and one.value.routes)
    proofs = tuple(Proof(pod, wanted.served, now, _undecided(value)) for pod, value in seen)
    if sampled is None:
        return proofs
    for text in (str(sampled), *sampled.notes):
        say(text)
    return (*proofs, Proof(str(sampled), wanted.served, now))


def _undecided(seen: Seen) -> tuple[str, ...]:
    return tuple(str(one) for one in seen.findings if one.grade is Grade.UNDECIDED)


def _say_notes(answers: tuple[Answer[Seen], ...]) -> None:
    """What is no failure and worth knowing: once, however many gateways have it."""
    notes = {
        one.cause: answer.pod
        for answer in reversed(answers)
        if answer.value
        for one in answer.value.findings
        if one.grade is Grade.NOTE
    }
    for cause, pod in notes.items():
        say(f"gateway {pod} {cause}")


def not_ready(split: Split, versions: tuple[str, ...]) -> dict[str, str]:
    """Which of the versions are not rolled out, and why. Raises GatewayError."""
    with Api(split.kubeconfig) as api:
        return not_rolled_out(api, split.target, versions)


def _explained(
    gateways: Gateways,
    split: Split,
    versions: tuple[str, ...],
    look: Callable[[], tuple[Finding, ...]],
) -> Callable[[], tuple[str, ...]]:
    """The look as a wait takes it: what fails, and when that takes long, why.

    Only a look at all of the pods that there are proves anything, so they are listed once more. Raises
    HopelessWaitError for what no waiting mends.
    """
    next_reason = time.monotonic() + _REASON_SECONDS
    why: tuple[Finding, ...] = ()

    def check() -> tuple[str, ...]:
        nonlocal next_reason, why
        began = time.monotonic()
        found = look()
        if not failures(found) and gateways.listed_at < began and gateways.are_others():
            found = look()
        if failures(found) and time.monotonic() >= next_reason:
            why = causes(gateways, split.target, versions, found)
            next_reason = time.monotonic() + _REASON_SECONDS
        failing = failures((*found, *why) if failures(found) else found)
        said = tuple(one.told(gateways.api.kubectl) for one in failing)
        if any(finding.grade is Grade.BROKEN for finding in failing):
            raise HopelessWaitError("\n".join(said))
        return said

    return check


def lacking(gateways: Gateways, split: Split, versions: tuple[str, ...]) -> tuple[Finding, ...]:
    """What keeps the gateways from sending to the versions. Raises GatewayError.

    One that terminates has to, for the requests that it still has, and does not do alone. Where nobody may
    ask them, nothing is known.
    """
    if split.by_requests:
        return ()
    answers = gateways.ask(lambda admin: _reachable(admin, split, versions))
    return chain.judged(gateways, split, tuple(answer for answer in answers if answer.pod.ready))


def _reachable(admin: EnvoyAdmin, split: Split, versions: tuple[str, ...]) -> Seen:
    """What one Envoy lacks to send to the versions.

    A mesh may give its gateways only the clusters of Services that a route names
    (PILOT_FILTER_GATEWAY_CLUSTER_CONFIG): where there is no route yet, so that nothing is served, they may
    come after it.
    """
    dump = admin.get(envoy.endpoints_target(split.target))
    healthy = {version: envoy.healthy_endpoints(dump, split.target, version) for version in versions}
    lacking = tuple(found for one in versions if (found := chain.missing(one, healthy[one])))
    if any(found.link is Link.CLUSTER for found in lacking):
        routes = envoy.routes(admin.get(split.routes_path), split.target)
        return Seen(routes, lacking if routes else ())
    return Seen((), lacking, {version: known for version, known in healthy.items() if known})


def _silent(api: Api, split: Split, questions: Mapping[str, Question]) -> tuple[Finding, ...]:
    """The versions that do not answer what they are asked."""
    target = split.target
    refusals = (
        refusal(api, target.namespace, target.workload(version).labels, question)
        for version, question in questions.items()
    )
    return tuple(Finding(Link.ENDPOINTS, reason) for reason in refusals if reason is not None)


def _stuck(api: Api, split: Split, versions: tuple[str, ...]) -> dict[str, str]:
    """The same of a cluster that may be unable to answer: then nothing is known."""
    try:
        reasons = not_rolled_out(api, split.target, versions)
    except GatewayError:
        return {}
    return {version: with_cure(api, split.target, version, reason) for version, reason in reasons.items()}


def _names(versions: tuple[str, ...]) -> str:
    return ("version " if len(versions) == 1 else "versions ") + ", ".join(versions)


def _lines(*lines: str) -> str:
    return "\n  ".join(lines)
