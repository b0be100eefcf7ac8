"""verify and watch through their real entry points."""

import json

import pytest

from harness.labs import Program
from tests.lab.observe import followed

pytestmark = pytest.mark.usefixtures("base")


def rollout(program: Program, *arguments: str) -> tuple[int, str]:
    done = program.run("python", "-m", "rollout", *arguments, check=False)
    assert "Traceback" not in done.stderr
    return done.returncode, f"{done.stdout}{done.stderr}"


def patch(program: Program, v1: int, v2: int) -> None:
    routes = [
        {"destination": {"host": "myapp", "subset": version}, "weight": weight}
        for version, weight in (("v1", v1), ("v2", v2))
    ]
    change = json.dumps([{"op": "replace", "path": "/spec/http/0/route", "value": routes}])
    with followed(program):
        program.kubectl("patch", "virtualservice", "myapp", "--type=json", "-p", change)


def test_verify_of_a_stack_that_is_as_its_config_says(program: Program) -> None:
    status, said = rollout(program, "verify")
    assert (status, said.splitlines()[0]) == (0, "lab is what its config says: v1 50 %, v2 50 %")


def test_verify_of_a_config_with_a_mistake_says_what_is_wrong(program: Program) -> None:
    program.config(weights={"v1": 50, "v2": 49})
    status, said = rollout(program, "verify")
    assert status == 1
    assert "99" in said


def test_watch_once_shows_the_four_columns(program: Program) -> None:
    _, said = rollout(program, "watch", "-o", "json", "--count", "200")
    facts = json.loads(said)
    assert facts["verdict"] == "converged"
    for version in ("v1", "v2"):
        row = facts["versions"][version]
        assert (row["config"], row["virtualService"], row["envoys"], row["errors"]) == (50, 50, [[50]], 0)
        assert (row["ready"], row["wanted"]) == (1, 1)
    assert sum(facts["versions"][version]["requests"] for version in ("v1", "v2")) == facts["requests"] >= 200


def test_watch_shows_drift_and_who_made_it(program: Program) -> None:
    patch(program, 90, 10)
    status, said = rollout(program, "watch", "--once")
    assert status == 0
    assert "drifted" in said
    assert "kubectl-patch" in said


@pytest.mark.parametrize("command", ["verify", "preview", "watch --once"])
def test_a_full_stack_name_is_as_good_as_a_short_one(program: Program, command: str) -> None:
    full = f"organization/blue-green/{program.stack}"
    status, said = rollout(program, *command.split(), "--stack", full)
    assert status == 0, said
