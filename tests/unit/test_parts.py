"""The parts of BlueGreen as programs in other languages have them: what each makes of its arguments."""

from collections.abc import Generator
from typing import Any, cast, get_args, is_typeddict

import pulumi
import pytest

from components.arguments import BlueGreenArgs, of_section
from components.carrier import in_plugin
from components.plugin.arguments import ApplicationArgs, IstioArgs, MinikubeArgs, TrafficSplitArgs
from components.plugin.parts import Application, Istio, Minikube, TrafficSplit
from components.settings import members, model
from components.settings.forms import camel
from tests.unit.fake_minikube import FakeMinikube
from tests.unit.pulumi_run import Registered, run, value
from tests.unit.test_blue_green import KUBECONFIG, no_engine

__all__ = ["no_engine"]

ENGINE: dict[str, dict[str, Any]] = {
    "mesh-ingress": {"spec": {"ports": []}, "status": {}},
    "cart-converged": {"proof": []},
    "cart-split-ingress": {"spec": {"type": "NodePort", "ports": [{"port": 80, "nodePort": 31380}]}},
}
CLUSTER = {"kubeconfig": KUBECONFIG, "ingress_address": "10.0.0.1"}
VERSIONS = {"v1": {"image": "cart:1"}, "v2": {"image": "cart:2"}}


def made(component: type[pulumi.ComponentResource], name: str, **args: Any) -> tuple[Any, Registered]:
    """What the program makes; an argument that is a function makes an Output, of the run's loop."""
    kept: list[Any] = []

    def program() -> None:
        given = {key: one() if callable(one) else one for key, one in args.items()}
        kept.append(cast("Any", component)(name, given, None))

    done = run(program, ENGINE)
    return kept[0], done


def refused(component: type[pulumi.ComponentResource], **args: Any) -> list[str]:
    with pytest.raises(pulumi.RunError) as raised:
        made(component, "cart", **args)
    return str(raised.value).splitlines()


def test_an_application_has_its_own_way_to_the_cluster() -> None:
    app, done = made(Application, "cart", versions=VERSIONS, cluster=CLUSTER)
    assert done.names() == [
        "blue-green:index:Application cart",
        "kubernetes:apps/v1:Deployment cart-v1-deployment",
        "kubernetes:apps/v1:Deployment cart-v2-deployment",
        "kubernetes:core/v1:Service cart-service",
        "kubernetes:policy/v1:PodDisruptionBudget cart-v1-disruptionbudget",
        "kubernetes:policy/v1:PodDisruptionBudget cart-v2-disruptionbudget",
        "pulumi-python:dynamic:ClusterIdentity cart-app-kubernetes-cluster",
        "pulumi-python:dynamic:SameCluster cart-app-same-cluster",
        "pulumi:providers:kubernetes cart-app-kubernetes",
    ]
    assert value(app.service) == "cart"


def test_a_split_alone_has_the_routes_and_their_proof() -> None:
    args: dict[str, Any] = {
        "versions": VERSIONS,
        "weights": {"v1": 25, "v2": 75},
        "weights_key": "weights",
        "test_routes": {"v1": {"header": {"x-version": "v1"}}},
    }
    split, done = made(TrafficSplit, "cart", **args, cluster=CLUSTER)
    assert done.names() == [
        "blue-green:index:TrafficSplit cart",
        "kubernetes:networking.istio.io/v1:DestinationRule cart-v1-rule",
        "kubernetes:networking.istio.io/v1:DestinationRule cart-v2-rule",
        "kubernetes:networking.istio.io/v1:Gateway cart-gateway",
        "kubernetes:networking.istio.io/v1:VirtualService cart-virtualservice",
        "pulumi-python:dynamic:ClusterIdentity cart-split-kubernetes-cluster",
        "pulumi-python:dynamic:IngressService cart-split-ingress",
        "pulumi-python:dynamic:SameCluster cart-split-same-cluster",
        "pulumi-python:dynamic:SplitConverged cart-converged",
        "pulumi-python:dynamic:SplitReady cart-ready",
        "pulumi-python:dynamic:VersionDrain cart-v1-drain",
        "pulumi-python:dynamic:VersionDrain cart-v2-drain",
        "pulumi:providers:kubernetes cart-split-kubernetes",
    ]
    assert value(split.weights) == {"v1": 25, "v2": 75}
    assert value(split.url) == "http://10.0.0.1:31380"
    tested, *_ = done.named("cart-virtualservice").inputs["spec"]["http"]
    assert tested["match"][0]["headers"] == {"x-version": {"exact": "v1"}}


def test_an_application_and_its_split_fit_into_one_program() -> None:
    def program() -> None:
        Application("cart", cast("ApplicationArgs", {"versions": VERSIONS, "cluster": CLUSTER}))
        args = {"versions": VERSIONS, "weights": {"v1": 100}, "cluster": CLUSTER}
        TrafficSplit("cart", cast("TrafficSplitArgs", args))

    resources = [(one.type, one.name) for one in run(program, ENGINE).resources]
    assert len(resources) == len(set(resources))


def test_a_mesh_is_installed_or_looked_at() -> None:
    _, there = made(Istio, "mesh", install=False, cluster=CLUSTER)
    assert [one.type for one in there.resources if one.type.startswith("kubernetes:")] == []
    values = {"istiod": {"pilot": {"replicaCount": 2}}}
    _, done = made(Istio, "mesh", values=values, gateway={"service_type": "LoadBalancer"}, cluster=CLUSTER)
    charts = ["mesh-base", "mesh-istiod", "mesh-gateway"]
    assert [one.name for one in done.resources if one.type.endswith(":Release")] == charts
    assert done.named("mesh-istiod").inputs["values"]["pilot"]["replicaCount"] == 2
    assert done.named("mesh-gateway").inputs["values"]["service"]["type"] == "LoadBalancer"


def test_a_minikube_gets_what_its_arguments_say(minikube: FakeMinikube) -> None:
    cluster, done = made(Minikube, "dev", profile="dev", driver="docker", disk_size="40g")
    inputs = done.named("dev-profile").inputs
    assert (inputs["profile"], inputs["diskSize"], inputs["cpus"]) == ("dev", "40g", 4)
    assert inputs["component"] == "Minikube dev"
    assert isinstance(cluster.kubeconfig, pulumi.Output)
    assert minikube.calls() == []


def test_mistakes_are_told_by_the_path_of_the_argument_and_of_no_other_section() -> None:
    assert refused(Minikube, profile="dev", cpus=0) == [
        "The arguments of Minikube cart have one mistake; nothing was touched.",
        "  cpus: 0 is out of range. Write an integer from 1 to 1024.",
    ]
    assert refused(Minikube, profile="dev", driver="none")[1].startswith("  profile: driver none knows one")
    assert refused(Istio, vresion="1.29.1", cluster=CLUSTER)[1:] == [
        "  vresion: there is no such key. Write version instead."
    ]
    assert refused(Application, versions=VERSIONS, weights={"v1": 100}, cluster=CLUSTER)[1].startswith(
        "  weights: there is no such key."
    )
    assert refused(TrafficSplit, versions=VERSIONS, weights={"v1": 90}, cluster=CLUSTER) == [
        "The arguments of TrafficSplit cart have one mistake; nothing was touched.",
        "  weights: they add up to 90, not 100. Write weights.v2: 10.",
    ]
    late = refused(TrafficSplit, versions=VERSIONS, weights=lambda: pulumi.Output.from_input({"v1": 90}))
    assert late[1].startswith("  weights: it is an Output, which is known too late.")


def typed(hint: Any) -> Any:
    """The TypedDict in an annotation, as in NotRequired, a list or the values of an object."""
    while not is_typeddict(hint) and get_args(hint):
        hint = get_args(hint)[-1]
    return hint if is_typeddict(hint) else None


def compared(section: type, hint: Any, path: str = "") -> Generator[str]:
    """The keys of a section of the config that its arguments have not, at any depth."""
    has = {camel(key): one for key, one in of_section(hint).items()}
    for key, member in members.of(section).items():
        if key not in has:
            yield f"{path}{key}"
            continue
        inner = member.item() or member
        below = typed(has[key])
        if inner.members() and below is not None:
            yield from compared(cast("type", inner.hint), below, f"{path}{key}.")


def test_the_arguments_have_every_key_of_the_config() -> None:
    # What these parts have no use for: of the cluster and the mesh, another component knows it.
    apart = {
        *(f"cluster.{key}" for key in members.of(model.MinikubeCluster)),
        *(f"istio.{key}" for key in members.of(model.Istio)),
    }
    assert not in_plugin()
    settings = set(compared(model.Settings, BlueGreenArgs))
    assert {one for one in settings if one not in apart} == {"istio", "warnings"}
    assert set(compared(model.MinikubeCluster, MinikubeArgs)) == {"ingressAddress", "kind"}
    assert set(compared(model.Istio, IstioArgs)) == set()
    assert set(of_section(TrafficSplitArgs)) == set(of_section(BlueGreenArgs))
