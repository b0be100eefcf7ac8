"""The whole program after its cluster was deleted behind its back."""

import itertools
from collections import Counter

from components.observation.answers import ask
from harness.labs import Lab, Program


def test_a_deleted_cluster_comes_back_with_the_mesh_the_app_and_its_split(program: Program, lab: Lab) -> None:
    lab.run("minikube", "delete")
    program.up("--skip-preview")
    answers = list(itertools.islice(ask(str(program.outputs()["url"])), 100))
    assert [answer for answer in answers if not answer.ok] == []
    assert set(Counter(answer.text for answer in answers)) == {"V1", "vNext"}
    program.up("--skip-preview", "--expect-no-changes")
