"""gRPC behind the split: etcd, a server that nobody here wrote, and grpcio's client."""

import queue
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from typing import Any, cast

import grpc
import pytest

from harness.labs import Lab, Program
from harness.pace import pace
from tests.lab.load import gathered
from tests.lab.observe import get, wait
from tests.lab.shop import HOST, ROUTING, second_stack

# Each version is a member of a cluster of its own, and its name is in what it says of that.
MEMBERS = "/etcdserverpb.Cluster/MemberList"
WATCH = "/etcdserverpb.Watch/Watch"
# A WatchRequest for the key x.
CREATE = b"\x0a\x03\x0a\x01x"
DRAIN_SECONDS = 8
# Untyped by its makers.
GRPC: Any = grpc


@pytest.fixture(scope="module")
def versions(program: Program) -> dict[str, dict[str, Any]]:
    """v1 and v2 of the cluster's own etcd, and `http`, which speaks no gRPC at all."""
    pods = get(program, "-n", "kube-system", "pods", "-l", "component=etcd")["items"]
    image = pods[0]["spec"]["containers"][0]["image"]

    def etcd(name: str) -> dict[str, Any]:
        arguments = [
            f"--name={name}",
            f"--initial-cluster={name}=http://localhost:2380",
            "--listen-client-urls=http://0.0.0.0:2379",
            "--advertise-client-urls=http://localhost:2379",
            "--data-dir=/data",
        ]
        return {
            "image": image,
            "containerPort": 2379,
            "probes": {"readiness": {"grpc": {}}},
            "podTemplate": {"spec": {"containers": [{"name": "shop", "args": arguments}]}},
        }

    http = {
        "image": "janakiramm/myapp:v1",
        "containerPort": 2379,
        "podTemplate": {"spec": {"containers": [{"name": "shop", "args": ["--address", ":2379"]}]}},
    }
    return {"v1": etcd("v1"), "v2": etcd("v2"), "http": http}


@pytest.fixture(scope="module")
def shop(program: Program, lab: Lab, versions: dict[str, Any]) -> Iterator[Program]:
    with second_stack(program, lab, "grpc") as made:
        made.config(
            app={"name": "shop", "ports": [{"name": "grpc", "port": 2379, "protocol": "grpc"}]},
            routing={**ROUTING, "retries": {"attempts": 0}},
            convergence={"timeoutSeconds": round(40 * pace()), "drainSeconds": DRAIN_SECONDS},
            versions={"v1": versions["v1"]},
            weights={"v1": 100},
        )
        made.up("--skip-preview")
        yield made


@contextmanager
def channel(shop: Program) -> Generator[Any]:
    url = str(shop.outputs()["url"]).removeprefix("http://")
    with GRPC.insecure_channel(url, options=[("grpc.default_authority", HOST)]) as made:
        yield made


def member(channel: Any) -> str:
    """The version that answers, or the status of a failure."""
    try:
        said = cast("bytes", channel.unary_unary(MEMBERS)(b"", timeout=30))
    except grpc.RpcError as error:
        return str(cast("Any", error).code())
    return "v1" if b"v1" in said else "v2" if b"v2" in said else "unknown"


@contextmanager
def load(shop: Program) -> Generator[list[str]]:
    """Steady requests until the block ends; nothing is repeated."""
    with channel(shop) as opened, gathered(iter(lambda: member(opened), None), 50) as answers:
        yield answers


class Stream:
    """A watch of a key, which ends by itself never."""

    def __init__(self, channel: Any) -> None:
        self._requests: queue.Queue[bytes | None] = queue.Queue()
        self._call = channel.stream_stream(WATCH)(iter(self._requests.get, None))

    def answers(self) -> bool:
        """Whether another request on the stream gets its answer; not once it has ended."""
        self._requests.put(CREATE)
        try:
            return next(self._call, None) is not None
        except grpc.RpcError:
            return False


def test_requests_and_streams_go_through_a_move_and_a_long_stream_ends_with_its_version(
    shop: Program, versions: dict[str, Any]
) -> None:
    with channel(shop) as opened, load(shop) as users:
        stream = Stream(opened)
        assert stream.answers()
        shop.config(versions={"v1": versions["v1"], "v2": versions["v2"]}, weights={"v1": 0, "v2": 100})
        shop.up("--skip-preview")
        assert member(opened) == "v2"
        # It stays where it began.
        assert stream.answers()
        shop.config(versions={"v2": versions["v2"]}, weights={"v2": 100})
        done = shop.up("--skip-preview")
        # Its pods go in the background, after their preStop.
        wait(lambda: not stream.answers(), "the stream has ended")
    said = done.stdout + done.stderr
    assert "1 requests to v1 took longer than " in said
    assert set(users) == {"v1", "v2"}


def test_verify_and_shift_ask_by_the_health_check_and_count_by_status(
    shop: Program, versions: dict[str, Any]
) -> None:
    shop.config(versions={"v2": versions["v2"], "http": versions["http"]}, weights={"v2": 100, "http": 0})
    shop.up("--skip-preview")
    assert "200 requests, none failed" in shop.run("python", "-m", "rollout", "verify").stdout
    options = ("--steps", "100", "--pause", "5", "--traffic", "60", "--yes")
    done = shop.run("python", "-m", "rollout", "shift", "http", *options, check=False)
    said = done.stdout + done.stderr
    assert done.returncode == 1, said
    assert "requests failed" in said
    assert shop.outputs()["weights"] == {"v2": 100, "http": 0}
