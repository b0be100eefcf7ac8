"""Which of the splits that may be gone back to is taken, and what keeps one from being served now."""

import sys
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import typer

from ...errors import RolloutError
from ...gateway import convergence
from ...gateway.chain import Split
from ...gateway.finding import failures
from ...gateway.gateways import Gateways
from ...history.past import Cause, Past
from ...kubernetes import workloads
from ...kubernetes.api import Api
from ...manifests import workload
from ...manifests.routes import split
from ...pulumi_cli import config, project
from ...settings.model import App, Settings
from .. import look


@dataclass(frozen=True)
class Candidate:
    """A split that may be gone back to.

    Attributes:
        past: the split.
        obstacle: why it cannot be served now; None: it can.
        restarts: the versions that have to start with another image before that.
    """

    past: Past
    obstacle: str | None = None
    restarts: tuple[str, ...] = ()

    @property
    def state(self) -> str:
        """Whether it can be served now, in words."""
        if self.obstacle is not None:
            return f"cannot be served now: {self.obstacle}"
        if self.restarts:
            return f"after a restart of {', '.join(self.restarts)} with that image"
        return "can be served now"

    def facts(self) -> Mapping[str, object]:
        """Return all of it for machines."""
        return {
            "at": look.when(self.past.at),
            "weights": self.past.weights,
            "images": self.past.images,
            "servable": self.obstacle is None,
            "reason": self.obstacle,
        }


def judged(gateways: Gateways, asked: Split, past: Past) -> Candidate:
    """Look whether a split could be served now.

    Raises:
        GatewayError: the cluster cannot be asked.
    """
    target = asked.target
    running: list[str] = []
    restarts: list[str] = []
    for version in past.weights:
        of = target.workload(version)
        found = gateways.api.find(workloads.path(target.namespace, of))
        if found is None:
            which = f"{of.kind} {of.name}" if version in target.existing else of.kind
            return Candidate(past, f"{version} has no {which} any more")
        # Of what somebody else has the image is theirs.
        if version in past.images and _image(found) != past.images[version]:
            restarts.append(version)
            continue
        reason = workloads.not_rolled_out(gateways.api, target.namespace, of)
        if reason is not None:
            pods = workloads.pod_reasons(gateways.api, target.namespace, of.labels)
            return Candidate(past, "; ".join([reason, *pods]))
        running.append(version)
    lacking = failures(convergence.lacking(gateways, asked, tuple(running))) if running else ()
    said = "; ".join(one.told(gateways.api.kubectl) for one in lacking)
    return Candidate(past, said or None, tuple(restarts))


def served(api: Api, app: App, virtual_service: Mapping[str, Any], theirs: Collection[str]) -> Past:
    """Return the traffic that the cluster has now, and the images of the stack's own Deployments with it.

    Args:
        api: the cluster's.
        app: the app.
        virtual_service: as the cluster has it.
        theirs: the versions that somebody else runs, by an image that no split of ours names.

    Raises:
        GatewayError: the cluster cannot be asked.
    """
    weights = {version: weight for version, weight in split(virtual_service["spec"]).items() if weight}
    own = {one: workloads.own(app.name, one) for one in weights if one not in theirs}
    found = {version: api.find(workloads.path(app.namespace, of)) for version, of in own.items()}
    images = {version: _image(one) for version, one in found.items() if one is not None}
    return Past(0, Cause.whole, weights, images)


def choose(candidates: Sequence[Past], to: int | None, judge: Callable[[Past], Candidate]) -> Past:
    """Return the split to go to: the newest that can be served, or number `to` of the list, from 1.

    One that is passed over is named with the reason; then a person at a terminal is asked.

    Raises:
        RolloutError: there is none, it cannot be served, or nobody can be asked.
    """
    if to is not None:
        if not 1 <= to <= len(candidates):
            msg = f"--to {to}: there are {len(candidates)} splits to go back to; --list shows them"
            raise RolloutError(msg)
        candidates = candidates[to - 1 : to]
    passed = False
    for number, past in enumerate(candidates, to or 1):
        found = judge(past)
        if found.obstacle is None:
            if passed:
                _ask(number, past)
            return past
        project.say(f"rollback: {number}: {past} cannot be served now: {found.obstacle}")
        passed = True
    msg = (
        "none of the splits that were proved before can be served now"
        if passed
        else "no other split was proved by a whole `up` that ended well"
    )
    raise RolloutError(msg)


def must_be_known(name: str, settings: Settings, past: Past) -> None:
    """Make sure that the config can say a split.

    Raises:
        RolloutError: a version of it is not among the config's.
    """
    gone = sorted(past.weights.keys() - settings.versions.keys())
    if gone:
        file = project.config_file(name).name
        place = f"versions in {file}" if config.is_ours(name) else "the versions of the program"
        msg = (
            f"{past} needs {', '.join(gone)}, which the config has no more: put it back into {place}, or set "
            f"the weights in {file} and run `up`"
        )
        raise RolloutError(msg)


def table(candidates: Sequence[Candidate]) -> str:
    """Return the candidates as text, the newest first, each with its number for `--to`."""
    if not candidates:
        return "no other split was proved by a whole `up` that ended well"
    lines = [
        f"{number}  {look.when(one.past.at)}  {one.past}  ({_origin(one.past)})  {one.state}"
        for number, one in enumerate(candidates, 1)
    ]
    return "\n".join(lines)


def _ask(number: int, past: Past) -> None:
    """Going further back than asked for needs a yes."""
    if sys.stdin.isatty():
        if typer.confirm(f"go back to {number}: {past}?", err=True):
            return
        msg = "nothing was changed"
    else:
        msg = f"nothing was changed. To go back to {past} instead, add --to {number}"
    raise RolloutError(msg)


def _image(deployment: Mapping[str, Any]) -> str:
    return workload.image(deployment)


def with_images(past: Past) -> str:
    """Return a split with its images, as a sentence has it."""
    return f"{past} ({_images(past)})" if past.images else str(past)


def _origin(past: Past) -> str:
    by = "by a shift" if past.cause is Cause.last_step else "by an up"
    return f"{_images(past)}; {by}" if past.images else by


def _images(past: Past) -> str:
    return ", ".join(f"{version} {image}" for version, image in sorted(past.images.items()))
