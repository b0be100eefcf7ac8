"""gRPC beside the load: requests and streams on a further port of the app, while the split moves."""

import threading
from collections import Counter
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from typing import Any

import grpc

from components.gateway.waiting import wait_until
from harness.labs import Program
from proof.steps import HALF, IMAGES, Split, Step

PORT, ENTRANCE = 2379, 9000
# etcd's: each version is a member of a cluster of its own, whose name is in the answer.
MEMBERS = "/etcdserverpb.Cluster/MemberList"
WATCH = "/etcdserverpb.Watch/Watch"
# A WatchRequest for the key x.
CREATE = b"\x0a\x03\x0a\x01x"
STREAMS = 4
WAIT_SECONDS = 60
# Untyped by its makers.
GRPC: Any = grpc


def added(program: Program) -> None:
    """Gives each version the cluster's own etcd as its gRPC server, on a port with a way in."""
    jsonpath = "-o=jsonpath={.items[0].spec.containers[0].image}"
    image = program.kubectl("-n", "kube-system", "get", "pods", "-l", "component=etcd", jsonpath).stdout
    program.config(
        app={
            "name": "myapp",
            "ports": [
                {"name": "http", "port": 80},
                {"name": "grpc", "port": PORT, "protocol": "grpc", "gatewayPort": ENTRANCE},
            ],
        },
        versions={name: {**IMAGES[name], "podTemplate": _etcd(name, image)} for name in HALF},
    )
    program.up()
    with _channel(program) as opened:
        wait_until(lambda: () if _status(opened) == "OK" else ("gRPC answers",), WAIT_SECONDS)


def moved(weights: Split) -> Step:
    """Return a step that moves the split while requests and streams go on; it notes how many."""

    def step(program: Program) -> str:
        statuses: Counter[str] = Counter()
        done = threading.Event()
        with _channel(program) as opened:
            streams = [_Stream(opened) for _ in range(STREAMS)]
            began = [stream.answers() for stream in streams]

            def ask() -> None:
                while not done.is_set():
                    statuses[_status(opened)] += 1

            client = threading.Thread(target=ask)
            client.start()
            try:
                program.config(weights=dict(weights))
                program.up()
            finally:
                done.set()
                client.join()
            kept = [stream.answers() for stream in streams]
        if set(statuses) != {"OK"} or not all(began + kept):
            raise AssertionError(f"gRPC requests ended with {dict(statuses)}; streams go on: {kept}")
        return f"{statuses['OK']} gRPC requests and {STREAMS} streams, none failed"

    return step


def removed(program: Program) -> None:
    """Takes the port and the servers away again."""
    program.config(app={"name": "myapp"}, versions={name: IMAGES[name] for name in HALF}, weights=HALF)
    program.up()


def _etcd(name: str, image: str) -> Mapping[str, Any]:
    container = {
        "name": "etcd",
        "image": image,
        "args": [
            f"--name={name}",
            f"--initial-cluster={name}=http://localhost:2380",
            f"--listen-client-urls=http://0.0.0.0:{PORT}",
            f"--advertise-client-urls=http://localhost:{PORT}",
            "--data-dir=/data",
        ],
        "readinessProbe": {"grpc": {"port": PORT}, "periodSeconds": 1},
        "lifecycle": {"preStop": {"sleep": {"seconds": 5}}},
    }
    return {"spec": {"containers": [container]}}


@contextmanager
def _channel(program: Program) -> Generator[Any]:
    urls: Any = program.outputs()["urls"]
    with GRPC.insecure_channel(urls["grpc"].removeprefix("http://")) as made:
        yield made


def _status(channel: Any) -> str:
    try:
        channel.unary_unary(MEMBERS)(b"", timeout=30)
    except grpc.RpcError as error:
        code: Any = error
        return code.code().name
    return "OK"


class _Stream:
    """A watch of a key, on which another one can be asked for at any time."""

    def __init__(self, channel: Any) -> None:
        self._asked = threading.Semaphore(0)
        self._call = channel.stream_stream(WATCH)(self._requests())

    def _requests(self) -> Generator[bytes]:
        while True:
            self._asked.acquire()
            yield CREATE

    def answers(self) -> bool:
        """Whether one more request on the stream is answered."""
        self._asked.release()
        try:
            return next(self._call, None) is not None
        except grpc.RpcError:
            return False
