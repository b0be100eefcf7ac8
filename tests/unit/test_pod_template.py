"""The config's pieces of pod templates: laid over ours as Kubernetes does it; what they may not change."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, cast

import pytest

from components.manifests import workload
from components.settings.merge_keys import MERGE_KEYS
from components.settings.model import App, ConfigMapKey, Grpc, Probe, Probes, Resources, SecretKey, Version
from components.settings.pod_template import mistakes, outline
from components.settings.strategic_merge import MergeError, merge

Piece = Mapping[str, Any]
NOTHING: Piece = {}
SIDECAR = {"name": "sidecar", "image": "proxy:1"}
# With every key that has its place in the template.
FULL = Version(
    "shop:1",
    env={"A": "b", "B": SecretKey("db", "password"), "C": ConfigMapKey("shop", "c")},
    files={"/etc/app/a": "a"},
    image_pull_secrets=("registry",),
    labels={"tier": "web"},
    pod_security="restricted",
    probes=Probes(Probe("/ready"), Probe(grpc=Grpc()), Probe(port=81)),
    resources=Resources({"cpu": "1"}, {"memory": "1Gi"}),
)


def said(app: Piece, version: Piece) -> list[str]:
    versions = {"v1": Version("shop:1", pod_template=version)}
    found = mistakes(App("shop", pod_template=app), versions)
    return [f"{'.'.join(path)}: {wrong}. {remedy}." for path, wrong, remedy in found]


def own(**members: object) -> Piece:
    return {"spec": {"containers": [{"name": "shop", **members}]}}


def test_the_apps_piece_is_laid_over_ours_and_the_versions_over_it() -> None:
    app = App("shop", pod_template={"spec": {"serviceAccountName": "shop", "nodeSelector": {"disk": "ssd"}}})
    piece: Piece = {
        "metadata": {"annotations": {"a": "b"}},
        "spec": {
            "nodeSelector": {"zone": "a", "disk": None},
            "containers": [
                {"name": "shop", "volumeMounts": [{"name": "data", "mountPath": "/data"}]},
                SIDECAR,
            ],
            "volumes": [{"name": "data", "emptyDir": NOTHING}],
        },
    }
    version = Version("shop:1", pod_template=piece, min_ready_seconds=3, revision_history_limit=2)
    plain = workload.deployment(App("shop"), "v1", Version("shop:1"))["spec"]
    spec = workload.deployment(app, "v1", version)["spec"]
    assert (spec["minReadySeconds"], spec["revisionHistoryLimit"]) == (3, 2)
    assert "progressDeadlineSeconds" not in spec
    pod, before = spec["template"]["spec"], plain["template"]["spec"]
    assert spec["template"]["metadata"] == {**plain["template"]["metadata"], "annotations": {"a": "b"}}
    assert pod["serviceAccountName"] == "shop"
    assert pod["nodeSelector"] == {"zone": "a"}
    mounted = {**before["containers"][0], "volumeMounts": [{"name": "data", "mountPath": "/data"}]}
    assert pod["containers"] == [mounted, SIDECAR]
    assert said(app.pod_template, piece) == []


BASE: Piece = {
    "spec": {
        "containers": [{"name": "a", "env": [{"name": "X", "value": "1"}, {"name": "Y", "value": "2"}]}],
        "securityContext": {"runAsUser": 1},
        "tolerations": [{"key": "a"}],
        "volumes": [{"name": "v", "emptyDir": NOTHING}],
    }
}


@pytest.mark.parametrize(
    ("patch", "key", "merged"),
    [
        ({"securityContext": {"fsGroup": 2}}, "securityContext", {"runAsUser": 1, "fsGroup": 2}),
        ({"securityContext": {"fsGroup": 2, "$patch": "replace"}}, "securityContext", {"fsGroup": 2}),
        ({"securityContext": {"$patch": "delete"}}, "securityContext", NOTHING),
        ({"securityContext": None}, "securityContext", None),
        # As Kubernetes has it: a directive over nothing leaves nothing.
        ({"dnsConfig": {"$patch": "replace", "options": ["a"]}}, "dnsConfig", None),
        ({"tolerations": [{"key": "b"}]}, "tolerations", [{"key": "b"}]),
        ({"volumes": [{"$patch": "replace"}, {"name": "w"}]}, "volumes", [{"name": "w"}]),
        ({"volumes": [{"name": "v", "$patch": "delete"}, {"name": "w"}]}, "volumes", [{"name": "w"}]),
        (
            {"volumes": [{"name": "v", "$retainKeys": ["name", "secret"], "secret": NOTHING}]},
            "volumes",
            [{"name": "v", "secret": NOTHING}],
        ),
        (
            {"containers": [{"name": "a", "env": [{"name": "Z"}, {"name": "X", "value": "3"}]}]},
            "containers",
            [{"name": "a", "env": [{"name": "Z"}, {"name": "X", "value": "3"}, {"name": "Y", "value": "2"}]}],
        ),
    ],
)
def test_the_merge_is_kubernetes(patch: Piece, key: str, merged: object) -> None:
    assert merge(BASE, {"spec": patch})["spec"].get(key) == merged


@pytest.mark.parametrize(
    ("patch", "sentence"),
    [
        ({"$patch": "remove"}, "spec.$patch: 'remove' is not known. Write replace or delete."),
        (
            {"containers": [{"image": "x"}]},
            "spec.containers[0]: it has no name, by which Kubernetes merges this list. Write its name.",
        ),
        ({"containers": ["a"]}, "spec.containers[0]: 'a' is not an object. Write {name: …}."),
        ({"volumes": [{"name": "v", "$retainKeys": ["name"], "nfs": NOTHING}]}, "nfs is not in it. Add nfs."),
        ({"$setElementOrder/containers": [{"name": "a"}]}, "that is for kubectl apply alone"),
        (
            {"containers": [{"name": "b", "env": [{"name": "X", "$patch": "delete"}]}]},
            "spec.containers[0].env[0].$patch: there is nothing yet that it could change. Take it out.",
        ),
    ],
)
def test_what_cannot_be_merged_is_said_with_its_place(patch: Piece, sentence: str) -> None:
    with pytest.raises(MergeError) as raised:
        merge(BASE, {"spec": patch})
    assert sentence in str(raised.value)


def test_what_cannot_be_merged_with_what_the_other_piece_brought_in_is_said() -> None:
    (found,) = said({"spec": {"volumes": ["data"]}}, {"spec": {"volumes": [{"name": "logs"}]}})
    assert found == (
        "versions.v1.podTemplate.spec.volumes: it is laid over 'data', which is not an object. "
        "Write {name: …} there."
    )


@pytest.mark.parametrize(
    ("piece", "sentences"),
    [
        (
            {"metadata": {"labels": {"version": "other"}}},
            ["metadata.labels.version: it selects the version's pods. Take it out, it is set."],
        ),
        ({"metadata": {"$patch": "delete"}}, ["metadata.labels.app: ", "metadata.labels.version: "]),
        ({"strategy": {"type": "Recreate"}}, ["strategy: a pod template has metadata and spec alone"]),
        (
            {"spec": {"containers": [{"$patch": "replace"}, SIDECAR]}},
            ["spec.containers: the container shop, which is the app's own, would be gone"],
        ),
        (own(image="other:1"), ["spec.containers.shop.image: the app's image has a key of its own"]),
        (
            own(ports=[{"containerPort": 80, "name": "web"}]),
            ["spec.containers.shop.ports: the Service finds the app by its port named http"],
        ),
        (own(ports=[{"containerPort": 90, "name": "http"}]), ["spec.containers.shop.ports: "]),
        (
            {"spec": {"containers": [{**SIDECAR, "ports": [{"containerPort": 81, "name": "http"}]}]}},
            ["spec.containers.sidecar.ports: http is the name of the app's port"],
        ),
        (own(readinessProbe=None), ["spec.containers.shop.readinessProbe: without it a pod gets requests"]),
        (
            own(readinessProbe={"exec": {"command": ["true"]}}),
            ["readinessProbe: a probe asks in one way, and this one has exec and tcpSocket. Write $patch"],
        ),
        (
            own(lifecycle={"$patch": "delete"}),
            ["lifecycle.preStop: a pod that stops has to serve on"],
        ),
        (own(lifecycle={"preStop": {"sleep": {"seconds": 1}}}), ["lifecycle.preStop: "]),
        (
            own(lifecycle={"preStop": {"$patch": "replace", "exec": {"command": ["true"]}}}),
            ["lifecycle.preStop: "],
        ),
        # Both at once the API server would refuse.
        (
            own(lifecycle={"preStop": {"exec": {"command": ["true"]}}}),
            ["lifecycle.preStop: a pod that stops has to serve on for 5 s, until every gateway knows of it"],
        ),
        # As long as Kubernetes gives a pod that says nothing.
        (
            own(lifecycle={"preStop": {"sleep": {"seconds": 30}}}),
            ["spec.terminationGracePeriodSeconds: a pod that stops would be killed after 30 s"],
        ),
        (
            {"spec": {"initContainers": [{**SIDECAR, "ports": [{"containerPort": 81, "name": "http"}]}]}},
            ["spec.initContainers.sidecar.ports: http is the name of the app's port"],
        ),
        (
            {"strategy": {"type": "Recreate"}, "replicas": 2, "metadata": {}},
            ["replicas: a pod template has", "strategy: a pod template has"],
        ),
        (
            {"$patch": "replace", "metadata": {"labels": {"app": "shop", "version": "v1"}}},
            ["spec.containers: the container shop, which is the app's own, would be gone"],
        ),
        (
            {"spec": {"terminationGracePeriodSeconds": 5}},
            ["spec.terminationGracePeriodSeconds: a pod that stops would be killed after 5 s"],
        ),
    ],
)
def test_what_would_break_the_promise_is_refused_with_its_reason(piece: Piece, sentences: list[str]) -> None:
    for key, found in (
        ("versions.v1.podTemplate", said({}, piece)),
        ("app.podTemplate", said(piece, {"metadata": {}})),
    ):
        assert len(found) == len(sentences)
        for sentence, expected in zip(found, sentences, strict=True):
            assert sentence.startswith(key)
            assert expected in sentence


@pytest.mark.parametrize(
    "piece",
    [
        own(lifecycle={"preStop": {"sleep": {"seconds": 20}}, "postStart": {"exec": {"command": ["true"]}}}),
        own(lifecycle={"preStop": {"sleep": {"seconds": 29}}}),
        {
            "spec": {
                "containers": [{"name": "shop", "lifecycle": {"preStop": {"sleep": {"seconds": 60}}}}],
                "terminationGracePeriodSeconds": 61,
            }
        },
        own(readinessProbe={"$patch": "replace", "exec": {"command": ["true"]}}),
        own(ports=[{"containerPort": 9090, "name": "metrics"}]),
        {"spec": 5, "metadata": None},
        {"spec": {"containers": "shop", "terminationGracePeriodSeconds": "x"}},
    ],
)
def test_what_breaks_nothing_is_taken_and_nonsense_is_no_traceback(piece: Piece) -> None:
    found = said({}, piece)
    assert bool(found) == (not isinstance(piece["spec"], dict) or piece["spec"]["containers"] == "shop")


@pytest.mark.parametrize(
    ("piece", "sentence"),
    [
        (own(env=["X=y"]), "spec.containers[0].env[0]: 'X=y' is not an object. Write {name: …}."),
        (own(volumeMounts=[{"name": "data"}]), "spec.containers[0].volumeMounts[0]: it has no mountPath"),
        ({"spec": {"imagePullSecrets": ["other"]}}, "spec.imagePullSecrets[0]: 'other' is not an object."),
    ],
)
def test_a_list_that_a_version_has_by_its_own_keys_is_merged_when_the_config_is_read(
    piece: Piece, sentence: str
) -> None:
    for app, version in ((piece, NOTHING), (NOTHING, piece)):
        versions = {"v1": replace(FULL, pod_template=version)}
        ((path, wrong, remedy),) = mistakes(App("shop", pod_template=app), versions)
        assert path[:-1] == (("app", "podTemplate") if app else ("versions", "v1", "podTemplate"))
        assert sentence in f"{path[-1]}: {wrong}. {remedy}."


def shape(value: Any, path: str) -> Any:
    """The lists and objects in a template, down to all that a piece is merged with."""
    if isinstance(value, Mapping):
        pairs = cast("Mapping[str, Any]", value).items()
        return {key: shape(one, f"{path}.{key}") for key, one in pairs if isinstance(one, (Mapping, list))}
    # Without a key, a list is replaced as a whole.
    key = MERGE_KEYS.get(path.removeprefix("."))
    return {one[key]: shape(one, path) for one in value} if key else None


@pytest.mark.parametrize("version", [FULL, Version("shop:1")])
def test_pieces_are_judged_by_a_template_with_every_list_and_object_of_the_real_one(version: Version) -> None:
    app = App("shop")
    real = workload.deployment(app, "v1", version)["spec"]["template"]
    assert shape(outline(app, "v1", version), "") == shape(real, "")


def test_what_the_apps_piece_breaks_is_said_once() -> None:
    app = App("shop", pod_template={"spec": {"terminationGracePeriodSeconds": 1}})
    versions = {name: Version("shop:1") for name in ("v1", "v2")}
    assert len(list(mistakes(app, versions))) == 1


def test_the_probe_that_the_version_has_is_the_one_that_is_changed() -> None:
    probes = Probes(readiness=Probe("/healthz"))
    piece = own(readinessProbe={"httpGet": {"httpHeaders": [{"name": "a", "value": "b"}]}})
    versions = {"v1": Version("shop:1", probes=probes, pod_template=piece)}
    assert list(mistakes(App("shop"), versions)) == []


@pytest.mark.parametrize(
    ("probe", "ways"),
    [
        ({"grpc": {"port": 9001}}, ""),
        ({"$patch": "replace", "tcpSocket": {"port": 80}}, ""),
        ({"grpc": None, "exec": {"command": ["true"]}}, ""),
        ({"exec": {"command": ["true"]}}, "exec and grpc"),
        ({"tcpSocket": {"port": 80}}, "grpc and tcpSocket"),
    ],
)
def test_a_piece_is_laid_over_the_grpc_probe_that_the_version_has(probe: Piece, ways: str) -> None:
    piece = own(readinessProbe=probe)
    versions = {"v1": Version("shop:1", probes=Probes(readiness=Probe(grpc=Grpc())), pod_template=piece)}
    found = list(mistakes(App("shop"), versions))
    assert bool(found) == bool(ways)
    assert ways in str(found)


@pytest.mark.parametrize(
    ("volumes", "kept"),
    [
        ([{"name": "data", "emptyDir": NOTHING}], True),
        ([{"name": "files", "projected": {"defaultMode": 256}}], True),
        ([{"name": "files", "projected": {"sources": [{"secret": {"name": "db"}}]}}], False),
        ([{"name": "files", "projected": {"sources": None}}], False),
        ([{"name": "files", "$retainKeys": ["name", "emptyDir"], "emptyDir": NOTHING}], False),
        ([{"name": "files", "$patch": "delete"}], False),
        ([{"$patch": "replace"}, {"name": "data", "emptyDir": NOTHING}], False),
    ],
)
def test_a_piece_leaves_the_versions_files_where_they_are(volumes: list[Piece], kept: bool) -> None:
    piece: Piece = {"spec": {"volumes": volumes}}
    versions = {"v1": Version("shop:1", files={"/etc/app/a": "a"}, pod_template=piece)}
    found = list(mistakes(App("shop"), versions))
    wrong = "the volume of this name has versions.v1.files"
    place = ("versions", "v1", "podTemplate", "spec.volumes.files")
    refused = [] if kept else [(place, wrong, "Leave it as it is, and give yours another name")]
    assert found == refused
    # Without files the name is free.
    assert said({}, piece) == []
