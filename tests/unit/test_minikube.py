"""The `minikube` command: its arguments, how far a start is, and what a failure says."""

import io
import sys
import time
from pathlib import Path

import pytest

from components.minikube import inputs
from components.profile import cli as minikube_cli
from components.profile import run as minikube_run
from components.profile.errors import MinikubeError, failure
from components.profile.profile import Profile
from components.settings.model import MinikubeCluster
from tests.unit.fake_minikube import FakeMinikube, ended, event

DEV = inputs(MinikubeCluster("dev", "docker", kubernetes_version="v1.35.1"))


def test_start_has_every_setting_as_an_argument() -> None:
    args = MinikubeCluster(
        "dev",
        "docker",
        cni="bridge",
        container_runtime="containerd",
        disk_size="40g",
        nodes=2,
        extra_config=("controller-manager.cluster-signing-cert-file=/var/lib/localkube/ca.crt",),
        mount="/src:/mnt/src",
        flags=("wait=all",),
    )
    assert minikube_cli.start_arguments(inputs(args)) == [
        "start",
        "--profile",
        "dev",
        "--driver=docker",
        "--cpus=4",
        "--memory=8192",
        "--disk-size=40g",
        "--nodes=2",
        "--container-runtime=containerd",
        "--cni=bridge",
        "--mount",
        "--mount-string=/src:/mnt/src",
        "--extra-config=controller-manager.cluster-signing-cert-file=/var/lib/localkube/ca.crt",
        "--wait=all",
    ]


def test_driver_none_takes_the_machine_as_it_is() -> None:
    arguments = minikube_cli.start_arguments(inputs(MinikubeCluster("minikube", "none", disk_size="9g")))
    assert arguments == ["start", "--profile", "minikube", "--driver=none"]


def test_a_start_tells_its_steps_and_each_warning_once(
    minikube: FakeMinikube, capfd: pytest.CaptureFixture[str]
) -> None:
    skew = event("warning", message="kubectl is version 1.30.0, which may have incompatibilities.")
    minikube.answers(
        "start",
        event("step", currentstep="3", totalsteps="19", message="Starting the node"),
        skew,
        skew,
        event("info", message="nothing of interest"),
        "not JSON",
    )
    minikube_cli.say_once.cache_clear()
    minikube_cli.start(DEV)
    assert capfd.readouterr().err.splitlines() == [
        "minikube dev: step 3 of 19: Starting the node",
        "minikube dev: warning: kubectl is version 1.30.0, which may have incompatibilities."
        " Type: minikube kubectl --profile dev --",
    ]


def test_what_minikube_warns_of_with_driver_none_is_known_to_whoever_asks_for_it(
    minikube: FakeMinikube, capfd: pytest.CaptureFixture[str]
) -> None:
    warnings = (
        "Using the 'containerd' runtime with the 'none' driver is an untested configuration!",
        "Failing to connect to https://registry.k8s.io/ from inside the minikube bare metal machine",
        "The 'none' driver is designed for experts who need to integrate with an existing VM",
        "kubectl and minikube configuration will be stored in /root",
        "To use kubectl or minikube commands as your own user, you may need to relocate them.",
        "The disk is nearly full",
    )
    minikube.answers("start", *(event("warning", message=one) for one in warnings))
    minikube_cli.say_once.cache_clear()
    minikube_cli.start(DEV)
    assert capfd.readouterr().err == "minikube dev: warning: The disk is nearly full\n"


def test_without_minikube_the_error_says_where_it_is_from(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(MinikubeError, match=r"no minikube on PATH\. Install it: http"):
        minikube_cli.start(DEV)


@pytest.mark.parametrize(
    ("reason", "says"),
    [
        ("PROVIDER_DOCKER_NOT_RUNNING", "Docker is not running. Start it: Docker Desktop, or"),
        ("DRV_DOCKER_NOT_RUNNING", "Docker is not running."),
        ("PROVIDER_DOCKER_PIPE_NOT_FOUND", "Docker is not running."),
        ("PROVIDER_DOCKER_NEWGRP", "You may not use Docker. Type: sudo usermod"),
        ("DRV_AS_ROOT", "Minikube refuses this driver to root. Work as a user in the group docker, or write"),
        ("PROVIDER_DOCKER_NOT_FOUND", "What this driver needs is not installed. Install it"),
        ("PROVIDER_KVM2_NOT_FOUND", "What this driver needs is not installed. Install it"),
        ("RSRC_INSUFFICIENT_SYS_MEMORY", "There is too little memory. Lower it: pulumi config set"),
        ("RSRC_DOCKER_MEMORY", "There is too little memory."),
        ("RSRC_INSUFFICIENT_CORES", "There are too few CPUs. Lower them: pulumi config set"),
        ("RSRC_DOCKER_STORAGE", "The disk is full. Make room"),
        ("HOST_VIRT_UNAVAILABLE", "There is no virtualization for this driver. Switch it on"),
        ("HOST_VTX_DISABLED", "There is no virtualization for this driver."),
        ("HOST_SVM_DISABLED", "There is no virtualization for this driver."),
        ("PR_KVM_CAPABILITIES", "There is no virtualization for this driver."),
        ("K8S_NEW_UNSUPPORTED", "This Minikube does not know the Kubernetes version. Write one"),
        ("K8S_DOWNGRADE_UNSUPPORTED", "The cluster's Kubernetes is newer than the one asked for."),
        ("INET_DOWNLOAD_TIMEOUT", "Minikube cannot reach the internet. See to the network"),
        ("GUEST_PROVISION_ACQUIRE_LOCK", "Another `minikube` is at work. Wait until"),
        ("HOST_CONFIG_LOAD", "The profile is broken, or its start failed. Look at `minikube logs"),
        ("GUEST_PROVISION", "To begin anew: `minikube delete --profile dev`, then `pulumi up`."),
        ("K8S_APISERVER_MISSING", "The profile is broken, or its start failed."),
        # Minikube's own advice: what to do about a file of another user.
        ("HOST_JUJU_LOCK_PERMISSION", "Minikube says: it went wrong (HOST_JUJU_LOCK_PERMISSION). Do this"),
        ("HOST_HOME_PERMISSION", "Minikube says: it went wrong (HOST_HOME_PERMISSION). Do this"),
        ("MK_SOMETHING_NEW", "Minikube says: it went wrong (MK_SOMETHING_NEW). Do this"),
    ],
)
def test_a_failure_is_a_sentence_with_the_remedy(minikube: FakeMinikube, reason: str, says: str) -> None:
    minikube.answers("start", ended(reason, advice="Do this"), status=80)
    with pytest.raises(MinikubeError) as raised:
        minikube_cli.start(DEV)
    first = str(raised.value).splitlines()[0]
    assert says in first
    assert f"it went wrong ({reason})" in first


def test_a_failure_has_the_sentence_first_and_the_end_of_the_output(minikube: FakeMinikube) -> None:
    lines = [f"line {number}" for number in range(100)]
    minikube.answers("delete", *lines, "X Exiting due to GUEST_DELETION: device busy", status=80)
    with pytest.raises(MinikubeError) as raised:
        minikube_cli.delete(Profile("dev"))
    first, command, *tail = str(raised.value).splitlines()
    assert first.endswith("Minikube says: device busy (GUEST_DELETION).")
    assert command == "  `minikube delete --profile dev` said:"
    assert (len(tail), tail[0]) == (20, "  line 81")


def test_a_failure_without_a_reason_says_the_last_line() -> None:
    assert failure(3, [], ["first", "lab: the host is not running", ""]).sentence(Profile("dev")) == (
        "Minikube says: lab: the host is not running."
    )
    assert failure(7, [], []).sentence(Profile("dev")) == "Minikube says: exit status 7."


@pytest.mark.parametrize(
    ("reason", "mistake"),
    [
        ("MK_USAGE", True),
        ("RSRC_INSUFFICIENT_REQ_MEMORY", True),
        ("K8S_OLD_UNSUPPORTED", True),
        ("DRV_UNSUPPORTED_MULTINODE", True),
        ("PROVIDER_DOCKER_NOT_RUNNING", False),
        ("INET_VERSION_UNAVAILABLE", False),
        # What becomes of a profile that is there is decided by the diff.
        ("GUEST_DRIVER_MISMATCH", False),
        ("K8S_DOWNGRADE_UNSUPPORTED", False),
    ],
)
def test_a_mistake_is_told_from_a_machine_that_is_not_ready(reason: str, mistake: bool) -> None:
    assert failure(1, [ended(reason)], []).is_mistake is mistake


def test_an_unknown_flag_is_a_mistake() -> None:
    found = failure(14, [], ["Error: unknown flag: --wiat", "See 'minikube start --help' for usage."])
    assert found.is_mistake
    assert found.sentence(Profile("dev")).startswith("Minikube says: unknown flag: --wiat")


def test_a_command_that_takes_too_long_is_ended(minikube: FakeMinikube) -> None:
    (minikube.folder / "bin" / "minikube").write_text("#!/bin/sh\nexec sleep 60\n")
    with pytest.raises(MinikubeError, match="took more than 0 s, and was ended"):
        minikube_run.run(Profile("dev"), ["start"], 0)


def test_a_command_ends_with_the_pulumi_that_wanted_it(
    minikube: FakeMinikube, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Gone(io.StringIO):
        def write(self, _text: str) -> int:
            raise BrokenPipeError

    (minikube.folder / "bin" / "minikube").write_text("#!/bin/sh\nexec sleep 60\n")
    monkeypatch.setattr(sys, "stderr", Gone())
    began = time.monotonic()
    assert minikube_run.run(Profile("dev"), ["start"], 60).failed is not None
    assert time.monotonic() - began < 30


@pytest.mark.parametrize(
    ("variable", "home"), [("/data", "/data/.minikube"), ("/data/.minikube", "/data/.minikube")]
)
def test_minikubes_folder_is_found_as_minikube_does(
    monkeypatch: pytest.MonkeyPatch, variable: str, home: str
) -> None:
    monkeypatch.setenv("MINIKUBE_HOME", variable)
    assert Profile("dev").folder == Path(home, "profiles", "dev")
    assert Profile("dev", home="/mine").folder == Path("/mine/.minikube/profiles/dev")
    monkeypatch.delenv("MINIKUBE_HOME")
    assert Profile("dev").folder == Path.home() / ".minikube" / "profiles" / "dev"


def test_the_minikube_of_the_config_is_run_whatever_the_shell_has(
    minikube: FakeMinikube, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = tmp_path / "their bin" / "minikube"
    program.parent.mkdir()
    program.write_text('#!/bin/sh\necho "$MINIKUBE_HOME $KUBECONFIG $*"\n')
    program.chmod(0o755)
    monkeypatch.chdir(tmp_path)
    named = Profile("dev", "their bin/minikube", "home", "kubeconfig")
    said = minikube_run.output(named, ["status"], 60)
    assert said == f"{tmp_path}/home {tmp_path}/kubeconfig status"
    assert minikube.calls() == []


@pytest.mark.usefixtures("minikube")
def test_a_minikube_of_the_config_that_is_not_there_is_no_reason_for_the_shells_own() -> None:
    named = Profile("dev", ".lab/bin/minikube")
    with pytest.raises(MinikubeError) as raised:
        minikube_run.run(named, ["start"], 60)
    assert str(raised.value) == (
        "There is no .lab/bin/minikube, which cluster.minikube names. "
        "Where it is the lab's, the lab is down: make up"
    )


def test_what_to_type_is_for_the_stack_that_owns_the_profile() -> None:
    made = Profile.of({"profile": "dev", "owner": "blue-green/staging"})
    line = "--path --plaintext 'blue-green:cluster.memory' MIB"
    assert made.setting("memory", "MIB") == f"pulumi config set --stack staging {line}"
    assert Profile.of({"profile": "dev"}).setting("memory", "MIB") == f"pulumi config set {line}"
