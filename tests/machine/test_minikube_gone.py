"""The whole program after its cluster was deleted behind its back, and after `pulumi destroy`."""

import itertools
import json
from collections import Counter

import pytest

from components.observation.answers import ask
from harness.labs import Lab, Program

pytestmark = pytest.mark.usefixtures("base")


def test_a_deleted_cluster_comes_back_with_the_mesh_the_app_and_its_split(program: Program, lab: Lab) -> None:
    lab.run("minikube", "delete")
    program.up("--skip-preview")
    answers = list(itertools.islice(ask(str(program.outputs()["url"])), 100))
    assert [answer for answer in answers if not answer.ok] == []
    assert set(Counter(answer.text for answer in answers)) == {"V1", "vNext"}
    program.up("--skip-preview", "--expect-no-changes")


def test_destroy_removes_all_of_it(program: Program, lab: Lab) -> None:
    program.run("pulumi", "destroy", "--yes", "--non-interactive", "--skip-preview")
    state = json.loads(program.run("pulumi", "stack", "export").stdout)["deployment"]
    assert state.get("resources", []) == []
    profiles = json.loads(lab.run("minikube", "profile", "list", "-o", "json", check=False).stdout)
    assert not profiles.get("valid")
