"""verify and watch through their real entry points."""

import json

import pytest

from harness.labs import Program

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
    program.kubectl("patch", "virtualservice", "myapp", "--type=json", "-p", change)


def test_verify_of_a_stack_that_is_as_its_config_says(program: Program) -> None:
    status, said = rollout(program, "verify")
    assert (status, said.splitlines()[0]) == (0, "lab is what its config says: v1 50 %, v2 50 %")


def test_verify_names_a_config_that_was_not_applied_and_the_command(program: Program) -> None:
    program.config(weights={"v1": 60, "v2": 40})
    status, said = rollout(program, "verify")
    assert status == 1
    assert "the config says v1 60 %, v2 40 %, the last `up` that ended made it v1 50 %, v2 50 %" in said
    assert "blue-green up --stack lab" in said


def test_verify_names_who_patched_the_route_and_its_command_mends_it(program: Program) -> None:
    patch(program, 90, 10)
    status, said = rollout(program, "verify", "-o", "json")
    differences = json.loads(said)["differences"]
    assert status == 1
    (route,) = [one for one in differences if "VirtualService" in one["what"]]
    assert "says v1 90 %, v2 10 % and not v1 50 %, v2 50 %, written by kubectl-patch at" in route["what"]
    program.run(*route["mend"].split())
    assert rollout(program, "verify")[0] == 0


def test_verify_names_a_deleted_rule_and_its_command_mends_it(program: Program) -> None:
    program.kubectl("delete", "destinationrule", "myapp-v2")
    _, said = rollout(program, "verify", "-o", "json")
    (rule,) = [one for one in json.loads(said)["differences"] if "no subset" in one["what"]]
    assert rule["what"] == "version v2 has no subset in a DestinationRule"
    program.run(*rule["mend"].split())
    assert rollout(program, "verify")[0] == 0


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
