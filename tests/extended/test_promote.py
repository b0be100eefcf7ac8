"""Promotion from stack to stack on one lab: the first owns the mesh, each has a namespace and a host."""

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from components.pulumi_cli import last_proof
from harness.labs import Program
from tests.lab.baseline import Baseline
from tests.lab.observe import followed
from tests.lab.stages import V1, V2, config


def _stack(program: Program, name: str) -> Baseline:
    """Make a stack on the cluster and in the mesh of the first one."""
    text = config(program, name)
    Path(program.folder, f"Pulumi.{name}.yaml").write_text(text)
    made = replace(program, stack=name, environment={**program.environment, "PULUMI_STACK": name})
    made.run("pulumi", "stack", "select", "--create", name)
    return Baseline(made, text, program.folder / f"{name}.baseline")


@pytest.fixture(scope="module")
def baselines(baseline: Baseline) -> Iterator[list[Baseline]]:
    """`lab` serves v1 and v2 half each; `staging` and `prod` know v1 alone."""
    made = [_stack(baseline.program, name) for name in ("staging", "prod")]
    yield [baseline, *made]
    for one in made:
        one.program.run("pulumi", "destroy", "--yes", "--non-interactive", "--skip-preview", "--remove")


@pytest.fixture
def stacks(baselines: list[Baseline]) -> dict[str, Program]:
    """The stacks `lab`, `staging` and `prod`, as they were in the beginning."""
    for one in baselines:
        one.restore()
    return {one.program.stack: one.program for one in baselines}


def _config(program: Program, key: str) -> dict[str, Any]:
    return json.loads(program.run("pulumi", "config", "get", f"blue-green:{key}").stdout)


def _proved(program: Program, version: str) -> str:
    """The image of a version, by the digest that the stack's last proof names."""
    state = json.loads(program.run("pulumi", "stack", "export").stdout)["deployment"]["resources"]
    (image,) = last_proof.served(state)[version]
    return f"janakiramm/myapp:{version}@{image.partition('@')[2]}"


def _promote(program: Program, *arguments: str) -> tuple[int, str]:
    done = program.run("python", "-m", "rollout", "promote", *arguments, check=False)
    assert "Traceback" not in done.stderr
    return done.returncode, f"{done.stdout}{done.stderr}"


def test_new_version_comes_at_0_by_the_digest_of_the_last_proof(stacks: dict[str, Program]) -> None:
    lab, staging, _ = stacks.values()
    status, said = _promote(lab, "lab", "staging", "--min-requests", "20")
    assert status == 0
    assert "### `staging`: no traffic moves" in said
    proved = {"image": _proved(lab, "v2")}
    assert "@sha256:" in proved["image"]
    assert f"v2 starts (`{proved['image']}`)" in said
    # What the stack has of its own stays; so does the comment.
    assert _config(staging, "versions") == {"v1": {**V1, "replicas": 2}, "v2": proved}
    assert _config(staging, "weights") == {"v1": 100, "v2": 0}
    assert Path(staging.folder, "Pulumi.staging.yaml").read_text().startswith("# The stack staging.\n")

    status, said = _promote(lab, "lab", "staging", "--min-requests", "20")
    assert "staging is not what its config says" in said
    assert status == 1


def test_version_goes_from_stack_to_stack_and_takes_its_traffic_along(stacks: dict[str, Program]) -> None:
    lab, staging, prod = stacks.values()
    status, said = _promote(lab, "lab", "staging", "--min-requests", "20", "--weights", "--up")
    assert status == 0, said
    assert "staging is what its config says: v1 50 %, v2 50 %" in said

    options = ("--min-requests", "20", "--weights", "--up", "-o", "json")
    done = staging.run("python", "-m", "rollout", "promote", "staging", "prod", *options)
    written = json.loads(done.stdout)
    assert written["images"] == {"v2": _proved(lab, "v2")}
    assert (written["weights"], written["verdict"]["ok"]) == ({"v1": 50, "v2": 50}, True)
    assert _config(prod, "weights") == {"v1": 50, "v2": 50}


def test_preview_warns_of_a_version_that_is_deployed_elsewhere_and_serves_nowhere(
    stacks: dict[str, Program],
) -> None:
    lab, _, prod = stacks.values()
    versions = {"v1": {**V1, "replicas": 2}, "v2": {"image": _proved(lab, "v2")}}
    prod.config(versions=versions, weights={"v1": 60, "v2": 40})
    assert "No other stack" not in prod.run("python", "-m", "rollout", "preview").stdout
    lab.config(weights={"v1": 100, "v2": 0})
    lab.up("--skip-preview")
    said = prod.run("python", "-m", "rollout", "preview").stdout
    assert "No other stack (lab, staging) has served v2" in said


def _refused(stacks: dict[str, Program], reason: str, *options: str) -> None:
    file = Path(stacks["staging"].folder, "Pulumi.staging.yaml")
    before = file.read_text()
    status, said = _promote(stacks["lab"], "lab", "staging", "--min-requests", "20", *options)
    assert status == 1
    assert reason in said
    assert file.read_text() == before


def test_source_that_is_not_what_its_config_says_is_refused(stacks: dict[str, Program]) -> None:
    stacks["lab"].config(weights={"v1": 60, "v2": 40})
    _refused(
        stacks, "lab is not what its config says: not applied: VirtualService default/myapp says v1 50 %"
    )


def test_target_that_has_drifted_is_refused(stacks: dict[str, Program]) -> None:
    stacks["staging"].config(weights={"v1": 100}, versions={"v1": {**V1, "replicas": 2}, "v2": V2})
    stacks["staging"].up("--skip-preview")
    route = [{"destination": {"host": "myapp", "subset": "v2"}, "weight": 100}]
    change = json.dumps([{"op": "replace", "path": "/spec/http/0/route", "value": route}])
    with followed(stacks["staging"]):
        stacks["staging"].kubectl(
            "patch", "virtualservice", "myapp", "-n", "staging", "--type=json", "-p", change
        )
    _refused(stacks, "staging is not what its config says: VirtualService staging/myapp says v2 100 %")


def test_image_that_the_last_proof_does_not_name_is_refused(stacks: dict[str, Program]) -> None:
    lab = stacks["lab"]
    old = lab.kubectl("get", "pods", "-l", "app=myapp,version=v2", "-o", "name").stdout.split()
    lab.kubectl("set", "image", "deployment/myapp-v2", "myapp=janakiramm/myapp:v3")
    lab.kubectl("wait", "--for=delete", "--timeout=120s", *old)
    digest = _proved(lab, "v2").partition("@")[2]
    _refused(stacks, f"where the last proof has docker.io/janakiramm/myapp@{digest}")


def test_version_that_fails_or_had_too_few_requests_or_has_another_image_there_is_refused(
    stacks: dict[str, Program],
) -> None:
    stacks["lab"].config(versions={"v1": V1, "v2": {"image": "janakiramm/myapp:flaky"}})
    stacks["lab"].up("--skip-preview")
    _refused(stacks, "v2 failed ")
    stacks["lab"].config(versions={"v1": V1, "v2": V2}, weights={"v1": 99, "v2": 1})
    stacks["lab"].up("--skip-preview")
    _refused(stacks, "v2 served only ")
    changed = {"v1": {"image": "janakiramm/myapp:v3"}, "v2": V2}
    stacks["lab"].config(versions=changed, weights={"v1": 50, "v2": 50})
    stacks["lab"].up("--skip-preview")
    _refused(stacks, "v1 serves 100 % in staging with janakiramm/myapp:v1, and not janakiramm/myapp:v3")


def test_stack_that_is_not_there_is_refused(stacks: dict[str, Program]) -> None:
    status, said = _promote(stacks["lab"], "lab", "nowhere")
    assert status == 1
    assert "nowhere" in said
