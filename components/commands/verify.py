"""Is the stack what its config says? Compares config, state, cluster and gateways, and sends requests."""

import itertools
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass

from ..gateway.gateways import Gateways
from ..gateway.pods import label_selector
from ..observation import endpoint, live, traffic
from ..observation.answers import Answer, ask
from ..observation.statistics import could_be
from ..observation.traffic import Served
from ..pulumi_cli import config, stack, unfinished
from ..settings.model import Settings
from ..settings.weights import same, shown
from .shift import journal

# Enough for a version at 5 % to be asked about ten times.
REQUESTS = 200


@dataclass(frozen=True)
class Difference:
    """One thing that is not as the config says, and the command that mends it."""

    what: str
    mend: str


@dataclass(frozen=True)
class Verdict:
    """What was found.

    Attributes:
        stack: the stack's name.
        weights: what the config asks for.
        differences: none when all is as the config says.
        asked: requests sent.
        failed: how many of them failed.
        served: by version, what the gateways counted meanwhile, other people's requests too.
        images: by version, what the nodes say that its ready pods run.
        warning: what is no difference, and worth a look.
    """

    stack: str
    weights: Mapping[str, int]
    differences: tuple[Difference, ...]
    asked: int
    failed: int
    served: Mapping[str, Served]
    images: Mapping[str, frozenset[str]]
    warning: str | None = None

    @property
    def ok(self) -> bool:
        """Whether nothing differs."""
        return not self.differences

    def facts(self) -> Mapping[str, object]:
        """Return all of it for machines."""
        return {"ok": self.ok, **asdict(self)}

    def __str__(self) -> str:
        lines = [f"{found.what}\n  to mend it: {found.mend}" for found in self.differences]
        if self.ok:
            lines = [
                f"{self.stack} is what its config says: {shown(self.weights)}",
                f"{self.asked} requests, none failed",
            ]
        return "\n".join([*lines, *([f"warning: {self.warning}"] if self.warning else [])])


def verify(name: str, requests: int) -> Verdict:
    """Compare a stack with its config, and send it requests.

    Raises:
        RolloutError: the config has mistakes, or the cluster cannot be read.
    """
    settings = config.settings(name)
    found = [*_unfinished(name), *_state(name, settings)]
    with live.connect(settings) as gateways:
        now = live.read(gateways, settings)
        routing = [*_route(name, settings, now), *_gateways(name, settings, now)]
        found += [*routing, *_versions(name, settings, now)]
        before = traffic.in_flight(gateways, settings)
        answers, served = _ask(name, settings, gateways, requests)
    found += _failures(settings, answers)
    # Where the gateways route otherwise, so do the requests.
    if not routing:
        found += _shares(settings, served, before)
    return Verdict(
        name,
        settings.weights,
        tuple(found),
        len(answers),
        sum(not answer.ok for answer in answers),
        served,
        {version: pods.image_ids for version, pods in now.pods.items()},
        unfinished.pending_warning(name, stack.deployment(name)),
    )


def _up(name: str) -> str:
    return f"blue-green up --stack {name}"


def _unfinished(name: str) -> Iterator[Difference]:
    entry = journal.read(name)
    if entry is not None and not entry.is_running:
        yield Difference(
            f"a shift of {entry.plan.version} was killed at {entry.plan.steps[0]} %; "
            f"before it the split was {shown(entry.before)}",
            f"blue-green shift --undo --stack {name} (or --resume)",
        )


def _state(name: str, settings: Settings) -> Iterator[Difference]:
    """Is the config what the last `up` was given, and did that one end?"""
    newest = next(stack.history(name), None)
    if newest and (left := unfinished.left_out(name, newest)):
        yield Difference(f"the last `up` left out {', '.join(left)}, by --target or --exclude", _up(name))
    last: Mapping[str, int] = {key: int(value) for key, value in dict(stack.output(name, "weights")).items()}
    if not same(last, settings.weights):
        yield Difference(
            f"the config says {shown(settings.weights)}, the last `up` that ended made it {shown(last)}",
            _up(name),
        )


def _route(name: str, settings: Settings, now: live.Live) -> Iterator[Difference]:
    if now.route is None:
        yield Difference(f"the VirtualService {settings.app.name} is not there", f"{_up(name)} --refresh")
    elif not same(now.route, settings.weights):
        writer = now.route_writer
        by = f", written by {writer.manager} at {writer.time}" if writer else ""
        yield Difference(
            f"the VirtualService says {shown(now.route) or 'no split'} and not {shown(settings.weights)}{by}",
            f"{_up(name)} --refresh",
        )


def _gateways(name: str, settings: Settings, now: live.Live) -> Iterator[Difference]:
    if not any(gateway.pod.serves for gateway in now.gateways):
        labels = label_selector(settings.routing.gateway_selector)
        yield Difference("no gateway pod is ready", f"kubectl get pods -A -l {labels}")
    for gateway in now.gateways:
        if gateway.error:
            yield Difference(f"gateway {gateway.pod}: {gateway.error}", "kubectl get pods -A")
        # One that follows a VirtualService that is wrong itself is not what is to be mended.
        elif not gateway.holds(settings.weights) and not gateway.holds(now.route or {}):
            splits = " and ".join(shown(split) for split in gateway.splits) or "no route"
            yield Difference(f"gateway {gateway.pod} routes by {splits}", _up(name))


def _versions(name: str, settings: Settings, now: live.Live) -> Iterator[Difference]:
    refresh = f"{_up(name)} --refresh"
    namespace = settings.app.namespace
    for version, wanted in settings.versions.items():
        pods = now.pods.get(version)
        if pods is None:
            yield Difference(f"version {version} has no Deployment", refresh)
            continue
        if pods.image != wanted.image:
            yield Difference(f"version {version} runs {pods.image} and not {wanted.image}", refresh)
        if wanted.replicas is not None and pods.wanted != wanted.replicas:
            yield Difference(
                f"version {version} is scaled to {pods.wanted} and not {wanted.replicas} replicas", refresh
            )
        if settings.weights[version] and pods.ready < pods.wanted:
            yield Difference(
                f"version {version} has {pods.ready} of {pods.wanted} pods ready",
                f"kubectl describe pods -n {namespace} -l app={settings.app.name},version={version}",
            )
        if version not in now.rules:
            yield Difference(f"version {version} has no subset in a DestinationRule", refresh)


def _ask(
    name: str, settings: Settings, gateways: Gateways, requests: int
) -> tuple[list[Answer], Mapping[str, Served]]:
    where = endpoint.of(name, settings)
    before = traffic.read(gateways, settings)
    answers = list(itertools.islice(ask(where.url, where.headers, where.check), requests))
    return answers, traffic.between(before, traffic.read(gateways, settings))


def _failures(settings: Settings, answers: list[Answer]) -> Iterator[Difference]:
    failures = [answer.text for answer in answers if not answer.ok]
    if failures:
        yield Difference(
            f"{len(failures)} of {len(answers)} requests failed: {failures[0]}",
            f"kubectl logs -n {settings.app.namespace} -l app={settings.app.name}",
        )


def _shares(
    settings: Settings, served: Mapping[str, Served], before: Mapping[str, int]
) -> Iterator[Difference]:
    """Do the requests fit the weights, with or without those that an older split had sent `before`?"""
    # A sticky client is no coin that is tossed anew for each request.
    if settings.routing.sticky_session is not None:
        return
    counted = {version: served.get(version, Served()).requests for version in settings.weights}
    since = {version: max(0, count - before.get(version, 0)) for version, count in counted.items()}
    for version, weight in settings.weights.items():
        if not any(
            could_be(counts[version], sum(counts.values()), weight / 100) for counts in (counted, since)
        ):
            total = sum(counted.values())
            yield Difference(
                f"version {version} served {counted[version]} of {total} requests, "
                f"which {weight} % cannot explain",
                "kubectl get virtualservices -A",
            )
