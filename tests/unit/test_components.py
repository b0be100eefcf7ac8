"""What the components register: the tutorial's objects, and nothing else."""

from typing import Any

import pulumi
import pytest

from components import traffic_split
from components.application import Application
from components.istio import Istio
from components.minikube import Minikube
from components.ownership import OWNER
from components.settings.model import App, IngressGateway, MinikubeCluster, Version
from components.settings.model import Istio as IstioArgs
from components.traffic_split import TrafficSplit, TrafficSplitArgs
from tests.unit.pulumi_run import run, value

APP = App("myapp")
VERSIONS = {"v1": Version("janakiramm/myapp:v1"), "v2": Version("janakiramm/myapp:v2")}
NO_PROOF: dict[str, dict[str, Any]] = {"myapp-converged": {"proof": []}}
PROOFS = ("myapp-ready", "myapp-converged")
SERVICE: dict[str, dict[str, Any]] = {"istio-ingress": {"spec": {"ports": []}, "status": {}}}


def split(weights: dict[str, int]) -> TrafficSplit:
    versions = {key: Version(f"app:{key}") for key in weights}
    return TrafficSplit("myapp", TrafficSplitArgs(APP, versions, weights, "kubeconfig"))


def test_application_registers_the_tutorials_objects() -> None:
    done = run(lambda: Application("myapp", APP, VERSIONS))
    assert done.names() == [
        "blue-green:index:Application myapp",
        "kubernetes:apps/v1:Deployment myapp-v1-deployment",
        "kubernetes:apps/v1:Deployment myapp-v2-deployment",
        "kubernetes:core/v1:Service myapp-service",
        "kubernetes:policy/v1:PodDisruptionBudget myapp-v1-disruptionbudget",
        "kubernetes:policy/v1:PodDisruptionBudget myapp-v2-disruptionbudget",
    ]
    told = done.component_outputs["myapp"]
    assert told.keys() == {"namespace", "service", "deployments"}
    assert told["namespace"] == "default"
    assert told["deployments"] == {"v1": "myapp-v1", "v2": "myapp-v2"}
    service = done.named("myapp-service").inputs
    assert service["metadata"]["name"] == "myapp"
    assert service["spec"]["type"] == "ClusterIP"
    assert service["spec"]["selector"] == {"app": "myapp"}
    assert service["spec"]["ports"] == [{"name": "http", "port": 80, "targetPort": "http"}]
    spec = done.named("myapp-v2-deployment").inputs["spec"]
    labels = {"app": "myapp", "version": "v2"}
    assert spec["selector"]["matchLabels"] == labels
    assert spec["template"]["metadata"]["labels"] == labels
    (container,) = spec["template"]["spec"]["containers"]
    assert container["name"] == "myapp"
    assert container["image"] == "janakiramm/myapp:v2"
    assert container["imagePullPolicy"] == "IfNotPresent"
    assert container["ports"] == [{"name": "http", "containerPort": 80}]


def test_a_namespace_is_made_before_what_is_in_it() -> None:
    done = run(lambda: Application("myapp", App("myapp", "shop", create_namespace=True), VERSIONS))
    # Without a mark: another app may make the same one.
    assert done.named("myapp-namespace").inputs["metadata"] == {"name": "shop"}
    for name in ("myapp-service", "myapp-v1-deployment", "myapp-v2-deployment"):
        assert done.named(name).inputs["metadata"]["namespace"] == "shop"


@pytest.mark.parametrize("before", [True, False])
def test_a_namespace_that_is_there_is_used_unless_the_first_release_made_it(before: bool) -> None:
    namespace = "kubernetes:core/v1:Namespace"
    urn = f"urn:pulumi:test::blue-green::blue-green:index:Application${namespace}::myapp-namespace"
    application = App("myapp", "shop")
    state = {urn if before else "other": {"metadata": {"name": "shop"}}}
    done = run(lambda: Application("myapp", application, VERSIONS), before=state)
    assert (f"{namespace} myapp-namespace" in done.names()) is before


@pytest.mark.parametrize("app", [App("myapp", "elsewhere"), App("myapp"), App("renamed", "shop")])
def test_a_namespace_that_only_the_first_releases_state_has_does_not_go_with_the_apps_move(app: App) -> None:
    kind = "blue-green:index:Application$kubernetes:core/v1:Namespace"
    urn = f"urn:pulumi:test::blue-green::{kind}::myapp-namespace"
    marked = {"metadata": {"name": "shop", "annotations": {OWNER: "o/p/s/myapp-namespace"}}}
    with pytest.raises(pulumi.RunError, match=r"the namespace shop .* Nothing was touched"):
        run(lambda: Application(app.name, app, VERSIONS), before={urn: marked})
    # Since an `up` of this program the state keeps it.
    run(lambda: Application(app.name, app, VERSIONS), before={urn: {"metadata": {"name": "shop"}}})


def test_replicas_are_left_out_for_an_autoscaler_and_a_budget_guards_all_but_the_only_one() -> None:
    versions = {"v1": Version("app:1"), "v2": Version("app:2", replicas=1)}
    versions["v3"] = Version("app:3", replicas=3)
    done = run(lambda: Application("myapp", APP, versions))
    replicas = {key: done.named(f"myapp-{key}-deployment").inputs["spec"].get("replicas") for key in versions}
    assert replicas == {"v1": None, "v2": 1, "v3": 3}
    budgets = [name for name in done.names() if "DisruptionBudget" in name]
    kind = "kubernetes:policy/v1:PodDisruptionBudget"
    assert budgets == [f"{kind} myapp-v1-disruptionbudget", f"{kind} myapp-v3-disruptionbudget"]


def test_application_tells_the_names_in_the_cluster() -> None:
    made: list[Application] = []
    run(lambda: made.append(Application("myapp", APP, VERSIONS)))
    (application,) = made
    assert value(application.service) == "myapp"
    assert value(application.deployments["v2"].id) == "default/myapp-v2"


def test_traffic_split_registers_one_rule_a_version() -> None:
    done = run(lambda: split({"v1": 50, "v2": 50}), NO_PROOF)
    assert done.names() == [
        "blue-green:index:TrafficSplit myapp",
        "kubernetes:networking.istio.io/v1:DestinationRule myapp-v1-rule",
        "kubernetes:networking.istio.io/v1:DestinationRule myapp-v2-rule",
        "kubernetes:networking.istio.io/v1:Gateway myapp-gateway",
        "kubernetes:networking.istio.io/v1:VirtualService myapp-virtualservice",
        "pulumi-python:dynamic:SplitConverged myapp-converged",
        "pulumi-python:dynamic:SplitReady myapp-ready",
        "pulumi-python:dynamic:VersionDrain myapp-v1-drain",
        "pulumi-python:dynamic:VersionDrain myapp-v2-drain",
    ]
    assert done.named("myapp-gateway").inputs["metadata"]["name"] == "app-gateway"
    assert done.named("myapp-gateway").inputs["spec"] == {
        "selector": {"istio": "ingressgateway"},
        "servers": [{"hosts": ["*"], "port": {"number": 80, "name": "http", "protocol": "HTTP"}}],
    }
    assert done.named("myapp-v1-rule").inputs["spec"] == {
        "host": "myapp",
        "subsets": [{"name": "v1", "labels": {"version": "v1"}}],
        # The mesh cannot be asked here.
        "exportTo": ["*"],
    }
    route = done.named("myapp-virtualservice").inputs["spec"]
    assert (route["hosts"], route["gateways"]) == (["*"], ["app-gateway"])
    (rule,) = route["http"]
    port = {"number": 80}
    assert rule["route"] == [
        {"destination": {"host": "myapp", "subset": "v1", "port": port}, "weight": 50},
        {"destination": {"host": "myapp", "subset": "v2", "port": port}, "weight": 50},
    ]
    assert done.named("myapp-converged").inputs["route"] == rule["name"]


@pytest.fixture(autouse=True)
def no_cluster(monkeypatch: pytest.MonkeyPatch) -> None:
    """The versions without traffic are asked for in the cluster: here there is none."""

    def nothing(*_: object) -> tuple[str, ...]:
        return ()

    monkeypatch.setattr(traffic_split, "idle_warnings", nothing)


@pytest.mark.parametrize(
    ("before", "after", "changed"),
    [
        (
            {"v1": 50, "v2": 50},
            {"v1": 0, "v2": 100},
            {"myapp-ready", "myapp-virtualservice", "myapp-converged"},
        ),
        ({"v1": 50, "v2": 50}, {"v2": 50, "v1": 50}, set[str]()),
        ({"v1": 100}, {"v1": 100, "v2": 0}, {"myapp-v2-rule", "myapp-v2-drain"}),
        ({"v1": 100, "v2": 0, "v3": 0}, {"v1": 100, "v3": 0}, {"myapp-v2-rule", "myapp-v2-drain"}),
    ],
)
def test_a_change_touches_only_its_own_objects(
    before: dict[str, int], after: dict[str, int], changed: set[str]
) -> None:
    def inputs(weights: dict[str, int]) -> dict[str, Any]:
        done = run(lambda: split(weights), NO_PROOF)
        # What the proof keeps for the commands is no change to its diff.
        done.named("myapp-converged").inputs.pop("config")
        return {resource.name: resource.inputs for resource in done.resources}

    one, other = inputs(before), inputs(after)
    assert {name for name in one | other if one.get(name) != other.get(name)} == changed


def test_istio_installs_its_charts_in_order() -> None:
    done = run(lambda: Istio("istio", IstioArgs(), "kubeconfig"), SERVICE)
    assert done.names() == [
        "blue-green:index:Istio istio",
        "kubernetes:core/v1:Namespace istio-namespace",
        "kubernetes:helm.sh/v3:Release istio-base",
        "kubernetes:helm.sh/v3:Release istio-gateway",
        "kubernetes:helm.sh/v3:Release istio-istiod",
        "pulumi-python:dynamic:IngressService istio-ingress",
    ]
    gateway = done.named("istio-gateway").inputs
    assert gateway["name"] == "istio-ingressgateway"
    assert gateway["values"]["service"]["type"] == "NodePort"
    assert gateway["version"] == "1.29.1"
    assert gateway["repositoryOpts"]["repo"].startswith("https://istio-release.")
    looked_at = done.named("istio-ingress").inputs
    assert (looked_at["namespace"], looked_at["name"]) == ("istio-system", "istio-ingressgateway")


def test_istio_that_is_there_is_only_looked_at() -> None:
    args = IstioArgs(install=False, gateway=IngressGateway(namespace="ingress"))
    done = run(lambda: Istio("istio", args, "kubeconfig"), SERVICE)
    assert done.names() == [
        "blue-green:index:Istio istio",
        "pulumi-python:dynamic:IngressService istio-ingress",
    ]
    assert done.named("istio-ingress").inputs["namespace"] == "ingress"


def test_minikube_keeps_its_kubeconfig_secret() -> None:
    made: list[Minikube] = []
    outputs = {"minikube-profile": {"kubeconfig": "k", "ip": "10.0.0.1", "clusterId": "c"}}
    done = run(lambda: made.append(Minikube("minikube", MinikubeCluster("dev"))), outputs)
    inputs = done.named("minikube-profile").inputs
    assert inputs["component"] == "Minikube minikube"
    assert {key: inputs[key] for key in ("profile", "cpus", "memory")} == {
        "profile": "dev",
        "cpus": 4,
        "memory": 8192,
    }
    (minikube,) = made
    assert value(minikube.ip) == "10.0.0.1"
    assert value(minikube.kubeconfig) == "k"
    assert value(pulumi.Output.from_input(minikube.kubeconfig.is_secret()))


def test_a_state_that_is_just_being_written_is_read_again(monkeypatch: pytest.MonkeyPatch) -> None:
    invoke, calls = pulumi.runtime.invoke, 0

    def torn(*arguments: Any) -> Any:
        nonlocal calls
        calls += 1
        if calls == 1:
            raise Exception("failed to load checkpoint: EOF")
        return invoke(*arguments)

    monkeypatch.setattr(pulumi.runtime, "invoke", torn)
    run(lambda: Application("myapp", APP, VERSIONS))
    assert calls == 2
