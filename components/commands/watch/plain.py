"""The tutorial's loop: one coloured line an answer, then the measured split."""

import itertools
import time
from collections import Counter

from rich.console import Console
from rich.table import Table
from rich.text import Text

from ...errors import RolloutError
from ...observation.answers import Answer, ask
from ...observation.endpoint import Endpoint
from ...observation.statistics import margin
from ...settings.weights import Weights

# The tutorial's pages are blue and green; further versions get the colours after them.
COLOURS = ("bright_blue", "green", "magenta", "dark_orange", "cyan", "yellow")
LIVE_INTERVAL_SECONDS = 0.05


class Tally:
    """Counts the answers of each version and gives each version a colour."""

    def __init__(self, weights: Weights) -> None:
        self._weights = weights
        self._counts: Counter[str] = Counter(dict.fromkeys(weights, 0))
        self.failed = 0

    def add(self, answer: Answer) -> None:
        """Count an answer."""
        if answer.ok:
            self._counts[answer.version] += 1
        else:
            self.failed += 1

    def style(self, answer: Answer) -> str:
        """Return the colour of the version that answered; red for a failure."""
        if not answer.ok:
            return "bold red"
        names = list(self._counts)
        known = answer.version in names
        return COLOURS[(names.index(answer.version) if known else len(names)) % len(COLOURS)]

    def table(self) -> Table:
        """Return the measured split beside the weights that the config asks for."""
        samples = self._counts.total()
        title = f"{samples} answers, {self.failed} failed"
        table = Table(title=title, title_justify="left", title_style="")
        table.add_column("version")
        table.add_column("weight", justify="right")
        table.add_column("measured", justify="right")
        for version, count in self._counts.items():
            share = count / samples if samples else 0.0
            measured = f"{share:.1%} ± {margin(share, samples):.1%}" if samples else "-"
            table.add_row(version, f"{self._weights.get(version, 0)} %", measured)
        return table


def plain(where: Endpoint, weights: Weights, count: int | None) -> None:
    """Print one line an answer, `count` of them or until interrupted, then the split.

    Raises:
        RolloutError: a request failed.
    """
    console = Console(highlight=False)
    tally = Tally(weights)
    answers = itertools.islice(ask(where.url, where.headers, where.check), count)
    try:
        for answer in answers:
            tally.add(answer)
            console.print(Text(answer.text, style=tally.style(answer)))
            if count is None:
                time.sleep(LIVE_INTERVAL_SECONDS)
    except KeyboardInterrupt:
        console.print()
    console.print(tally.table())
    if tally.failed:
        msg = f"{tally.failed} requests to {where.url} failed: look at `kubectl get pods -A`"
        raise RolloutError(msg)
