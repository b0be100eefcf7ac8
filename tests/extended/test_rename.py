"""`pulumi stack rename`: the next `up` goes on by itself, with the same Minikube, objects and pods."""

from collections.abc import Iterator
from dataclasses import replace

import pytest

from harness.labs import Program
from tests.lab.observe import get


@pytest.fixture
def renamed(program: Program) -> Iterator[Program]:
    program.run("pulumi", "stack", "rename", "afterwards")
    yield replace(
        program, stack="afterwards", environment={**program.environment, "PULUMI_STACK": "afterwards"}
    )
    program.run("pulumi", "stack", "rename", program.stack, "--stack", "afterwards")
    program.up("--skip-preview")


def uids(program: Program) -> dict[str, str]:
    listed = get(program, "pods,services,deployments,virtualservices,destinationrules")["items"]
    # Pods of an earlier test may be on their way out.
    found = (one["metadata"] | {"kind": one["kind"]} for one in listed)
    return {f"{one['kind']}/{one['name']}": one["uid"] for one in found if "deletionTimestamp" not in one}


def test_a_renamed_stack_goes_on(program: Program, renamed: Program) -> None:
    # The `up` of another test does not wait for the old pods to end.
    for version in ("v1", "v2"):
        program.kubectl("rollout", "status", f"deployment/myapp-{version}")
    before = uids(program)
    renamed.up()
    renamed.up("--skip-preview", "--expect-no-changes")
    assert uids(renamed) == before
    marks = renamed.kubectl("get", "service", "myapp", "-o", "jsonpath={.metadata.annotations}").stdout
    assert "/afterwards/myapp-service" in marks
    assert renamed.run("pulumi", "stack", "history", "--json").stdout.count('"kind": "update"') > 1
