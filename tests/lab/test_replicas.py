"""The number of a version's pods when the config has none, or has it no more."""

from harness.labs import Program
from tests.lab.observe import VERSIONS, get


def replicas(program: Program) -> int:
    return get(program, "deployment", "myapp-v1")["spec"]["replicas"]


def test_the_number_that_runs_stays_and_then_is_the_autoscalers(base: Program) -> None:
    base.config(versions={**VERSIONS, "v1": {**VERSIONS["v1"], "replicas": 2}})
    base.up("--skip-preview")
    budget = get(base, "pdb", "myapp-v1")["metadata"]["uid"]
    base.config(versions=VERSIONS)
    base.up("--skip-preview")
    assert replicas(base) == 2
    # By the subresource that an autoscaler writes to.
    base.kubectl("scale", "deployment", "myapp-v1", "--replicas", "3")
    base.run("pulumi", "config", "set", "--path", "blue-green:versions.v1.env.A", "b")
    base.up("--skip-preview")
    assert replicas(base) == 3
    assert get(base, "pdb", "myapp-v1")["metadata"]["uid"] == budget
