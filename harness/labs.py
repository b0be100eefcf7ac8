"""A lab and a copy of the project of their own, beside the user's: for the tests and the benchmarks."""

import json
import os
import resource
import shlex
import shutil
import subprocess
import sys
import time
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
import yaml

from components.pulumi_cli import environment
from harness.pace import pace
from tools import env as tools_env

ROOT = Path(__file__).resolve().parents[1]
# What the program reads at run time; a test's copy of the project links to it.
LINKED = (
    "__main__.py",
    "components",
    "own_environment.py",
    "rollout",
    "requirements.txt",
    ".venv",
    ".tools",
)
COMMAND_SECONDS = 280
# The engine's events of the last `up` of a project, in its folder.
EVENTS = "events.json"
# The commands that were run in this process, each with its seconds and those of processor time.
spent: list[tuple[str, tuple[float, float]]] = []


@dataclass(frozen=True)
class Lab:
    """A running lab.

    Attributes:
        folder: where it lives.
        environment: in which `minikube` and `kubectl` work on it.
        options: the options by which `python -m lab` knows it.
    """

    folder: Path
    environment: Mapping[str, str]
    options: tuple[str, ...]

    def run(self, *command: str | Path, check: bool = True) -> subprocess.CompletedProcess[str]:
        """Run a command outside of the lab's host, as a user would; show what it said when it fails."""
        return _run(command, ROOT, self.environment, check=check)

    def inside(self, *command: str | Path, check: bool = True) -> subprocess.CompletedProcess[str]:
        """Run a command on the lab's host."""
        return self.run(sys.executable, "-m", "lab", *self.options, "exec", "--", *command, check=check)


@dataclass(frozen=True)
class Program:
    """A copy of the project with a stack of its own.

    Attributes:
        folder: the copy: config files of its own, links to the code.
        stack: the stack's name.
        environment: what `pulumi`, `kubectl` and `minikube` run with.
    """

    folder: Path
    stack: str
    environment: Mapping[str, str]

    @property
    def config_file(self) -> Path:
        """The stack's config."""
        return self.folder / f"Pulumi.{self.stack}.yaml"

    @property
    def checkpoint(self) -> Path:
        """The stack's state, as Pulumi's file backend keeps it."""
        state = Path(self.environment["PULUMI_BACKEND_URL"].removeprefix("file://"))
        project = yaml.safe_load((self.folder / "Pulumi.yaml").read_text())["name"]
        return state / ".pulumi" / "stacks" / project / f"{self.stack}.json"

    def run(self, *command: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        """Run a command in the copy; with `check`, fail the test with what it said."""
        return _run(command, self.folder, self.environment, check=check)

    def up(self, *options: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        """Run the real `pulumi up`; the engine's events are kept for whom it fails."""
        events = self.folder / EVENTS
        events.unlink(missing_ok=True)
        command = ("pulumi", "up", "--yes", "--non-interactive", "--event-log", str(events), *options)
        # The event log is one of Pulumi's options for debugging.
        environment = {**self.environment, "PULUMI_DEBUG_COMMANDS": "1"}
        return _run(command, self.folder, environment, check=check)

    def preview(self, *options: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        """Run the real `pulumi preview`."""
        return self.run("pulumi", "preview", "--non-interactive", *options, check=check)

    def config(self, **values: object) -> None:
        """Replace whole config values of the project, as an edit of the stack's file would.

        Example: `program.config(weights={"v1": 0, "v2": 100})`.
        """
        text = self.config_file.read_text() if self.config_file.exists() else "{}"
        whole: dict[str, dict[str, object]] = yaml.safe_load(text)
        # By way of JSON, for which a tuple is a list.
        plain: dict[str, object] = json.loads(json.dumps(values))
        whole["config"] = whole.get("config", {}) | {f"blue-green:{key}": one for key, one in plain.items()}
        self.config_file.write_text(yaml.safe_dump(whole, sort_keys=False))

    def outputs(self) -> dict[str, object]:
        """Return the stack's outputs as its state has them, none before the first `up`."""
        state: dict[str, Any] = json.loads(self.checkpoint.read_text())["checkpoint"]["latest"]
        resources: list[dict[str, Any]] = state.get("resources") or []
        stacks: list[dict[str, object]] = [
            one.get("outputs") or {} for one in resources if one["type"] == "pulumi:pulumi:Stack"
        ]
        return stacks[0] if stacks else {}

    def kubectl(self, *arguments: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        """Run kubectl on the stack's cluster."""
        return self.run("kubectl", *arguments, check=check)

    def apply(self, *objects: Mapping[str, object], options: Sequence[str] = ()) -> None:
        """Make or change objects past the stack, as somebody else does with `kubectl apply`."""
        self._on("apply", objects, options)

    @contextmanager
    def applied(self, *objects: Mapping[str, object]) -> Generator[None]:
        """Objects of somebody else's, for the while of the block."""
        self.apply(*objects)
        try:
            yield
        finally:
            self._on("delete", objects, ("--ignore-not-found",))

    def _on(self, verb: str, objects: Sequence[Mapping[str, object]], options: Sequence[str]) -> None:
        listed = json.dumps({"apiVersion": "v1", "kind": "List", "items": objects})
        command = ("kubectl", verb, *options, "-f", "-")
        _run(command, self.folder, self.environment, check=True, stdin=listed)

    def begin(self, *command: str) -> subprocess.Popen[str]:
        """Begin a command in the copy, in a session of its own; all that it says is its `stdout`."""
        return subprocess.Popen(
            command,
            cwd=self.folder,
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )


def lab_command(folder: Path, subnet: str) -> list[str]:
    """Return the command line of `python -m lab` for a lab of one's own."""
    return [sys.executable, "-m", "lab", *_lab_options(folder, subnet)]


def _lab_options(folder: Path, subnet: str) -> tuple[str, ...]:
    return ("--dir", str(folder), "--subnet", subnet)


@contextmanager
def lab_host(folder: Path, subnet: str, *, keep: bool = False, docker: bool = False) -> Generator[Lab]:
    """Bring a lab up in a folder and a subnet of its own, and remove it at the end.

    With `keep` it stays up, with the state of its stacks, for the next run; with `docker` it has a Docker.
    """
    command, temporary = lab_command(folder, subnet), folder / "tmp"
    is_up = keep and subprocess.run([*command, "status"], cwd=ROOT, capture_output=True).returncode == 0
    if not is_up:
        # The state of a run that was killed names a cluster that is no more, and may be locked.
        shutil.rmtree(folder / "pulumi", ignore_errors=True)
        subprocess.run([*command, "up", *(["--docker"] if docker else [])], cwd=ROOT, check=True)
    try:
        theirs = environment.undone(os.environ)
        # With it each `up` would compile what it imports.
        theirs.pop("PYTHONDONTWRITEBYTECODE", None)
        # Pulumi's Kubernetes provider and Node.js leave files there.
        theirs["TMPDIR"] = str(temporary)
        shutil.rmtree(temporary, ignore_errors=True)
        temporary.mkdir()
        tools = theirs | tools_env.variables("lab", folder / "pulumi")
        exports = subprocess.run(
            [*command, "env"], cwd=ROOT, env=tools, capture_output=True, text=True, check=True
        )
        yield Lab(folder, _evaluated(exports.stdout, tools), _lab_options(folder, subnet))
    finally:
        _end_plugins(tools_env.variables("lab", folder / "pulumi")["PULUMI_HOME"])
        if not keep:
            shutil.rmtree(temporary, ignore_errors=True)
            subprocess.run([*command, "down"], cwd=ROOT, check=True)


def _end_plugins(home: str) -> None:
    """End the plugins of engines that a test killed: without their engine they live on."""
    for process in psutil.process_iter():
        with suppress(psutil.Error):
            if process.environ().get("PULUMI_HOME") == home:
                process.kill()


def project_copy(folder: Path, lab: Lab, stack: str = "lab", config: str = "lab") -> Program:
    """Make a copy of the project in a folder, with a stack of its own: a new one, or as a kept lab has it.

    Its config is that of the committed stack `config`.
    """
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    for name in LINKED:
        # The tests may run in another environment than `.venv`, as for the newest SDK.
        (folder / name).symlink_to(sys.prefix if name == ".venv" else ROOT / name)
    shutil.copy(ROOT / "Pulumi.yaml", folder)
    # The stack's Minikube is that of this lab.
    text = (ROOT / f"Pulumi.{config}.yaml").read_text().replace(": .lab/", f": {lab.folder}/")
    (folder / f"Pulumi.{stack}.yaml").write_text(text)
    made = Program(folder, stack, {**lab.environment, "PULUMI_STACK": stack})
    made.run("pulumi", "stack", "select", "--create", stack)
    return made


def said_until(process: subprocess.Popen[str], words: str) -> str:
    """What a process says until it says the words, and with them.

    Raises AssertionError if it ends without them.
    """
    said: list[str] = []
    for line in process.stdout or ():
        said.append(line)
        if words in line:
            return "".join(said)
    raise AssertionError(f"it ended without saying {words!r}:\n{''.join(said)}")


def _run(
    command: Sequence[str | Path],
    folder: Path,
    environment: Mapping[str, str],
    *,
    check: bool,
    stdin: str | None = None,
) -> subprocess.CompletedProcess[str]:
    started, before = time.monotonic(), _processor_seconds()
    done = subprocess.run(
        command,
        cwd=folder,
        env=environment,
        input=stdin,
        capture_output=True,
        text=True,
        timeout=COMMAND_SECONDS * pace(),
    )
    took = time.monotonic() - started, _processor_seconds() - before
    spent.append((" ".join(map(str, command[:2])), took))
    if check and done.returncode:
        said = f"{done.stdout}{done.stderr}"
        raise AssertionError(f"{shlex.join(map(str, command))} exited {done.returncode}:\n{said}")
    return done


def _processor_seconds() -> float:
    """What the children that ended have used, and theirs."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _evaluated(exports: str, environment: Mapping[str, str]) -> dict[str, str]:
    """Return the environment after a shell has evaluated the exports."""
    shell = subprocess.run(
        ["sh", "-c", f"{exports}\nenv -0"], env=environment, capture_output=True, text=True, check=True
    )
    pairs = (line.partition("=") for line in shell.stdout.split("\0") if line)
    return {name: value for name, _, value in pairs}
