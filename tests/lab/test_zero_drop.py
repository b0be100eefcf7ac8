"""Nothing dropped, in short: each kind of change once under a low load; `make proof` runs all of it."""

import json
from pathlib import Path

import pytest

from harness.labs import Program
from proof.run import under_load
from proof.steps import HALF, to
from proof.transitions import TRANSITIONS, Transition

RATE = 100
SHORT = [transition for transition in TRANSITIONS if transition.short]


@pytest.fixture(autouse=True, scope="module")
def without_retries(program: Program) -> None:
    """Every failure of a version must reach the client."""
    program.config(routing={"retries": {"attempts": 0}})
    to(HALF, ("v1", "v2"))(program)


@pytest.mark.parametrize("transition", SHORT, ids=lambda one: one.name)
def test_no_request_fails(program: Program, transition: Transition, tmp_path: Path) -> None:
    result = under_load(program, transition.name, transition.steps, rate=RATE, folder=tmp_path)
    assert result.error is None
    assert len(result.requests) > RATE
    assert result.failed == ()


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
