"""Shifts through their real entry point, on real traffic: to the end, back by itself, interrupted, killed."""

import json
import re
import signal
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from components.gateway.waiting import WAITING
from components.manifests.charts import STATS_ANNOTATION, STATS_CONFIG
from harness.labs import Program, said_until
from harness.pace import pace
from tests.lab.baseline import Baseline
from tests.lab.load import load
from tests.lab.observe import get, wait
from tests.lab.others import theirs

V1 = {"image": "janakiramm/myapp:v1"}
V2 = {"image": "janakiramm/myapp:v2"}
FLAKY = {"image": "janakiramm/myapp:flaky"}
# Each answer takes 2 s.
SLOW = {"image": "janakiramm/myapp:slow"}
SHIFT = ("python", "-m", "rollout", "shift")
# What comes even in a few seconds of a machine that does other things.
FEW = ("--min-requests", "10")


@pytest.fixture(scope="module")
def on_v1(baseline: Baseline) -> Baseline:
    return baseline.with_config(weights={"v1": 100, "v2": 0})


@pytest.fixture(autouse=True)
def all_on_v1(on_v1: Baseline) -> None:
    """Every test begins with all traffic on v1."""
    on_v1.restore()


def _weights(program: Program) -> dict[str, int]:
    return json.loads(program.run("pulumi", "config", "get", "blue-green:weights").stdout)


def _verify(program: Program) -> dict[str, Any]:
    return json.loads(program.run("python", "-m", "rollout", "verify", "-o", "json", check=False).stdout)


def _start(program: Program, *options: str) -> subprocess.Popen[str]:
    return program.begin(*SHIFT, *options)


def test_shift_moves_all_traffic_by_steps_without_a_failed_request(program: Program) -> None:
    url = str(program.outputs()["url"])
    with load(url) as answers:
        done = program.run(
            *SHIFT, "v2", "--steps", "50,100", "--pause", "3", *FEW, "--report", "reports", "-o", "json"
        )
    report = json.loads(done.stdout)
    assert [answer for answer in answers if not answer.ok] == []
    assert [(step["share"], step["served"]["v2"]["errors"]) for step in report["steps"]] == [
        (50, 0),
        (100, 0),
    ]
    assert report["failure"] is None
    assert _weights(program) == {"v1": 0, "v2": 100}
    assert _verify(program)["ok"]
    (page,) = Path(program.folder, "reports").glob("*.html")
    assert "all steps stand" in page.read_text()


def test_shift_to_a_version_with_a_fifth_of_errors_goes_back_by_itself(program: Program) -> None:
    program.config(versions={"v1": V1, "v2": FLAKY})
    program.up("--skip-preview")
    with load(str(program.outputs()["url"])):
        done = program.run(*SHIFT, "v2", "--steps", "50,100", "--pause", "20", check=False)
    assert done.returncode == 1
    assert "requests failed" in done.stderr
    assert "going back to v1 100 %" in done.stderr
    assert _weights(program) == {"v1": 100, "v2": 0}
    assert _verify(program)["ok"]


def test_shift_to_a_slow_version_goes_back_by_itself(program: Program) -> None:
    program.config(versions={"v1": V1, "v2": SLOW})
    program.up("--skip-preview")
    options = ("--steps", "50,100", "--pause", "120", "--max-p99", "1000", "--min-requests", "20")
    with ExitStack() as clients:
        # One client alone may be drawn to v2 again and again, and time no request of v1.
        for _ in range(5):
            clients.enter_context(load(str(program.outputs()["url"])))
        done = program.run(*SHIFT, "v2", *options, "-o", "json", check=False)
    assert done.returncode == 1
    slowest = re.search(r"requests was (\d+) ms; at most 1000 ms may be", done.stderr)
    assert slowest, done.stderr
    assert int(slowest[1]) >= 2000
    latency = json.loads(done.stdout)["steps"][0]["latency"]
    assert latency["v2"]["p50Ms"] >= 2000 > latency["v1"]["p50Ms"]
    assert _verify(program)["ok"]


def _gateway_pods(program: Program) -> list[object]:
    return get(program, "-n", "istio-system", "pods", "-l", "istio=ingressgateway")["items"]


@pytest.fixture
def untimed(program: Program) -> Iterator[None]:
    """A gateway that does not time its requests, as that of a mesh which somebody else installed."""
    gateway = ("-n", "istio-system", "deployment/istio-ingressgateway")
    annotations = {"metadata": {"annotations": {STATS_ANNOTATION: None}}}
    change = json.dumps({"spec": {"template": annotations}})
    program.kubectl("patch", *gateway, "--type=merge", "-p", change)
    program.kubectl("rollout", "status", *gateway, "--timeout=120s")
    wait(lambda: len(_gateway_pods(program)) == 1, "the gateway that times has gone")
    yield
    program.kubectl("rollout", "undo", *gateway)
    program.kubectl("rollout", "status", *gateway, "--timeout=120s")


@pytest.mark.usefixtures("untimed")
def test_shift_by_p99_is_refused_where_no_gateway_times_requests(program: Program) -> None:
    with load(str(program.outputs()["url"])) as answers:
        wait(lambda: any(answer.ok for answer in answers), "a request that could have been timed")
        done = program.run(*SHIFT, "v2", "--steps", "50", "--max-p99", "500", check=False)
    assert done.returncode == 1
    assert "--max-p99 has nothing to judge by: gateway istio-system/istio-ingressgateway-" in done.stderr
    assert f"the annotation {STATS_ANNOTATION}: '{STATS_CONFIG}'" in done.stderr
    assert _weights(program) == {"v1": 100, "v2": 0}


def test_shift_without_traffic_is_refused_before_its_first_step_with_what_would_do(program: Program) -> None:
    done = program.run(*SHIFT, "v2", "--steps", "10,100", "--pause", "10", check=False)
    assert done.returncode == 1
    assert "at 10 % v2 gets about 0 of them in 10 s, and 50 are needed to judge" in done.stderr
    # One step in forty gets fewer even so.
    rate = re.search(r"--traffic (\d+)", done.stderr)
    assert rate
    assert _weights(program) == {"v1": 100, "v2": 0}

    done = program.run(*SHIFT, "v2", "--steps", "10,100", "--pause", "10", "--traffic", rate[1], *FEW)
    assert _weights(program) == {"v1": 0, "v2": 100}
    assert "all steps stand" in done.stderr
    # A few lines a stage, and none of Pulumi's; of a slow machine the reasons why it waits, too.
    lines = [line for line in done.stderr.splitlines() if WAITING not in line]
    assert len(lines) <= 7, done.stderr


def test_shift_whose_traffic_ends_goes_back(program: Program) -> None:
    with load(str(program.outputs()["url"])):
        shift = _start(program, "v2", "--steps", "50", "--pause", "5", "--min-requests", "20")
        said_until(shift, "v1 100 % → v1 50 %, v2 50 %")
    with shift:
        said, _ = shift.communicate()
    assert shift.returncode == 1
    assert "and 20 are needed to judge" in said
    assert _verify(program)["ok"]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_interrupted_shift_goes_back(program: Program, number: signal.Signals) -> None:
    with (
        load(str(program.outputs()["url"])),
        _start(program, "v2", "-v", "--steps", "50", "--pause", "60") as shift,
    ):
        said_until(shift, "v2 at 50 %")
        shift.send_signal(number)
        shift.communicate()
    assert shift.returncode == 130
    assert _weights(program) == {"v1": 100, "v2": 0}
    assert _verify(program)["ok"]


@pytest.fixture
def killed(program: Program) -> None:
    """A shift that SIGKILL ended between its steps."""
    with (
        load(str(program.outputs()["url"])),
        _start(program, "v2", "-v", "--steps", "50,100", "--pause", "10", *FEW) as shift,
    ):
        said_until(shift, "v2 at 50 %")
        shift.kill()
        shift.communicate()


@pytest.mark.usefixtures("killed")
def test_killed_shift_is_named_by_verify_and_undone_by_the_command_it_names(program: Program) -> None:
    (difference,) = _verify(program)["differences"]
    assert "a shift of v2 was killed at 50 %" in difference["what"]
    command = difference["mend"].split()
    program.run(*command)
    assert _weights(program) == {"v1": 100, "v2": 0}
    assert _verify(program)["ok"]


@pytest.mark.usefixtures("killed")
def test_killed_shift_is_resumed(program: Program) -> None:
    refused = program.run(*SHIFT, "v2", check=False)
    assert "was killed. Go back from it first" in refused.stderr
    with load(str(program.outputs()["url"])):
        program.run(*SHIFT, "--resume")
    assert _weights(program) == {"v1": 0, "v2": 100}
    assert _verify(program)["ok"]


def test_shift_killed_in_the_middle_of_an_up_is_undone(program: Program) -> None:
    with (
        load(str(program.outputs()["url"])),
        _start(program, "v2", "-v", "--steps", "50") as shift,
    ):
        said_until(shift, "v1 100 % → v1 50 %, v2 50 %")
        shift.kill()
        shift.communicate()
    program.run(*SHIFT, "--undo")
    assert _weights(program) == {"v1": 100, "v2": 0}
    assert _verify(program)["ok"]


def test_traffic_that_a_pipeline_moves_meanwhile_stays_and_stops_the_shift(program: Program) -> None:
    with (
        load(str(program.outputs()["url"])),
        _start(program, "v2", "-v", "--steps", "50", "--pause", str(round(120 * pace()))) as shift,
    ):
        said_until(shift, "v2 at 50 %")
        program.config(weights={"v1": 80, "v2": 20})
        program.up("--skip-preview")
        said, _ = shift.communicate()
    assert shift.returncode == 1
    assert "somebody else moved it" in said
    assert _weights(program) == {"v1": 80, "v2": 20}
    assert _verify(program)["ok"]


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        (("v9",), "has no version v9, only v1, v2"),
        (("v1",), "has 100 % already"),
        (("v2", "--steps", "50,25"), "percentages from 1 to 100 that rise"),
        ((), "name the version"),
        (("--undo",), "nothing to undo"),
        (("--resume", "--max-error-rate", "0.5"), "know what was asked for"),
    ],
)
def test_shift_that_cannot_begin_says_why_and_changes_nothing(
    program: Program, options: tuple[str, ...], reason: str
) -> None:
    done = program.run(*SHIFT, *options, check=False)
    assert done.returncode == 1
    assert reason in done.stderr
    assert "Traceback" not in done.stderr
    assert _weights(program) == {"v1": 100, "v2": 0}


def ejecting() -> dict[str, object]:
    """A rule of another team for the app's host, which takes a pod away after its first error."""
    detection = {
        "consecutive5xxErrors": 1,
        "interval": "1s",
        "baseEjectionTime": "60s",
        "maxEjectionPercent": 100,
    }
    spec = {"host": "myapp.default.svc.cluster.local", "trafficPolicy": {"outlierDetection": detection}}
    return theirs("DestinationRule", "ejecting", spec)


def test_what_the_gateway_answers_for_an_ejected_version_sends_the_shift_back(program: Program) -> None:
    program.config(versions={"v1": V1, "v2": FLAKY})
    program.up("--skip-preview")
    # The app's own errors alone pass; the rule comes once the step stands, as its `up` needs an endpoint.
    options = ("--steps", "50,100", "--pause", "60", "--max-error-rate", "0.5")
    with load(str(program.outputs()["url"])), _start(program, "v2", "-v", *options) as shift:
        said_until(shift, "v2 at 50 %:")
        with program.applied(ejecting()):
            said, _ = shift.communicate()
    assert shift.returncode == 1
    # Whichever is seen first: its answers, or that the gateway has nobody left to send to.
    assert re.search(
        r"answered them itself: \d+ no healthy endpoint|has every endpoint of v2 ejected", said
    ), said
    assert "DestinationRule default/ejecting" in said
    assert _weights(program) == {"v1": 100, "v2": 0}
