"""What a shell that `make env` has set up for one stack means to another one."""

import os
import shlex
import subprocess
from pathlib import Path

import pulumi
import pytest

from components.cluster import cluster
from components.pulumi_cli import environment
from components.settings.model import KubeconfigCluster
from lab.layout import OWN
from tools import env, stacks
from tools.errors import ToolsError

# What a user's shell may have, each of which `make env` sets for the lab.
NAMES = (env.BACKEND, "PULUMI_HOME", env.PASSPHRASE, env.PASSPHRASE_FILE, "KUBECONFIG", "MINIKUBE_HOME")


@pytest.fixture(autouse=True)
def shell(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The shell of a user with a kubeconfig of their own."""
    for name in (*NAMES, environment.MARK):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("KUBECONFIG", "/home/me/team.yaml")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setattr(env, "STATE", tmp_path / "state")


def evaluate(stack: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Evaluate the exports for a stack in a real shell, and go on with what it has then."""
    script = "\n".join([*env.export_lines(stack), "env -0"])
    said = subprocess.run(["sh", "-c", script], capture_output=True, text=True, check=True).stdout
    pairs = dict(line.split("=", 1) for line in said.split("\0") if line)
    for name in os.environ.keys() - pairs.keys():
        monkeypatch.delenv(name)
    for name, value in pairs.items():
        monkeypatch.setenv(name, value)


def test_the_labs_exports_name_its_minikube_and_its_kubeconfig(monkeypatch: pytest.MonkeyPatch) -> None:
    evaluate("lab", monkeypatch)
    assert os.environ["KUBECONFIG"] == str(OWN.kubeconfig)
    assert os.environ["MINIKUBE_HOME"] == str(OWN.minikube_home)
    assert os.environ["PATH"].startswith(f"{OWN.bin}:")


def test_exports_for_another_stack_take_back_what_those_of_the_lab_have_set(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    evaluate("dev", monkeypatch)
    of_dev = dict(os.environ)
    evaluate("lab", monkeypatch)
    evaluate("dev", monkeypatch)
    assert os.environ["KUBECONFIG"] == "/home/me/team.yaml"
    assert "MINIKUBE_HOME" not in os.environ
    assert str(OWN.bin) not in os.environ["PATH"].split(os.pathsep)
    assert dict(os.environ) == of_dev


def test_what_the_user_sets_after_them_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    evaluate("lab", monkeypatch)
    monkeypatch.setenv(env.BACKEND, "s3://team")
    monkeypatch.setenv(env.PASSPHRASE, "ours")
    monkeypatch.delenv("MINIKUBE_HOME")
    env.refuse("prod")
    left = environment.undone(os.environ)
    assert (left[env.BACKEND], left["KUBECONFIG"]) == ("s3://team", "/home/me/team.yaml")
    assert "MINIKUBE_HOME" not in left


def test_exports_can_be_evaluated_twice(monkeypatch: pytest.MonkeyPatch) -> None:
    evaluate("lab", monkeypatch)
    once = dict(os.environ)
    evaluate("lab", monkeypatch)
    assert dict(os.environ) == once


def test_a_command_for_another_stack_does_without_the_labs_cluster(monkeypatch: pytest.MonkeyPatch) -> None:
    evaluate("lab", monkeypatch)
    state = os.environ[env.BACKEND]
    environment.leave_for("organization/blue-green/lab")
    assert os.environ["KUBECONFIG"] == str(OWN.kubeconfig)
    environment.leave_for("lab", "dev")
    assert os.environ["KUBECONFIG"] == "/home/me/team.yaml"
    assert "MINIKUBE_HOME" not in os.environ
    assert os.environ[env.BACKEND] == state
    assert environment.refusal("dev") is None


def test_the_program_of_another_stack_refuses_the_shell(monkeypatch: pytest.MonkeyPatch) -> None:
    evaluate("lab", monkeypatch)
    monkeypatch.setattr(pulumi, "get_stack", lambda: "prod")
    with pytest.raises(pulumi.RunError) as raised:
        cluster(KubeconfigCluster())
    assert str(raised.value) == (
        "This shell is set up for stack lab, by `make env`. "
        'For stack prod, type: eval "$(make -s env STACK=prod)"'
    )


def test_a_mark_that_is_broken_counts_for_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(environment.MARK, "{")
    assert environment.refusal("dev") is None
    assert shlex.join(["KUBECONFIG"]) in environment.undone(os.environ)


def test_a_stack_on_a_cluster_of_others_has_no_state_under_a_public_passphrase(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = tmp_path / "pulumi"
    monkeypatch.setenv("PULUMI_HOME", str(home))
    with pytest.raises(ToolsError, match=r"name the backend of its state\. Type: export PULUMI_BACKEND_URL="):
        list(env.export_lines("prod"))
    # A login by `pulumi login` is a backend as well; Pulumi's own service keeps the secrets' key itself.
    home.mkdir()
    (home / "credentials.json").write_text('{"current": "https://api.pulumi.com"}')
    env.refuse("prod")
    assert env.BACKEND not in env.variables("prod")
    monkeypatch.setenv(env.BACKEND, "s3://team")
    with pytest.raises(ToolsError, match="need a passphrase of your own"):
        env.refuse("prod")
    monkeypatch.setenv(env.PASSPHRASE, "ours")
    assert not {env.BACKEND, env.PASSPHRASE_FILE} & env.variables("prod").keys()


def test_a_stack_that_there_is_not_is_refused_with_those_that_there_are() -> None:
    with pytest.raises(ToolsError) as raised:
        stacks.config("nope")
    assert str(raised.value).startswith(
        "there is no stack nope: Pulumi.nope.yaml is missing. There are: dev, lab,"
    )


def test_a_file_that_is_not_yaml_is_named_with_its_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "Pulumi.yaml").write_text("name: blue-green\n")
    (tmp_path / "Pulumi.dev.yaml").write_text("config:\n  blue-green:weights: {v1: 50\n  more: [\n")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ToolsError, match=r"^Pulumi\.dev\.yaml, line 3: it is not YAML: "):
        stacks.config("dev")


@pytest.mark.parametrize(
    ("script", "says"),
    [
        (None, "there is no `docker` on PATH: install it"),
        (
            "echo 'Cannot connect to the Docker daemon.' >&2; exit 1",
            "(Cannot connect to the Docker daemon.): start",
        ),
        (
            "echo 'permission denied while trying to connect to the Docker daemon socket' >&2; exit 1",
            "you may not use it; type: sudo usermod -aG docker $USER && newgrp docker",
        ),
        # Docker 20.10, and later ones.
        (
            "echo Server:; echo 'ERROR: Got permission denied'; echo 'errors pretty' >&2; exit 1",
            "(Got permission denied): you may not use it; type: sudo usermod",
        ),
        (
            "echo Server:; echo 'ERROR: permission denied' >&2; echo 'errors pretty' >&2; exit 1",
            "(permission denied): you may not use it; type: sudo usermod",
        ),
        ("echo host:; echo '  buildahVersion: 1.28.2'", "podman. Type: pulumi config set --stack dev --path"),
        (
            "echo ' Security Options:'; echo '  seccomp'; echo '  rootless'",
            "another container runtime. Type: pulumi config set --stack dev --path",
        ),
        ("echo ' Security Options:'; echo '  seccomp'; echo ' Name: rootless'", None),
    ],
)
def test_docker_is_asked_for_before_anything_is_built(
    script: str | None, says: str | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if script is not None:
        (tmp_path / "docker").write_text(f"#!/bin/sh\n{script}\n")
        (tmp_path / "docker").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}" if script is None else f"{tmp_path}:/bin")
    if says is None:
        stacks.refuse_machine("dev")
    else:
        with pytest.raises(ToolsError) as raised:
            stacks.refuse_machine("dev")
        assert says in str(raised.value)
    stacks.refuse_machine("lab")
    stacks.refuse_machine("prod")
