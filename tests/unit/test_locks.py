"""The locks that a killed Pulumi left: removed where their process is dead."""

import json
import os
import shutil
import subprocess
from pathlib import Path

import psutil
import pytest

from components.pulumi_cli import locks


@pytest.fixture
def held(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder in which Pulumi's file backend keeps the locks of the stack `lab`."""
    monkeypatch.setenv("PULUMI_BACKEND_URL", f"file://{tmp_path}")
    folder = tmp_path / ".pulumi" / "locks" / "organization" / "blue-green" / "lab"
    folder.mkdir(parents=True)
    return folder


def _lock(folder: Path, pid: int, host: str) -> Path:
    lock = folder / f"{pid}.json"
    lock.write_text(json.dumps({"pid": pid, "hostname": host, "username": "root"}))
    return lock


# Linux gives out lower ones only; that of a process that has just ended may be another's by now.
DEAD = 2**22


def test_lock_of_a_dead_process_of_this_host_is_removed(held: Path) -> None:
    lock = _lock(held, DEAD, os.uname().nodename)
    locks.clear_dead("lab")
    assert not lock.exists()


def test_lock_of_a_living_process_stays(held: Path) -> None:
    lock = _lock(held, os.getpid(), os.uname().nodename)
    locks.clear_dead("lab")
    assert lock.exists()


def test_lock_of_another_host_stays(held: Path) -> None:
    lock = _lock(held, DEAD, "elsewhere")
    locks.clear_dead("lab")
    assert lock.exists()


def test_lock_of_another_stack_stays(held: Path) -> None:
    lock = _lock(held, DEAD, os.uname().nodename)
    locks.clear_dead("dev")
    assert lock.exists()


def test_lock_of_another_projects_stack_of_the_name_is_not_ours(held: Path) -> None:
    other = held.parents[1] / "shop" / "lab"
    other.mkdir(parents=True)
    lock = _lock(other, os.getpid(), os.uname().nodename)
    assert locks.engines("lab") == []
    assert lock.exists()


def test_lock_in_a_backend_without_projects_is_known_by_its_stack(held: Path) -> None:
    old = held.parents[2] / "lab"
    old.mkdir()
    _lock(old, os.getpid(), os.uname().nodename)
    assert locks.engines("organization/blue-green/lab") == [os.getpid()]


def test_shared_backend_is_left_alone(held: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lock = _lock(held, DEAD, os.uname().nodename)
    monkeypatch.setenv("PULUMI_BACKEND_URL", "s3://team-state")
    locks.clear_dead("lab")
    assert lock.exists()


@pytest.mark.parametrize(
    "address",
    [
        "file://~/some%20state",
        "file://./../home/some state",
        "file://{state}",
        "file://{state}?no_tmp_dir=true",
    ],
)
@pytest.mark.parametrize("source", ["variable", "project", "login"])
def test_the_local_backend_is_found_where_pulumi_finds_it(
    address: str, source: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home, state, project = tmp_path / "home", tmp_path / "home" / "some state", tmp_path / "project"
    folder = state / ".pulumi" / "locks" / "organization" / "blue-green" / "lab"
    folder.mkdir(parents=True)
    project.mkdir()
    backend = address.format(state=state)
    own = {"name": "blue-green", **({"backend": {"url": backend}} if source == "project" else {})}
    (project / "Pulumi.yaml").write_text(json.dumps(own))
    for name in ("PULUMI_BACKEND_URL", "PULUMI_HOME", "PULUMI_CREDENTIALS_PATH"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(home))
    if source == "variable":
        monkeypatch.setenv("PULUMI_BACKEND_URL", backend)
    elif source == "login":
        (home / ".pulumi").mkdir()
        (home / ".pulumi" / "credentials.json").write_text(json.dumps({"current": backend}))
    monkeypatch.chdir(project)
    lock = _lock(folder, DEAD, os.uname().nodename)
    locks.clear_dead("organization/blue-green/lab")
    assert not lock.exists()


@pytest.mark.skipif(not shutil.which("unshare") or os.geteuid() != 0, reason="needs root to make a namespace")
def test_lock_of_a_process_in_another_pid_namespace_stays(held: Path) -> None:
    # A number that nothing has here.
    free = next(pid for pid in range(20_000, 32_000) if not psutil.pid_exists(pid))
    script = f"echo {free - 1} > /proc/sys/kernel/ns_last_pid; sh -c 'echo $$; read -r _'; :"
    with subprocess.Popen(
        ["unshare", "--fork", "--pid", "--kill-child", "sh", "-c", script],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as inside:
        assert inside.stdout
        number = int(inside.stdout.readline())
        assert number == free
        lock = _lock(held, number, os.uname().nodename)
        try:
            locks.clear_dead("lab")
            assert lock.exists()
        finally:
            inside.kill()
