"""The page's server: whom it answers, what it never says, and what it does for any number of pages."""

import asyncio
import dataclasses
import itertools
import json
import queue
import signal
import socket
import subprocess
import sys
import time
import tomllib
import tracemalloc
from collections.abc import AsyncIterator, Callable, Generator, Iterator, Mapping
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any, ClassVar
from unittest.mock import Mock

import httpx
import pytest
from starlette.types import ASGIApp
from typer.testing import CliRunner

from components.commands import look
from components.commands.dashboard import command, facts, feed, reader, server
from components.commands.dashboard.server import Address
from components.commands.main import app
from components.commands.rollback import back
from components.commands.rollback.target import Candidate
from components.commands.shift import journal
from components.commands.shift.judge import Limits, Plan
from components.commands.watch.board import Board
from components.errors import RolloutError
from components.history.past import Cause, Past
from components.observation.live import Live
from components.pulumi_cli import config, splits, stack, updates
from harness.pace import pace
from tests.unit.test_rollout_board import ASKED, HALF, SETTINGS, counted, now

HOST = "127.0.0.1:8765"
FILES = ("/", "/page.js", "/page.css", "/icon.svg", "/events")
ROOT = Path(__file__).resolve().parents[2]


class Silent:
    """A stream that ends at once."""

    async def events(self) -> AsyncIterator[str]:
        yield "event: stack\ndata: {}\n\n"


@pytest.fixture
def address() -> Address:
    return server.bind(0)


class Client:
    """Asks the app without a network, and keeps its cookies."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self._cookies = httpx.Cookies()

    def forget(self) -> None:
        self._cookies.clear()

    def request(self, method: str, path: str, headers: Mapping[str, str] | None = None) -> httpx.Response:
        async def send() -> httpx.Response:
            transport = httpx.ASGITransport(self._app)
            async with httpx.AsyncClient(
                transport=transport, base_url=f"http://{HOST}", cookies=self._cookies
            ) as client:
                return await client.request(method, path, headers=headers)

        answer = asyncio.run(send())
        self._cookies.update(answer.cookies)
        return answer

    def get(self, path: str, headers: Mapping[str, str] | None = None) -> httpx.Response:
        return self.request("GET", path, headers)


@pytest.fixture
def client(address: Address) -> Client:
    return Client(server.app(address, Silent()))


@pytest.mark.parametrize("path", FILES)
def test_nothing_is_answered_without_the_token(client: Client, address: Address, path: str) -> None:
    for wrong in ("", "?token=", f"?token={address.token[:-1]}", "?token=ä"):
        refused = client.get(path + wrong)
        assert refused.status_code == 403
        assert "blue-green dashboard" in refused.text
        assert "set-cookie" not in refused.headers
    assert client.get(path, headers={"Cookie": f"blue-green-{address.port}=other"}).status_code == 403


def test_the_token_of_the_address_opens_the_rest_by_a_cookie(client: Client, address: Address) -> None:
    first = client.get(f"/?token={address.token}")
    assert first.status_code == 200
    assert "HttpOnly; SameSite=Strict; Path=/" in first.headers["set-cookie"]
    assert [client.get(path).status_code for path in FILES] == [200] * len(FILES)


def test_what_stands_on_a_browsers_command_line_opens_the_page_once(client: Client, address: Address) -> None:
    ticket = address.once.partition("=")[2]
    assert ticket != address.token
    assert client.get(f"/?token={ticket}").status_code == 200
    # The cookie goes on; somebody who has read the command line does not.
    assert client.get("/events").status_code == 200
    client.forget()
    assert client.get(f"/?token={ticket}").status_code == 403


@pytest.mark.parametrize(
    "foreign",
    [
        {"Host": "attacker.example"},
        {"Host": "attacker.example:8765"},
        {"Host": "127.0.0.1.attacker.example"},
        {"Host": "["},
        {"Host": ""},
        {"Origin": "http://attacker.example"},
        {"Origin": "null"},
        {"Origin": "http://127.0.0.1:9000"},
        {"Origin": f"https://{HOST}"},
        {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "no-cors"},
        # Another server on this machine is of the same site to a browser.
        {"Sec-Fetch-Site": "same-site", "Sec-Fetch-Mode": "cors"},
    ],
)
def test_other_hosts_and_sites_are_refused_with_the_token_too(
    client: Client, address: Address, foreign: dict[str, str]
) -> None:
    refused = client.get(f"/events?token={address.token}", headers=foreign)
    assert refused.status_code == 403
    assert "set-cookie" not in refused.headers


@pytest.mark.parametrize(
    "own",
    [
        {"Origin": f"http://{HOST}", "Sec-Fetch-Site": "same-origin"},
        {"Host": "localhost:8765"},
        # An SSH tunnel has a port of its own.
        {"Host": "localhost:9000", "Origin": "http://localhost:9000"},
        {"Host": "[::1]:8765"},
        # A link in a mail.
        {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate"},
    ],
)
def test_a_browser_on_this_machine_is_answered(client: Client, address: Address, own: dict[str, str]) -> None:
    assert client.get(f"/?token={address.token}", headers=own).status_code == 200


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE", "OPTIONS"])
def test_it_only_reads(client: Client, address: Address, method: str) -> None:
    assert client.request(method, f"/?token={address.token}").status_code == 405


@pytest.mark.parametrize("query", ["", "?token={}"])
@pytest.mark.parametrize("path", [*FILES, "/nothing"])
def test_every_answer_keeps_a_browser_strict(client: Client, address: Address, path: str, query: str) -> None:
    headers = client.get(path + query.format(address.token)).headers
    policy = dict(rule.split(" ", 1) for rule in headers["content-security-policy"].split("; "))
    assert policy["default-src"] == "'none'"
    assert policy["script-src"] == policy["style-src"] == policy["connect-src"] == "'self'"
    assert policy["frame-ancestors"] == policy["base-uri"] == policy["form-action"] == "'none'"
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "no-referrer"
    assert headers["cache-control"] == "no-store"
    assert not [name for name in headers if name.startswith("access-control-")]


def test_the_page_asks_no_other_host_and_has_no_inline_script(client: Client, address: Address) -> None:
    page = client.get(f"/?token={address.token}").text
    assert "<script>" not in page
    assert "style=" not in page
    assert not any(word in page for word in (" onclick", " onload", address.token))
    for path in FILES[:3]:
        text = client.get(path).text.replace("http://www.w3.org/2000/svg", "")
        assert "http:" not in text
        assert "//" not in text.replace("// ", "")
        assert "innerHTML" not in text


def test_a_taken_port_is_a_sentence_that_can_be_typed() -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        with pytest.raises(RolloutError, match=rf"port {port} of 127.0.0.1: .* --port 0$"):
            server.bind(port)


def test_the_server_is_on_the_loopback_alone(address: Address) -> None:
    assert address.listener.getsockname()[0] == "127.0.0.1"
    assert str(address) == f"http://127.0.0.1:{address.port}/?token={address.token}"
    assert len(address.token) >= 32


def test_a_browser_that_is_opened_before_the_server_runs_waits_for_it(address: Address) -> None:
    with socket.create_connection(("127.0.0.1", address.port), timeout=5):
        pass


def test_what_the_page_needs_is_what_the_extra_has() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert tuple(project["optional-dependencies"]["dashboard"]) == command.NEEDS


def test_a_split_is_of_one_stack() -> None:
    done = CliRunner().invoke(app, ["dashboard", "--all", "--split", "cart"])
    assert str(done.exception) == "--split is of one stack: name that by --stack, without --all"


def test_the_split_that_is_named_is_the_one_that_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    chosen = Mock()
    monkeypatch.setattr(splits, "choose", chosen)
    monkeypatch.setattr(config, "settings", Mock(side_effect=RolloutError("read")))
    done = CliRunner().invoke(app, ["dashboard", "--stack", "prod", "--split", "cart"])
    assert (str(done.exception), chosen.call_args.args) == ("read", ("cart",))


def test_no_other_command_loads_the_server() -> None:
    code = "import sys, rollout.__main__; sys.exit(bool({'starlette', 'uvicorn'} & sys.modules.keys()))"
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT).returncode == 0


def board() -> Board:
    made = Board("lab", SETTINGS, now(HALF, HALF, ASKED))
    made.add(SETTINGS, made.now, counted(0, 0, at=0.0))
    made.add(SETTINGS, made.now, counted(450, 50, errors=5, at=10.0))
    made.add(SETTINGS, made.now, counted(540, 60, errors=5, at=11.0))
    return made


def test_the_bars_show_where_a_change_is_stuck() -> None:
    found = facts.of_board(board())
    texts = {bar["name"]: [part["text"] for part in bar["parts"]] for bar in found["bars"]}
    assert texts == {
        "asked for": ["90 %", "10 %"],
        "VirtualService": ["50 %", "50 %"],
        "Envoy of istio-system/gw-0": ["50 %", "50 %"],
        "Envoy of istio-system/gw-1": ["90 %", "10 %"],
        "measured: 600 requests in 11 s": ["90.0% ± 2.4%", "10.0% ± 2.4%"],
    }
    assert (found["verdict"], found["tone"], found["context"]) == ("failing", "bad", "dev")


def test_a_line_has_a_gap_where_the_measuring_began_anew() -> None:
    made = board()
    made.add(SETTINGS, now(ASKED, ASKED), counted(540, 60, at=12.0))
    points = {tuple(version["points"].values()) for version in facts.of_board(made)["versions"]}
    assert points == {(None, None, None, None)}


def test_a_version_has_the_figures_of_watch_and_the_points_of_the_last_second() -> None:
    first, second = facts.of_board(board())["versions"]
    assert (first["rate"], first["failed"], first["p99"], first["ready"]) == ("49", "0", "-", "1/1")
    assert (second["rate"], second["failed"], second["success"], second["p99"]) == ("5", "5", "91.67%", "100")
    assert second["points"] == {"requests": 10.0, "failed": 0.0, "p50": 100.0, "p99": 100.0}


def test_what_is_not_there_is_said() -> None:
    found = facts.of_board(Board("lab", SETTINGS, now(None)))
    notes = {bar["name"]: bar["note"] for bar in found["bars"] if bar["note"]}
    assert notes["VirtualService"] == "not there"
    assert notes["Envoys"] == "no gateway serves"
    assert notes["measured"] == "measuring…"


def test_no_request_is_no_share() -> None:
    made = Board("lab", SETTINGS, now(ASKED, ASKED))
    made.add(SETTINGS, made.now, counted(0, 0, at=0.0))
    made.add(SETTINGS, made.now, counted(0, 0, at=10.0))
    measured = facts.of_board(made)["bars"][-1]
    assert measured == {
        "name": "measured: 0 requests in 10 s",
        "note": "nobody has asked the app",
        "parts": [],
    }


def update(at: int, weights: Mapping[str, int], result: str = "succeeded") -> dict[str, Any]:
    config = {
        "blue-green:weights": {"value": json.dumps(weights), "secret": False},
        "blue-green:versions": {"value": '{"v1": {"env": {"KEY": "hunter2"}}}'},
        "aws:token": {"value": "hunter3", "secret": True},
    }
    environment = {
        "git.author": "Ada",
        "git.head": "0123456789",
        "ci.system": "GitHub",
        "pulumi.env.X": "hunter4",
    }
    return {
        "kind": "update",
        "startTime": f"2026-01-01T00:00:{at:02}Z",
        "message": "More for v2",
        "environment": environment,
        "config": config,
        "result": result,
    }


def test_history_says_who_when_from_what_to_what_and_where_rollback_can_go() -> None:
    told = updates.told(
        [update(2, {"v1": 0, "v2": 100}, "failed"), update(1, {"v1": 100}), {**update(0, {}), "config": {}}],
        "blue-green:weights",
    )
    back = Candidate(Past(told[1].at, Cause.whole, {"v1": 100}, {}))
    newest, middle, oldest = facts.of_history(told, [back])
    assert newest["when"] == "2026-01-01 00:00:02Z"
    assert newest["change"] == "v1 100 % → v2 100 %"
    assert (newest["who"], newest["what"]) == ("Ada 0123456, GitHub", "More for v2")
    assert (newest["result"], newest["tone"], newest["back"]) == ("failed", "bad", "")
    assert (middle["change"], middle["back"]) == ("nothing → v1 100 %", "--to 1: can be served now")
    assert oldest["change"] == ""
    assert "hunter" not in json.dumps([newest, middle, oldest])


@pytest.mark.parametrize("key", ["other:weights", None])
def test_history_of_another_program_has_its_splits_and_stays_where_none_can_be_gone_back_to(
    key: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    def weights_key(_stack: str) -> str:
        if key is None:
            raise RolloutError("the program does not say where the weights stand")
        return key

    def candidates(name: str) -> list[Candidate]:
        config.weights_key(name)
        raise RolloutError("the cluster is away")

    one = update(1, {"v1": 100})
    one["config"]["other:weights"] = {"value": '{"v2": 100}'}

    def updates_of(_stack: str) -> Iterator[Mapping[str, Any]]:
        yield one

    monkeypatch.setattr(config, "weights_key", weights_key)
    monkeypatch.setattr(back, "candidates", candidates)
    monkeypatch.setattr(stack, "history", updates_of)
    (row,), why = reader.history("dev")
    assert (row["what"], row["back"]) == ("More for v2", "")
    assert (row["change"], why) == (
        ("", "the program does not say where the weights stand")
        if key is None
        else ("nothing → v2 100 %", "the cluster is away")
    )


class FakeReader:
    """Counts how often it is told to look, and says what a test says."""

    made: ClassVar[list["FakeReader"]] = []

    def __init__(self, name: str, publish: Any) -> None:
        self.name, self.publish, self.wanted, self.seconds = name, publish, [False], 8.0
        self.made.append(self)

    def look(self, *, wanted: bool) -> None:
        if self.wanted[-1] != wanted:
            self.wanted.append(wanted)

    def age(self) -> Mapping[str, Any]:
        return {"stack": self.name, "age": self.seconds, "why": "the gateway does not answer"}


@pytest.fixture
def readers(monkeypatch: pytest.MonkeyPatch) -> list[FakeReader]:
    FakeReader.made.clear()
    monkeypatch.setattr(feed, "Reader", FakeReader)
    # No tick comes between, however slow the machine is.
    monkeypatch.setattr(feed, "_TICK_SECONDS", 60)
    return FakeReader.made


def _said(event: str) -> dict[str, Any]:
    """What a page hears of a stack."""
    return json.loads(event.removeprefix("event: stack\ndata: "))


def test_twenty_pages_are_one_reader_that_rests_when_the_last_has_gone(readers: list[FakeReader]) -> None:
    async def run() -> None:
        shared = feed.Feed(["lab"])
        pages = [shared.events() for _ in range(20)]
        first = [asyncio.ensure_future(anext(page)) for page in pages]
        await asyncio.sleep(0)
        assert (shared.pages, len(readers), readers[0].wanted) == (20, 1, [False, True])
        readers[0].publish({"n": 1})
        assert [_said(word)["n"] for word in await asyncio.gather(*first)] == [1] * 20
        for page in pages:
            await page.aclose()  # type: ignore[attr-defined]
        assert (shared.pages, readers[0].wanted) == (0, [False, True, False])

    asyncio.run(run())


def test_another_stacks_first_word_may_come_while_a_page_takes_one(readers: list[FakeReader]) -> None:
    async def run() -> None:
        shared = feed.Feed(["lab", "prod"])
        page = shared.events()
        begun = asyncio.ensure_future(anext(page))
        await asyncio.sleep(0)
        readers[0].publish({"n": 1})
        assert _said(await begun)["n"] == 1
        readers[1].publish({"n": 2})
        await asyncio.sleep(0)
        assert _said(await anext(page))["n"] == 2

    asyncio.run(run())


def test_a_page_that_is_slow_gets_the_newest_word_alone(readers: list[FakeReader]) -> None:
    async def run() -> None:
        shared = feed.Feed(["lab"])
        page = shared.events()
        begun = asyncio.ensure_future(anext(page))
        await asyncio.sleep(0)
        for number in range(1000):
            readers[0].publish({"n": number})
        assert _said(await begun)["n"] == 999

    asyncio.run(run())


def test_a_page_that_is_opened_later_hears_how_old_the_newest_word_is(readers: list[FakeReader]) -> None:
    async def run() -> None:
        shared = feed.Feed(["lab"])
        readers[0].publish({"verdict": "converged"})
        await asyncio.sleep(0)
        readers[0].seconds = 3600.0
        assert _said(await anext(shared.events())) == {"verdict": "converged", **readers[0].age()}

    asyncio.run(run())


def test_silence_is_told_each_second(readers: list[FakeReader], monkeypatch: pytest.MonkeyPatch) -> None:
    assert not readers
    monkeypatch.setattr(feed, "_TICK_SECONDS", 0.01)

    async def run() -> str:
        return await anext(feed.Feed(["lab"]).events())

    kind, said = asyncio.run(run()).split("\n")[:2]
    assert kind == "event: ages"
    assert json.loads(said.removeprefix("data: ")) == [
        {"stack": "lab", "age": 8.0, "why": "the gateway does not answer"}
    ]


def fake_cluster(monkeypatch: pytest.MonkeyPatch, read: Mock) -> None:
    """A cluster that is read by `read`, and a Pulumi that knows of nothing."""
    counters = (counted(number, 0).counters for number in itertools.count())
    fakes: dict[tuple[object, str], Mock] = {
        (reader.config, "settings"): Mock(return_value=SETTINGS),
        (reader.live, "connect"): Mock(return_value=nullcontext()),
        (reader.live, "read"): read,
        (reader.traffic, "read"): Mock(side_effect=counters),
        (reader.latency, "read"): Mock(return_value={}),
        (reader.stack, "resources"): Mock(return_value=[]),
    }
    for (where, name), fake in fakes.items():
        monkeypatch.setattr(where, name, fake)
    monkeypatch.setattr(reader, "READ_SECONDS", 0.01)


@contextmanager
def reading() -> Generator[queue.Queue[Mapping[str, Any]]]:
    """What a reader of the stack lab says, until the block ends."""
    heard: queue.Queue[Mapping[str, Any]] = queue.Queue()
    made = reader.Reader("lab", heard.put)
    assert heard.empty()
    made.look(wanted=True)
    try:
        yield heard
    finally:
        made.look(wanted=False)


def test_a_reader_says_what_keeps_it_from_reading_and_reads_on(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever it is: a page whose reader has ended would wait for ever."""
    errors: list[Exception] = [RolloutError("the gateway does not answer"), KeyError("items")]

    def read(*_: object) -> Live:
        if errors:
            raise errors.pop(0)
        return now(ASKED, ASKED)

    fake_cluster(monkeypatch, Mock(side_effect=read))
    monkeypatch.setattr(reader.project, "config_time", Mock(return_value=0.0))
    monkeypatch.setattr(reader, "_running", Mock(return_value=(None, "")))
    monkeypatch.setattr(reader.Reader, "_look", Mock())
    with reading() as heard:
        assert [heard.get(timeout=10)["why"] for _ in range(2)] == [
            "the gateway does not answer",
            "KeyError: 'items'",
        ]
        news = heard.get(timeout=10)
    assert (news["why"], news["verdict"]) == ("", "converged")
    assert news["age"] < 5


@pytest.mark.parametrize(
    ("file", "bad", "says"),
    [
        ("Pulumi.yaml", "name: [", "Pulumi.yaml, line 1: it is not YAML"),
        (".rollout-lab.json", '{"plan": {"steps": [], "limits": {"other": 1}}}', "TypeError: "),
    ],
)
def test_a_file_with_a_mistake_ends_no_thread_of_a_reader(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, file: str, bad: str, says: str
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("PULUMI_BACKEND_URL", raising=False)
    monkeypatch.setenv("PULUMI_HOME", str(tmp_path))
    good = "name: shop\nbackend: {url: 'file://state'}\n"
    (tmp_path / "Pulumi.yaml").write_text(good)
    (tmp_path / file).write_text(bad)
    fake_cluster(monkeypatch, Mock(return_value=now(ASKED, ASKED)))
    monkeypatch.setattr(reader, "verify", Mock(side_effect=RolloutError("nothing is known")))
    monkeypatch.setattr(
        reader, "history", Mock(side_effect=(([number], "") for number in itertools.count(1)))
    )
    monkeypatch.setattr(reader, "_LOOK_SECONDS", 0.01)
    monkeypatch.setattr(reader, "_PAUSE_SECONDS", 0.01)
    with reading() as heard:
        # Both threads have told the mistake.
        assert says in _next(heard, lambda said: bool(said.get("history")))["running"]
        (tmp_path / file).unlink()
        (tmp_path / "Pulumi.yaml").write_text(good)
        mended = _next(heard, lambda said: said.get("verdict") == "converged" and not said["running"])
        _next(heard, lambda said: said["history"][0] > mended["history"][0])


def test_an_up_of_another_program_is_read_without_a_change_of_its_config_file(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    fake_cluster(monkeypatch, Mock(return_value=now(HALF, HALF)))
    monkeypatch.setattr(reader.project, "config_time", Mock(return_value=0.0))
    monkeypatch.setattr(reader, "_running", Mock(return_value=(None, "")))
    monkeypatch.setattr(config, "is_ours", Mock(return_value=False))
    monkeypatch.setattr(reader, "verify", Mock(side_effect=RolloutError("nothing is known")))
    monkeypatch.setattr(reader, "history", Mock(return_value=([], "")))
    monkeypatch.setattr(reader, "_LOOK_SECONDS", 0.01)
    monkeypatch.setattr(reader, "_PAUSE_SECONDS", 0.01)
    with reading() as heard:
        _next(heard, lambda said: said.get("verdict") == "drifted")
        after = dataclasses.replace(SETTINGS, weights=HALF)
        monkeypatch.setattr(config, "settings", Mock(return_value=after))
        _next(heard, lambda said: said.get("verdict") == "converged")


def _next(
    heard: queue.Queue[Mapping[str, Any]], what: Callable[[Mapping[str, Any]], bool]
) -> Mapping[str, Any]:
    """The next word of a reader that is as a test wants it."""
    deadline = time.monotonic() + 60 * pace()
    while not what(said := heard.get(timeout=60)):
        assert time.monotonic() < deadline, said
    return said


def test_what_changes_each_second_is_no_reason_to_look_at_everything_again() -> None:
    entry = journal.Entry(Plan("v2", (10, 100), 30, Limits(0.01, 50)), {"v1": 100}, 1, 1.0)
    failing = {"verdict": "failing", "reason": "5 of 60 requests failed"}
    before = reader.worth_a_look(failing, entry, "")
    assert reader.worth_a_look({**failing, "reason": "6 of 70 requests failed"}, entry, "") == before
    judged = dataclasses.replace(entry, judged_until=9.0)
    assert judged.progress(1.0) != judged.progress(2.0)
    for other in (
        reader.worth_a_look({"verdict": "drifted", "reason": "somebody wrote"}, entry, ""),
        reader.worth_a_look(failing, judged, ""),
        reader.worth_a_look(failing, None, ""),
        reader.worth_a_look(failing, entry, "the gateway does not answer"),
    ):
        assert other != before


def test_memory_is_flat_over_the_readings_of_an_hour(readers: list[FakeReader]) -> None:
    said = {**facts.of_board(board()), "padding": "x" * 5000}

    async def hour() -> None:
        shared = feed.Feed(["lab"])
        page = shared.events()

        async def listen(times: int) -> int:
            for number in range(times):
                readers[0].publish({**said, "number": number})
                await anext(page)
            return tracemalloc.get_traced_memory()[0]

        reading = asyncio.ensure_future(anext(page))
        await asyncio.sleep(0)
        readers[0].publish(said)
        await reading
        tracemalloc.start()
        before = await listen(100)
        assert await listen(3600) - before < 100_000
        tracemalloc.stop()

    asyncio.run(hour())


def luminance(colour: str) -> float:
    """Relative luminance (WCAG 2.2)."""
    parts = (int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5))
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return sum(part * share for part, share in zip(linear, (0.2126, 0.7152, 0.0722), strict=True))


@pytest.mark.parametrize("colour", look.COLOURS, ids=lambda one: one.terminal)
def test_what_stands_on_a_colour_can_be_read(colour: look.Colour) -> None:
    light, dark = sorted((luminance(colour.fill), luminance(colour.ink)), reverse=True)
    assert (light + 0.05) / (dark + 0.05) >= 4.5


SERVED = """
from components.commands.dashboard import feed, server
from tests.unit.test_dashboard import FakeReader
feed.Reader = FakeReader
address = server.bind(0)
print(address, flush=True)
try:
    server.serve(address, ["lab"])
except KeyboardInterrupt:
    print("interrupted")
"""


def test_ctrl_c_ends_it_at_once_with_a_page_open() -> None:
    with subprocess.Popen(
        [sys.executable, "-c", SERVED], cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout and process.stderr
        address = process.stdout.readline().strip()
        with httpx.stream("GET", address.replace("/?", "/events?"), timeout=60) as page:
            heard = page.iter_lines()
            assert next(heard) == "event: ages"
            process.send_signal(signal.SIGINT)
            list(heard)
        assert process.stdout.read() == "interrupted\n"
        assert process.stderr.read() == ""
        assert process.wait(60) == 0
