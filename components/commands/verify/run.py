"""Compares config, state, cluster and gateways, link by link, and sends requests."""

from collections.abc import Mapping
from typing import Any

from ...observation import by_requests, live
from ...pulumi_cli import config, stack
from ...pulumi_cli.unfinished import pending_warning
from .applied import edited, has_address, last_up, objects, unfinished
from .fields import fields
from .links import Links, links
from .requests import elsewhere, failures, send, shares
from .rivals import rivals
from .verdict import Status, Verdict
from .workloads import impaired, of_others, paused, scaled, unready

# Enough for a version at 5 % to be asked about ten times.
REQUESTS = 200


def verify(name: str, requests: int) -> Verdict:
    """Compare a stack with its config, and send it requests.

    Raises:
        NotAskedError: the cluster or a gateway cannot be asked.
        RolloutError: the config has mistakes.
    """
    settings = config.settings(name)
    deployment, last = stack.deployment(name), last_up(name)
    resources: list[Mapping[str, Any]] = deployment.get("resources") or []
    found = list(unfinished(name, last))
    killed = pending_warning(name, deployment)
    warnings = [killed] if killed else []
    if not has_address(resources):
        return Verdict(name, settings.weights, tuple(found), warnings=tuple(warnings))
    with live.connect(settings) as asked:
        now = live.read(asked, settings)
        objects_found = [
            *scaled(name, settings, now),
            *fields(name, settings, now, objects(resources)),
            *paused(settings, now),
            *unready(name, settings, now, asked.api),
            *of_others(settings, now),
        ]
        alone = settings.convergence.by_requests
        chain = Links() if alone else links(name, settings, asked, explained=bool(objects_found))
        found += [*objects_found, *chain.differences]
        warnings += chain.notes
        sent = send(name, settings, asked, requests)
        found += failures(settings, sent, asked, explained=bool(found))
        warnings += [*impaired(settings, now, asked.api), *rivals(settings, now)]
    found += elsewhere(sent, now.kubectl, alone=alone)
    # Where the objects or the gateways are otherwise, so are the requests.
    if not objects_found and not chain.differences:
        found += shares(settings, sent, now.kubectl)
    if not any(one.status is Status.NOT_APPLIED for one in found):
        found += edited(name, last)
    return Verdict(
        name,
        settings.weights,
        tuple(found),
        len(sent.answers),
        len(sent.failed),
        sent.served,
        {version: pods.image_ids for version, pods in now.pods.items()},
        tuple(warnings),
        sent.copies,
        by_requests.evidence(sent.served, len(sent.answers)) if alone else "",
    )
