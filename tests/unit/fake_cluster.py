"""An API server and Envoys in one process: as much of them as gateway/ asks, over real sockets."""

import json
import threading
import time
from collections.abc import Generator, Iterable
from contextlib import contextmanager
from dataclasses import dataclass, field
from email.utils import formatdate
from itertools import islice
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from websockets.datastructures import Headers
from websockets.http11 import Request, Response
from websockets.sync.server import ServerConnection, serve

HOST = "myapp.default.svc.cluster.local"
VIRTUAL_SERVICE = "/apis/networking.istio.io/v1/namespaces/default/virtual-service/myapp"


def version_pod(version: str, address: str, **metadata: object) -> dict[str, Any]:
    """A ready pod of the Deployment myapp-VERSION, but for what its metadata has."""
    of = {"kind": "ReplicaSet", "name": f"myapp-{version}-1a2b", "controller": True}
    labels = {"app": "myapp", "version": version, "pod-template-hash": "1a2b"}
    name = f"myapp-{version}-1a2b-{address.rpartition('.')[2]}"
    return {
        "metadata": {"name": name, "labels": labels, "ownerReferences": [of], **metadata},
        "status": {"conditions": [{"type": "Ready", "status": "True"}], "podIPs": [{"ip": address}]},
    }


@dataclass
class FakeGateway:
    """One gateway pod; its Envoy routes by `weights` and has these endpoints by version, or one of each.

    Routes that are somebody else's stand in `front`; the VirtualService's is that of the `rule`, on `port`.
    An endpoint with a port is one behind a tunnel of an ambient mesh.

    A port-forward to it ends after so many answers (`lasts`), as to a pod that terminates.
    """

    name: str
    weights: dict[str, int]
    endpoints: dict[str, list[str]] | None = None
    active: dict[str, int] = field(default_factory=dict[str, int])
    sent: dict[str, int] = field(default_factory=dict[str, int])
    tried: dict[str, int] = field(default_factory=dict[str, int])
    failed: dict[str, int] = field(default_factory=dict[str, int])
    front: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])
    ready: bool = True
    terminating: bool = False
    lasts: int | None = None
    namespace: str = "istio-system"
    annotations: dict[str, str] = field(default_factory=dict[str, str])
    port: int = 80
    rule: str = ""

    def pod(self) -> dict[str, Any]:
        """The pod as the API server has it."""
        conditions = [{"type": "Ready", "status": str(self.ready)}]
        metadata: dict[str, Any] = {"namespace": self.namespace, "name": self.name}
        if self.annotations:
            metadata["annotations"] = self.annotations
        if self.terminating:
            metadata["deletionTimestamp"] = "2026-11-24T00:00:00Z"
        return {"metadata": metadata, "status": {"conditions": conditions}}

    def answer(self, target: str) -> dict[str, Any]:
        """What its Envoy's admin interface says."""
        if target.startswith("/clusters"):
            return {"cluster_statuses": [self._status(one) for one in {**self.active, **self.sent}]}
        if "dynamic_endpoint_configs" in target:
            endpoints = (
                {one: ["10.0.0.1"] for one in self.weights} if self.endpoints is None else self.endpoints
            )
            return {"configs": [self._endpoints(one, endpoints[one]) for one in endpoints]}
        if "dynamic_listeners" in target:
            manager = {"typed_config": {"rds": {"route_config_name": f"http.{self.port}"}}}
            listener = {"filter_chains": [{"filters": [manager]}]}
            return {"configs": [{"active_state": {"listener": listener}}]}
        clusters = [
            {"name": f"outbound|80|{version}|{HOST}", "weight": weight}
            for version, weight in self.weights.items()
        ]
        route = {
            "name": self.rule,
            "match": {"prefix": "/"},
            "route": {"weighted_clusters": {"clusters": clusters}},
            "metadata": {"filter_metadata": {"istio": {"config": VIRTUAL_SERVICE}}},
        }
        routes = [*self.front, *([route] if self.weights else [])]
        hosts = [{"domains": ["*"], "routes": routes}]
        return {"configs": [{"route_config": {"name": f"http.{self.port}", "virtual_hosts": hosts}}]}

    def pieces(self, target: str) -> Iterable[bytes]:
        """The HTTP of its answer, in pieces, as a network would bring it."""
        body = json.dumps(self.answer(target)).encode()
        head = f"HTTP/1.1 200 OK\r\nContent-Length: {len(body)}\r\n\r\n".encode()
        return head[:10], head[10:] + body[:20], body[20:]

    def _answered(self, version: str) -> int:
        return self.sent.get(version, 0) - self.failed.get(version, 0) - self.active.get(version, 0)

    def _status(self, version: str) -> dict[str, Any]:
        stats = [
            {"name": "rq_active", "value": str(self.active.get(version, 0))},
            {"name": "rq_total", "value": str(self.sent.get(version, 0))},
            {"name": "rq_success", "value": str(self._answered(version))},
            {"name": "rq_error", "value": str(self.failed.get(version, 0))},
            {"name": "cx_total", "value": str(self.tried.get(version, 0))},
        ]
        host = {"address": {"socket_address": {"address": "10.0.0.1", "port_value": 80}}, "stats": stats}
        return {"name": f"outbound|80|{version}|{HOST}", "host_statuses": [host]}

    def _endpoints(self, version: str, addresses: list[str]) -> dict[str, Any]:
        items = [{"endpoint": {"address": _address(one)}} for one in addresses]
        name = f"outbound|80|{version}|{HOST}"
        return {"endpoint_config": {"cluster_name": name, "endpoints": [{"lb_endpoints": items}]}}


def _address(text: str) -> dict[str, Any]:
    if ":" not in text:
        return {"socket_address": {"address": text}}
    return {"envoy_internal_address": {"server_listener_name": "connect_originate", "endpoint_id": text}}


@dataclass
class FakeIstiod(FakeGateway):
    """An istiod: the proxies that are connected to it, each by the number of the last routes that it took.

    In the namespaces `without` no sidecar is sent the split; those by a number below 0 have no routes at all.
    """

    proxies: dict[str, int] = field(default_factory=dict[str, int])
    without: tuple[str, ...] = ()

    def answer(self, target: str) -> Any:
        """What its debug interface says."""
        if target.startswith("/debug/config_dump"):
            namespace = target.partition("proxyID=")[2].partition("&")[0].rpartition(".")[2]
            return {"configs": [] if namespace in self.without else [{"config": VIRTUAL_SERVICE}]}
        found = [synced(name, number) for name, number in self.proxies.items()]
        for one, number in zip(found, self.proxies.values(), strict=True):
            if number < 0:
                del one["route_sent"], one["route_acked"]
        return found


def synced(name: str, number: int, kind: str = "sidecar") -> dict[str, Any]:
    """What istiod 1.29 says of a proxy, `NAMESPACE/NAME`."""
    namespace, _, pod = name.partition("/")
    nonce = f"2026-11-26T16:00:00Z/{number}c3b0a6d4-5d0e-4a1c-9f5e-0f3f4f1e2d3c"
    kinds = ("cluster", "listener", "route", "endpoint")
    states = {f"{one}_{state}": nonce for one in kinds for state in ("sent", "acked")}
    resource = {"sent": nonce, "acked": nonce, "sentTime": "2026-11-26T16:00:00.123456789Z"}
    types = ("cluster.v3.Cluster", "listener.v3.Listener", "route.v3.RouteConfiguration",
             "endpoint.v3.ClusterLoadAssignment")  # fmt: skip
    return {
        "cluster_id": "Kubernetes",
        "proxy": f"{pod}.{namespace}",
        "proxy_type": kind,
        "istio_version": "1.29.1",
        **states,
        "resources": {f"type.googleapis.com/envoy.config.{one}": resource for one in types},
    }


@dataclass
class FakeCluster:
    """The cluster: its gateways, and any other object by its path; its clock is so many seconds ahead."""

    gateways: list[FakeGateway]
    objects: dict[str, Any] = field(default_factory=dict[str, Any])
    forbidden: str | None = None
    kubeconfig: str = ""
    istiods: list[FakeIstiod] = field(default_factory=list[FakeIstiod])
    sidecars: list[FakeGateway] = field(default_factory=list[FakeGateway])
    ahead: float = 0.0

    def pods(self, query: dict[str, str]) -> list[FakeGateway]:
        """Those that are asked for."""
        labels, fields = query.get("labelSelector", ""), query.get("fieldSelector", "")
        if labels == "app=istiod":
            return [*self.istiods]
        if fields.startswith("metadata.name="):
            return [one for one in self.sidecars if fields == f"metadata.name={one.name}"]
        return self.sidecars if "tlsMode" in labels else self.gateways

    def respond(self, _connection: ServerConnection, request: Request) -> Response | None:
        """A GET's answer; None goes on to the port-forward."""
        answer = self._answer(request)
        if answer:
            answer.headers["Date"] = formatdate(time.time() + self.ahead, usegmt=True)
        return answer

    def _answer(self, request: Request) -> Response | None:
        path = urlsplit(request.path).path
        query = dict(parse_qsl(urlsplit(request.path).query))
        if self.forbidden and path.endswith(self.forbidden):
            return _json(403, {"message": f'pods is forbidden: User "ci" cannot use {path}'})
        if path in self.objects:
            return _json(200, self.objects[path])
        if path == "/api/v1/pods":
            # An empty list of metadata alone has null.
            found = [one.pod() for one in self.pods(query)]
            without = "PartialObjectMetadataList" in request.headers["Accept"] and not found
            return _json(200, {"items": None if without else found})
        if path.endswith("/pods"):
            some = self.pods(query) if query.get("labelSelector") == "app=istiod" or self.sidecars else []
            return _json(200, {"items": [one.pod() for one in some if f"/{one.namespace}/" in path]})
        if path.endswith("/portforward"):
            return None
        return _json(404, {"message": f"{path} not found"})

    def forward(self, connection: ServerConnection) -> None:
        """A port-forward to an Envoy's admin interface, as the kubelet does it."""
        assert connection.request
        name = connection.request.path.split("/pods/")[1].partition("/")[0]
        (gateway,) = [one for one in (*self.gateways, *self.istiods, *self.sidecars) if one.name == name]
        port = (15000).to_bytes(2, "little")
        connection.send(b"\0" + port)
        connection.send(b"\1" + port)
        for message in islice(connection, gateway.lasts):
            assert isinstance(message, bytes)
            target = unquote(message[1:].decode().split(" ")[1])
            for piece in gateway.pieces(target):
                connection.send(b"\0" + piece)


def _json(status: int, body: object) -> Response:
    content = json.dumps(body).encode()
    headers = Headers({"Content-Length": str(len(content)), "Connection": "close"})
    return Response(status, "", headers, content)


@contextmanager
def fake_cluster(*gateways: FakeGateway, objects: dict[str, Any] | None = None) -> Generator[FakeCluster]:
    """Serves the cluster on a free port; its `kubeconfig` leads there."""
    cluster = FakeCluster(list(gateways), objects or {})
    with serve(
        cluster.forward,
        "127.0.0.1",
        0,
        process_request=cluster.respond,
        subprotocols=["v4.channel.k8s.io"],  # pyright: ignore[reportArgumentType]
        compression=None,
    ) as server:
        port = server.socket.getsockname()[1]
        cluster.kubeconfig = json.dumps(
            {
                "current-context": "c",
                "contexts": [{"name": "c", "context": {"cluster": "c", "user": "c"}}],
                "clusters": [{"name": "c", "cluster": {"server": f"http://127.0.0.1:{port}"}}],
                "users": [{"name": "c", "user": {"token": "t"}}],
            }
        )
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield cluster
        finally:
            server.shutdown()
            thread.join()
