"""A shift leaves no traffic between two steps, and no config that nothing accepts."""

import dataclasses
import io
import os
import signal
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from rich.console import Console

from components.commands.shift import journal, observe, outlook, run
from components.commands.shift.judge import Limits, Plan
from components.commands.shift.load import sending
from components.commands.shift.observe import BreachError, MovedByOthersError
from components.commands.shift.report import Report, Step
from components.commands.shift.view import Log, Screen
from components.errors import NotAskedError, RolloutError
from components.gateway.waiting import wait_until
from components.observation import endpoint, latency, traffic
from components.observation.latency import Latency, Readings
from components.observation.traffic import Counters, Endpoint, Served
from components.pulumi_cli import config, locks, stack
from components.settings.model import Check

BEFORE = {"v1": 100, "v2": 0}
PLAN = Plan("v2", (50, 100), 1, Limits(0.01, 50))
VIEW = Log("v2", verbose=False)


@pytest.fixture
def written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[dict[str, int]]:
    """The splits that were written to the config of stack `lab`, in a project without a cluster."""
    (tmp_path / "Pulumi.yaml").touch()
    monkeypatch.chdir(tmp_path)
    found: list[dict[str, int]] = []

    def write(_name: str, weights: dict[str, int]) -> None:
        found.append(dict(weights))

    monkeypatch.setattr(config, "write_weights", write)
    monkeypatch.setattr(stack, "converge", _nothing)
    monkeypatch.setattr(locks, "wait_for_engine", _nothing)
    return found


def _report() -> Report:
    return Report.begin("lab", PLAN, BEFORE)


def _nothing(*_: object, **__: object) -> None:
    pass


def _failing(monkeypatch: pytest.MonkeyPatch, error: BaseException) -> None:
    def step(*_: Any) -> None:
        raise error

    monkeypatch.setattr(run, "_step", step)


@pytest.mark.parametrize(
    ("error", "reason"), [(KeyError("route"), "KeyError: 'route'"), (KeyboardInterrupt(), "interrupted")]
)
def test_shift_goes_back_whatever_happened(
    error: BaseException, reason: str, written: list[dict[str, int]], monkeypatch: pytest.MonkeyPatch
) -> None:
    _failing(monkeypatch, error)
    report = run._all_steps("lab", PLAN, _report(), VIEW)  # pyright: ignore[reportPrivateUsage]
    assert report.failure == reason
    assert written == [BEFORE]
    assert journal.read("lab") is None


class _Gone(io.StringIO):
    """The end of a pipe, such as to `tee`, whose reader the same Ctrl-C has ended."""

    def write(self, _: str) -> int:
        raise BrokenPipeError


def test_shift_goes_back_where_nobody_reads_what_it_says(
    written: list[dict[str, int]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stderr", _Gone())
    _failing(monkeypatch, KeyboardInterrupt())
    report = run._all_steps("lab", PLAN, _report(), VIEW)  # pyright: ignore[reportPrivateUsage]
    assert (report.failure, written) == ("interrupted", [BEFORE])


@pytest.fixture
def hangup() -> Iterator[None]:
    """The signal of a lost terminal ends the process, as it does where nobody has changed that."""
    was = signal.signal(signal.SIGHUP, signal.SIG_DFL)
    yield
    signal.signal(signal.SIGHUP, was)


@pytest.mark.usefixtures("hangup")
def test_shift_whose_terminal_is_lost_goes_back_to_the_end(
    written: list[dict[str, int]], monkeypatch: pytest.MonkeyPatch
) -> None:
    def lost(*_: object, **__: object) -> None:
        os.kill(os.getpid(), signal.SIGHUP)

    monkeypatch.setattr(run, "_step", lost)
    monkeypatch.setattr(stack, "converge", lost)
    report = run._all_steps("lab", PLAN, _report(), VIEW)  # pyright: ignore[reportPrivateUsage]
    assert (report.failure, written) == ("interrupted", [BEFORE])
    assert journal.read("lab") is None
    # As under nohup.
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    report = run._all_steps("lab", PLAN, _report(), VIEW)  # pyright: ignore[reportPrivateUsage]
    assert report.failure is None


@pytest.mark.parametrize(
    ("route", "expected"),
    [
        ({"v1": 70, "v2": 30}, [{"v1": 70, "v2": 30}]),
        ({"v2": 100}, [{"v1": 0, "v2": 100}]),
        # Proportions, a version that the config does not know, and a route without a subset.
        ({"v1": 1, "v2": 1}, []),
        ({"v1": 50, "v3": 50}, []),
        ({}, []),
        (None, []),
    ],
)
def test_what_others_made_is_written_where_a_config_can_say_it(
    route: dict[str, int] | None,
    expected: list[dict[str, int]],
    written: list[dict[str, int]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    _failing(monkeypatch, MovedByOthersError("somebody else moved it", route))
    with pytest.raises(MovedByOthersError):
        run._all_steps("lab", PLAN, _report(), VIEW)  # pyright: ignore[reportPrivateUsage]
    assert written == expected


@pytest.mark.parametrize(("module", "name"), [(stack, "converge"), (locks, "wait_for_engine")])
def test_a_way_back_that_failed_names_the_file_and_the_line_that_goes_on(
    module: ModuleType, name: str, written: list[dict[str, int]], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*_: object, **__: object) -> None:
        raise RolloutError

    monkeypatch.setattr(module, name, fails)
    with pytest.raises(RolloutError) as raised:
        run.go_back("organization/blue-green/prod", BEFORE, quiet=True)
    assert str(raised.value) == (
        "the way back failed. Pulumi.prod.yaml has v1 100 %; when the cause is mended, "
        "run: blue-green shift --undo --stack organization/blue-green/prod"
    )
    assert written == [BEFORE]


def test_journal_of_a_stack_by_its_full_name_lies_beside_its_config(written: list[dict[str, int]]) -> None:
    assert written == []
    journal.write("organization/blue-green/lab", journal.entry(PLAN, BEFORE))
    found = journal.read("lab")
    assert found is not None
    assert found.pid == os.getpid()


class _Clock:
    """Seconds that pass only while somebody sleeps."""

    def __init__(self) -> None:
        self.now = 0.0

    def monotonic(self) -> float:
        return self.now

    def time(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds


def _counted(**endpoints: Served) -> Counters:
    """What the gateway gw had counted, by the version and address of an endpoint, such as v2_a."""
    keys = {name: ("gw", *name.split("_")) for name in endpoints}
    return Counters({keys[name]: Endpoint(served) for name, served in endpoints.items()})  # pyright: ignore[reportArgumentType]


def _observe(readings: Sequence[Counters | NotAskedError], monkeypatch: pytest.MonkeyPatch) -> Step:
    """Judge a step of two seconds by these readings of the gateways' counters."""

    left = list(readings)

    def read(*_: object) -> Counters:
        found = left.pop(0)
        if isinstance(found, NotAskedError):
            raise found
        return found

    def the_rule(*_: object) -> str:
        return "; look at the rule"

    def no_times(*_: object) -> Readings:
        return {}

    monkeypatch.setattr(traffic, "read", read)
    monkeypatch.setattr(latency, "read", no_times)
    monkeypatch.setattr(observe, "must_hold", _nothing)
    monkeypatch.setattr(observe, "_limits", the_rule)
    monkeypatch.setattr(observe, "time", _Clock())
    step = Step(50, 0)
    plan = Plan("v2", (50,), 2, Limits(0.01, 50))
    nowhere: Any = None
    observe.observe("lab", plan, nowhere, {"v1": 50, "v2": 50}, nowhere, step, VIEW)
    return step


def test_failures_of_a_pod_that_is_gone_still_count(monkeypatch: pytest.MonkeyPatch) -> None:
    readings = [_counted(v2_a=Served()), _counted(v2_a=Served(49, 49)), _counted(v2_b=Served(2000, 0))]
    with pytest.raises(BreachError, match="49 of 2049 requests failed"):
        _observe(readings, monkeypatch)


def test_a_reading_that_is_lost_sends_no_step_back(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    gone = NotAskedError("gateway gw: its Envoy has ended")
    before, after = _counted(v2_a=Served(10)), _counted(v2_a=Served(110))
    step = _observe([gone, before, gone, gone, _counted(v2_a=Served(60)), after, after], monkeypatch)
    # What was served meanwhile is in the next reading.
    assert step.served["v2"].requests == 100
    said = "shift: gateway gw: its Envoy has ended; asking again for 5 s"
    assert capsys.readouterr().err.splitlines() == [said, said]


def test_readings_that_stay_lost_send_a_step_back(monkeypatch: pytest.MonkeyPatch) -> None:
    gone = NotAskedError("gateway gw: its Envoy has ended")
    with pytest.raises(NotAskedError, match="its Envoy has ended"):
        _observe([_counted(v2_a=Served()), *[gone] * 7], monkeypatch)


def test_version_without_endpoints_is_a_breach(monkeypatch: pytest.MonkeyPatch) -> None:
    readings = [_counted(v1_a=Served(), v2_b=Served()), _counted(v1_a=Served(100, 0))]
    with pytest.raises(BreachError, match=r"gateway gw has no endpoint of v2, so its requests fail\Z"):
        _observe(readings, monkeypatch)


def test_version_whose_endpoints_are_ejected_is_a_breach(monkeypatch: pytest.MonkeyPatch) -> None:
    ejected = Counters({("gw", "v2", "b"): Endpoint(Served(1, 1), able=False)})
    # The rule is named also before a first request was answered by the gateway itself.
    with pytest.raises(BreachError, match=r"has every endpoint of v2 ejected, .*; look at the rule"):
        _observe([_counted(v2_b=Served()), ejected], monkeypatch)


def test_what_the_gateway_answers_itself_is_a_breach_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    endpoints = _counted(v2_b=Served(1, 1)).endpoints
    before = {"upstream_rq_completed": 0, "upstream_cx_none_healthy": 0}
    after = {"upstream_rq_completed": 9, "upstream_rq_5xx": 9, "upstream_cx_none_healthy": 8}
    readings = [Counters(endpoints, {("gw", "v2"): counted}) for counted in (before, after)]
    with pytest.raises(
        BreachError, match=r"9 of 9 requests failed; .* itself: 8 no healthy endpoint; look at the rule"
    ):
        _observe(readings, monkeypatch)


@pytest.mark.parametrize(
    ("seen", "hopeless", "says"),
    [
        # 100 a second: 300 in 30 s at 10 %.
        (300, False, "at 10 % v2 gets about 300 of them in 30 s, and 50 are needed to judge"),
        # 18 a second, as `make watch` sends: a coin toss.
        (54, False, "by chance). What would do: --pause 37; --min-requests 39; a first step of 13 %"),
        (9, True, "about 9 of them in 30 s, and 50 are needed to judge. What would do: --pause 221; --min-"),
        (0, True, "What would do: where nobody else uses the stack, --traffic 23"),
    ],
)
def test_outlook_says_before_the_first_step_what_would_do(seen: int, hopeless: bool, says: str) -> None:
    plan = Plan("v2", (10, 50, 100), 30, Limits(0.01, 50))
    said, found = outlook.outlook(seen, 3.0, plan)
    assert (found, says in said) == (hopeless, True), said


def test_own_requests_come_at_their_rate_with_the_headers_of_the_route_and_end_with_the_shift() -> None:
    seen: list[str | None] = []

    class App(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            seen.append(self.headers["Host"])
            self.send_response(204)
            self.end_headers()

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), App) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        url = f"http://127.0.0.1:{server.server_port}/"
        began = time.monotonic()
        with sending(endpoint.Endpoint(url, {"Host": "shop.example"}, Check()), 50):
            wait_until(lambda: () if len(seen) >= 50 else ("50 requests",), 60)
        count, took = len(seen), time.monotonic() - began
        assert set(seen) == {"shop.example"}
        server.shutdown()
    assert len(seen) == count <= 50 * took + 1


def test_own_requests_to_a_stream_without_an_end_go_on() -> None:
    seen: list[str] = []

    class App(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            seen.append(self.path)
            self.send_response(200)
            self.send_header("Content-Type", "text/event-stream")
            self.end_headers()
            # Half a minute of them: a test that reads them all fails, and ends.
            with suppress(ConnectionError):
                for _ in range(300):
                    self.wfile.write(b"data: tick\n\n")
                    time.sleep(0.1)

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), App) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        with sending(endpoint.Endpoint(f"http://127.0.0.1:{server.server_port}/", {}, Check()), 50):
            # More than are sent at once.
            wait_until(lambda: () if len(seen) >= 20 else ("20 requests",), 20)
        server.shutdown()


def test_screen_shows_each_stage_and_what_its_version_served() -> None:
    screen = Screen(PLAN)
    screen.moves(BEFORE, {"v1": 50, "v2": 50}, 50)
    console = Console(width=80, file=io.StringIO(), record=True)
    console.print(screen)
    step = Step(50, 0.0, {"v2": Served(90, 1)}, {"v2": Latency({0.0: 90})})
    screen.judges(step, 12.4)
    console.print(screen)
    screen.holds(step)
    console.print(screen)
    shown = console.export_text().splitlines()
    assert [line for line in shown if "`pulumi up`" in line]
    assert [line for line in shown if "13 s left" in line and "90 requests, 1 failed, p99 <1 ms" in line]
    assert [line for line in shown if line.split()[:3] == ["50", "%", "holds"]]


def test_report_says_that_the_shift_sent_requests_itself() -> None:
    plan = dataclasses.replace(PLAN, traffic=20)
    assert "the shift itself sent 20 a second" in Report.begin("lab", plan, BEFORE).to_html()


@pytest.mark.parametrize(("given", "expected"), [(None, 20), (5, 5)])
def test_a_resumed_shift_sends_what_it_sent_before(
    given: int | None, expected: int, written: list[dict[str, int]], monkeypatch: pytest.MonkeyPatch
) -> None:
    entry = journal.entry(dataclasses.replace(PLAN, traffic=20), BEFORE)
    journal.write("lab", dataclasses.replace(entry, started=0.0))
    sent: list[int | None] = []

    def sends(_name: str, _settings: object, per_second: int | None) -> AbstractContextManager[None]:
        sent.append(per_second)
        return nullcontext()

    def step(*_: object) -> None:
        pass

    monkeypatch.setattr(config, "settings", _nothing)
    monkeypatch.setattr(run, "_traffic", sends)
    monkeypatch.setattr(run, "_step", step)
    report = run.resume("lab", given)
    assert (sent, report.own_traffic, report.failure, written) == ([expected], expected, None, [])
    assert "itself sent" not in _report().to_html()
