"""The locks that a killed Pulumi left, and the history by pages."""

import json
import os
import subprocess
from pathlib import Path

import pytest

from components.errors import RolloutError
from components.pulumi_cli import config, project, stack


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


@pytest.mark.parametrize("updates", [0, 3, stack.HISTORY_PAGE, 2 * stack.HISTORY_PAGE + 1])
def test_history_is_whole_and_no_page_is_read_before_it_is_needed(
    updates: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    pages: list[int] = []

    def ask_json(*arguments: str) -> list[dict[str, int]] | None:
        size, page = (int(arguments[arguments.index(f"--{name}") + 1]) for name in ("page-size", "page"))
        pages.append(page)
        found = [{"version": number} for number in range(updates)][(page - 1) * size : page * size]
        return found or None

    monkeypatch.setattr(project, "ask_json", ask_json)
    next(stack.history("lab"), None)
    assert pages == [1]
    assert [one["version"] for one in stack.history("lab")] == list(range(updates))


def test_down_of_a_stack_by_its_full_name_destroys_it(monkeypatch: pytest.MonkeyPatch) -> None:
    shown: list[tuple[str, ...]] = []

    def show(*arguments: str, **_: object) -> None:
        shown.append(arguments)

    monkeypatch.setattr(project, "show", show)
    monkeypatch.setattr(stack, "names", lambda: ["lab"])
    stack.down("organization/blue-green/lab")
    assert [arguments[0] for arguments in shown] == ["destroy", "stack"]


def test_down_of_a_stack_that_is_not_there_says_so(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(stack, "names", lambda: ["lab"])
    stack.down("lba")
    assert "there is no stack lba" in capsys.readouterr().err


def test_without_pulumi_the_user_is_told_what_to_type(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "Pulumi.yaml").touch()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(RolloutError, match="pulumi is not on PATH"):
        project.run("version")
    with pytest.raises(RolloutError, match="pulumi is not on PATH"):
        project.show("version")


def test_secret_in_the_config_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    def ask_json(*_: str) -> object:
        return {"blue-green:versions": {"secret": True}, "other:token": {"secret": True}}

    monkeypatch.setattr(project, "ask_json", ask_json)
    with pytest.raises(RolloutError, match="blue-green:versions: it holds a secret"):
        config.raw("lab")
