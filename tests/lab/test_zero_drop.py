"""Nothing dropped, in short: each kind of change once under a low load; `make proof` runs all of it."""

import json
from pathlib import Path

import pytest

from harness.labs import Program
from proof.run import under_load
from proof.steps import HALF, to
from proof.transitions import TRANSITIONS, Transition
from tests.lab.baseline import Baseline

RATE = 100


def chains() -> list[list[Transition]]:
    """The short ones, each with those that follow from it."""
    found: list[list[Transition]] = []
    for transition in (one for one in TRANSITIONS if one.short):
        if transition.follows:
            found[-1].append(transition)
        else:
            found.append([transition])
    return found


@pytest.fixture(scope="module")
def without_retries(baseline: Baseline) -> Baseline:
    """Every failure of a version must reach the client."""
    return baseline.with_config(routing={"retries": {"attempts": 0}})


@pytest.fixture(autouse=True)
def half_and_half(without_retries: Baseline) -> None:
    without_retries.restore()


@pytest.mark.parametrize("chain", chains(), ids=lambda chain: chain[0].name)
def test_no_request_fails(program: Program, chain: list[Transition], tmp_path: Path) -> None:
    for transition in chain:
        result = under_load(program, transition.name, transition.steps, rate=RATE, folder=tmp_path)
        assert result.error is None, transition.name
        assert len(result.requests) > RATE
        assert result.failed == (), transition.name


def test_the_wrong_order_is_seen(program: Program, tmp_path: Path) -> None:
    """A VirtualService that names a subset before its rule and its pods are there drops requests."""

    def virtual_service_first(program: Program) -> None:
        route = json.loads(program.kubectl("get", "virtualservice", "myapp", "-o", "json").stdout)
        first = route["spec"]["http"][0]["route"][0]
        first["destination"]["subset"] = "v9"
        patch = json.dumps({"spec": {"http": route["spec"]["http"]}})
        program.kubectl("patch", "virtualservice", "myapp", "--type=merge", "-p", patch)
        program.kubectl("wait", "--for=jsonpath={.metadata.name}=myapp", "virtualservice/myapp")

    mend = to(HALF, ("v1", "v2"))
    result = under_load(program, "wrong order", (virtual_service_first, mend), rate=RATE, folder=tmp_path)
    assert result.failed
    assert not result.kept
    assert {request.failure for request in result.failed} <= {"status 503", "status 500"}
