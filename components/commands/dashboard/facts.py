"""What the page shows of a stack, ready to be drawn: every text is written here, none in the browser."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from ...observation import traffic
from ...observation.latency import Latency
from ...observation.traffic import Served
from ...pulumi_cli.updates import Update
from ...settings.model import MinikubeCluster
from ...settings.weights import Weights, shown
from .. import look
from ..rollback.target import Candidate
from ..watch.board import Board

Facts = Mapping[str, Any]


def of_board(board: Board) -> Facts:
    """Return what the gateways and the cluster said: what `watch` shows, by the same board."""
    verdict, reason = board.verdict
    cluster = board.settings.cluster
    context = cluster.profile if isinstance(cluster, MinikubeCluster) else cluster.context or "current"
    return {
        "context": context,
        "verdict": verdict,
        "tone": look.TONES[verdict],
        "reason": reason,
        "bars": list(_bars(board)),
        "versions": list(_versions(board)),
    }


def _bars(board: Board) -> Iterable[Facts]:
    """The four shares of each version, from what is asked for to what is measured."""
    settings, now = board.settings, board.now
    order = tuple(settings.versions)
    yield _bar("asked for", order, settings.weights)
    yield _bar("VirtualService", order, now.route, "not there")
    for gateway in now.gateways:
        name = f"Envoy of {gateway.pod}"
        if gateway.error or not gateway.splits:
            yield _bar(name, order, None, gateway.error or "no route to the app")
        for split in gateway.splits:
            yield _bar(name, order, split)
    if not now.gateways:
        yield _bar("Envoys", order, None, "no gateway serves")
    if len(board.readings) < 2:
        yield {"name": "measured", "note": "measuring…", "parts": []}
    else:
        yield _measured(board)


def _measured(board: Board) -> Facts:
    served = board.answered
    total = sum(version.requests for version in served.values())
    return {
        "name": f"measured: {total} requests in {board.seconds:.0f} s",
        "note": "" if total else "nobody has asked the app",
        "parts": [
            {
                "version": version,
                "share": 100 * ours.requests / total,
                "text": look.measured(ours.requests, total),
            }
            for version in board.settings.versions
            if total and (ours := served.get(version, Served())).requests
        ],
    }


def _bar(name: str, order: tuple[str, ...], split: Weights | None, note: str = "") -> Facts:
    """One bar; versions that the config does not know stand behind those that it does."""
    known = {version: split[version] for version in order if version in split} if split else {}
    parts = [
        {"version": version, "share": share, "text": look.weight(share)}
        for version, share in {**known, **(split or {})}.items()
        if share
    ]
    return {"name": name, "note": "" if parts else note or "no split", "parts": parts}


def _versions(board: Board) -> Iterable[Facts]:
    served, times = board.served, board.latency
    for number, version in enumerate(board.settings.versions):
        ours, pods = served.get(version, Served()), board.now.pods.get(version)
        timed = times.get(version, Latency())
        yield {
            "name": version,
            "colour": number % len(look.COLOURS),
            "image": pods.image if pods else board.settings.versions[version].image,
            "ready": f"{pods.ready}/{pods.wanted}" if pods else "no Deployment",
            "rate": look.rate(ours.requests, board.seconds),
            "failed": str(ours.errors),
            "why": ours.why,
            "success": look.success(ours.requests, ours.errors),
            "p50": timed.shown(0.5),
            "p99": timed.shown(0.99),
            "points": _points(board, version, timed),
        }


def _points(board: Board, version: str, timed: Latency) -> Facts:
    """What the lines get: requests of the last second, as the rest of the window would blur them."""
    if len(board.readings) < 2:
        return {"requests": None, "failed": None, "p50": None, "p99": None}
    before, now = board.readings[-2], board.readings[-1]
    served = traffic.between(before.counters, now.counters).get(version, Served())
    seconds = max(0.1, now.at - before.at)
    return {
        "requests": served.requests / seconds,
        "failed": served.errors / seconds,
        "p50": timed.percentile(0.5),
        "p99": timed.percentile(0.99),
    }


def of_history(updates: Sequence[Update], candidates: Sequence[Candidate]) -> Sequence[Facts]:
    """Return the updates, and of each split that `rollback` knows whether it could go there.

    Args:
        updates: the newest first.
        candidates: what `rollback --list` lists, in its order: its numbers are those of `--to`.
    """
    back = {one.past.at: (number, one) for number, one in enumerate(candidates, 1)}
    return [_update(update, *back.get(update.at, (0, None))) for update in updates]


def _update(update: Update, number: int, candidate: Candidate | None) -> Facts:
    return {
        "when": look.when(update.at),
        "who": update.who,
        "what": update.said,
        "result": update.result,
        "tone": look.Tone.BAD if update.result == "failed" else look.Tone.GOOD,
        "change": f"{shown(update.before) or 'nothing'} → {shown(update.after) or 'nothing'}"
        if update.before != update.after
        else shown(update.after),
        "back": f"--to {number}: {candidate.state}" if candidate else "",
    }
