"""The proof for callers in the mesh, of a thousand sidecars that a stand-in on loopback has.

It serves as much of the API server, istiod and the Envoys as the proof asks, in a process of its own.
"""

import json
import multiprocessing
from collections.abc import Generator, Mapping
from contextlib import contextmanager, suppress
from multiprocessing.connection import Connection
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from websockets.datastructures import Headers
from websockets.exceptions import ConnectionClosed
from websockets.http11 import Request, Response
from websockets.sync.server import ServerConnection, serve

from bench.figure import Figure, seconds
from components.gateway.callers import of_split
from components.gateway.chain import Split, Wanted
from components.gateway.envoy import Target
from components.gateway.gateways import Gateways

SIDECARS, NAMESPACES = 1000, 20
WEIGHTS = {"v1": 40, "v2": 60}
HOST = "myapp.default.svc.cluster.local"
CONFIG = "/apis/networking.istio.io/v1/namespaces/default/virtual-service/myapp"
# Other Services of the mesh, each with its virtual host in every sidecar.
SERVICES = 200
# As the kubelet cuts what it forwards.
_PIECE = 32 * 1024
_INNER = [f"f:inner-{number}" for number in range(8)]
SELECTOR = {"istio": "ingressgateway"}


def measure(rounds: int) -> list[Figure]:
    """Prove a split to a thousand sidecars that have it, from the first question to the last answer."""
    with _stand_in() as kubeconfig:
        split = Split(kubeconfig, SELECTOR, Target("default", "myapp", "myapp"), callers=True)
        samples = tuple(seconds(lambda: _prove(split)) for _ in range(rounds))
    return [Figure(f"proof of callers in the mesh, {SIDECARS} sidecars", samples, goal=1)]


def _prove(split: Split) -> None:
    with Gateways(split.kubeconfig, split.selector) as gateways:
        gateways.pods()
        sampled = of_split(gateways, split, Wanted(WEIGHTS), 0).look()
    if sampled.missing or sampled.acknowledged != SIDECARS:
        raise AssertionError(f"{sampled}: {sampled.missing}")


@contextmanager
def _stand_in() -> Generator[str]:
    """The kubeconfig of the stand-in, while it runs."""
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=_serve, args=(theirs,), daemon=True)
    process.start()
    try:
        port = ours.recv()
        yield json.dumps(
            {
                "current-context": "c",
                "contexts": [{"name": "c", "context": {"cluster": "c", "user": "c"}}],
                "clusters": [{"name": "c", "cluster": {"server": f"http://127.0.0.1:{port}"}}],
                "users": [{"name": "c", "user": {"token": "t"}}],
            }
        )
    finally:
        process.terminate()
        process.join()


def _serve(told: Connection) -> None:
    proxies = [f"{_namespace(number)}/caller-{number}" for number in range(SIDECARS)]
    pods = [_pod(name) for name in proxies]
    istiod, gateway = _pod("istio-system/istiod"), _pod("istio-system/gateway")
    # istiod indents its answers.
    bodies = {
        "/debug/syncz": json.dumps([_synced(name, 12) for name in proxies], indent=2).encode(),
        "/config_dump?resource=dynamic_route": json.dumps(_routes()).encode(),
        "/config_dump?include_eds": json.dumps(_endpoints()).encode(),
    }
    whole = json.dumps({"items": [{"metadata": pod["metadata"]} for pod in pods]}).encode()

    def respond(_connection: ServerConnection, request: Request) -> Response | None:
        asked = urlsplit(request.path)
        query = dict(parse_qsl(asked.query))
        labels, fields = query.get("labelSelector", ""), query.get("fieldSelector", "")
        if asked.path.endswith("/portforward"):
            return None
        if "tlsMode" in labels:
            return _answer(whole)
        name = f"{asked.path.split('/')[4]}/{fields.partition('=')[2]}" if "metadata.name" in fields else ""
        listed = {"app=istiod": [istiod], "istio=ingressgateway": [gateway]}.get(labels, [])
        items = [pod for pod in pods if name == _name(pod)] if name else listed
        return _answer(json.dumps({"items": items}).encode())

    def forward(connection: ServerConnection) -> None:
        query = urlsplit(connection.request.path if connection.request else "").query
        port = int(dict(parse_qsl(query))["ports"]).to_bytes(2, "little")
        connection.send(b"\0" + port)
        connection.send(b"\1" + port)
        with suppress(ConnectionClosed):
            while True:
                target = unquote(bytes(connection.recv(decode=False))[1:].decode().split(" ")[1])
                body = next(body for path, body in bodies.items() if target.startswith(path))
                answer = f"HTTP/1.1 200 OK\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body
                for start in range(0, len(answer), _PIECE):
                    connection.send(b"\0" + answer[start : start + _PIECE])

    with serve(
        forward,
        "127.0.0.1",
        0,
        process_request=respond,
        subprotocols=["v4.channel.k8s.io"],  # pyright: ignore[reportArgumentType]
        compression=None,
    ) as server:
        told.send(server.socket.getsockname()[1])
        server.serve_forever()


def _answer(body: bytes) -> Response:
    return Response(200, "", Headers({"Content-Length": str(len(body)), "Connection": "close"}), body)


def _namespace(number: int) -> str:
    return f"callers-{number % NAMESPACES}"


def _name(pod: Mapping[str, Any]) -> str:
    return f"{pod['metadata']['namespace']}/{pod['metadata']['name']}"


def _pod(name: str) -> dict[str, Any]:
    """A pod, its metadata about as large as with the fields' managers."""
    namespace, _, pod = name.partition("/")
    labels = {"app": "caller", "security.istio.io/tlsMode": "istio", "pod-template-hash": "5d9c7b8f4"}
    nothing: Mapping[str, Any] = {}
    fields = {f"f:field-{number}": dict.fromkeys(_INNER, nothing) for number in range(8)}
    managers = [{"manager": one, "fieldsV1": fields} for one in ("kubelet", "kube-controller-manager")]
    return {
        "metadata": {"namespace": namespace, "name": pod, "labels": labels, "managedFields": managers},
        "status": {"conditions": [{"type": "Ready", "status": "True"}]},
    }


def _synced(name: str, number: int) -> dict[str, Any]:
    """What istiod 1.29 says of a proxy (pilot/pkg/xds/debug.go, SyncStatus)."""
    namespace, _, pod = name.partition("/")
    nonce = f"2026-11-26T16:00:00Z/{number}c3b0a6d4-5d0e-4a1c-9f5e-0f3f4f1e2d3c"
    kinds = ("cluster", "listener", "route", "endpoint", "extensionconfig")
    states = {f"{one}_{state}": nonce for one in kinds for state in ("sent", "acked")}
    resource = {"sent": nonce, "acked": nonce, "sentTime": "2026-11-26T16:00:00.123456789Z"}
    types = (
        "envoy.config.cluster.v3.Cluster",
        "envoy.config.listener.v3.Listener",
        "envoy.config.route.v3.RouteConfiguration",
        "envoy.config.endpoint.v3.ClusterLoadAssignment",
        "envoy.extensions.transport_sockets.tls.v3.Secret",
        "envoy.config.core.v3.TypedExtensionConfig",
    )
    return {
        "cluster_id": "Kubernetes",
        "proxy": f"{pod}.{namespace}",
        "proxy_type": "sidecar",
        "istio_version": "1.29.1",
        **states,
        "resources": {f"type.googleapis.com/{one}": resource for one in types},
    }


def _routes() -> dict[str, Any]:
    """A sidecar's table of port 80: the app's virtual host among those of the other Services."""
    clusters = [
        {"name": f"outbound|80|{version}|{HOST}", "weight": weight} for version, weight in WEIGHTS.items()
    ]
    split = {
        "name": "myapp-1a2b3c4d",
        "match": {"prefix": "/"},
        "route": {"weighted_clusters": {"clusters": clusters}},
        "metadata": {"filter_metadata": {"istio": {"config": CONFIG}}},
    }
    hosts = [_host(HOST, split)]
    for number in range(SERVICES):
        name = f"service-{number}.others.svc.cluster.local"
        hosts.append(_host(name, {"match": {"prefix": "/"}, "route": {"cluster": f"outbound|80||{name}"}}))
    return {"configs": [{"route_config": {"name": "80", "virtual_hosts": hosts}}]}


def _host(name: str, route: Mapping[str, Any]) -> dict[str, Any]:
    short = name.partition(".svc")[0]
    return {"name": f"{name}:80", "domains": [name, short, f"{short}.svc", "10.96.0.10"], "routes": [route]}


def _endpoints() -> dict[str, Any]:
    address = {"socket_address": {"address": "10.0.0.1", "port_value": 80}}
    endpoints = [{"lb_endpoints": [{"endpoint": {"address": address}}]}]
    names = [f"outbound|80|{version}|{HOST}" for version in WEIGHTS]
    return {"configs": [{"endpoint_config": {"cluster_name": one, "endpoints": endpoints}} for one in names]}
