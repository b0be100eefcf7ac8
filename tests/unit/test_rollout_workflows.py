"""The GitHub workflows: pinned, with few rights, no credentials for forks, and steps that exist."""

import re
import shlex
import subprocess

import pytest
import yaml

from tests.workflows import FOLDER, load, steps

ROOT = FOLDER.parents[1]
WORKFLOWS = sorted(file.name for file in FOLDER.glob("*.yml"))


def test_the_workflows_are_there() -> None:
    assert WORKFLOWS == ["ci.yml", "deploy.yml", "preview.yml", "release.yml"]


@pytest.mark.parametrize("name", WORKFLOWS)
def test_actions_are_pinned_by_commit_and_keep_no_token(name: str) -> None:
    used = [step for step in steps(name) if "uses" in step]
    assert used
    for step in used:
        assert re.fullmatch(r"actions/[a-z-]+@[0-9a-f]{40}", step["uses"])
        if step["uses"].startswith("actions/checkout@"):
            assert step["with"]["persist-credentials"] is False


@pytest.mark.parametrize("name", WORKFLOWS)
def test_rights_are_read_alone_but_for_the_comment(name: str) -> None:
    rights = load(name)["permissions"]
    comment = {"pull-requests": "write"} if name == "preview.yml" else {}
    assert rights == {"contents": "read", **comment}
    assert "pull_request_target" not in load(name)["on"]


@pytest.mark.parametrize("stack", ["staging", "prod"])
def test_a_runners_kubeconfig_is_found_as_kubectl_finds_it(stack: str) -> None:
    """As docs/pull-requests.md says: with a path the variable KUBECONFIG would count for nothing."""
    config = yaml.safe_load((ROOT / f"Pulumi.{stack}.yaml").read_text())["config"]
    assert config["blue-green:cluster"] == {"kind": "kubeconfig", "context": stack}


def test_preview_runs_for_no_fork_and_apart_from_what_deploys() -> None:
    (job,) = load("preview.yml")["jobs"].values()
    assert "head.repo.full_name == github.repository" in job["if"]
    # A pull request's own code runs there: never with a deploying environment's secrets, or on its runner.
    assert job["environment"] == "preview"
    deploying = load("deploy.yml")["jobs"].values()
    assert "preview" not in {one["environment"] for one in deploying}
    assert job["runs-on"] not in {one["runs-on"] for one in deploying}


def test_images_are_pinned_by_digest() -> None:
    images = [
        job["container"]["image"]
        for name in WORKFLOWS
        for job in load(name)["jobs"].values()
        if "container" in job
    ]
    assert images
    assert all(re.search(r"@sha256:[0-9a-f]{64}$", image) for image in images)


def test_ups_of_a_stack_queue_and_stacks_follow_one_another() -> None:
    jobs = load("deploy.yml")["jobs"]
    assert {name: job.get("needs") for name, job in jobs.items()} == {
        "staging": None,
        "prod": "staging",
    }
    for name, job in jobs.items():
        assert job["concurrency"] == {"group": f"up-{name}", "cancel-in-progress": False}
        assert job["environment"] == name
        assert (ROOT / f"Pulumi.{name}.yaml").is_file()


@pytest.mark.parametrize(
    "command",
    [
        pytest.param(step["run"], id=step["run"][:40])
        for name in WORKFLOWS
        for step in steps(name)
        if step.get("run", "").startswith("make ")
    ],
)
def test_make_knows_the_targets_that_steps_call(command: str) -> None:
    arguments = shlex.split(command.replace("$BASE", "HEAD~1").replace("$NUMBER", "7"))
    done = subprocess.run(
        ["make", "--dry-run", *arguments[1:]], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert re.search("python -m (rollout|tools release)", done.stdout)
