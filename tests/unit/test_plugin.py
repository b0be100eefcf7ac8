"""The plugin's own process, asked as an engine asks it: its schema, components and resources."""

import json
import subprocess
import sys
import threading
from collections.abc import Callable, Generator, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any, cast

import grpc
import pytest
from google.protobuf.empty_pb2 import Empty
from google.protobuf.struct_pb2 import Struct
from pulumi.runtime.proto import (
    engine_pb2,
    engine_pb2_grpc,
    errors_pb2,
    provider_pb2,
    provider_pb2_grpc,
    resource_pb2,
    resource_pb2_grpc,
    status_pb2,
)

from components.arguments import BlueGreenArgs, of_section
from components.plugin.component import given
from components.settings.forms import camel
from components.version import VERSION
from harness.labs import ROOT
from tests.unit.fake_cluster import FakeGateway, fake_cluster
from tests.unit.fake_minikube import FakeMinikube
from tests.unit.test_blue_green import KUBECONFIG
from tests.unit.test_provider import SPLIT

URN = "urn:pulumi:dev::cart::blue-green:index:BlueGreen$blue-green:index:{0}::cart-{0}"
SECRET = {"4dabf18193072939515e22adb298388d": "1b47061264138c4ac30d75fd1eb44270"}

OUTPUT = {"4dabf18193072939515e22adb298388d": "d0e6a833031e9bbcd3f4e8bde6ca49a4"}


class Engine(engine_pb2_grpc.EngineServicer, resource_pb2_grpc.ResourceMonitorServicer):
    """As much of an engine as the plugin asks."""

    def __init__(self) -> None:
        self.logged: list[engine_pb2.LogRequest] = []
        self.registered: list[str] = []
        self.said = threading.Event()

    def Log(self, request: engine_pb2.LogRequest, context: object) -> Empty:  # noqa: ARG002, N802
        self.logged.append(request)
        self.said.set()
        return Empty()

    def SupportsFeature(self, request: object, context: object) -> Any:  # noqa: ARG002, N802
        return resource_pb2.SupportsFeatureResponse(hasSupport=True)

    def RegisterResource(self, request: Any, context: object) -> Any:  # noqa: ARG002, N802
        self.registered.append(f"{request.type} {request.name}")
        return resource_pb2.RegisterResourceResponse(
            urn=f"urn:pulumi:dev::cart::{request.type}::{request.name}"
        )

    def RegisterResourceOutputs(self, request: object, context: object) -> Empty:  # noqa: ARG002, N802
        return Empty()

    def RegisterResourceHook(self, request: object, context: object) -> Empty:  # noqa: ARG002, N802
        return Empty()


class Plugin:
    """The running plugin, its engine, and the address of that."""

    def __init__(self, stub: provider_pb2_grpc.ResourceProviderStub, engine: Engine, address: str) -> None:
        self.stub: Any = stub
        self.engine = engine
        self.address = address

    def create(self, kind: str, **inputs: Any) -> Any:
        properties = Struct()
        properties.update(inputs)
        return self.stub.Create(provider_pb2.CreateRequest(urn=URN.format(kind), properties=properties))

    def construct(self, kind: str = "BlueGreen", **inputs: Any) -> Any:
        values = Struct()
        values.update(inputs)
        return self.stub.Construct(
            provider_pb2.ConstructRequest(
                project="cart",
                stack="dev",
                type=f"blue-green:index:{kind}",
                name="cart",
                parent="urn:pulumi:dev::cart::pulumi:pulumi:Stack::cart-dev",
                monitorEndpoint=self.address,
                inputs=values,
            )
        )


@contextmanager
def served() -> Generator[tuple[Engine, str]]:
    engine = Engine()
    server = grpc.server(ThreadPoolExecutor(8))
    engine_pb2_grpc.add_EngineServicer_to_server(engine, server)
    resource_pb2_grpc.add_ResourceMonitorServicer_to_server(engine, server)
    address = f"127.0.0.1:{server.add_insecure_port('127.0.0.1:0')}"
    server.start()
    try:
        yield engine, address
    finally:
        server.stop(None)


@contextmanager
def started() -> Generator[Plugin]:
    run = "from components.plugin.main import main; main()"
    with served() as (engine, address):
        command = [sys.executable, "-c", run, address]
        with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE) as process:
            assert process.stdout
            try:
                with grpc.insecure_channel(f"127.0.0.1:{int(process.stdout.readline())}") as channel:
                    yield Plugin(provider_pb2_grpc.ResourceProviderStub(channel), engine, address)
            finally:
                process.kill()


@pytest.fixture(scope="module")
def plugin() -> Iterator[Plugin]:
    with started() as made:
        yield made


def test_its_schema_has_every_argument_with_its_docstring(plugin: Plugin) -> None:
    schema = json.loads(plugin.stub.GetSchema(provider_pb2.GetSchemaRequest()).schema)
    assert schema["version"] == VERSION == plugin.stub.GetPluginInfo(Empty()).version
    made = schema["resources"]["blue-green:index:BlueGreen"]
    assert set(made["inputProperties"]) == set(map(camel, of_section(BlueGreenArgs)))
    assert made["requiredInputs"] == ["versions", "weights"]
    assert set(made["properties"]) == {"url", "urls", "weights", "lastProof", "namespace", "service"}
    assert made["isComponent"]
    parts = ("Application", "BlueGreen", "Istio", "Minikube", "TrafficSplit")
    assert list(schema["resources"]) == [f"blue-green:index:{part}" for part in parts]
    components = schema["resources"].values()
    listed = [
        *(one["inputProperties"] for one in components),
        *(one["properties"] for one in components),
        *(one["properties"] for one in schema["types"].values()),
    ]
    assert [
        key for properties in listed for key, one in properties.items() if not one.get("description")
    ] == []
    # What decides which resources there are is plain in every language.
    assert made["inputProperties"]["weights"]["plain"]
    assert "plain" not in schema["types"]["blue-green:index:Version"]["properties"]["image"]


def test_a_part_is_constructed_below_what_the_engine_names(plugin: Plugin) -> None:
    cluster = {"kubeconfig": KUBECONFIG}
    made = plugin.construct("Istio", install=False, cluster=cluster)
    assert made.urn.endswith("::blue-green:index:Istio::cart")
    parts = ("ClusterIdentity cart-istio-kubernetes-cluster", "IngressService cart-ingress")
    assert {f"blue-green:index:{one}" for one in parts} <= set(plugin.engine.registered)


def test_arguments_of_another_language_are_those_of_python() -> None:
    wire = {
        "versions": {
            "my-v": {"image": "a", "containerPort": 80.0, "secretEnv": {"A": {"secret": "s", "key": "k"}}}
        },
        "weights": {"my-v": 100.0},
        "weightsKey": "weights",
        "routing": {
            "headers": {"x-oneTwo": "1.0"},
            "tlsSecret": "t",
            "trafficPolicy": {"a": {"bC": 1.0, "d": 0.5}},
        },
        "mistaken": {"someKey": 1.0},
    }
    assert given(wire, BlueGreenArgs) == {
        "versions": {
            "my-v": {"image": "a", "container_port": 80, "secret_env": {"A": {"secret": "s", "key": "k"}}}
        },
        "weights": {"my-v": 100},
        "weights_key": "weights",
        "routing": {
            "headers": {"x-oneTwo": "1.0"},
            "tls_secret": "t",
            "traffic_policy": {"a": {"bC": 1, "d": 0.5}},
        },
        "mistaken": {"someKey": 1},
    }


def refused(plugin: Plugin, **inputs: Any) -> tuple[str, dict[str, str]]:
    """What is said of arguments that cannot be taken: the text, and by path what the engine adds to it."""
    with pytest.raises(grpc.RpcError) as raised:
        plugin.construct(**inputs)
    error = cast("Any", raised.value)
    assert error.code() is grpc.StatusCode.INVALID_ARGUMENT
    (packed,) = [one.value for one in error.trailing_metadata() if one.key == "grpc-status-details-bin"]
    (detail,) = status_pb2.Status.FromString(packed).details
    told = errors_pb2.InputPropertiesError()
    detail.Unpack(told)
    return error.details(), {one.property_path: one.reason for one in told.errors}


def test_mistakes_are_told_by_the_path_of_the_argument(plugin: Plugin) -> None:
    versions = {"v1": {"image": "a:1", "containerPort": 0}}
    said, reasons = refused(plugin, versions=versions, weights={"v1": 100}, wieghts={"v1": 100})
    assert said == "The arguments of BlueGreen cart have 2 mistakes; nothing was touched."
    assert set(reasons) == {"versions.v1.containerPort", "wieghts"}
    assert "weights" in reasons["wieghts"]


def test_the_engine_is_given_no_path_at_which_it_would_show_a_secret(plugin: Plugin) -> None:
    secret = {**OUTPUT, "value": "never-to-be-shown", "secret": True}
    versions = {"v1": {"image": "a:1", "env": {"A=B": secret}, "replicas": -1}}
    said, reasons = refused(plugin, versions=versions, weights={"v1": 100})
    assert set(reasons) == {"versions.v1.replicas"}
    assert "\n  versions.v1.env" in said
    assert "never-to-be-shown" not in said


def test_a_failure_is_its_own_text(plugin: Plugin) -> None:
    gateway = FakeGateway("a", {"v2": 100})
    with fake_cluster(gateway) as cluster, pytest.raises(grpc.RpcError) as raised:
        plugin.create("SplitConverged", **SPLIT, kubeconfig=cluster.kubeconfig)
    details = str(cast("Any", raised.value).details())
    assert details.startswith("Not every gateway routes by")
    assert "Traceback" not in details


def test_a_failure_that_nobody_has_thought_of_keeps_its_name(plugin: Plugin) -> None:
    def said(call: Callable[[], Any]) -> str:
        with pytest.raises(grpc.RpcError) as raised:
            call()
        return str(cast("Any", raised.value).details())

    assert said(lambda: plugin.create("SplitConverged")).startswith("KeyError: ")
    assert said(lambda: plugin.construct("Nothing")) == "KeyError: 'Nothing'"


def test_a_minikube_is_the_plugins_too(minikube: FakeMinikube) -> None:
    args = {"profile": "dev", "owner": "cart/dev", "clusterId": "c", "cpus": 2, "memory": 4096, "nodes": 1}
    # A process of its own, which finds this `minikube`.
    with started() as own:
        made = own.create("MinikubeProfile", **args)
        assert (made.id, made.properties["ip"], made.properties["status"]) == ("dev", "10.0.0.1", "Running")
        assert minikube.calls() == ["start"]
        olds, news = Struct(), Struct()
        olds.update({**args, "status": "Running"})
        news.update({**args, "cpus": 4})
        urn = URN.format("MinikubeProfile")
        diff = own.stub.Diff(provider_pb2.DiffRequest(id="dev", urn=urn, olds=olds, news=news))
        assert (list(diff.replaces), diff.deleteBeforeReplace) == (["cpus"], True)
        minikube.is_running()
        with pytest.raises(grpc.RpcError) as raised:
            own.create("MinikubeProfile", **{**args, "owner": "another/dev", "component": "Minikube cart"})
    said = str(cast("Any", raised.value).details())
    assert "stack cart/dev made it. Write adopt: true to take it over" in said
    assert said.endswith("or another profile, in the arguments of Minikube cart.")


def test_a_secret_stays_one(plugin: Plugin) -> None:
    made = plugin.create("VersionDrain", version="v1", kubeconfig={**SECRET, "value": "k"}, drainSeconds=1)
    assert made.id == "v1"
    assert dict(made.properties["kubeconfig"].items()) == {**SECRET, "value": "k"}
    assert made.properties["version"] == "v1"


def test_a_wait_tells_the_engine_its_urn_and_ends_when_that_is_interrupted() -> None:
    # A process of its own: once interrupted, it waits for nothing any more.
    with (
        started() as own,
        fake_cluster(FakeGateway("a", {"v1": 100}, endpoints={"v1": []})) as cluster,
        ThreadPoolExecutor(1) as one,
    ):
        inputs = {**SPLIT, "timeoutSeconds": 600, "kubeconfig": cluster.kubeconfig}
        waiting = one.submit(own.create, "SplitReady", **inputs)
        assert own.engine.said.wait(60)
        own.stub.Cancel(Empty())
        with pytest.raises(grpc.RpcError) as raised:
            waiting.result(timeout=60)
    (said, *_) = own.engine.logged
    assert said.urn == URN.format("SplitReady")
    assert said.message.startswith("waiting, at most 600 s")
    assert "Traffic has not moved" in str(cast("Any", raised.value).details())
