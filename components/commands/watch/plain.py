"""The tutorial's loop: one coloured line an answer, then the split as the gateways counted it."""

import itertools
import time
from collections.abc import Mapping

from rich.console import Console
from rich.table import Table
from rich.text import Text

from ...errors import RolloutError
from ...observation import by_requests, live, traffic
from ...observation.answers import Answer, ask
from ...observation.traffic import Served
from ...pulumi_cli import splits
from ...settings.weights import Weights
from .. import look
from .follow import REQUEST_SECONDS, following


def plain(name: str, count: int | None) -> None:
    """Print one line an answer, `count` of them or until interrupted, then the split.

    Without a count, what becomes of the stack meanwhile is told between the answers.

    Raises:
        NotAskedError: the cluster or a gateway cannot be asked.
        RolloutError: a request failed.
    """
    console = Console(highlight=False)
    asked = failed = 0
    with following(name) as followed:
        where, board = followed.where, followed.board
        weights = board.settings.weights
        before = board.readings[-1].counters
        alone = board.settings.convergence.by_requests
        own: list[Answer] = []
        verdict = board.verdict
        try:
            for answer in itertools.islice(ask(where.url, where.headers, where.check), count):
                asked, failed = asked + 1, failed + (not answer.ok)
                board.answers.append(answer)
                if alone:
                    own.append(answer)
                console.print(Text(answer.text, style=style(answer, weights)))
                if count is None:
                    time.sleep(REQUEST_SECONDS)
                    if followed.is_due():
                        followed.read()
                        if board.verdict[0] != verdict[0]:
                            verdict = board.verdict
                            console.print(Text(f"{name}: {', '.join(verdict)}", style="bold"))
        except KeyboardInterrupt:
            console.print()
    if alone:
        served = by_requests.served(board.settings, own)
        console.print(by_requests.evidence(served, asked))
    else:
        # By connections of their own: an interrupt leaves the others in the middle of an answer.
        with live.connect(board.settings) as gateways:
            served = traffic.between(before, traffic.read(gateways, board.settings))
    console.print(table(served, board.settings.weights, asked, failed))
    if failed:
        options = splits.options(name)
        msg = f"{failed} of {asked} requests to {where.url} failed: blue-green verify {options}"
        raise RolloutError(f"{msg} tells why")


def style(answer: Answer, weights: Weights) -> str:
    """Return the colour of the version that an answer names, if it names one; red for a failure."""
    if not answer.ok:
        return "bold red"
    names = list(weights)
    return look.colour(names.index(answer.version)).terminal if answer.version in names else ""


def table(served: Mapping[str, Served], weights: Weights, asked: int, failed: int) -> Table:
    """Return the split as the gateways counted it, beside the weights that the config asks for.

    Args:
        served: by version, other people's requests too.
        weights: what the config asks for.
        asked: how many requests were ours.
        failed: how many of these failed.
    """
    total = sum(one.requests for one in served.values())
    others = f"; the gateways counted {total}" if total != asked else ""
    title = f"{asked} answers, {failed} failed{others}"
    found = Table(title=title, title_justify="left", title_style="")
    found.add_column("version")
    for column in ("weight", "measured", "failed"):
        found.add_column(column, justify="right")
    for version, weight in weights.items():
        ours = served.get(version, Served())
        found.add_row(version, look.weight(weight), look.measured(ours.requests, total), str(ours.errors))
    return found
