"""What the board of `watch` says: its verdict, and shares that begin anew when the Envoys change."""

import time
from collections.abc import Generator, Iterator, Mapping
from contextlib import contextmanager, nullcontext
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any, NoReturn
from unittest.mock import Mock

import pytest
from rich.console import Console

from components.commands.look import COLOURS
from components.commands.watch import follow, plain
from components.commands.watch.board import Board, Reading
from components.commands.watch.follow import Followed
from components.commands.watch.plain import style, table
from components.errors import NotAskedError
from components.gateway.pods import GatewayPod
from components.manifests import routes
from components.manifests.objects import objects
from components.observation.answers import Answer
from components.observation.endpoint import Endpoint as Address
from components.observation.live import Gateway, Live, Pods
from components.observation.traffic import Counters, Endpoint, Served
from components.settings.model import Check
from components.settings.parse import parse

SETTINGS = parse(
    {
        "cluster": {"kind": "minikube", "profile": "dev"},
        "app": {"name": "app"},
        "versions": {"v1": {"image": "app:1"}, "v2": {"image": "app:2"}},
        "weights": {"v1": 90, "v2": 10},
    }
)
KUBECTL: Mapping[str, Any] = {
    "manager": "kubectl-patch",
    "time": "2026-01-01T00:00:00Z",
    "fieldsV1": {"f:spec": {"f:http": {}}},
}
HALF = {"v1": 50, "v2": 50}
ASKED = {"v1": 90, "v2": 10}


def there(route: Mapping[str, int] | None) -> dict[tuple[str, str], dict[str, Any]]:
    """The objects of the app with this split in the VirtualService; None: it is not there."""
    found = {(one["kind"], one["metadata"]["name"]): one for one in objects(SETTINGS)}
    if route is None:
        del found["VirtualService", "app"]
        return found
    service = routes.virtual_service(SETTINGS.app, route, SETTINGS.routing)
    service["metadata"]["managedFields"] = [KUBECTL]
    return found | {("VirtualService", "app"): service}


def now(route: Mapping[str, int] | None, *splits: Mapping[str, int]) -> Live:
    gateways = tuple(
        Gateway(GatewayPod("istio-system", f"gw-{number}", ready=True, terminating=False), (split,))
        for number, split in enumerate(splits)
    )
    pods = {version: Pods(f"app:{version}", 1, 1, frozenset()) for version in ("v1", "v2")}
    return Live(route, None, there(route), gateways, pods)


def counted(v1: int, v2: int, errors: int = 0, at: float = 0.0) -> Reading:
    """So many requests in all; each of v2 took 100 ms at most, and v1 is not timed."""
    counters = {("gw", "v1", "a"): Endpoint(Served(v1)), ("gw", "v2", "b"): Endpoint(Served(v2, errors))}
    return Reading(at, Counters(counters), {("gw", "v2"): {100.0: v2}})


@pytest.mark.parametrize(
    ("live", "verdict", "reason"),
    [
        (now(ASKED, ASKED, ASKED), "converged", "2 of 2 gateways route as the config says"),
        (now(ASKED, ASKED, HALF), "converging", "1 of 2 gateways are behind: istio-system/gw-1"),
        (
            now(HALF, HALF),
            "drifted",
            "VirtualService default/app says v1 50 %, v2 50 % and not v1 90 %, v2 10 %, written by",
        ),
        (now(None), "drifted", "VirtualService default/app is not there"),
        (now(ASKED), "drifted", "no gateway serves"),
    ],
)
def test_verdict(live: Live, verdict: str, reason: str) -> None:
    found, why = Board("lab", SETTINGS, live, there(ASKED)).verdict
    assert found == verdict
    assert why.startswith(reason)


def test_what_the_last_up_made_is_an_edit_that_was_not_applied() -> None:
    verdict, why = Board("lab", SETTINGS, now(HALF, HALF), there(HALF)).verdict
    assert (verdict, why.partition(" and not")[0]) == (
        "not applied",
        "VirtualService default/app says v1 50 %, v2 50 %",
    )


def test_failures_are_no_convergence() -> None:
    board = Board("lab", SETTINGS, now(ASKED, ASKED), there(ASKED))
    board.add(SETTINGS, board.now, counted(0, 0))
    board.add(SETTINGS, board.now, counted(90, 10, errors=7))
    assert board.verdict == ("failing", "7 of 100 requests failed")


def test_a_lost_reading_is_no_news_until_the_next_one(monkeypatch: pytest.MonkeyPatch) -> None:
    board = Board("lab", SETTINGS, now(ASKED, ASKED), there(ASKED))
    board.add(SETTINGS, board.now, counted(0, 0, at=time.time() - 3))
    nowhere: Any = None
    followed = Followed(board, Address("http://app.example/", {}, Check()), nowhere, None, 0.0)
    reads = Mock(side_effect=[NotAskedError("the API server does not answer"), board.now])
    monkeypatch.setattr(follow.live, "read", reads)
    monkeypatch.setattr(Followed, "reading", Mock(return_value=counted(90, 10, at=time.time())))
    monkeypatch.setattr(follow.project, "config_time", Mock(return_value=None))
    followed.read()
    assert board.verdict == ("no news", "for 3 s: the API server does not answer")
    assert not followed.is_due()
    followed.read()
    assert board.verdict[0] == "converged"


def test_the_closing_table_is_by_the_gateways_counts() -> None:
    console = Console(width=100)
    with console.capture() as captured:
        console.print(table({"v1": Served(15), "v2": Served(5, 2)}, ASKED, 20, 2))
    said = captured.get()
    assert "20 answers, 2 failed" in said
    assert "75.0%" in said
    assert "25.0%" in said


@pytest.mark.parametrize(
    ("version", "colour"), [("v2", COLOURS[1].terminal), ("shop one greeting=hello", "")]
)
def test_an_answer_that_names_no_version_has_no_colour(version: str, colour: str) -> None:
    assert style(Answer(0, 0, version, "text", ok=True), ASKED) == colour


def test_measured_shares_are_what_was_served_since_the_first_reading() -> None:
    board = Board("lab", SETTINGS, now(ASKED, ASKED))
    board.add(SETTINGS, board.now, counted(1000, 1000))
    board.add(SETTINGS, board.now, counted(1090, 1010, errors=1))
    assert board.served == {"v1": Served(90, 0), "v2": Served(10, 1)}


def test_measured_shares_begin_anew_when_the_envoys_change() -> None:
    board = Board("lab", SETTINGS, now(HALF, HALF))
    board.add(SETTINGS, board.now, counted(0, 0))
    board.add(SETTINGS, board.now, counted(500, 500))
    board.add(SETTINGS, now(ASKED, ASKED), counted(500, 500))
    board.add(SETTINGS, now(ASKED, ASKED), counted(590, 510))
    assert board.served == {"v1": Served(90, 0), "v2": Served(10, 0)}


def test_versions_have_their_own_rate_and_times() -> None:
    board = Board("lab", SETTINGS, now(ASKED, ASKED))
    board.add(SETTINGS, board.now, counted(0, 0, at=10.0))
    board.add(SETTINGS, board.now, counted(90, 10, at=20.0))
    versions = board.facts()["versions"]
    assert isinstance(versions, dict)
    assert {key: versions["v2"][key] for key in ("requests", "timed", "p50Ms", "p99Ms")} == {
        "requests": 10,
        "timed": 10,
        "p50Ms": 100.0,
        "p99Ms": 100.0,
    }
    assert versions["v1"]["p99Ms"] is None
    assert board.facts()["seconds"] == 10.0
    assert not board.is_timed_by(counted(90, 10, at=20.0))
    assert board.is_timed_by(counted(0, 10, at=20.0))


@pytest.mark.parametrize("width", [80, 200])
def test_nothing_is_cut_off_from_80_columns_on(width: int) -> None:
    board = Board("lab", SETTINGS, now(ASKED, ASKED, HALF))
    board.add(SETTINGS, board.now, counted(0, 0))
    board.add(SETTINGS, board.now, counted(90_000, 10_000, errors=9_999, at=30.0))
    console = Console(width=width, record=True, file=None, force_terminal=False, quiet=False)
    with console.capture() as captured:
        console.print(board.view())
    said = captured.get()
    assert "…" not in said.replace("measuring…", "")
    assert "50 % / 90 %" in said
    assert "90.0% ± 0.2%" in said
    assert "0.01%" in said
    assert "3000" in said


def test_a_stack_without_a_config_file_is_followed_until_it_gets_one(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """As of a program that has its weights in its code, on Pulumi Cloud."""
    file, edited = tmp_path / "Pulumi.lab.yaml", replace(SETTINGS, weights={"v1": 100})
    fakes: dict[tuple[object, str], Mock] = {
        (follow.project, "config_file"): Mock(return_value=file),
        (follow.config, "settings"): Mock(side_effect=[SETTINGS, edited]),
        (follow.live, "connect"): Mock(return_value=nullcontext()),
        (follow.live, "read"): Mock(return_value=now(ASKED, ASKED)),
        (follow.endpoint, "of"): Mock(),
        (follow.stack, "resources"): Mock(return_value=[]),
        (follow.traffic, "read"): Mock(return_value=Counters({})),
        (follow.latency, "read"): Mock(return_value={}),
    }
    for (where, name), fake in fakes.items():
        monkeypatch.setattr(where, name, fake)
    with follow.following("lab") as followed:
        followed.read()
        assert followed.board.settings is SETTINGS
        file.touch()
        followed.read()
        assert followed.board.settings is edited


def test_an_interrupt_in_the_middle_of_a_reading_ends_plain_answers_with_the_split(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    half_read, fresh = object(), object()
    board = Board("lab", SETTINGS, now(ASKED, ASKED), {})
    board.add(SETTINGS, board.now, counted(0, 0))

    def interrupted() -> NoReturn:
        raise KeyboardInterrupt

    @contextmanager
    def following(_name: str) -> Generator[SimpleNamespace]:
        where = SimpleNamespace(url="http://app", headers={}, check=None)
        yield SimpleNamespace(
            where=where, board=board, gateways=half_read, is_due=lambda: True, read=interrupted
        )

    @contextmanager
    def connect(_settings: object) -> Generator[object]:
        yield fresh

    def ask(*_: object) -> Iterator[Answer]:
        return iter([Answer(0.0, 0.1, "v1", "v1", ok=True)])

    def read(gateways: object, _settings: object) -> Counters:
        assert gateways is fresh
        return counted(1, 0).counters

    monkeypatch.setattr(plain, "following", following)
    monkeypatch.setattr("components.observation.live.connect", connect)
    monkeypatch.setattr(plain.traffic, "read", read)
    monkeypatch.setattr(plain, "ask", ask)
    plain.plain("lab", None)
    assert "1 answers, 0 failed" in capsys.readouterr().out


def test_one_look_measures_all_of_its_requests_however_long_they_took(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    board = Board("lab", SETTINGS, now(ASKED, ASKED))
    board.add(SETTINGS, board.now, counted(0, 0, at=0.0))
    nowhere: Any = None
    followed = Followed(board, Address("http://app.example/", {}, Check()), nowhere, 0.0, 0.0)
    last = Reading(61.0, counted(450, 50).counters, {})
    answers = [Answer(at, 0.1, "v1", "V1", ok=True) for at in (1.0, 61.0)]
    monkeypatch.setattr(follow, "following", Mock(return_value=nullcontext(followed)))
    monkeypatch.setattr(follow, "ask", Mock(return_value=answers))
    monkeypatch.setattr(follow.live, "read", Mock(return_value=board.now))
    monkeypatch.setattr(Followed, "reading", Mock(return_value=last))
    found = follow.once("lab", 2)
    assert (found.facts()["requests"], found.seconds, len(found.answers)) == (500, 61.0, 2)
