"""Each way to break the stack by hand: what `verify` says, and that the cure, typed as printed, cures."""

import json
import re
import shlex
from collections.abc import Iterator
from typing import Any

import pytest

from harness.labs import Program
from tests.breaks.others import OTHER_TEAMS
from tests.breaks.routes import ROUTES
from tests.breaks.table import GREEN, NOT_ASKED, Break, Command
from tests.breaks.workloads import SERVICE, WORKLOADS
from tests.lab.observe import wait

BREAKS = (*WORKLOADS, *SERVICE, *ROUTES, *OTHER_TEAMS)
# A cause may stand behind another one.
CURES = 3


def verify(shop: Program) -> tuple[int, dict[str, Any]]:
    """The exit status, and what is said: for machines, or the one line of a cluster that cannot be asked."""
    done = shop.run("python", "-m", "rollout", "verify", "--requests", "60", "-o", "json", check=False)
    assert "Traceback" not in done.stderr, done.stderr
    if done.returncode == NOT_ASKED:
        return done.returncode, {"differences": [{"what": done.stderr, "mend": ""}], "warnings": []}
    return done.returncode, json.loads(done.stdout)


def until(shop: Program, status: int, what: str, names: str = "") -> dict[str, Any]:
    """What verify says once it has this exit status, and names what it is to name."""
    said: tuple[int, dict[str, Any]] = (-1, {})

    def look() -> bool:
        nonlocal said
        said = verify(shop)
        return said[0] == status and names in f"{said[1]['differences']}{said[1]['warnings']}"

    try:
        wait(look, what)
    except Exception as error:
        raise AssertionError(
            f"{what}: not {status}{names and f' with {names}'} but {said[0]}: {json.dumps(said[1], indent=1)}"
        ) from error
    return said[1]


def do(shop: Program, *commands: Command) -> None:
    """Types kubectl's arguments, or makes objects."""
    for command in commands:
        if isinstance(command, tuple):
            shop.kubectl(*command)
        else:
            file = shop.folder / "object.json"
            file.write_text(json.dumps(command))
            shop.kubectl("create", "-f", str(file))


@pytest.fixture
def whole(shop: Program, request: pytest.FixtureRequest) -> Iterator[Program]:
    """The stack, put back by force after a break that was not mended."""
    failures = request.session.testsfailed
    yield shop
    if request.session.testsfailed > failures:
        for deployment in ("shop-v1", "shop-v2"):
            shop.kubectl("delete", f"deployment/{deployment}", "--ignore-not-found")
        shop.up("--skip-preview", "--refresh")


@pytest.mark.parametrize("one", BREAKS, ids=lambda one: one.name.replace(" ", "-"))
def test_break(whole: Program, one: Break) -> None:
    do(whole, *one.does)
    try:
        waits = one.heals or one.status or one.names
        said = until(whole, one.status, one.name, one.names) if waits else verified(whole)
        if one.status:
            assert re.match(one.says, said["differences"][0]["what"]), said
        if one.status and not one.undo:
            cure(whole, said)
    finally:
        do(whole, *one.undo)
    if one.undo:
        until(whole, GREEN, f"{one.name}: undone")


def verified(shop: Program) -> dict[str, Any]:
    """What verify says of a stack that is green at once."""
    status, said = verify(shop)
    assert status == GREEN, said
    return said


def cure(shop: Program, said: dict[str, Any]) -> None:
    """Types the first cure as printed, then that of what is left, until nothing is."""
    for _ in range(CURES):
        shop.run(*shlex.split(said["differences"][0]["mend"]))
        status, said = verify(shop)
        if status == GREEN:
            return
    until(shop, GREEN, "the cure cures")
