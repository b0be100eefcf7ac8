"""Pulumi's own server of dynamic resources with our providers in it: what it says, and when it ends."""

import json
import socket
import subprocess
import sys
from collections.abc import Generator
from contextlib import contextmanager
from typing import Any, cast

import grpc
import pytest
from google.protobuf.struct_pb2 import Struct
from pulumi.dynamic.dynamic import serialize_provider  # pyright: ignore[reportUnknownVariableType]
from pulumi.runtime.proto import provider_pb2, provider_pb2_grpc

from components.ingress_service import IngressServiceProvider
from components.provider import Provider
from components.split_proof import ConvergedProvider, ReadyProvider
from harness.labs import ROOT
from tests.unit.fake_cluster import FakeGateway, fake_cluster

SPLIT: dict[str, Any] = {
    "gatewaySelector": {"istio": "ingressgateway"},
    "namespace": "default",
    "name": "myapp",
    "virtualService": "myapp",
    "host": "myapp",
    "timeoutSeconds": 0,
    "weights": {"v1": 100},
    "workloads": {"v1": "a"},
}

GONE = json.dumps(
    {
        "current-context": "c",
        "contexts": [{"name": "c", "context": {"cluster": "c", "user": "c"}}],
        "clusters": [{"name": "c", "cluster": {"server": "http://127.0.0.1:1"}}],
        "users": [{"name": "c", "user": {"token": "t"}}],
    }
)


@contextmanager
def server(engine: str) -> Generator[tuple[subprocess.Popen[bytes], int]]:
    """The server as the engine starts it, and its port."""
    command = [sys.executable, "-u", "-m", "pulumi.dynamic", engine]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as process:
        assert process.stdout
        try:
            yield process, int(process.stdout.readline())
        finally:
            process.kill()


@contextmanager
def listening() -> Generator[tuple[socket.socket, str]]:
    """A socket at which an engine would listen, and its address."""
    with socket.create_server(("127.0.0.1", 0)) as engine:
        host, port = engine.getsockname()
        yield engine, f"{host}:{port}"


def create(port: int, provider: Provider, inputs: dict[str, Any]) -> list[str]:
    """The lines that a create which fails says."""
    properties = Struct()
    properties.update(inputs | {"__provider": serialize_provider(provider)})
    with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
        stub = provider_pb2_grpc.ResourceProviderStub(channel)
        with pytest.raises(grpc.RpcError) as raised:
            request = provider_pb2.CreateRequest(urn="urn", properties=properties)
            stub.Create(request)  # pyright: ignore[reportUnknownMemberType]
    return str(cast("grpc.Call", raised.value).details()).splitlines()


FAILURES: tuple[tuple[Provider, dict[str, Any], str], ...] = (
    (ConvergedProvider(), SPLIT, "Not every gateway routes by"),
    (ReadyProvider(), SPLIT, "Traffic has not moved"),
    (IngressServiceProvider(), {"namespace": "mesh", "name": "gateway"}, "There is no Service mesh/gateway"),
    (
        IngressServiceProvider(),
        {"kubeconfig": GONE},
        "The cluster's API server 127.0.0.1:1 cannot be reached",
    ),
)


def test_a_failure_is_its_own_text_without_a_traceback() -> None:
    gateway = FakeGateway("a", {"v2": 100})
    with listening() as (_, engine), server(engine) as (_, port), fake_cluster(gateway) as cluster:
        for provider, inputs, sentence in FAILURES:
            first, second, *rest = create(port, provider, SPLIT | {"kubeconfig": cluster.kubeconfig} | inputs)
            # Of the SDK: `Exception calling application:`, or the error's class.
            assert first.rstrip().endswith(":")
            assert second.startswith(sentence)
            assert not [line for line in (first, *rest) if "Traceback" in line or "direct cause" in line]


def test_it_ends_by_itself_when_the_engine_is_gone() -> None:
    gateway = FakeGateway("a", {"v2": 100})
    with (
        listening() as (engine, address),
        server(address) as (process, port),
        fake_cluster(gateway) as cluster,
    ):
        create(port, ConvergedProvider(), SPLIT | {"kubeconfig": cluster.kubeconfig})
        with pytest.raises(subprocess.TimeoutExpired):
            process.wait(timeout=3)
        engine.close()
        assert process.wait(timeout=60) == 1
