"""The workflows' own steps, as a runner takes them: a fresh checkout, and the job's variables alone."""

import os
import re
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
import yaml

from harness.labs import ROOT, Program
from harness.pace import pace
from tests.fake_github import TOKEN, GitHub, fake_github
from tests.lab import stages
from tests.workflows import load

STACKS = ("staging", "prod")
PASSPHRASE = "the team's own"  # noqa: S105 - of a state that goes with the test
PULL_REQUEST = "7"
# A clone builds nothing again: the virtual environment is shared, as a runner keeps it in its cache.
SHARED = ".venv"
AUTHOR = ("-c", "user.name=test", "-c", "user.email=test@example.invalid")
SECONDS = 240 * pace()
TWO = {"v1": {**stages.V1, "replicas": 2}, "v2": {**stages.V2, "replicas": 2}}


@dataclass(frozen=True)
class Runner:
    """A runner of a repository.

    Attributes:
        repository: what is pushed to.
        folder: where each run has its checkout.
        contexts: what GitHub's expressions stand for, such as `github.token`.
        environment: what every step has, whatever its `env` says.
    """

    repository: Path
    folder: Path
    contexts: Mapping[str, str]
    environment: Mapping[str, str]

    def checkout(self, branch: str) -> Path:
        """Return a fresh checkout."""
        shutil.rmtree(self.folder, ignore_errors=True)
        _run("git", "clone", "--quiet", "--branch", branch, self.repository, self.folder)
        (self.folder / SHARED).symlink_to(ROOT / SHARED)
        return self.folder

    def runs(self, workflow: str, job: str, branch: str, **contexts: str) -> subprocess.CompletedProcess[str]:
        """Run a job's own steps in a fresh checkout, until one fails, and return the last."""
        checkout = self.checkout(branch)
        known = {**self.contexts, **contexts}
        done = None
        for step in (one for one in load(workflow)["jobs"][job]["steps"] if "run" in one):
            variables = {name: _evaluated(value, known) for name, value in step.get("env", {}).items()}
            done = subprocess.run(
                # GitHub's own way to run a step (its documentation, "Workflow syntax", `shell`).
                ["bash", "-e", "-c", step["run"]],
                cwd=checkout,
                env={**self.environment, **variables},
                capture_output=True,
                text=True,
                timeout=SECONDS,
            )
            if done.returncode:
                break
        assert done
        return done

    def deploys(self, *jobs: str) -> None:
        """Run jobs of the workflow that follows a merge."""
        for job in jobs:
            done = self.runs("deploy.yml", job, "main")
            assert done.returncode == 0, done.stdout + done.stderr

    def commits(self, branch: str, stack: str, **values: object) -> None:
        """Replace config values of a stack, in a commit on main that a branch gets."""
        checkout = self.checkout("main")
        _run("git", "switch", "--quiet", "--force-create", branch, cwd=checkout)
        file = checkout / f"Pulumi.{stack}.yaml"
        whole = yaml.safe_load(file.read_text())
        whole["config"] |= {f"blue-green:{key}": value for key, value in values.items()}
        file.write_text(yaml.safe_dump(whole))
        self.pushes(checkout, branch)

    def pushes(self, checkout: Path, branch: str) -> None:
        """Commit what changed in a checkout and push it to a branch."""
        _run("git", *AUTHOR, "commit", "--quiet", "--all", "--message=a change", cwd=checkout)
        _run("git", "push", "--quiet", "--force", "origin", f"HEAD:{branch}", cwd=checkout)

    def head(self, branch: str) -> str:
        """Return the commit of a branch."""
        return _run("git", "rev-parse", branch, cwd=self.repository).strip()


def _run(*command: str | Path, cwd: Path = ROOT) -> str:
    done = subprocess.run(command, cwd=cwd, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


def _evaluated(value: str, contexts: Mapping[str, str]) -> str:
    """Put in what each `${{ … }}` stands for; one that the test does not know is an error."""
    return re.sub(r"\$\{\{ (\S+) \}\}", lambda found: contexts[found[1]], value)


@pytest.fixture(scope="module")
def github() -> Iterator[GitHub]:
    with fake_github() as api:
        yield api


@pytest.fixture(scope="module")
def runner(program: Program, github: GitHub, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Runner]:
    """A repository whose two stacks serve v1, each deployed by its own job."""
    folder = tmp_path_factory.mktemp("runner")
    cache = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    state = folder / "state"
    state.mkdir()
    made = Runner(
        _repository(folder, program),
        folder / "checkout",
        {
            "github.token": TOKEN,
            "vars.PULUMI_BACKEND_URL": f"file://{state}",
            "secrets.PULUMI_ACCESS_TOKEN": "",
            "secrets.PULUMI_CONFIG_PASSPHRASE": PASSPHRASE,
        },
        {
            "PATH": os.environ["PATH"],
            "HOME": str(folder),
            "TMPDIR": program.environment["TMPDIR"],
            "PULUMI_HOME": str(folder / "pulumi"),
            "XDG_CACHE_HOME": cache,
            "CI": "true",
            "GITHUB_API_URL": github.api,
            "GITHUB_REPOSITORY": "team/app",
        },
    )
    made.deploys(*STACKS)
    yield made
    for stack in STACKS:
        own = replace(program, stack=stack, folder=made.checkout("main"), environment=_by_hand(made, stack))
        own.run("pulumi", "destroy", "--yes", "--non-interactive", "--remove", "--stack", stack)


def _by_hand(runner: Runner, stack: str) -> dict[str, str]:
    """The environment of a person who works on the shared state."""
    return {
        **runner.environment,
        "PATH": f"{ROOT / '.tools' / 'bin'}:{ROOT / '.venv' / 'bin'}:{os.environ['PATH']}",
        "PULUMI_BACKEND_URL": runner.contexts["vars.PULUMI_BACKEND_URL"],
        "PULUMI_CONFIG_PASSPHRASE": PASSPHRASE,
        "PULUMI_STACK": stack,
    }


def _repository(folder: Path, program: Program) -> Path:
    """This working tree as a repository of its own, with stacks that the tests' cluster can hold."""
    tree, bare = folder / "tree", folder / "repository.git"
    files = [name for name in _run("git", "ls-files").splitlines() if (ROOT / name).is_file()]
    for name in files:
        (tree / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, tree / name)
    for stack in STACKS:
        (tree / f"Pulumi.{stack}.yaml").write_text(stages.config(program, stack))
    _run("git", "init", "--quiet", "--initial-branch=main", cwd=tree)
    _run("git", "add", *files, cwd=tree)
    _run("git", *AUTHOR, "commit", "--quiet", "--message=the project", cwd=tree)
    _run("git", "clone", "--quiet", "--bare", tree, bare)
    return bare


def _preview(runner: Runner, branch: str) -> None:
    pull_request = {
        "github.event.pull_request.base.sha": runner.head("main"),
        "github.event.pull_request.number": PULL_REQUEST,
    }
    done = runner.runs("preview.yml", "preview", branch, **pull_request)
    assert done.returncode == 0, done.stdout + done.stderr
    assert PASSPHRASE not in done.stdout + done.stderr


def test_a_change_goes_from_pull_request_to_prod(runner: Runner, github: GitHub) -> None:
    split = {"v1": 50, "v2": 50}
    runner.commits("change", "staging", versions=TWO, weights=split)
    _preview(runner, "change")
    (comment,) = github.comments
    assert "### `staging`: v2: 0 % → 50 %, v1: 100 % → 50 %" in comment["body"]
    assert "`prod`" not in comment["body"]

    runner.commits("change", "staging", versions=TWO, weights={"v1": 90, "v2": 10})
    _preview(runner, "change")
    (comment,) = github.comments
    assert "### `staging`: v2: 0 % → 10 %, v1: 100 % → 90 %" in comment["body"]

    runner.commits("main", "staging", versions=TWO, weights=split)
    runner.deploys("staging")
    checkout = runner.checkout("main")
    promote = subprocess.run(
        ["python", "-m", "rollout", "promote", "staging", "prod", "--weights", "--min-requests", "20"],
        cwd=checkout,
        env=_by_hand(runner, "prod"),
        capture_output=True,
        text=True,
        timeout=SECONDS,
    )
    assert promote.returncode == 0, promote.stdout + promote.stderr
    runner.pushes(checkout, "main")
    runner.deploys("prod")


def test_an_up_that_fails_stops_the_job(runner: Runner) -> None:
    broken = {**TWO, "v3": {"image": "janakiramm/myapp:crash"}}
    convergence = {"timeoutSeconds": 8}
    runner.commits("broken", "staging", versions=broken, weights={"v3": 100}, convergence=convergence)
    done = runner.runs("deploy.yml", "staging", "broken")
    assert done.returncode != 0
    assert "Traffic has not moved: version v3 could not take it within 8 s." in done.stdout + done.stderr
    runner.deploys("staging")
