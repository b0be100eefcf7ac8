"""The Minikube profile: its command line, its diff, and what a failure says."""

from pathlib import Path
from typing import Any

import pytest

from components import minikube_cli
from components.minikube import inputs
from components.minikube_profile import MinikubeProfileProvider
from settings.model import MinikubeCluster

DEV = inputs(MinikubeCluster("dev", "docker", kubernetes_version="v1.35.1"))


def fake_minikube(folder: Path, monkeypatch: pytest.MonkeyPatch, script: str) -> None:
    """A `minikube` on PATH that is this shell script."""
    program = folder / "minikube"
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}:/usr/bin:/bin")


def test_start_has_every_setting_as_an_argument() -> None:
    args = MinikubeCluster(
        "dev",
        "docker",
        cni="bridge",
        container_runtime="containerd",
        extra_config=("controller-manager.cluster-signing-cert-file=/var/lib/localkube/ca.crt",),
        flags=("wait=all",),
    )
    assert minikube_cli.start_arguments(inputs(args)) == [
        "start",
        "--profile",
        "dev",
        "--driver=docker",
        "--cpus=4",
        "--memory=8192",
        "--container-runtime=containerd",
        "--cni=bridge",
        "--extra-config=controller-manager.cluster-signing-cert-file=/var/lib/localkube/ca.crt",
        "--wait=all",
    ]


def test_driver_none_takes_the_machine_as_it_is() -> None:
    arguments = minikube_cli.start_arguments(inputs(MinikubeCluster("minikube", "none")))
    assert arguments == ["start", "--profile", "minikube", "--driver=none"]


@pytest.mark.parametrize(
    ("new", "changes", "replaces"),
    [
        (DEV, False, []),
        # Pulumi hands over every number as a float.
        (DEV | {"cpus": 4.0}, False, []),
        (DEV | {"memory": 4096}, True, ["memory"]),
        (DEV | {"driver": "kvm2"}, True, ["driver"]),
        (DEV | {"kubernetesVersion": "v1.36.0"}, True, []),
        (DEV | {"extraConfig": ["kubelet.v=4"]}, True, []),
    ],
)
def test_a_diff_tells_a_new_cluster_from_another_start(
    new: dict[str, Any], changes: bool, replaces: list[str]
) -> None:
    state = DEV | {"kubeconfig": "k", "ip": "i", "clusterId": "c"}
    diff = MinikubeProfileProvider().diff("dev", state, new)
    assert (diff.changes, diff.replaces) == (changes, replaces)
    assert diff.delete_before_replace


def test_without_minikube_the_error_says_where_it_is_from(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(minikube_cli.MinikubeError, match=r"no minikube on PATH\. Install it: http"):
        minikube_cli.start(DEV)


def test_a_failure_has_the_reason_first_and_the_end_of_the_output(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lines = "for i in $(seq 100); do echo line $i; done"
    reason = "X Exiting due to PROVIDER_DOCKER_NOT_RUNNING: is docker running?"
    fake_minikube(tmp_path, monkeypatch, f"{lines}; echo '{reason}' >&2; exit 69")
    with pytest.raises(minikube_cli.MinikubeError) as raised:
        minikube_cli.start(DEV)
    first, *tail = str(raised.value).splitlines()
    assert first.startswith("`minikube start --profile dev --driver=docker")
    assert first.endswith(f"failed: {reason}")
    assert (len(tail), tail[0], tail[-1]) == (20, "  line 82", f"  {reason}")


def test_a_profile_is_known_sound_or_not(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    listed = '{"invalid":[{"Name":"broken"}],"valid":[{"Name":"dev"}]}'
    fake_minikube(tmp_path, monkeypatch, f"echo '{listed}'")
    assert [minikube_cli.exists(name) for name in ("dev", "broken", "other")] == [True, True, False]


def test_a_profile_that_is_gone_is_read_as_deleted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fake_minikube(tmp_path, monkeypatch, 'echo \'{"invalid":[],"valid":[]}\'')
    assert MinikubeProfileProvider().read("dev", DEV).id == ""
