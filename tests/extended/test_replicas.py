"""The number of a version's pods when the config has none, or has it no more."""

from collections.abc import Iterator

import pytest

from harness.labs import Program
from tests.lab.observe import VERSIONS, get, updated


def replicas(program: Program) -> int:
    return get(program, "deployment", "myapp-v1")["spec"]["replicas"]


@pytest.fixture
def scaled(base: Program) -> Iterator[Program]:
    """The baseline, whose number of pods nobody but this test puts back: the config has none."""
    yield base
    base.kubectl("scale", "deployment", "myapp-v1", "--replicas", "1")


def test_the_number_that_runs_stays_and_then_is_the_autoscalers(scaled: Program) -> None:
    scaled.config(versions={**VERSIONS, "v1": {**VERSIONS["v1"], "replicas": 2}})
    scaled.up("--skip-preview")
    budget = get(scaled, "pdb", "myapp-v1")["metadata"]["uid"]
    scaled.config(versions=VERSIONS)
    scaled.up("--skip-preview")
    assert replicas(scaled) == 2
    # By the subresource that an autoscaler writes to.
    scaled.kubectl("scale", "deployment", "myapp-v1", "--replicas", "3")
    scaled.run("pulumi", "config", "set", "--path", "blue-green:versions.v1.env.A", "b")
    scaled.up("--skip-preview")
    assert replicas(scaled) == 3
    assert updated(scaled) == set()
    assert get(scaled, "pdb", "myapp-v1")["metadata"]["uid"] == budget
