"""What lets somebody into a cluster stands in no state, history, backup or event log in plain text."""

import base64
import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from harness.labs import EVENTS, Lab, Program
from tests.lab.components_alone import components_alone
from tests.lab.shop import second_stack

# The fields of a kubeconfig's user that are credentials.
FIELDS = ("client-key-data", "token", "password")


@pytest.fixture(scope="module")
def kubeconfig(program: Program, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The cluster's administrator's, whole, with a key in it."""
    path = tmp_path_factory.mktemp("secrets") / "kubeconfig"
    path.write_text(program.kubectl("config", "view", "--raw", "--flatten", "--minify").stdout)
    path.chmod(0o600)
    return path


@pytest.fixture(scope="module")
def secrets(program: Program) -> set[str]:
    """The credentials, as a kubeconfig has them and as a file would."""
    view = program.kubectl("config", "view", "--raw", "--flatten", "--minify", "-o", "json").stdout
    user: dict[str, Any] = json.loads(view)["users"][0]["user"]
    found = {user[field] for field in FIELDS if field in user}
    key = base64.b64decode(user["client-key-data"]).decode().splitlines()
    return found | {key[len(key) // 2]}


@pytest.fixture
def by_path(program: Program, lab: Lab, kubeconfig: Path) -> Iterator[Program]:
    """A stack whose config names the file."""
    with second_stack(program, lab, "by-path") as made:
        address = program.outputs()["ingressHost"]
        made.config(
            cluster={"kind": "kubeconfig", "path": str(kubeconfig), "ingressAddress": address},
            versions={"v1": {"image": "janakiramm/myapp:v1"}},
            weights={"v1": 100},
        )
        yield made


@pytest.fixture
def alone(program: Program, kubeconfig: Path, tmp_path: Path) -> Iterator[Program]:
    with components_alone(program, kubeconfig, tmp_path) as made:
        yield made


def written(program: Program) -> dict[str, bytes]:
    """All that Pulumi wrote of a stack, by file, and what it exports."""
    backend = Path(program.environment["PULUMI_BACKEND_URL"].removeprefix("file://")) / ".pulumi"
    files = [one for one in backend.rglob("*") if one.is_file() and _is_of(program.stack, one)]
    assert any("history" in one.parts for one in files)
    texts = {str(one): one.read_bytes() for one in (*files, program.folder / EVENTS)}
    return texts | {"export": program.run("pulumi", "stack", "export").stdout.encode()}


def _is_of(stack: str, file: Path) -> bool:
    """Its checkpoints and backups begin with the stack's name; its history is in a folder of that name."""
    return file.name.startswith(f"{stack}.") or file.parent.name == stack


@pytest.mark.parametrize(("kind", "holds"), [("program", True), ("by_path", False), ("alone", True)])
def test_no_credentials_are_written_in_plain_text(
    kind: str, holds: bool, secrets: set[str], request: pytest.FixtureRequest
) -> None:
    stack: Program = request.getfixturevalue(kind)
    stack.up("--skip-preview")
    texts = written(stack).items()
    leaked = {name for name, text in texts if any(secret.encode() in text for secret in secrets)}
    assert leaked == set()
    # Encrypted, as the passphrase shows, where the stack needs the text; else nowhere.
    shown = stack.run("pulumi", "stack", "export", "--show-secrets").stdout
    assert any(secret in shown for secret in secrets) is holds


def test_no_copy_of_the_kubeconfig_stays(program: Program, secrets: set[str], tmp_path: Path) -> None:
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    here = replace(program, environment={**program.environment, "TMPDIR": str(temporary)})
    for command in (["up", "--yes", "--skip-preview"], ["preview"]):
        here.run("pulumi", *command, "--non-interactive")
        left = {one.name: one.read_bytes() for one in temporary.rglob("*") if one.is_file()}
        assert {
            name for name, text in left.items() if any(secret.encode() in text for secret in secrets)
        } == set()
