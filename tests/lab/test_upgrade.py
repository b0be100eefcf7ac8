"""A stack made by the first release's program is carried on by this one: refresh, up under load, destroy.

That program is in Git's history; its resources have names, types and pickled modules that states hold.
"""

import io
import json
import re
import shutil
import subprocess
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from harness.labs import LINKED, ROOT, Lab, Program, project_copy
from tests.lab.load import load
from tests.lab.observe import failing_up
from tests.lab.shop import CONVERGENCE, existing_cluster

FIRST = "e3c51a4"
CODE = ("__main__.py", "components", "gateway", "settings", "rollout", "requirements.txt")
HOST = "old.example"


def old_program(folder: Path, lab: Lab, stack: str) -> Program:
    """A copy of the project as it was, with a new stack."""
    made = project_copy(folder, lab, stack)
    for name in LINKED:
        if not name.startswith("."):
            (folder / name).unlink()
    archive = subprocess.run(["git", "archive", FIRST, *CODE], cwd=ROOT, capture_output=True)
    assert archive.returncode == 0, (
        f"{archive.stderr.decode()}The test needs Git's history down to {FIRST}: type git fetch --unshallow"
    )
    with tarfile.open(fileobj=io.BytesIO(archive.stdout)) as packed:
        packed.extractall(folder, filter="data")
    return made


def carry_on(program: Program) -> None:
    """Puts this program in the old one's place; config and state stay."""
    for name in CODE:
        there = program.folder / name
        if there.is_dir() and not there.is_symlink():
            shutil.rmtree(there)
        else:
            there.unlink(missing_ok=True)
    for name in LINKED:
        if not (program.folder / name).exists():
            (program.folder / name).symlink_to(ROOT / name)


def carry_on_by_the_wheel(program: Program, wheel: Path) -> None:
    """Puts the program in the old one's place as one of the wheel's, by the steps of docs/upgrades.md."""
    for name in (*CODE, ".venv"):
        there = program.folder / name
        if there.is_dir() and not there.is_symlink():
            shutil.rmtree(there)
        else:
            there.unlink(missing_ok=True)
    page = (ROOT / "docs" / "upgrades.md").read_text()
    (alias,) = re.findall(r"```python\n(.*?)```", page, re.DOTALL)
    (program.folder / "components.py").write_text(alias)
    text = (ROOT / "__main__.py").read_text()
    (program.folder / "__main__.py").write_text(text.replace("from components.", "from blue_green."))
    (program.folder / ".venv").symlink_to(wheel)


@pytest.fixture
def old(program: Program, lab: Lab) -> Iterator[Program]:
    """A stack of the first release, up, on a cluster that exists, in a namespace that it owns."""
    made = old_program(program.folder.parent / "old", lab, "old")
    made.config(
        cluster=existing_cluster(program),
        istio={"install": False},
        app={"name": "old", "namespace": "old"},
        routing={"gateway": "old-gateway", "hosts": [HOST]},
        versions={name: {"image": f"janakiramm/myapp:{name}", "replicas": 2} for name in ("v1", "v2")},
        weights={"v1": 50, "v2": 50},
        convergence=CONVERGENCE,
    )
    made.up("--skip-preview")
    yield made
    (made.folder / "components.py").unlink(missing_ok=True)
    carry_on(made)
    made.run("pulumi", "destroy", "--yes", "--non-interactive", "--remove", "--skip-preview")
    made.kubectl("delete", "namespace", "old")


def changes(log: Path) -> dict[str, set[str]]:
    """The names of the resources by what the engine did to them."""
    done: dict[str, set[str]] = {}
    for line in log.read_text().splitlines():
        event: dict[str, Any] = json.loads(line)
        if "resOutputsEvent" in event:
            metadata = event["resOutputsEvent"]["metadata"]
            done.setdefault(metadata["op"], set()).add(metadata["urn"].rpartition("::")[2])
    return done


def objects(program: Program) -> dict[str, str]:
    """The uids of what is in the stack's namespace, and its own, by kind and name."""
    named = ("namespace/old", "configmap/theirs")
    kinds = "service,deployment,virtualservice,destinationrule,gateways.networking.istio.io,pdb"
    found = [json.loads(program.kubectl("get", one, "-n", "old", "-o", "json").stdout) for one in named]
    found += json.loads(program.kubectl("get", kinds, "-n", "old", "-o", "json").stdout)["items"]
    return {f"{one['kind']}/{one['metadata']['name']}": one["metadata"]["uid"] for one in found}


@pytest.mark.parametrize("by", ["a clone", "the wheel"])
def test_a_stack_of_the_first_release_is_carried_on(
    old: Program, wheel: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, by: str
) -> None:
    monkeypatch.setitem(old.environment, "PULUMI_DEBUG_COMMANDS", "1")  # pyright: ignore[reportArgumentType]
    # Somebody else's, in the namespace that the stack owns so far.
    old.kubectl("create", "configmap", "theirs", "-n", "old")
    before = objects(old)
    carry_on(old) if by == "a clone" else carry_on_by_the_wheel(old, wheel)
    # Its state would delete the namespace with all that is in it, in the very first `up`.
    old.config(app={"name": "old", "namespace": "default"})
    assert "made the namespace old for this stack" in failing_up(old)
    old.config(app={"name": "old", "namespace": "old"})
    log = tmp_path / "events.json"
    url = str(old.outputs()["url"])
    with load(url, {"Host": HOST}) as answers:
        old.run("pulumi", "refresh", "--yes", "--non-interactive", "--skip-preview")
        old.up("--skip-preview", "--event-log", str(log))
        old.config(weights={"v1": 10, "v2": 90})
        old.up("--skip-preview")
    assert [answer.text for answer in answers if not answer.ok] == []
    assert changes(log).keys() <= {"same", "update", "refresh", "read", "create"}, changes(log)
    assert objects(old) == before
    old.up("--skip-preview", "--expect-no-changes")
    old.run("pulumi", "destroy", "--yes", "--non-interactive", "--skip-preview")
    assert objects(old) == {name: before[name] for name in ("Namespace/old", "ConfigMap/theirs")}
