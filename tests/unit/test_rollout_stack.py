"""Locks that a killed Pulumi left are removed; those of a living one are not."""

import json
import os
import subprocess
from pathlib import Path

import pytest

from rollout import stack


@pytest.fixture
def locks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder in which Pulumi's file backend keeps the locks of the stack `lab`."""
    monkeypatch.setenv("PULUMI_BACKEND_URL", f"file://{tmp_path}")
    folder = tmp_path / ".pulumi" / "locks" / "organization" / "blue-green" / "lab"
    folder.mkdir(parents=True)
    return folder


def _lock(folder: Path, pid: int, host: str) -> Path:
    lock = folder / f"{pid}.json"
    lock.write_text(json.dumps({"pid": pid, "hostname": host, "username": "root"}))
    return lock


def _dead_pid() -> int:
    with subprocess.Popen(["true"]) as process:
        process.wait()
    return process.pid


def test_lock_of_a_dead_process_of_this_host_is_removed(locks: Path) -> None:
    lock = _lock(locks, _dead_pid(), os.uname().nodename)
    stack.clear_dead_locks("lab")
    assert not lock.exists()


def test_lock_of_a_living_process_stays(locks: Path) -> None:
    lock = _lock(locks, os.getpid(), os.uname().nodename)
    stack.clear_dead_locks("lab")
    assert lock.exists()


def test_lock_of_another_host_stays(locks: Path) -> None:
    lock = _lock(locks, _dead_pid(), "elsewhere")
    stack.clear_dead_locks("lab")
    assert lock.exists()


def test_lock_of_another_stack_stays(locks: Path) -> None:
    lock = _lock(locks, _dead_pid(), os.uname().nodename)
    stack.clear_dead_locks("dev")
    assert lock.exists()


def test_shared_backend_is_left_alone(locks: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lock = _lock(locks, _dead_pid(), os.uname().nodename)
    monkeypatch.setenv("PULUMI_BACKEND_URL", "s3://team-state")
    stack.clear_dead_locks("lab")
    assert lock.exists()
