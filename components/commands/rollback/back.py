"""The way back by `pulumi up`: the config first, then the cluster."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from ...errors import RolloutError
from ...gateway.chain import Split
from ...gateway.gateways import Gateways
from ...history import past as pasts
from ...history.past import Cause, Past
from ...kubernetes import istio
from ...kubernetes.errors import GatewayError
from ...observation import live
from ...pulumi_cli import config, project, splits, stack, updates
from ...settings.model import Settings
from ...settings.weights import shown
from ..shift import journal
from .target import Candidate, choose, judged, must_be_known, served, table, with_images

COMMIT = "commit it, or the next deploy from Git goes forward again"


def rollback(name: str, to: int | None, *, quiet: bool) -> Past | None:
    """Write the split from before the last whole change, and make it true.

    Args:
        name: the stack's name.
        to: its number in the list of `candidates`; None: the newest that can be served.
        quiet: without Pulumi's own output.

    Returns:
        The split; None where the last change was a rollback itself, so that nothing was moved.

    Raises:
        RolloutError: there is no such split, it cannot be served, or `up` failed.
    """
    settings = config.settings(name)
    config.weights_key(name)
    entry = journal.read(name)
    if entry is not None and entry.is_running:
        msg = f"a shift of {entry.plan.version} is running in process {entry.pid}; Ctrl-C there goes back"
        raise RolloutError(msg)
    proved = updates.proved(name, config.weights_key(name), settings)
    now = pasts.present(settings)
    if to is None and pasts.is_rolled_back(proved, now):
        return None
    with live.connect(settings) as gateways:
        past = choose(_others(proved, now), to, _judge(gateways, settings))
    must_be_known(name, settings, past)
    file = project.config_file(name)
    content, before = file.read_bytes(), _served(settings)
    project.say(f"rollback: {shown(settings.weights)} → {past}")
    try:
        for line in config.write_split(name, settings, past):
            project.say(line)
        project.say("rollback: `pulumi up` makes it so")
        stack.converge(name, Cause.rollback, f"to {past}", quiet=quiet)
    except (RolloutError, KeyboardInterrupt):
        _settle(name, settings, before, content)
        raise
    journal.remove_killed(name)
    return past


def candidates(name: str) -> list[Candidate]:
    """Return every split that may be gone back to, the newest first, and whether it could be served now.

    Raises:
        RolloutError: Pulumi or the cluster cannot be asked.
    """
    settings = config.settings(name)
    others = _others(updates.proved(name, config.weights_key(name), settings), pasts.present(settings))
    with live.connect(settings) as gateways:
        judge = _judge(gateways, settings)
        return [judge(past) for past in others]


def nothing_moved(name: str, found: list[Candidate]) -> str:
    """Return what a second rollback says instead of going further back."""
    return (
        "the last change was a rollback, so nothing was moved. To go further back:\n"
        f"{table(found)}\ntype: blue-green rollback {splits.options(name)} --to N"
    )


def _judge(gateways: Gateways, settings: Settings) -> Callable[[Past], Candidate]:
    """Return the judgement of one cluster; both raise NotAskedError where the cluster cannot be asked."""
    try:
        target = replace(live.target(settings), existing=live.existing(gateways.api, settings))
    except GatewayError as error:
        raise live.not_asked(settings.cluster, error) from error
    kubeconfig, selector = live.kubeconfig_of(settings.cluster), settings.routing.gateway_selector
    split = Split(kubeconfig, selector, target, by_requests=settings.convergence.by_requests)

    def judge(past: Past) -> Candidate:
        try:
            return judged(gateways, split, past)
        except GatewayError as error:
            raise live.not_asked(settings.cluster, error) from error

    return judge


def _others(proved: list[Past], now: Past) -> list[Past]:
    return [past for past in pasts.targets(proved) if not past.same(now)]


def _settle(name: str, settings: Settings, before: Past | None, content: bytes) -> None:
    """After a failure the config says what the cluster has: what it said before, unless that has moved."""
    file = project.config_file(name)
    try:
        after = _served(settings)
    except RolloutError:
        project.say(
            f"rollback: whether traffic has moved is unknown; {file.name} has the split to go back to"
        )
        return
    if after == before:
        _restore(file, content)
        project.say(f"rollback: traffic has not moved, and {file.name} is as it was")
    else:
        project.say(
            f"rollback: the VirtualService has {with_images(after) if after else 'no split'}, and so has "
            f"{file.name}; when the cause is mended, run: blue-green up --stack {name}"
        )


def _restore(file: Path, content: bytes) -> None:
    """The file is whole at any time."""
    fresh = file.with_name(f".{file.name}.rollback")
    fresh.write_bytes(content)
    fresh.replace(file)


def _served(settings: Settings) -> Past | None:
    """What is sent where now; None where there is no VirtualService."""
    app = settings.app
    try:
        with live.connect(settings) as gateways:
            found = gateways.api.find(istio.virtual_service(app.namespace, app.name))
            theirs = {version for version, one in settings.versions.items() if one.existing}
            return None if found is None else served(gateways.api, app, found, theirs)
    except GatewayError as error:
        raise live.not_asked(settings.cluster, error) from error
