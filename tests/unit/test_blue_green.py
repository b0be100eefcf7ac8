"""What BlueGreen makes of its arguments: plain ones, and those that a program knows only later."""

import json
from collections.abc import Callable, Generator
from pathlib import Path
from typing import Any, cast

import pulumi
import pytest
from pulumi.runtime.proto import resource_pb2

from components import BlueGreen, BlueGreenArgs, traffic_split
from components.arguments import App, Cluster, Port, Routing, Version
from tests.unit.pulumi_run import Registered, run, value

KUBECONFIG = json.dumps(
    {
        "current-context": "c",
        "contexts": [{"name": "c", "context": {"cluster": "c", "user": "c"}}],
        "clusters": [{"name": "c", "cluster": {"server": "http://127.0.0.1:1"}}],
        "users": [{"name": "c", "user": {"token": "t"}}],
    }
)
ENGINE: dict[str, dict[str, Any]] = {
    "cart-ingress": {"spec": {"type": "NodePort", "ports": [{"port": 80, "nodePort": 31380}]}, "status": {}},
    "cart-converged": {"proof": []},
}


@pytest.fixture(autouse=True)
def no_engine(monkeypatch: pytest.MonkeyPatch) -> Generator[None]:
    """Pulumi's mocks know no hooks, and there is no cluster to ask for versions without traffic."""

    async def none(*_: object) -> resource_pb2.RegisterResourceRequest.ResourceHooksBinding:
        return resource_pb2.RegisterResourceRequest.ResourceHooksBinding()

    def nothing(*_: object) -> tuple[str, ...]:
        return ()

    def hook(*_: object) -> None:
        pass

    monkeypatch.setattr("pulumi.runtime.resource._prepare_resource_hooks", none)
    monkeypatch.setattr(pulumi, "ResourceHook", hook)
    monkeypatch.setattr(traffic_split, "idle_warnings", nothing)
    yield


def arguments(**changes: Any) -> BlueGreenArgs:
    made = BlueGreenArgs(
        cluster=Cluster(kubeconfig=KUBECONFIG, ingress_address="10.0.0.1"),
        versions={"v1": Version(image="cart:1"), "v2": Version(image="cart:2")},
        weights={"v1": 25, "v2": 75},
        routing=Routing(hosts=["cart.example"]),
    )
    return cast("BlueGreenArgs", {**made, **changes})


def made(changes: Callable[[], dict[str, Any]] = dict) -> tuple[BlueGreen, Registered]:
    """What the program makes; an Output belongs to the loop of its own run."""
    kept: list[BlueGreen] = []
    done = run(lambda: kept.append(BlueGreen("cart", arguments(**changes()))), ENGINE)
    return kept[0], done


def later(text: str) -> pulumi.Output[str]:
    """As from another resource."""
    return pulumi.Output.from_input(text)


def refused(changes: Callable[[], dict[str, Any]]) -> str:
    with pytest.raises(pulumi.RunError) as raised:
        made(changes)
    return str(raised.value)


def test_it_has_all_that_an_app_needs_on_a_cluster() -> None:
    cart, done = made()
    assert done.names() == [
        "blue-green:index:Application cart",
        "blue-green:index:BlueGreen cart",
        "blue-green:index:TrafficSplit cart",
        "kubernetes:apps/v1:Deployment cart-v1-deployment",
        "kubernetes:apps/v1:Deployment cart-v2-deployment",
        "kubernetes:core/v1:Service cart-service",
        "kubernetes:networking.istio.io/v1:DestinationRule cart-v1-rule",
        "kubernetes:networking.istio.io/v1:DestinationRule cart-v2-rule",
        "kubernetes:networking.istio.io/v1:Gateway cart-gateway",
        "kubernetes:networking.istio.io/v1:VirtualService cart-virtualservice",
        "kubernetes:policy/v1:PodDisruptionBudget cart-v1-disruptionbudget",
        "kubernetes:policy/v1:PodDisruptionBudget cart-v2-disruptionbudget",
        "pulumi-python:dynamic:ClusterIdentity cart-kubernetes-cluster",
        "pulumi-python:dynamic:IngressService cart-ingress",
        "pulumi-python:dynamic:SameCluster cart-kubernetes-same-cluster",
        "pulumi-python:dynamic:SplitConverged cart-converged",
        "pulumi-python:dynamic:SplitReady cart-ready",
        "pulumi-python:dynamic:VersionDrain cart-v1-drain",
        "pulumi-python:dynamic:VersionDrain cart-v2-drain",
        "pulumi:providers:kubernetes cart-kubernetes",
    ]
    assert value(cart.url) == "http://10.0.0.1:31380"
    assert value(cart.weights) == {"v1": 25, "v2": 75}
    assert value(cart.service) == "cart"


def test_several_ports_each_have_their_address() -> None:
    ports = [
        Port(name="http", port=80),
        Port(name="api", port=9000, gateway_port=9001),
        Port(name="x", port=1),
    ]
    known = json.loads(json.dumps(ENGINE))
    known["cart-ingress"]["spec"]["ports"].append({"port": 9001, "nodePort": 31390})
    kept: list[BlueGreen] = []
    done = run(lambda: kept.append(BlueGreen("cart", arguments(app=App(ports=ports)))), known)
    assert value(kept[0].url) == "http://10.0.0.1:31380"
    assert value(kept[0].urls) == {"api": "http://10.0.0.1:31390"}
    made = done.named("cart-service").inputs["spec"]["ports"]
    assert [(one["name"], one["port"]) for one in made] == [("http", 80), ("api", 9000), ("x", 1)]
    servers = done.named("cart-gateway").inputs["spec"]["servers"]
    assert [one["port"]["number"] for one in servers] == [80, 9001]


def test_a_mistake_in_a_port_is_told_in_the_words_of_the_arguments() -> None:
    ports = [Port(name="http", port=80, gateway_port=81)]
    assert "app.ports[0].gateway_port: the first port" in refused(lambda: {"app": App(ports=ports)})


def test_two_of_them_fit_into_one_program() -> None:
    def program() -> None:
        for name in ("cart", "shop"):
            BlueGreen(name, arguments(routing=Routing(hosts=[f"{name}.example"])))

    done = run(program, ENGINE | {key.replace("cart", "shop"): found for key, found in ENGINE.items()})
    resources = [(one.type, one.name) for one in done.resources]
    assert len(resources) == len(set(resources)) == 2 * 20
    assert done.named("shop-gateway").inputs["metadata"]["name"] == "shop-gateway"


def test_what_is_known_later_is_in_its_place_and_all_else_is_as_if_it_were_plain() -> None:
    def changes(known: Callable[[str], pulumi.Input[str]]) -> dict[str, Any]:
        versions = {
            "v1": Version(image="cart:1"),
            "v2": Version(image=known("cart:2"), env={"GREETING": known("hello"), "PLAIN": "1"}),
        }
        return {
            "app": App(namespace=known("shop")),
            "versions": versions,
            "routing": Routing(hosts=[known("cart.example")]),
            "cluster": Cluster(kubeconfig=known(KUBECONFIG), ingress_address=known("10.0.0.1")),
        }

    _, one = made(lambda: changes(str))
    cart, other = made(lambda: changes(later))
    inputs = {found.name: found.inputs for found in other.resources}
    config = inputs["cart-converged"]["config"]
    assert config["versions"]["v2"]["env"] == {"GREETING": "hello", "PLAIN": "1"}
    assert inputs == {found.name: found.inputs for found in one.resources}
    assert value(cart.namespace) == "shop"


def test_another_value_of_an_output_is_another_workload_and_another_route() -> None:
    def digests(image: str, host: str) -> tuple[str, str]:
        def changes() -> dict[str, Any]:
            versions = {"v1": Version(image=later(image)), "v2": Version(image="cart:2")}
            return {"versions": versions, "routing": Routing(hosts=[later(host)])}

        _, done = made(changes)
        workloads = done.named("cart-ready").inputs["workloads"]
        return workloads["v1"], done.named("cart-converged").inputs["route"]

    one = digests("cart:1", "a.example")
    assert digests("cart:1", "a.example") == one
    assert digests("cart:3", "a.example")[0] != one[0]
    assert digests("cart:1", "b.example")[1] != one[1]


def test_mistakes_are_told_all_at_once_in_the_words_of_the_arguments() -> None:
    versions = {"v1": {"image": "cart:1", "container_port": "x"}, "v2": {"image": "cart:2", "replica": 1}}
    assert refused(lambda: {"versions": versions, "weights": {"v1": 25, "v2": 25}}).splitlines() == [
        "The arguments of BlueGreen cart have 3 mistakes; nothing was touched.",
        "  versions.v1.container_port: 'x' is a text, not an integer. Write an integer from 1 to 65535.",
        "  versions.v2.replica: there is no such key. Write replicas instead.",
        "  weights: they add up to 50, not 100. Write weights.v2: 75.",
    ]


@pytest.mark.parametrize("section", ["versions", "cluster", "app", "weights"])
def test_a_section_as_a_whole_is_no_output(section: str) -> None:
    assert f"  {section}: it is an Output, which is known too late." in refused(lambda: {section: later("x")})


def test_what_decides_what_is_made_is_no_output() -> None:
    said = refused(lambda: {"weights": {"v1": later("25"), "v2": 75}, "app": {"name": later("cart")}})
    assert said.splitlines()[1:] == [
        "  weights.v1: it is an Output, which is known too late. Write plain weights: a preview says where "
        "traffic goes, and a command can move it.",
        "  app.name: it is an Output, which is known too late. Write a plain value: it decides what is made.",
    ]


def test_the_value_of_an_output_is_held_to_the_same_rules() -> None:
    said = refused(lambda: {"versions": {"v1": Version(image=later("no image")), "v2": Version(image="b:2")}})
    assert "versions.v1.image: 'no image' is not an image" in said


def test_a_secret_that_breaks_a_rule_is_not_told() -> None:
    def changes() -> dict[str, Any]:
        image = pulumi.Output.secret("no image")
        return {"versions": {"v1": Version(image=image), "v2": Version(image="cart:2")}}

    said = refused(changes)
    assert "versions.v1.image: its value, a secret, is not of the form of this argument." in said
    assert "no image" not in said


def test_a_path_that_cannot_be_taken_is_told_as_an_argument(tmp_path: Path) -> None:
    found = json.loads(KUBECONFIG)
    found["users"][0]["user"] = {"tokenFile": "token"}
    path = tmp_path / "config"
    path.write_text(json.dumps(found))
    said = refused(lambda: {"cluster": Cluster(path=str(path))})
    assert "  and leave out cluster.path, in the arguments of BlueGreen cart" in said
    none = refused(lambda: {"cluster": Cluster(path=str(tmp_path / "none"))})
    assert none.endswith("Write it there, or name another in cluster.path.")


def test_a_kubeconfig_is_a_text_or_a_place() -> None:
    said = refused(lambda: {"cluster": Cluster(kubeconfig=KUBECONFIG, path="~/.kube/config")})
    assert "cluster: it has a kubeconfig and where to read one. Take one of them out." in said


def test_an_empty_section_has_its_defaults(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "config").write_text(KUBECONFIG)
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "config"))
    empty = dict.fromkeys(("app", "cluster", "gateway", "routing", "convergence", "test_routes", "mirror"))
    versions = {"v1": {"image": "cart:1", "secret_env": None}, "v2": {"image": "cart:2", "env": None}}
    assert made(lambda: {**empty, "versions": versions})[1].names() == made()[1].names()
    named = {"kubeconfig": None, "path": str(tmp_path / "config"), "context": None}
    done = made(lambda: {"cluster": named, "app": {"name": None}})[1]
    assert done.named("cart-gateway").inputs["metadata"]["name"] == "cart-gateway"


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"versions": {"v1": None, "v2": {"image": "b:2"}}}, "versions.v1.image: it is missing."),
        ({"versions": ["v1"]}, "versions: it is a list, not an object."),
        ({"versions": {"v1": ["a"], "v2": {"image": "b:2"}}}, "versions.v1: it is a list, not an object."),
        (
            {"versions": {"v1": {"image": "a:1", "secret_env": ["A"]}}},
            "versions.v1.secret_env: it is a list, not an object. Write it as name: value.",
        ),
        (
            {
                "versions": {
                    "v1": {"image": "a:1", "env": ["A"], "secret_env": {"B": {"secret": "s", "key": "k"}}}
                }
            },
            "versions.v1.env: it is a list, not an object.",
        ),
        ({"cluster": ["c"]}, "cluster: it is a list, not an object."),
        ({"app": "cart"}, "app: it is a text, not an object."),
        ({"routing": ["a.example"]}, "routing: it is a list, not an object."),
    ],
)
def test_what_is_no_section_is_said(changes: dict[str, Any], said: str) -> None:
    assert f"  {said}" in refused(lambda: changes)


def test_a_mirror_of_a_version_with_traffic_is_told_without_a_command() -> None:
    said = refused(lambda: {"mirror": {"version": "v2"}})
    assert said.endswith("from which its copies could not be told. Take mirror out.")
