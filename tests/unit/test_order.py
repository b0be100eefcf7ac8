"""What the engine is asked to do with what the components register: in which order, and what it keeps."""

import json
import runpy
from collections.abc import Generator, Mapping, Sequence
from pathlib import Path
from typing import Any, cast

import pulumi
import pytest

from components import BlueGreen, BlueGreenArgs, first_write, traffic_split
from components.application import Application
from components.arguments import App, Autoscaling, Cluster, Routing, StickyVersion, Version
from components.cluster import cluster
from components.istio import Istio
from components.ownership import OWNER
from components.plugin import parts
from components.pulumi_cli import environment
from components.settings import model
from harness.labs import ROOT
from tests.unit.fake_engine import known_hooks
from tests.unit.pulumi_run import Registered, run
from tests.unit.test_blue_green import ENGINE, KUBECONFIG

OBJECTS = (
    "cart-service",
    "cart-v1-files",
    "cart-v1-disruptionbudget",
    "cart-v1-deployment",
    "cart-v2-disruptionbudget",
    "cart-v2-deployment",
    "cart-v2-autoscaler",
    "cart-v1-rule",
    "cart-v2-rule",
    "cart-gateway",
    "cart-virtualservice",
)
SPLIT = ("cart-v1-rule", "cart-v2-rule", "cart-gateway", "cart-virtualservice")


@pytest.fixture(autouse=True)
def engine(monkeypatch: pytest.MonkeyPatch) -> Generator[None]:
    """One that knows hooks, as Pulumi's mock does not, and no cluster to ask for versions without traffic."""

    def no() -> bool:
        return False

    def nothing(*_: object) -> tuple[str, ...]:
        return ()

    known_hooks(monkeypatch)
    monkeypatch.setattr(first_write, "is_mocked", no)
    monkeypatch.setattr(traffic_split, "is_mocked", no)
    monkeypatch.setattr(traffic_split, "idle_warnings", nothing)
    yield


def cart() -> BlueGreenArgs:
    """All that can be made."""
    versions = {
        "v1": Version(image="cart:1", replicas=2, files={"/etc/motd": "hello"}),
        "v2": Version(image="cart:2", autoscaling=Autoscaling(min=2, max=4, cpu=70)),
        "v3": Version(image="cart:3", replicas=0),
    }
    return BlueGreenArgs(
        cluster=Cluster(kubeconfig=KUBECONFIG, ingress_address="10.0.0.1"),
        app=App(namespace="shop", create_namespace=True),
        versions=versions,
        weights={"v1": 25, "v2": 75},
        routing=Routing(hosts=["cart.example"], sticky_version=StickyVersion(header="x-user")),
    )


@pytest.fixture(scope="module")
def done() -> dict[str, Registered]:
    return {}


@pytest.fixture
def made(done: dict[str, Registered]) -> Registered:
    """What the component BlueGreen registers."""
    if "cart" not in done:
        done["cart"] = run(lambda: BlueGreen("cart", cart()), ENGINE)
    return done["cart"]


@pytest.fixture
def mesh() -> Registered:
    """What the component Istio registers."""
    service: Mapping[str, Mapping[str, Any]] = {"istio-ingress": {"spec": {"ports": []}, "status": {}}}
    return run(lambda: Istio("istio", model.Istio(), "kubeconfig"), service)


def test_nothing_is_made_before_the_namespace_that_it_is_in(made: Registered) -> None:
    for name in OBJECTS:
        assert "cart-namespace" in made.after(name), name


@pytest.mark.parametrize(
    ("name", "before"),
    [
        # A node that is drained while the first pods come up takes one of them at a time.
        ("cart-v1-deployment", {"cart-v1-disruptionbudget"}),
        ("cart-v2-deployment", {"cart-v2-disruptionbudget"}),
        # A pod that is to mount a ConfigMap waits until there is one; and loses it last.
        ("cart-v1-deployment", {"cart-v1-files", "cart-v1-files-held"}),
        ("cart-v2-autoscaler", {"cart-v2-deployment"}),
    ],
)
def test_a_version_is_made_of_what_is_there_already(name: str, before: set[str], made: Registered) -> None:
    assert before <= made.after(name)


def test_traffic_moves_when_all_stands_that_it_goes_to_and_the_proof_comes_last(made: Registered) -> None:
    """The reverse is the order in which all of it goes: no pod before its route."""
    for version in ("v1", "v2"):
        assert f"cart-{version}-deployment" in made.after(f"cart-{version}-rule")
        # Of a version that is taken out, the requests in flight end before its rule goes, and its pods.
        assert f"cart-{version}-rule" in made.after(f"cart-{version}-drain")
        assert f"cart-{version}-drain" in made.after("cart-ready")
    (keeps,) = {one.name for one in made.resources if one.name.startswith("cart-sticky")}
    assert made.request(keeps).parent == made.request("cart-gateway").parent
    assert made.named("cart-converged").inputs["drawnBy"] == "the header x-user"
    for name in ("cart-gateway", keeps):
        assert "cart-ready" in made.after(name)
        assert name in made.after("cart-virtualservice")
    assert "cart-virtualservice" in made.after("cart-converged")
    application = {name for name in OBJECTS if name not in SPLIT}
    assert application <= made.after("cart", "TrafficSplit")


@pytest.mark.parametrize(
    ("component", "children"),
    [
        ("BlueGreen", {"cart-kubernetes", "cart-kubernetes-cluster", "cart-ingress"}),
        ("Application", {"cart-namespace", "cart-v1-files-held", *OBJECTS} - set(SPLIT)),
        ("TrafficSplit", {"cart-v1-drain", "cart-v2-drain", "cart-ready", "cart-converged", *SPLIT}),
    ],
)
def test_what_a_component_makes_is_its_child(component: str, children: set[str], made: Registered) -> None:
    """By another parent it has another URN: Pulumi would make it again, and delete the one before."""
    for name in children:
        assert made.request(name).parent.endswith(f"blue-green:index:{component}::cart"), name


def test_versions_do_not_wait_for_each_other(made: Registered) -> None:
    for own, other in (("v1", "v2"), ("v2", "v1")):
        alone = {f"cart-{other}-{role}" for role in ("deployment", "disruptionbudget")}
        assert not alone & made.after(f"cart-{own}-deployment")


def test_the_cluster_is_known_before_anything_is_made_on_it_and_looked_at_before_anything_goes(
    made: Registered,
) -> None:
    assert "cart-kubernetes-cluster" in made.after("cart-kubernetes")
    last = made.after("cart-kubernetes-same-cluster")
    assert {*OBJECTS, "cart-ingress", "cart-converged", "cart-kubernetes-cluster"} <= last


def test_all_of_it_is_on_the_cluster_of_the_arguments(made: Registered) -> None:
    for name in ("cart-namespace", *OBJECTS):
        assert "::cart-kubernetes::" in made.request(name).provider, name


def test_what_cannot_be_changed_or_is_an_autoscalers_stays_as_it_is_in_the_cluster(made: Registered) -> None:
    """Pulumi would delete a Deployment or a Service to make it again, under traffic."""
    kept = {name: set(made.request(name).ignoreChanges) for name in OBJECTS}
    assert {name: fields for name, fields in kept.items() if fields} == {
        "cart-service": {"spec.clusterIP"},
        "cart-v1-deployment": {"spec.selector"},
        # Its number is the autoscaler's.
        "cart-v2-deployment": {"spec.selector", "spec.replicas"},
    }


def test_a_namespace_outlives_the_stack_and_files_the_pods_that_have_them(made: Registered) -> None:
    kept = {one.name for one in made.requests.values() if one.retainOnDelete}
    assert kept == {"cart-namespace", "cart-v1-files"}


def test_each_object_has_the_mark_of_its_stack_beside_its_other_annotations(made: Registered) -> None:
    for name in OBJECTS:
        annotations = made.named(name).inputs["metadata"]["annotations"]
        assert annotations[OWNER].endswith(f"/blue-green/test/{name}"), name
        assert annotations["pulumi.com/patchForce"] == "true", name
    # Others may make it too.
    assert "annotations" not in made.named("cart-namespace").inputs["metadata"]


def test_credentials_stand_in_the_state_as_secrets(made: Registered) -> None:
    given = {one.name: set(one.object.fields) for one in made.requests.values() if one.custom}
    with_credentials = {name for name, inputs in given.items() if "kubeconfig" in inputs}
    assert {
        "cart-kubernetes",
        "cart-kubernetes-cluster",
        "cart-ready",
        "cart-v1-files-held",
    } <= with_credentials
    for name in with_credentials:
        assert "kubeconfig" in made.secrets(name), name


def hooks(made: Registered, name: str) -> tuple[set[str], set[str]]:
    """The words of the hooks before a resource is made, and before it is changed."""
    binding = made.request(name).hooks
    before_create, before_update = (
        {one.removeprefix("BlueGreen cart: ").removeprefix("cart ") for one in names}
        for names in (binding.before_create, binding.before_update)
    )
    return before_create, before_update


def test_what_stands_before_each_write(made: Registered) -> None:
    """As docs/architecture.md has it."""
    whose = {"ownership app.take_ownership"}
    for name in OBJECTS:
        before_create, before_update = hooks(made, name)
        assert whose | {"claim"} <= before_create, name
        assert {"claim", "port change"} <= before_update, name
        assert not whose & before_update, name
        # The app's own objects, before the first of them; a budget is no template that one could get wrong.
        if name not in SPLIT:
            assert "rehearsal" in before_create & before_update, name
    guarded = {
        "cart-v1-rule": ("rules agree", True),
        "cart-v2-rule": ("rules agree", True),
        "cart-gateway": ("https first", False),
        "cart-virtualservice": ("asked first", True),
    }
    for name, (hook, at_first) in guarded.items():
        before_create, before_update = hooks(made, name)
        assert hook in before_update, name
        assert (hook in before_create) == at_first, name
    for stage in hooks(made, "cart-virtualservice"):
        assert "not rolled back" in stage
    assert "same pods" in hooks(made, "cart-v1-rule")[1] & hooks(made, "cart-v2-rule")[1]
    for stage in hooks(made, "cart-v3-deployment"):
        assert {"claim", "rehearsal", "v3 serves"} <= stage
    assert all("serves" not in one for stage in hooks(made, "cart-v1-deployment") for one in stage)


@pytest.mark.parametrize(
    ("kind", "needed"),
    [
        (BlueGreen, ("cluster", "app", "versions", "weights", "routing")),
        (parts.Application, ("cluster", "app", "versions")),
        (parts.TrafficSplit, ("cluster", "app", "versions", "weights", "routing")),
        (parts.Istio, ("cluster",)),
    ],
)
def test_two_components_of_one_app_have_hooks_of_their_own(
    kind: type[pulumi.ComponentResource], needed: Sequence[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The engine refuses a second hook of a name."""
    kept = known_hooks(monkeypatch)
    # Each in a namespace of its own.
    wanted = {place: {**cart(), "app": App(name="cart", namespace=place)} for place in ("east", "west")}

    def program() -> None:
        for place, args in wanted.items():
            cast("Any", kind)(place, {key: args[key] for key in needed}, None)

    ends = {"ingress": "cart-ingress", "split-ingress": "cart-ingress", "converged": "cart-converged"}
    found = {f"{place}-{end}": ENGINE[known] for place in wanted for end, known in ends.items()}
    run(program, found)
    names = [hook.name for hook in kept]
    assert len(names) == len(set(names)) > 0, sorted(names)


def test_the_mesh_is_made_chart_by_chart_and_looked_at_when_it_is_whole(mesh: Registered) -> None:
    steps = ("istio-namespace", "istio-base", "istio-istiod", "istio-gateway", "istio-ingress")
    for place, name in enumerate(steps):
        assert set(steps[:place]) <= mesh.after(name), name


def test_what_is_on_the_stacks_own_minikube_goes_with_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(environment.MARK, raising=False)
    profile = {"kubeconfig": KUBECONFIG, "ip": "10.0.0.1", "clusterId": "c", "changed": "1"}

    def program() -> None:
        on = cluster(model.MinikubeCluster("dev"))
        Application("shop", model.App("shop"), {"v1": model.Version("shop:1")}, on.options())

    made = run(program, {"minikube-profile": profile})
    # The engine gives it on to the component's children.
    assert made.request("shop", "Application").deletedWith.endswith("::kubernetes")
    for name in ("shop-service", "shop-v1-deployment"):
        assert "::kubernetes::" in made.request(name).provider
    assert "kubeconfig" in made.secrets("kubernetes")


def test_the_program_has_the_mesh_and_the_app_before_the_split_and_looks_at_the_cluster_before_they_go(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(environment.MARK, raising=False)
    config: Mapping[str, Any] = {
        "cluster": {"kind": "kubeconfig", "ingressAddress": "10.0.0.1"},
        "app": {"name": "cart"},
        "versions": {"v1": {"image": "cart:1"}},
        "weights": {"v1": 100},
    }
    written = {f"blue-green:{key}": json.dumps(one) for key, one in config.items()}
    monkeypatch.setenv("PULUMI_CONFIG", json.dumps(written))
    (tmp_path / "kubeconfig").write_text(KUBECONFIG)
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "kubeconfig"))

    def nothing() -> None:
        pass

    # It would end the tests by their Ctrl-C.
    monkeypatch.setattr("components.ending.end_at_once", nothing)
    outputs = ENGINE | {"istio-ingress": ENGINE["cart-ingress"]}
    made = run(lambda: runpy.run_path(str(ROOT / "__main__.py")), outputs)
    mesh = {"istio-namespace", "istio-base", "istio-istiod", "istio-gateway", "istio-ingress"}
    app = {"cart-service", "cart-v1-disruptionbudget", "cart-v1-deployment"}
    assert mesh | app <= made.after("cart", "TrafficSplit")
    assert mesh | app | {"cart-converged", "kubernetes-cluster"} <= made.after("kubernetes-same-cluster")
    for name in (mesh | app) - {"istio-ingress"}:
        assert "::kubernetes::" in made.request(name).provider, name
    # Whose they are is asked by the option of each section.
    assert hooks(made, "istio-namespace")[0] == {"ownership blue-green:istio.takeOwnership"}
    stages = ({"ownership blue-green:app.takeOwnership", "claim"}, {"claim", "port change"})
    for name in app:
        for needed, found in zip(stages, hooks(made, name), strict=True):
            assert needed <= found, name
    # Credentials are read where they are used: in this state there are none.
    assert made.secrets("kubernetes-cluster") == set()
