"""The resource of a Minikube profile: its diff, whose a profile is, and what it does to it."""

import json
from typing import Any

import pytest
import yaml

from components.minikube import inputs
from components.minikube_profile import MinikubeProfileProvider
from components.profile import cli as minikube_cli
from components.profile import owner as minikube_owner
from components.profile.errors import MinikubeError
from components.profile.owner import Owner
from components.profile.profile import Profile
from components.settings.model import MinikubeCluster
from components.settings.parse import parse
from harness.labs import ROOT
from tests.unit.fake_minikube import STOPPED, FakeMinikube, ended, event

DEV = Profile("dev")
PROVIDER = MinikubeProfileProvider()
ARGS = inputs(MinikubeCluster("dev", "docker", kubernetes_version="v1.35.1")) | {"owner": "blue-green/dev"}
PROPS = ARGS | {"clusterId": "c"}
STATE = PROPS | {"kubeconfig": "k", "ip": "i", "status": "Running", "changed": "then"}


@pytest.fixture(autouse=True)
def said_anew() -> None:
    """What is said once is said once in each test."""
    minikube_cli.say_once.cache_clear()


def note(stack: str = "blue-green/dev", *, started: bool = True) -> None:
    minikube_owner.write(DEV, Owner(stack, "c", started))


@pytest.mark.parametrize(
    ("new", "changes", "replaces"),
    [
        ({}, False, []),
        # Pulumi hands over every number as a float.
        ({"cpus": 4.0, "nodes": 1.0}, False, []),
        ({"memory": 4096.0}, True, ["memory"]),
        ({"cpus": 2}, True, ["cpus"]),
        ({"diskSize": "40g"}, True, ["diskSize"]),
        ({"driver": "kvm2"}, True, ["driver"]),
        ({"containerRuntime": "cri-o"}, True, ["containerRuntime"]),
        ({"cni": "calico"}, True, ["cni"]),
        ({"nodes": 3}, True, ["nodes"]),
        ({"mount": "/a:/b"}, True, ["mount"]),
        ({"profile": "other"}, True, ["profile"]),
        ({"kubernetesVersion": "v1.34.9"}, True, ["kubernetesVersion"]),
        ({"kubernetesVersion": "v1.35.10"}, True, []),
        ({"kubernetesVersion": "stable"}, True, []),
        ({"extraConfig": ["kubelet.v=4"]}, True, []),
        ({"flags": ["wait=all"]}, True, []),
        ({"addons": ["ingress"]}, True, []),
        ({"owner": "blue-green/renamed"}, True, []),
        # These say what a creation does, and nothing of the profile that is there.
        ({"adopt": True}, False, []),
        ({"recreate": True}, False, []),
    ],
)
def test_a_diff_tells_a_new_cluster_from_less(
    new: dict[str, Any], changes: bool, replaces: list[str]
) -> None:
    diff = PROVIDER.diff("dev", STATE, PROPS | new)
    assert (diff.changes, diff.replaces) == (changes, replaces)
    assert diff.delete_before_replace


def test_a_profile_of_the_first_release_is_kept() -> None:
    """The state that commit e3c51a4 wrote for the lab's stack, against the inputs of today."""
    state = {
        "profile": "minikube",
        "driver": "none",
        "cpus": 4.0,
        "memory": 8192.0,
        "nodes": 1.0,
        "kubernetesVersion": "v1.35.1",
        "containerRuntime": "containerd",
        "cni": "bridge",
        "extraConfig": ["kubeadm.ignore-preflight-errors=SystemVerification"],
        "flags": ["install-addons=false", "preload=false", "cache-images=false"],
        "owner": "blue-green/lab",
        "clusterId": "c",
        "kubeconfig": "k",
        "ip": "i",
        "status": "Running",
        "changed": "then",
    }
    config = yaml.safe_load((ROOT / "Pulumi.lab.yaml").read_text())["config"]
    cluster = parse({key.removeprefix("blue-green:"): value for key, value in config.items()}).cluster
    assert isinstance(cluster, MinikubeCluster)
    news = PROVIDER.check(state, inputs(cluster) | {"owner": "blue-green/lab"}).inputs
    for seen in ("Running", "Deleted"):  # the latter by the shell's Minikube, which does not know it
        diff = PROVIDER.diff("minikube", state | {"status": seen}, news)
        assert (diff.changes, diff.replaces) == (True, [])
    assert news["clusterId"] == "c"


@pytest.mark.parametrize(
    ("status", "changes", "replaces"),
    [
        ("Running", False, []),
        ("Stopped", True, []),
        ("Paused", True, []),
        ("Unknown", True, []),
        ("Deleted", True, ["clusterId"]),
        ("Broken", True, ["clusterId"]),
    ],
)
def test_a_diff_follows_how_the_profile_was_seen(status: str, changes: bool, replaces: list[str]) -> None:
    diff = PROVIDER.diff("dev", STATE | {"status": status}, PROPS)
    assert (diff.changes, diff.replaces) == (changes, replaces)


def test_driver_none_has_no_sizes_to_change() -> None:
    none = {"driver": "none", "profile": "minikube"}
    diff = PROVIDER.diff(
        "minikube", STATE | none, PROPS | none | {"cpus": 1, "memory": 2000, "diskSize": "9g"}
    )
    assert not diff.changes


def test_a_new_cluster_is_announced_with_what_is_lost(capfd: pytest.CaptureFixture[str]) -> None:
    for _ in range(2):
        PROVIDER.diff("dev", STATE | {"memory": 8192.0}, PROPS | {"memory": 4096.0, "cni": "calico"})
    assert capfd.readouterr().err == (
        "minikube dev: warning: cni Minikube's default to calico, memory 8192 to 4096 needs a new cluster: "
        "all that is on it, volumes too, is lost\n"
    )


@pytest.mark.usefixtures("minikube")
def test_a_check_gives_each_new_cluster_an_identity_of_its_own() -> None:
    first = PROVIDER.check({}, dict(ARGS)).inputs["clusterId"]
    assert PROVIDER.check({**ARGS, "clusterId": first}, dict(ARGS)).inputs["clusterId"] == first
    assert PROVIDER.check({}, dict(ARGS)).inputs["clusterId"] != first


def test_a_check_fails_with_what_minikube_finds_wrong(minikube: FakeMinikube) -> None:
    wrong = event("warning", message="These --extra-config parameters are invalid: [kublet]")
    minikube.answers("dry-run", wrong, ended("MK_USAGE", "Valid components are: [kubelet]"), status=14)
    (failure,) = PROVIDER.check({}, dict(ARGS)).failures
    assert "parameters are invalid: [kublet]. Valid components are: [kubelet]" in failure.reason


def test_a_check_does_not_ask_again_for_what_was_taken(minikube: FakeMinikube) -> None:
    minikube.answers("dry-run", ended("MK_USAGE"), status=14)
    assert not PROVIDER.check(dict(PROPS), dict(ARGS)).failures


def test_a_check_takes_a_machine_that_is_not_ready(
    minikube: FakeMinikube, monkeypatch: pytest.MonkeyPatch
) -> None:
    minikube.answers("dry-run", ended("PROVIDER_DOCKER_NOT_RUNNING"), status=63)
    assert not PROVIDER.check({}, dict(ARGS)).failures
    minikube.answers("status", "lab: the host is not running", status=3)
    assert not PROVIDER.check({}, dict(ARGS)).failures
    monkeypatch.setenv("PATH", "/nowhere")
    assert not PROVIDER.check({}, dict(ARGS)).failures


@pytest.mark.usefixtures("minikube")
def test_a_check_refuses_an_addon_that_there_is_not() -> None:
    (failure,) = PROVIDER.check({}, ARGS | {"addons": ["ingress", "ingres"]}).failures
    assert failure.reason == "Minikube has no addon ingres. Type: minikube addons list."


def test_a_dry_run_leaves_no_profile_folder(minikube: FakeMinikube) -> None:
    place = DEV.folder
    script = minikube.folder / "bin" / "minikube"
    script.write_text(f"{script.read_text()}\nmkdir -p {place}; echo x >>{place}/events.json\n")
    assert not PROVIDER.check({}, dict(ARGS)).failures
    assert not place.exists()
    note()
    PROVIDER.check({}, dict(ARGS))
    assert minikube_owner.read(DEV)


def test_create_notes_whose_the_profile_is(minikube: FakeMinikube) -> None:
    made = PROVIDER.create(PROPS | {"addons": ["ingress"]})
    assert minikube.calls() == ["start", "addons-enable"]
    assert made.outs is not None
    assert (made.id, made.outs["ip"], made.outs["status"]) == ("dev", "10.0.0.1", "Running")
    assert "https://10.0.0.1:8443" in made.outs["kubeconfig"]
    assert minikube_owner.read(DEV) == Owner("blue-green/dev", "c", started=True)


def test_a_start_that_fails_leaves_the_note_of_one_that_has_not_ended(minikube: FakeMinikube) -> None:
    minikube.answers("start", ended("GUEST_PROVISION"), status=80)
    with pytest.raises(MinikubeError):
        PROVIDER.create(dict(PROPS))
    assert minikube_owner.read(DEV) == Owner("blue-green/dev", "c", started=False)


def test_a_profile_of_somebody_else_is_refused_with_the_ways_out(minikube: FakeMinikube) -> None:
    minikube.is_running()
    with pytest.raises(MinikubeError, match="this stack has not made it") as refused:
        PROVIDER.create(dict(PROPS))
    assert all(word in str(refused.value) for word in ("adopt' true", "recreate' true", "profile' NAME"))
    note("blue-green/prod")
    with pytest.raises(MinikubeError, match="stack blue-green/prod made it"):
        PROVIDER.create(dict(PROPS))
    (failure,) = PROVIDER.check({}, dict(ARGS)).failures
    assert "stack blue-green/prod made it" in failure.reason
    assert minikube.calls() == []


def test_another_programs_component_names_its_arguments(minikube: FakeMinikube) -> None:
    minikube.is_running()
    args = dict(ARGS) | {"component": "Minikube dev"}
    (failure,) = PROVIDER.check({}, args).failures
    minikube.is_gone()
    minikube.answers("start", ended("RSRC_INSUFFICIENT_CORES"), status=29)
    with pytest.raises(MinikubeError, match="cpus: NUMBER, in the arguments of Minikube dev") as raised:
        PROVIDER.create(args | {"clusterId": "c"})
    assert failure.reason.endswith(
        "Write adopt: true to take it over, recreate: true to delete it, or another profile, "
        "in the arguments of Minikube dev."
    )
    assert "blue-green:" not in f"{failure.reason}{raised.value}"


def test_a_renamed_stack_goes_on_with_its_own_profile(minikube: FakeMinikube) -> None:
    """The state proves that the stack made it: it has the cluster's id that the profile's note has."""
    minikube.is_running()
    note("blue-green/before")
    checked = PROVIDER.check(STATE | {"owner": "blue-green/before"}, ARGS)
    assert not checked.failures
    assert PROVIDER.diff("dev", STATE | {"owner": "blue-green/before"}, checked.inputs).replaces == []
    (failure,) = PROVIDER.check(STATE | {"clusterId": "another", "owner": "blue-green/before"}, ARGS).failures
    assert "stack blue-green/before made it" in failure.reason


def test_recreate_deletes_the_profile_of_somebody_else_first(minikube: FakeMinikube) -> None:
    minikube.is_running()
    PROVIDER.create(PROPS | {"recreate": True})
    assert minikube.calls() == ["delete", "start"]


def existing_profile(**changes: object) -> None:
    config: dict[str, object] = {"Driver": "docker", "CPUs": 4, "Memory": 8192, **changes}
    minikube_owner.config(DEV).parent.mkdir(parents=True, exist_ok=True)
    minikube_owner.config(DEV).write_text(json.dumps(config))


def test_adopt_takes_over_a_profile_that_is_as_the_inputs_say(minikube: FakeMinikube) -> None:
    minikube.is_running()
    existing_profile()
    PROVIDER.create(PROPS | {"adopt": True})
    assert minikube.calls() == ["start"]
    assert minikube_owner.read(DEV) == Owner("blue-green/dev", "c", started=True)


@pytest.mark.parametrize("failing", ["start", "addons-enable"])
def test_an_adopted_profile_whose_first_start_failed_is_started_again(
    minikube: FakeMinikube, failing: str
) -> None:
    minikube.is_running()
    existing_profile()
    adopting = PROPS | {"adopt": True, "addons": ["ingress"]}
    minikube.answers(failing, ended("GUEST_START"), status=80)
    with pytest.raises(MinikubeError):
        PROVIDER.create(dict(adopting))
    minikube.answers(failing)
    PROVIDER.create(dict(adopting))
    assert "delete" not in minikube.calls()


@pytest.mark.parametrize("noted", [False, True])
def test_adopt_refuses_a_profile_that_is_broken(minikube: FakeMinikube, noted: bool) -> None:
    """A start would end without an API server, and only a new cluster could follow."""
    minikube.answers("status", json.dumps({"Name": "dev", "Host": "Nonexistent"}), status=7)
    existing_profile()
    if noted:
        note()
    with pytest.raises(MinikubeError, match=r"dev cannot be adopted, it is broken\. .* recreate: true"):
        PROVIDER.create(PROPS | {"adopt": True})
    assert minikube.calls() == []
    # A check of a replacement comes before ours is deleted.
    assert bool(PROVIDER.check({}, ARGS | {"adopt": True}).failures) != noted


def test_a_broken_start_of_ours_is_cleaned_where_adopt_was_written(minikube: FakeMinikube) -> None:
    minikube.answers("status", json.dumps({"Name": "dev", "Host": "Nonexistent"}), status=7)
    note(started=False)
    PROVIDER.create(PROPS | {"adopt": True})
    assert minikube.calls() == ["delete", "start"]


def test_adopt_refuses_a_profile_that_only_a_new_cluster_could_follow(minikube: FakeMinikube) -> None:
    minikube.is_running()
    existing_profile(Memory=4096, KubernetesConfig={"KubernetesVersion": "v1.36.0"})
    changes = r"memory 4096 to 8192, kubernetesVersion v1\.36\.0 to v1\.35\.1"
    with pytest.raises(
        MinikubeError, match=rf"{changes} needs a new cluster\. Write what it has .* recreate: true"
    ):
        PROVIDER.create(PROPS | {"adopt": True})
    assert minikube.calls() == []


def test_a_start_of_ours_that_was_killed_is_cleaned(minikube: FakeMinikube) -> None:
    minikube.is_running()
    note(started=False)
    PROVIDER.create(dict(PROPS))
    assert minikube.calls() == ["delete", "start"]


def test_a_start_that_was_killed_too_early_to_be_deleted_goes_on(minikube: FakeMinikube) -> None:
    minikube.is_running()
    minikube.answers("delete", "X Exiting due to GUEST_DELETION: env: kubeadm: not found", status=80)
    note(started=False)
    PROVIDER.create(dict(PROPS))
    assert minikube.calls() == ["delete", "start"]


def test_a_profile_of_ours_that_the_state_lost_is_kept(minikube: FakeMinikube) -> None:
    minikube.is_running()
    note()
    PROVIDER.create(dict(PROPS))
    assert minikube.calls() == ["start"]


def test_a_profile_of_ours_that_the_state_lost_is_kept_when_its_start_fails(minikube: FakeMinikube) -> None:
    minikube.is_running()
    note()
    minikube.answers("start", ended("GUEST_START"), status=80)
    for _ in range(2):
        with pytest.raises(MinikubeError):
            PROVIDER.create(dict(PROPS))
    assert minikube.calls() == ["start", "start"]


def seen() -> str:
    """How a refresh sees the profile."""
    found = PROVIDER.read("dev", dict(STATE))
    assert found.outs is not None
    return found.outs["status"]


@pytest.mark.parametrize(
    ("node", "status"),
    [
        ({}, "Running"),
        ({"Host": "Stopped", "APIServer": "Stopped"}, "Stopped"),
        ({"APIServer": "Paused", "Kubelet": "Stopped"}, "Paused"),
        ({"APIServer": "Stopped"}, "Stopped"),
        ({"APIServer": "Error"}, "Stopped"),
        # Not a reason to make it anew.
        ({"Host": "InsufficientStorage"}, "Running"),
        ({"Host": "Nonexistent"}, "Broken"),
        ({"Host": "Error"}, "Broken"),
    ],
)
def test_read_tells_how_the_profile_is(minikube: FakeMinikube, node: dict[str, str], status: str) -> None:
    minikube.answers("status", json.dumps({"Host": "Running", "APIServer": "Running"} | node), status=7)
    note()
    found = PROVIDER.read("dev", dict(STATE))
    assert (found.id, found.outs) == ("dev", STATE | {"status": status})


def test_read_takes_several_nodes(minikube: FakeMinikube) -> None:
    nodes = [
        {"Host": "Running", "APIServer": "Running"},
        {"Host": "Stopped", "APIServer": "Irrelevant"},
    ]
    minikube.answers("status", json.dumps(nodes), status=7)
    note()
    assert seen() == "Stopped"


def test_a_config_that_cannot_be_read_is_a_broken_profile(minikube: FakeMinikube) -> None:
    minikube.answers("status", ended("HOST_CONFIG_LOAD"), status=38)
    note()
    assert seen() == "Broken"


def test_a_profile_that_is_gone_or_was_made_anew_is_deleted(minikube: FakeMinikube) -> None:
    assert seen() == "Deleted"
    minikube.is_running()
    assert seen() == "Deleted"
    note()
    assert seen() == "Running"


def test_without_minikube_a_read_leaves_the_state(minikube: FakeMinikube) -> None:
    (minikube.folder / "bin" / "minikube").unlink()
    found = PROVIDER.read("dev", dict(STATE))
    assert (found.id, found.outs) == ("dev", STATE | {"status": "Unknown"})


def test_update_starts_a_stopped_profile(minikube: FakeMinikube) -> None:
    minikube.answers("status", json.dumps(STOPPED), status=7)
    done = PROVIDER.update("dev", STATE | {"status": "Stopped"}, dict(PROPS))
    assert minikube.calls() == ["start"]
    assert done.outs is not None
    assert (done.outs["status"], done.outs["clusterId"]) == ("Running", "c")
    assert done.outs["changed"] != "then"


def test_update_lets_a_paused_profile_go_on(minikube: FakeMinikube) -> None:
    minikube.answers("status", json.dumps({"Host": "Running", "APIServer": "Paused"}), status=2)
    PROVIDER.update("dev", STATE | {"status": "Paused"}, dict(PROPS))
    assert minikube.calls() == ["unpause"]


def test_update_changes_addons_without_a_start(minikube: FakeMinikube) -> None:
    minikube.is_running()
    PROVIDER.update("dev", STATE | {"addons": ["ingress"]}, PROPS | {"addons": ["metrics-server"]})
    assert minikube.calls() == ["addons-disable", "addons-enable"]


def test_update_starts_again_for_what_a_start_applies(minikube: FakeMinikube) -> None:
    minikube.is_running()
    PROVIDER.update("dev", dict(STATE), PROPS | {"kubernetesVersion": "v1.36.0"})
    assert minikube.calls() == ["start"]


def test_delete_removes_ours_and_nobody_elses(minikube: FakeMinikube) -> None:
    PROVIDER.delete("dev", dict(STATE))
    note("blue-green/dev")
    PROVIDER.delete("dev", STATE | {"clusterId": "another"})
    assert minikube.calls() == []
    PROVIDER.delete("dev", dict(STATE))
    assert minikube.calls() == ["delete"]
    assert not DEV.folder.exists()


@pytest.mark.parametrize("said", ["null", json.dumps({"Host": "Starting"}), json.dumps({"Host": "Stopping"})])
def test_a_machine_that_cannot_be_told_is_not_replaced(minikube: FakeMinikube, said: str) -> None:
    """Docker that is not running, and a machine on its way up or down."""
    minikube.answers("status", said, status=7)
    with pytest.raises(MinikubeError):
        minikube_cli.status(DEV)
