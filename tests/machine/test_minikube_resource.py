"""The Minikube profile as a Pulumi resource, on a real Minikube: a small program with one object on it."""

import json
import os
import re
import shutil
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from harness.labs import ROOT, Lab, Program, lab_host, project_copy
from harness.pace import pace
from tests.lab import subnets
from tests.lab.baseline import Baseline
from tools import env as tools_env

FOLDER = ROOT / ".lab" / f"test-{subnets.WORKER}-minikube"
PROGRAM = '''"""A cluster, and one object on it."""

import pulumi

from components.cluster import cluster
from components.register import register
from components.settings import stack

on = cluster(stack.load().cluster)
metadata = {"name": "note", "namespace": "default"}
register("note", {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": {}}, on.options())
pulumi.export("address", on.address)
'''


@pytest.fixture(scope="module")
def lab() -> Iterator[Lab]:
    """A host without a cluster."""
    with lab_host(FOLDER, subnets.OWN) as host:
        yield host


@pytest.fixture(scope="module")
def small(lab: Lab) -> Program:
    """The small program, its cluster not made yet."""
    return small_program("lab", lab)


@pytest.fixture(scope="module")
def made(small: Program) -> Baseline:
    return Baseline(small, small.config_file.read_text(), FOLDER / "baseline")


@pytest.fixture
def up(made: Baseline) -> Program:
    """The small program, up."""
    made.restore()
    return made.program


def is_made(program: Program) -> bool:
    """Whether the state has the profile: after a start that failed it has the rest alone."""
    state = json.loads(program.run("pulumi", "stack", "export").stdout)
    kinds = [str(resource["type"]) for resource in state["deployment"].get("resources", ())]
    return any(kind.endswith(":MinikubeProfile") for kind in kinds)


@pytest.fixture
def gone(small: Program, made: Baseline) -> Program:
    """The small program without its cluster."""
    small.config_file.write_text(made.config)
    if is_made(small):
        small.run("pulumi", "destroy", "--yes", "--non-interactive", "--skip-preview")
    return small


@pytest.fixture
def there(small: Program, made: Baseline) -> Program:
    """The small program with a cluster, whatever it is like."""
    if not is_made(small):
        made.restore()
    return small


def small_program(stack: str, lab: Lab) -> Program:
    made = project_copy(FOLDER / stack, lab, stack)
    (made.folder / "__main__.py").unlink()
    (made.folder / "__main__.py").write_text(PROGRAM)
    return made


def cluster_config(program: Program) -> dict[str, Any]:
    return json.loads(program.run("pulumi", "config", "get", "blue-green:cluster").stdout)


def note_uid(program: Program) -> str:
    """The identity of the one object: another one, if it was made anew."""
    return program.kubectl("get", "configmap", "note", "-o", "jsonpath={.metadata.uid}").stdout


def said_in_one_line(text: str, sentence: str) -> bool:
    return any(sentence in line for line in text.splitlines())


def arguments(process: psutil.Process) -> list[str]:
    """The command line of a process, which may have ended."""
    try:
        return process.cmdline()
    except psutil.NoSuchProcess:
        return []


def test_a_mistake_fails_the_preview_with_what_minikube_says(gone: Program) -> None:
    cluster = cluster_config(gone)
    gone.config(cluster=cluster | {"extraConfig": ["kublet.v=4"]})
    previewed = gone.preview(check=False)
    gone.config(cluster=cluster)
    assert previewed.returncode
    assert said_in_one_line(previewed.stdout, "These --extra-config parameters are invalid: [kublet]")
    assert not (FOLDER / "minikube" / ".minikube" / "profiles" / "minikube").exists()


def killed_in_a_start(program: Program, profile: str) -> tuple[list[psutil.Process], list[psutil.Process]]:
    """Kills an `up` while it starts the profile; returns what it had started, and Minikube of that."""
    command = ("pulumi", "up", "--yes", "--skip-preview", "--non-interactive")
    with subprocess.Popen(
        command, cwd=program.folder, env=program.environment, stdout=subprocess.PIPE, text=True
    ) as killed:
        for line in killed.stdout or ():
            if re.search(rf"minikube {profile}: step 1[1-3] of", line):
                break
        started = psutil.Process(killed.pid).children(recursive=True)
        # Once Pulumi is gone, Minikube may be at any time.
        minikube = [process for process in started if "start" in arguments(process)]
        killed.kill()
    return started, minikube


def test_up_after_one_that_was_killed_in_the_middle_of_a_start_makes_the_cluster(gone: Program) -> None:
    started, minikube = killed_in_a_start(gone, "minikube")
    assert minikube
    # Nobody is left to wait for the start, which would meet the next one.
    assert psutil.wait_procs(minikube, timeout=20 * pace())[1] == []
    gone.run("pulumi", "cancel", "--yes")
    made = gone.up("--skip-preview").stdout
    # Pulumi's own processes outlive it.
    for process in psutil.wait_procs(started, timeout=0)[1]:
        process.kill()
    assert said_in_one_line(made, "minikube minikube: deleting it")
    assert said_in_one_line(made, "minikube minikube: step 19 of 19")
    assert note_uid(gone)
    assert gone.outputs()["address"] == subnets.host(subnets.OWN)


def test_an_up_that_has_nothing_to_do_does_nothing(up: Program) -> None:
    up.up("--expect-no-changes")


def test_an_addon_is_changed_in_place(up: Program) -> None:
    cluster, note = cluster_config(up), note_uid(up)
    up.config(cluster=cluster | {"addons": ["default-storageclass"]})
    up.up("--skip-preview")
    assert "standard" in up.kubectl("get", "storageclass", "-o", "name").stdout
    up.config(cluster=cluster)
    up.up("--skip-preview")
    assert up.kubectl("get", "storageclass", "-o", "name").stdout == ""
    assert note_uid(up) == note


def test_a_stopped_cluster_is_started_again(up: Program) -> None:
    note = note_uid(up)
    up.run("minikube", "stop")
    up.up()
    assert note_uid(up) == note
    up.up("--expect-no-changes")


def test_a_paused_cluster_goes_on(up: Program) -> None:
    note = note_uid(up)
    up.run("minikube", "pause")
    up.up("--skip-preview")
    assert note_uid(up) == note


def test_the_profile_of_another_stack_is_refused(up: Program, lab: Lab) -> None:
    note = note_uid(up)
    refused = small_program("other", lab).preview(check=False)
    assert refused.returncode
    sentence = "there is a Minikube profile minikube already, and stack blue-green/lab made it. Take it over:"
    assert said_in_one_line(refused.stdout, sentence)
    assert note_uid(up) == note


def test_an_adopted_cluster_whose_first_start_was_killed_is_started_again(up: Program, lab: Lab) -> None:
    note, adopter = note_uid(up), small_program("adopter", lab)
    (adopter.folder / "__main__.py").write_text(PROGRAM.replace('"note"', '"mine"'))
    adopter.config(cluster=cluster_config(adopter) | {"adopt": True})
    _, minikube = killed_in_a_start(adopter, "minikube")
    assert minikube
    assert psutil.wait_procs(minikube, timeout=20 * pace())[1] == []
    adopter.run("pulumi", "cancel", "--yes")
    adopter.up("--skip-preview")
    assert note_uid(up) == note
    adopter.run("pulumi", "destroy", "--yes", "--non-interactive", "--skip-preview")
    up.up("--skip-preview")


def test_a_deleted_cluster_is_made_anew_with_all_that_was_on_it(up: Program) -> None:
    note = note_uid(up)
    up.run("minikube", "delete")
    said = up.up().stdout
    assert said_in_one_line(said, "minikube minikube: it is deleted: all that was on it is made anew")
    assert note_uid(up) != note
    up.up("--expect-no-changes")


def test_a_change_that_needs_a_new_cluster_is_announced_and_made(up: Program) -> None:
    note, cluster = note_uid(up), cluster_config(up)
    del cluster["cni"]
    up.config(cluster=cluster)
    previewed = up.preview().stdout
    assert said_in_one_line(
        previewed, "warning: cni bridge to Minikube's default needs a new cluster: all that"
    )
    assert re.search(r"\+-\d+ to replace", previewed)
    up.up("--skip-preview")
    assert note_uid(up) != note


def test_destroy_removes_the_profile_and_nothing_else(there: Program) -> None:
    profiles = FOLDER / "minikube" / ".minikube" / "profiles"
    there.kubectl("config", "set-context", "mine", "--cluster=elsewhere")
    (profiles / "other").mkdir()
    began = time.monotonic()
    there.run("pulumi", "destroy", "--yes", "--non-interactive", "--skip-preview")
    assert time.monotonic() - began < 120 * pace()
    assert [path.name for path in profiles.iterdir()] == ["other"]
    assert there.kubectl("config", "get-contexts", "-o", "name").stdout.split() == ["mine"]


def test_without_minikube_a_preview_shows_it_all_and_up_says_what_is_missing(tmp_path: Path) -> None:
    commands = tmp_path / "bin"
    commands.mkdir()
    for tool in (ROOT / ".tools" / "bin").iterdir():
        if tool.name != "minikube":
            (commands / tool.name).symlink_to(tool)
    variables = tools_env.variables("lab", tmp_path / "pulumi")
    environment = os.environ | variables | {"PATH": f"{commands}:/usr/bin:/bin"}
    program = project_copy(tmp_path / "project", Lab(tmp_path, environment, ()), "dev")
    shutil.copy(ROOT / "Pulumi.dev.yaml", program.folder)
    previewed = program.preview().stdout
    for made in ("MinikubeProfile", "Release istio-gateway", "Deployment myapp-v2", "VirtualService"):
        assert made in previewed
    failed = program.up("--skip-preview", check=False)
    assert failed.returncode
    assert said_in_one_line(failed.stdout, "There is no minikube on PATH. Install it: https://minikube.")
    assert "Traceback" not in failed.stdout + failed.stderr
