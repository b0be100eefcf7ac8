"""Workloads and a Service that somebody else has: what the config says, and what the split makes of it."""

from contextlib import nullcontext
from typing import Any

import pulumi
import pytest

from components import later
from components.application import Application
from components.commands.preview.snapshot import of_settings
from components.existing import existing, overlaps
from components.kubernetes import workloads
from components.kubernetes.api import Api
from components.kubernetes.writers import OWNER
from components.manifests import routes
from components.settings.mistakes import ConfigError
from components.settings.model import App, ExistingWorkload, Port, Routing, Version
from components.settings.parse import parse
from components.traffic_split import TrafficSplit, TrafficSplitArgs
from tests.unit.fake_cluster import fake_cluster
from tests.unit.pulumi_run import run

CART = Version(deployment="cart")
DEPLOYMENT = "/apis/apps/v1/namespaces/default/deployments/cart"
SERVICE = "/api/v1/namespaces/default/services/front"
# As Pulumi's mocks have it, of no organization.
STACK = "None/blue-green/test"


def config(**of_v1: object) -> dict[str, Any]:
    versions = {"v1": of_v1, "v2": {"image": "shop:2"}}
    return {
        "cluster": {"profile": "p"},
        "app": {"name": "shop"},
        "versions": versions,
        "weights": {"v2": 100},
    }


def item(labels: dict[str, str], **spec: object) -> dict[str, Any]:
    containers = [{"name": "proxy", "image": "proxy:1"}, {"name": "web", "image": "cart:1"}]
    annotations = {"kubectl.kubernetes.io/default-container": "web"}
    template = {
        "metadata": {"labels": labels, "annotations": annotations},
        "spec": {"containers": containers},
    }
    selector = {"matchLabels": {"part": "cart"}}
    return {"metadata": {"generation": 1}, "spec": {"template": template, "selector": selector, **spec}}


@pytest.mark.parametrize(
    ("of_v1", "key", "wrong"),
    [
        ({}, "versions.v1.image", "it is missing. Write an image"),
        ({"deployment": "a", "image": "x:1"}, "versions.v1.image", "the owner of Deployment a says that"),
        ({"deployment": "a", "replicas": 2}, "versions.v1.replicas", "the owner of Deployment a says that"),
        (
            {"deployment": "a", "podTemplate": {"spec": {"hostname": "a"}}},
            "versions.v1.podTemplate",
            "the owner of Deployment a says that",
        ),
        (
            {"deployment": "a", "workload": {"kind": "Deployment", "name": "a"}},
            "versions.v1.deployment",
            "it is workload in short",
        ),
        (
            {"workload": {"kind": "Job", "name": "a"}},
            "versions.v1.workload.kind",
            "'Job' is not Deployment or",
        ),
        (
            {"image": "x:1", "subset": {"labels": {"a": "b"}}},
            "versions.v1.subset",
            "the stack's own pods are told apart",
        ),
    ],
)
def test_a_mistake_names_its_key(of_v1: dict[str, object], key: str, wrong: str) -> None:
    with pytest.raises(ConfigError) as raised:
        parse(config(**of_v1))
    assert f"\n  blue-green:{key}: {wrong}" in str(raised.value)


def test_of_what_somebody_else_has_nothing_is_asked_or_warned() -> None:
    config_ = config(deployment="cart") | {"weights": {"v1": 100}}
    config_["versions"].pop("v2")
    assert parse(config_).warnings == ()


def test_two_versions_have_no_workload_in_common() -> None:
    both = config(deployment="a")
    both["versions"]["v2"] = {"workload": {"kind": "Deployment", "name": "a"}}
    with pytest.raises(
        ConfigError, match=r"versions\.v2: another version has Deployment a\. Give each its own"
    ):
        parse(both)


def test_the_stack_makes_neither_the_workload_nor_the_service() -> None:
    versions = {"v1": CART, "v2": Version("shop:2")}
    done = run(lambda: Application("shop", App("shop", service="front"), versions))
    assert done.names() == [
        "blue-green:index:Application shop",
        "kubernetes:apps/v1:Deployment shop-v2-deployment",
        "kubernetes:policy/v1:PodDisruptionBudget shop-v2-disruptionbudget",
    ]


def test_the_routes_lead_to_the_service_and_the_rule_names_the_workload() -> None:
    app, routing = App("shop", service="front"), Routing()
    rule = routes.destination_rule(app, "v1", CART, routing, {"part": "cart"})
    assert rule["spec"]["host"] == "front"
    assert rule["spec"]["subsets"] == [{"name": "v1", "labels": {"part": "cart"}}]
    assert rule["metadata"]["annotations"][routes.WORKLOAD] == "Deployment cart"
    (route,) = routes.virtual_service(app, {"v1": 100}, routing)["spec"]["http"]
    assert route["route"][0]["destination"]["host"] == "front"
    shown = of_settings(parse(config(deployment="cart"))).workloads
    assert (shown["v1"].image, shown["v1"].owned) == ("Deployment cart", False)
    assert shown["v2"].owned


def test_subsets_that_overlap_are_named_with_what_to_write() -> None:
    pods = {"v1": {"group": "cart", "part": "one"}, "v2": {"group": "cart", "part": "two"}}
    apart = {"v1": {"part": "one"}, "v2": {"part": "two"}}
    assert list(overlaps(apart, pods)) == []
    (found,) = overlaps(apart | {"v1": {"group": "cart"}}, pods)
    assert found == (
        "versions.v1: its label group=cart is on the pods of v2 too, which would get its traffic. "
        "Write one that they have not as versions.v1.subset.labels"
    )
    (found,) = overlaps(apart | {"v1": {"part": "no"}}, pods)
    assert found == "versions.v1.subset.labels: its own pods have not part=no"


def asked(app: App, versions: dict[str, Version], objects: dict[str, Any]) -> Any:
    with fake_cluster(objects=objects) as cluster:
        found: list[object] = []

        def program() -> None:
            output = existing(cluster.kubeconfig, app, versions)
            assert output is not None
            output.apply(found.append)

        run(program)
        return found[0]


def test_a_label_that_is_known_later_is_compared_when_it_is() -> None:
    labels = {"group": "shop"}
    service = {"spec": {"selector": labels, "ports": [{"name": "http", "port": 80}]}}
    objects = {DEPLOYMENT: item({"part": "cart", **labels}), SERVICE: service}
    with fake_cluster(objects=objects) as cluster:
        found: list[Any] = []

        def program() -> None:
            group = later.stand_in(lambda _: pulumi.Output.from_input("shop"))
            versions = {"v1": CART, "v2": Version("shop:2", labels={"group": group})}
            output = existing(cluster.kubeconfig, App("shop", service="front"), versions)
            assert output is not None
            output.apply(found.append)

        run(program)
    assert found[0].keys() == {"v1"}


def test_what_is_read_by_a_secret_kubeconfig_is_no_secret() -> None:
    """As that of a Minikube is. Its rule would be shown as [secret] in every preview."""
    with fake_cluster(objects={DEPLOYMENT: item({"part": "cart", "app": "shop"})}) as cluster:

        def program() -> None:
            kubeconfig = pulumi.Output.secret(cluster.kubeconfig)
            versions = {"v1": CART, "v2": Version("shop:2")}
            TrafficSplit("shop", TrafficSplitArgs(App("shop"), versions, {"v1": 50, "v2": 50}, kubeconfig))

        done = run(program, {"shop-converged": {"proof": []}})
    assert done.secrets("shop-v1-rule") == set()
    assert "kubeconfig" in done.secrets("shop-ready")
    assert "existing" not in done.secrets("shop-ready")


def test_a_workload_may_be_another_stacks() -> None:
    theirs = {"metadata": {"annotations": {OWNER: "organization/blue-green/other/shop-v1-deployment"}}}
    pods = {DEPLOYMENT: item({"part": "cart", "app": "shop"}) | theirs}
    assert asked(App("shop"), {"v1": CART}, pods)["v1"]["name"] == "cart"


def test_labels_and_container_are_the_workloads_own() -> None:
    service = {"spec": {"selector": {"part": "cart"}, "ports": [{"name": "http", "port": 80}]}}
    objects = {DEPLOYMENT: item({"part": "cart"}), SERVICE: service}
    assert asked(App("shop", service="front"), {"v1": CART}, objects) == {
        "v1": {"kind": "Deployment", "name": "cart", "labels": {"part": "cart"}, "container": "web"}
    }
    assert existing("", App("shop"), {"v1": Version("shop:1")}) is None


def test_all_that_waits_is_told_of_the_workload_by_its_labels() -> None:
    objects = {DEPLOYMENT: item({"part": "cart", "app": "shop"})}
    versions = {"v1": CART, "v2": Version("shop:2")}
    with fake_cluster(objects=objects) as cluster:
        args = TrafficSplitArgs(App("shop"), versions, {"v1": 50, "v2": 50}, cluster.kubeconfig)
        done = run(lambda: TrafficSplit("shop", args), {"shop-converged": {"proof": []}})
    cart = {"kind": "Deployment", "name": "cart", "labels": {"part": "cart"}, "container": "web"}
    for name in ("shop-ready", "shop-converged", "shop-v1-drain", "shop-v2-drain"):
        assert done.named(name).inputs["existing"] == {"v1": cart}, name
    subsets = {
        name: done.named(f"shop-{name}-rule").inputs["spec"]["subsets"][0]["labels"] for name in versions
    }
    assert subsets == {"v1": {"part": "cart"}, "v2": {"version": "v2"}}
    ready = done.named("shop-ready").inputs
    # What it listens at only its owner knows.
    assert set(ready["questions"]) == {"v2"}
    assert set(ready["workloads"]) == {"v1", "v2"}
    assert ready["workloads"]["v1"] == str(CART.existing)


@pytest.mark.parametrize(
    ("app", "objects", "sentence"),
    [
        (App("shop"), {}, "versions.v1: there is no Deployment default/cart."),
        (
            App("shop"),
            {DEPLOYMENT: item({"part": "cart"})},
            "the Service shop selects app=shop, which its pods have not. Name the Service that does as app.s",
        ),
        (
            App("shop", service="front"),
            {DEPLOYMENT: item({"part": "cart"})},
            "app.service: there is no Service default/front.",
        ),
        # A headless Service, and one of type ExternalName, may have no ports.
        (
            App("shop", service="front"),
            {DEPLOYMENT: item({"part": "cart"}), SERVICE: {"spec": {"selector": {"part": "cart"}}}},
            "app.port: the Service front has no port 80. It has none.",
        ),
        (
            App("shop", service="front"),
            {DEPLOYMENT: item({"part": "cart"}), SERVICE: {"spec": {"type": "ExternalName"}}},
            "versions.v1: the Service front selects no pods. Widen its selector",
        ),
        # Out of the config as a version's own, it is deleted; another stack's is its owner's.
        (
            App("shop"),
            {
                DEPLOYMENT: item({"part": "cart", "app": "shop"})
                | {"metadata": {"annotations": {OWNER: f"{STACK}/shop-v1-deployment"}}}
            },
            "versions.v1: Deployment default/cart is this stack's own, which would delete it with its pods.",
        ),
        # Without labels its subset would have the pods of all versions.
        (
            App("shop"),
            {
                DEPLOYMENT: item(
                    {"app": "shop"}, selector={"matchExpressions": [{"key": "app", "operator": "Exists"}]}
                )
            },
            "versions.v1: the selector of Deployment default/cart has no matchLabels. Write a label that its "
            "pods alone have as versions.v1.subset.labels.",
        ),
        (
            App("shop", service="front"),
            {
                DEPLOYMENT: item({"part": "cart"}),
                SERVICE: {"spec": {"selector": {"part": "cart"}, "ports": [{"name": "tcp-web", "port": 80}]}},
            },
            "app.service: Istio takes the port tcp-web of the Service front for TCP",
        ),
        (
            App("shop", service="front", port=81),
            {
                DEPLOYMENT: item({"part": "cart"}),
                SERVICE: {"spec": {"selector": {"part": "cart"}, "ports": [{"port": 80}]}},
            },
            "app.port: the Service front has no port 81. It has 80.",
        ),
        (
            App("shop", service="front", ports=(Port("grpc", 80, "grpc"),)),
            {
                DEPLOYMENT: item({"part": "cart"}),
                SERVICE: {"spec": {"selector": {"part": "cart"}, "ports": [{"name": "http", "port": 80}]}},
            },
            "the port http of the Service front for HTTP/1. Its owner has to name it grpc, or to give",
        ),
    ],
)
def test_what_cannot_be_split_is_a_sentence(app: App, objects: dict[str, Any], sentence: str) -> None:
    with pytest.raises(pulumi.RunError) as raised:
        asked(app, {"v1": CART}, objects)
    assert sentence in str(raised.value.__cause__)


@pytest.mark.parametrize(
    ("port", "protocol", "says"),
    [
        ({"name": "web"}, "http", ""),
        ({"name": "web", "appProtocol": "example.com/web"}, "http", ""),
        ({"name": "redis-web", "appProtocol": "http"}, "http", ""),
        ({"name": "web", "appProtocol": "kubernetes.io/h2c"}, "grpc", ""),
        ({"name": "grpc-web"}, "grpc", ""),
        # Istio may be told by a traffic policy to speak TLS there.
        ({"name": "https"}, "http", ""),
        ({"name": "http", "appProtocol": "tcp"}, "http", "for TCP"),
        ({"name": "web", "appProtocol": "TCP"}, "http", "for TCP"),
        ({"name": "tls-web"}, "http", "for TCP"),
        ({"name": "web"}, "grpc", "the port web of the Service front for HTTP/1"),
        ({}, "grpc", "the port 80 of the Service front for HTTP/1"),
        ({"name": "grpc", "appProtocol": "http"}, "grpc", "for HTTP/1"),
        ({"name": "grpcweb"}, "grpc", "for HTTP/1"),
    ],
)
def test_a_port_is_what_istio_takes_it_for(port: dict[str, Any], protocol: Any, says: str) -> None:
    service = {"spec": {"selector": {"part": "cart"}, "ports": [{"port": 80, **port}]}}
    objects = {DEPLOYMENT: item({"part": "cart"}), SERVICE: service}
    app = App("shop", service="front", ports=(Port("a", 80, protocol),))
    with pytest.raises(pulumi.RunError) if says else nullcontext() as raised:
        assert asked(app, {"v1": CART}, objects)["v1"]["name"] == "cart"
    assert says in str(raised and raised.value.__cause__)


@pytest.mark.parametrize(
    ("status", "reason"),
    [
        ({"replicas": 2, "availableReplicas": 2, "currentRevision": "a", "updateRevision": "a"}, None),
        (
            {"replicas": 2, "availableReplicas": 2, "updatedReplicas": 1, "currentRevision": "a"}
            | {"updateRevision": "b"},
            "statefulset default/cart: 1 of 2 pods are of the new kind",
        ),
        (
            {"replicas": 2, "availableReplicas": 1, "currentRevision": "a", "updateRevision": "a"},
            "statefulset default/cart: 1 of 2 new pods are ready",
        ),
    ],
)
def test_a_stateful_set_is_rolled_out_when_its_pods_are_of_one_revision(
    status: dict[str, Any], reason: str | None
) -> None:
    one = ExistingWorkload("StatefulSet", "cart")
    path = "/apis/apps/v1/namespaces/default/statefulsets/cart"
    found = item({"part": "cart"}, replicas=2) | {"status": {"observedGeneration": 1, **status}}
    with fake_cluster(objects={path: found}) as cluster, Api(cluster.kubeconfig) as api:
        read = workloads.read(api, "default", one.kind, one.name, {})
        assert read is not None
        assert workloads.not_rolled_out(api, "default", read[0]) == reason


PARTITION = {"type": "RollingUpdate", "rollingUpdate": {"partition": 2}}
CHANGED = {"replicas": 3, "availableReplicas": 3, "currentRevision": "a", "updateRevision": "b"}


@pytest.mark.parametrize(
    ("strategy", "status", "reason"),
    [
        (PARTITION, {"updatedReplicas": 1}, None),
        (PARTITION, {}, "cart: 0 of 1 pods are of the new kind"),
        (PARTITION, {"updatedReplicas": 1, "availableReplicas": 2}, "cart: 2 of 3 pods are ready"),
        (PARTITION | {"rollingUpdate": {"partition": 5}}, {}, None),
        (PARTITION | {"rollingUpdate": {"partition": 0}}, {"updatedReplicas": 2}, "cart: 2 of 3 pods are of"),
        ({"type": "OnDelete"}, {}, None),
        ({"type": "OnDelete"}, {"updatedReplicas": 1, "availableReplicas": 2}, "cart: 2 of 3 pods are ready"),
    ],
)
def test_pods_that_their_owner_keeps_of_the_old_kind_serve_as_well(
    strategy: dict[str, Any], status: dict[str, Any], reason: str | None
) -> None:
    found = item({"part": "cart"}, replicas=3, updateStrategy=strategy)
    gap = workloads.rollout_gap("cart", found | {"status": {"observedGeneration": 1, **CHANGED, **status}})
    assert gap is None if reason is None else gap and gap.startswith(reason)


def test_images_are_those_of_the_apps_own_container() -> None:
    def pod(labels: dict[str, str], **images: str) -> dict[str, Any]:
        statuses = [{"name": name, "imageID": image, "ready": True} for name, image in images.items()]
        return {"metadata": {"labels": labels}, "status": {"containerStatuses": statuses}}

    pods = [
        pod({"part": "cart"}, web="cart@1", proxy="proxy@1"),
        pod({"app": "shop", "version": "v2"}, shop="s@2"),
    ]
    of = {
        "v1": workloads.Workload("Deployment", "cart", {"part": "cart"}, "web"),
        "v2": workloads.own("shop", "v2"),
    }
    path = "/api/v1/namespaces/default/pods"
    with fake_cluster(objects={path: {"items": pods}}) as cluster, Api(cluster.kubeconfig) as api:
        found = workloads.serving(api, "default", of)
    assert {version: one.images for version, one in found.items()} == {"v1": ("cart@1",), "v2": ("s@2",)}
