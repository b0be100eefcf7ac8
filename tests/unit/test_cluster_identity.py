"""By what the cluster of a stack is known, and who refuses another one: every `up`, refresh and `destroy`."""

import base64
import json
import tempfile
from collections.abc import Callable, Generator, Mapping
from pathlib import Path
from typing import Any

import pytest

from components.cluster_identity import (
    AnotherClusterError,
    ClusterIdentityProvider,
    SameClusterProvider,
)
from components.kubernetes.copies import marked
from components.kubernetes.errors import GatewayError
from components.provider import Provider
from tests.unit.fake_cluster import FakeCluster, fake_cluster

KUBE_SYSTEM = "/api/v1/namespaces/kube-system"
NOBODY: Mapping[str, Any] = {"uid": None, "authority": None}
# Of one that cannot be reached.
GONE = {
    "text": json.dumps(
        {
            "current-context": "c",
            "contexts": [{"name": "c", "context": {"cluster": "c", "user": "c"}}],
            "clusters": [{"name": "c", "cluster": {"server": "http://127.0.0.1:1"}}],
            "users": [{"name": "c", "user": {"token": "t"}}],
        }
    )
}


@pytest.fixture
def cluster() -> Generator[FakeCluster]:
    """One whose kube-system has the UID `a`."""
    with fake_cluster(objects={KUBE_SYSTEM: {"metadata": {"uid": "a"}}}) as made:
        yield made


def reached(cluster: FakeCluster, authority: bytes | None = None) -> dict[str, str]:
    """The way to the cluster; its kubeconfig has the certificate of this authority."""
    config = json.loads(cluster.kubeconfig)
    if authority is not None:
        data = base64.b64encode(authority).decode()
        config["clusters"][0]["cluster"]["certificate-authority-data"] = data
    return {"text": json.dumps(config)}


def checked(kubeconfig: object, before: Mapping[str, Any] = NOBODY) -> dict[str, Any]:
    """What the inputs become; an `up` of before knew the cluster as `before`."""
    result = ClusterIdentityProvider().check(dict(before), {"kubeconfig": kubeconfig, **NOBODY})
    if result.failures:
        raise AssertionError(result.failures[0].reason)
    return {key: result.inputs[key] for key in NOBODY}


def test_a_cluster_is_known_by_its_kube_system_and_its_authority(cluster: FakeCluster) -> None:
    one, other = (checked(reached(cluster, authority)) for authority in (b"one", b"other"))
    assert one["uid"] == other["uid"] == "a"
    assert one["authority"] != other["authority"]
    # A file's last line may end or not.
    assert checked(reached(cluster, b"one\n")) == one
    assert checked(reached(cluster)) == {"uid": "a", "authority": None}
    # The first `up` knows nothing from before.
    assert checked(reached(cluster), {}) == {"uid": "a", "authority": None}


def test_before_there_is_a_cluster_a_preview_asks_nobody() -> None:
    assert checked("04da6b54-80e4-46f7-96ec-b56ff0331ba9") == NOBODY


@pytest.mark.parametrize(
    ("before", "authority", "same"),
    [
        ({"uid": "a"}, None, True),
        ({"uid": "b"}, None, False),
        # A certificate authority may be renewed.
        ({"uid": "a", "authority": "renewed"}, b"one", True),
        ({"uid": "b", "authority": "that of one"}, b"one", False),
        # Where there is nothing better it counts.
        ({"authority": "that of one"}, b"one", True),
        ({"authority": "another"}, b"one", False),
        ({"authority": "another"}, None, True),
        ({}, b"one", True),
    ],
)
def test_another_cluster_is_told_from_the_same(
    before: dict[str, str], authority: bytes | None, same: bool, cluster: FakeCluster
) -> None:
    kubeconfig = reached(cluster, authority)
    if before.get("authority") == "that of one":
        before = before | {"authority": checked(kubeconfig)["authority"]}
    result = ClusterIdentityProvider().check({**NOBODY, **before}, {"kubeconfig": kubeconfig, **NOBODY})
    props = {**NOBODY, **before, "kubeconfig": kubeconfig}
    if same:
        assert result.failures == []
        assert result.inputs["uid"] == "a"
        # What is not known now is known from before.
        assert result.inputs["authority"] == (checked(kubeconfig)["authority"] or before.get("authority"))
        found = ClusterIdentityProvider().read("id", props)
        assert (found.id, found.outs) == ("id", props)
        SameClusterProvider().delete("same", props)
        return
    (failure,) = result.failures
    # It is the cluster that is wrong, and no property.
    assert failure.property == ""
    assert "The context c leads to another cluster than the one that this stack is on." in failure.reason
    assert "pulumi state delete --yes --target-dependents" in failure.reason
    with pytest.raises(AnotherClusterError, match=r"^\nThe context c leads to another cluster"):
        ClusterIdentityProvider().read("id", props)
    with pytest.raises(AnotherClusterError, match=r"^\nThe context c leads to another cluster"):
        SameClusterProvider().delete("same", props)


def test_who_may_not_read_kube_system_knows_the_cluster_by_its_authority(
    cluster: FakeCluster, capsys: pytest.CaptureFixture[str]
) -> None:
    cluster.forbidden = "/kube-system"
    known = checked(reached(cluster, b"one"))
    assert (known["uid"], bool(known["authority"])) == (None, True)
    checked(reached(cluster, b"one"))
    # Once for all the `check`s of an `up`.
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("The cluster is known by its certificate authority alone: ")
    before = {**known, "uid": "a"}
    assert checked(reached(cluster, b"one"), before) == before


def test_of_a_cluster_that_cannot_be_reached_all_but_the_last_look_say_so() -> None:
    (failure,) = ClusterIdentityProvider().check({}, {"kubeconfig": GONE, **NOBODY}).failures
    assert "127.0.0.1:1 cannot be reached" in failure.reason
    with pytest.raises(GatewayError, match=r"127\.0\.0\.1:1 cannot be reached"):
        ClusterIdentityProvider().read("id", {"kubeconfig": GONE, "uid": "a"})
    # Kubernetes' own provider says it then.
    SameClusterProvider().delete("same", {"kubeconfig": GONE, "uid": "a"})


@pytest.mark.parametrize("provider", [ClusterIdentityProvider, SameClusterProvider])
def test_another_kubeconfig_or_identity_is_written_into_the_state(
    provider: Callable[[], Provider],
) -> None:
    state: dict[str, Any] = {"kubeconfig": GONE, "uid": "a", "authority": None}
    assert not provider().diff("id", state, {**state, "__provider": "another release's"}).changes
    for change in ({"kubeconfig": {"context": "c"}}, {"uid": "b"}, {"authority": "c"}):
        assert provider().diff("id", state, state | change).changes
        assert provider().update("id", state, state | change).outs == state | change
    assert provider().create(state).outs == state


@pytest.mark.parametrize(
    ("props", "id_"), [({"uid": "a", "authority": "b"}, "a"), ({"authority": "b"}, "b"), ({}, "unknown")]
)
def test_its_id_is_the_best_that_is_known(props: dict[str, str], id_: str) -> None:
    assert ClusterIdentityProvider().create({**NOBODY, **props}).id == id_


def test_the_copies_of_its_kubeconfig_go_with_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Pulumi's Kubernetes provider leaves one with all credentials whenever it starts."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    copy = tmp_path / "kubeconfig123"
    copy.write_text(marked(GONE["text"]))
    ClusterIdentityProvider().delete("a", {"kubeconfig": GONE})
    assert not copy.exists()
