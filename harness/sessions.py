"""The docs' sessions at a terminal, recorded on the running stack of the lab: `make docs`."""

import json
import os
import re
from collections.abc import Callable
from pathlib import Path

from harness.labs import ROOT
from harness.terminal import Terminal, terminal

IMAGES = ROOT / "docs" / "images"
WIDTHS = (80, 120)
_BY_HAND = [
    {"op": "replace", "path": f"/spec/http/0/route/{n}/weight", "value": w} for n, w in ((0, 10), (1, 90))
]


def main() -> None:
    """Record each session in each width; the stack ends as it began, with half of the traffic each."""
    environment = {**os.environ, "PULUMI_STACK": "lab"}
    for columns in WIDTHS:
        with terminal(columns, Path.cwd(), environment) as shell:
            for session in (move, rollback, shift, watch, verify):
                _record(shell, session)
            _split(shell, 50, 50)


def move(shell: Terminal) -> None:
    """The split's change, as README has it."""
    shell.run("pulumi config set-all --path \\\n  --plaintext weights.v1=0 --plaintext weights.v2=100")
    shell.run("pulumi up --yes --skip-preview")


def rollback(shell: Terminal) -> None:
    """The way back."""
    shell.run("blue-green rollback")


def shift(shell: Terminal) -> None:
    """A move by steps, which succeeds."""
    _split(shell, 100, 0)
    shell.clear()
    shell.run("blue-green shift v2 --steps 10,50,100 --pause 10 --traffic 100")


def watch(shell: Terminal) -> None:
    """The board, after somebody has written into the VirtualService."""
    _split(shell, 50, 50)
    shell.run(f"kubectl patch virtualservice myapp --type=json -p '{json.dumps(_BY_HAND)}'")
    shell.clear()
    shell.type("blue-green watch")
    shell.until(re.compile("drifted"))
    shell.until(re.compile(r"the last [23]\d s"))


def verify(shell: Terminal) -> None:
    """What verify says of the same, and its cure."""
    shell.run("blue-green verify")
    shell.run("blue-green up --stack lab --refresh > /dev/null")
    shell.run("blue-green verify")


def _split(shell: Terminal, *weights: int) -> None:
    values = " ".join(f"--plaintext weights.v{number}={weight}" for number, weight in enumerate(weights, 1))
    shell.run(f"pulumi config set-all --path {values}")
    shell.run("pulumi up --yes --skip-preview")


def _record(shell: Terminal, session: Callable[[Terminal], None]) -> None:
    # The one before may still run.
    shell.interrupt()
    shell.clear()
    session(shell)
    name = f"{session.__name__}-{shell.columns}"
    (IMAGES / f"{name}.svg").write_text(shell.picture(f"{shell.columns} columns", name))
    print(f"docs/images/{name}.svg")


if __name__ == "__main__":
    main()
