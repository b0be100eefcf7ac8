"""Istio's own samples behind the split, by config alone: their objects as its module has them, with sidecars.

Their images are in registries only, so others stand in under the same names: the echo server of Istio's own
tests, and Envoy for the page that calls the rest.
"""

import json
import re
import socket
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import yaml
from websockets.exceptions import WebSocketException
from websockets.sync.client import ClientConnection, connect

from components.observation.answers import ask
from harness.labs import Lab, Program
from harness.pace import pace
from lab.containerd import NAMESPACE as CONTAINERD
from tests.lab.load import gathered, load
from tests.lab.observe import PATIENT, wait
from tests.lab.shop import second_stack
from tools import build, golang, images, libraries, modulefiles, oci

NAMESPACE = "samples"
PAGE = "productpage"
PORT = 9080
# Which of the others answers which of the page's paths.
CALLED = {"/details": "details", "/ratings": "ratings", "/": "reviews"}
# By it the echo server takes a request for a WebSocket's.
ECHO_BY_WEBSOCKET = {"testwebsocket": "enabled"}
TORNADO = "docker.io/hiroakis/tornado-websocket-example"


@pytest.fixture(scope="module", autouse=True)
def samples(program: Program, lab: Lab) -> Iterator[None]:
    """The samples' objects in a namespace whose pods get a sidecar, and their images on the node."""
    folder = modulefiles.module_folder(golang.find(), "cluster", modulefiles.ISTIO) / "samples"
    files = (folder / "bookinfo/platform/kube/bookinfo.yaml", folder / "websockets/app.yaml")
    for file in files:
        _import(lab, file)
    program.kubectl("create", "namespace", NAMESPACE)
    try:
        program.kubectl("label", "namespace", NAMESPACE, "istio-injection=enabled")
        for file in files:
            program.kubectl("apply", "-n", NAMESPACE, "-f", str(file))
        ready = ("wait", "deployments", "--all", "--for=condition=Available")
        program.kubectl("-n", NAMESPACE, *ready, f"--timeout={round(180 * pace())}s")
        yield
    finally:
        program.kubectl("delete", "namespace", NAMESPACE)


def _import(lab: Lab, file: Path) -> None:
    """Make a stand-in for each image of a sample, and import it where a registry's would come to."""
    objects: list[dict[str, Any] | None] = list(yaml.safe_load_all(file.read_text()))
    # What begins after a last `---` is none.
    for one in (one for one in objects if one and one["kind"] == "Deployment"):
        name, container = one["metadata"]["name"], one["spec"]["template"]["spec"]["containers"][0]
        repository, _, tag = container["image"].partition(":")
        reference = f"{repository}:{tag or 'latest'}"
        if container["name"] == PAGE:
            envoy = images.envoy()
            command = ("/envoy", "--disable-hot-restart", "--config-yaml", json.dumps(_page()))
            image = oci.Image(reference, {"/envoy": envoy} | libraries.linked_by([envoy]), command)
        else:
            command = ("/echo", f"--port={container['ports'][0]['containerPort']}", f"--version={name}")
            image = oci.Image(reference, {"/echo": build.one("echo")}, command)
        archive = lab.folder / "sample.tar"
        oci.write((image,), archive)
        ctr = ("ctr", "-n", CONTAINERD, "images", "import", str(archive))
        lab.run("python", "-m", "lab", *lab.options, "exec", "--", *ctr)
        archive.unlink()


def _page() -> dict[str, object]:
    """The settings of an Envoy that answers by asking the other services, and knows of no sidecar."""

    def cluster(service: str) -> dict[str, object]:
        host = {"address": f"{service}.{NAMESPACE}.svc.cluster.local", "port_value": PORT}
        endpoint = {"endpoint": {"address": {"socket_address": host}}}
        load = {"cluster_name": service, "endpoints": [{"lb_endpoints": [endpoint]}]}
        return {"name": service, "type": "STRICT_DNS", "load_assignment": load}

    routes = [
        {"match": {"prefix": path}, "route": {"cluster": name, "host_rewrite_literal": f"{name}:{PORT}"}}
        for path, name in CALLED.items()
    ]
    kind = "type.googleapis.com/envoy.extensions.filters"
    router = {"name": "router", "typed_config": {"@type": f"{kind}.http.router.v3.Router"}}
    manager = {
        "@type": f"{kind}.network.http_connection_manager.v3.HttpConnectionManager",
        "stat_prefix": PAGE,
        "http_filters": [router],
        "route_config": {"virtual_hosts": [{"name": PAGE, "domains": ["*"], "routes": routes}]},
    }
    listener = {
        "address": {"socket_address": {"address": "0.0.0.0", "port_value": PORT}},  # noqa: S104 - of a pod
        "filter_chains": [{"filters": [{"name": "http", "typed_config": manager}]}],
    }
    clusters = [cluster(name) for name in CALLED.values()]
    return {"static_resources": {"listeners": [listener], "clusters": clusters}}


@contextmanager
def stack(program: Program, lab: Lab, service: str, port: int, **routing: object) -> Generator[Program]:
    """A stack for a sample's Service, its config but for versions and weights."""
    with second_stack(program, lab, service) as made:
        made.config(
            app={"name": service, "namespace": NAMESPACE, "service": service, "port": port},
            routing={
                "gateway": f"{service}-gateway",
                "hosts": [host(service)],
                "retries": {"attempts": 0},
                **routing,
            },
            convergence=PATIENT,
        )
        yield made


def host(service: str) -> str:
    """The name by which a sample is asked for at the gateway."""
    return f"{service}.example"


def wait_for(version: str, url: str, service: str) -> None:
    """Wait until twenty requests are answered by one version; chance alone does not pick it so often."""
    only = {f"ServiceVersion={version}"}
    wait(
        lambda: {answer.text for answer in islice(ask(url, {"Host": host(service)}), 20)} == only,
        f"all is answered by {version} at {url} of {host(service)}",
    )


def test_reviews_of_bookinfo_move_for_users_and_for_the_page_that_calls_them(
    program: Program, lab: Lab
) -> None:
    versions = {name: {"deployment": f"reviews-{name}"} for name in ("v1", "v2", "v3")}
    with (
        stack(program, lab, "reviews", PORT, meshCallers=True) as reviews,
        stack(program, lab, PAGE, PORT) as page,
    ):
        reviews.config(versions=versions, weights={"v1": 100})
        reviews.up("--skip-preview")
        page.config(versions={"v1": {"deployment": f"{PAGE}-v1"}}, weights={"v1": 100})
        page.up("--skip-preview")
        url = str(page.outputs()["url"])
        for path, service in CALLED.items():
            wait_for(f"{service}-v1", f"{url}{path}", PAGE)
        with load(url, {"Host": host(PAGE)}) as readers, load(url, {"Host": host("reviews")}) as users:
            for weights in ({"v1": 50, "v3": 50}, {"v2": 20, "v3": 80}, {"v3": 100}):
                reviews.config(weights=weights)
                reviews.up("--skip-preview")
            assert "200 requests, none failed" in reviews.run("python", "-m", "rollout", "verify").stdout
            reviews.config(versions={"v3": versions["v3"]})
            reviews.up("--skip-preview")
            for asked in (PAGE, "reviews"):
                wait_for("reviews-v3", url, asked)
        for answers in (readers, users):
            assert [answer.text for answer in answers if not answer.ok] == []
            assert {f"ServiceVersion=reviews-v{number}" for number in (1, 3)} <= {one.text for one in answers}


@contextmanager
def opened(url: str) -> Generator[ClientConnection]:
    """A WebSocket through the gateway; no limit is one of a quiet machine."""
    way = urlsplit(url)
    connection = socket.create_connection((way.hostname, way.port))
    limit = 60 * pace()
    with connect(
        f"ws://{host('tornado')}",
        sock=connection,
        additional_headers=ECHO_BY_WEBSOCKET,
        open_timeout=limit,
        close_timeout=limit,
        ping_interval=None,
    ) as one:
        yield one


def echoed(one: ClientConnection) -> str:
    """The version that answers a message."""
    one.send("hello")
    found = re.search(r"ServiceVersion=(\S+)", str(one.recv()))
    return found[1] if found else "unknown"


def answered(url: str) -> str:
    """The version that answers on a WebSocket of its own, or why none does."""
    try:
        with opened(url) as one:
            return echoed(one)
    except (OSError, WebSocketException) as error:
        return repr(error)


def test_websockets_go_through_a_move_from_the_samples_deployment_to_one_of_ours(
    program: Program, lab: Lab
) -> None:
    def ours(says: str) -> dict[str, object]:
        container = {"name": "tornado", "args": [f"--version={says}"]}
        template = {"spec": {"containers": [container]}}
        return {"image": TORNADO, "containerPort": 8888, "podTemplate": template}

    theirs = {"deployment": "tornado"}
    with stack(program, lab, "tornado", 8888) as tornado:
        tornado.config(versions={"v1": theirs}, weights={"v1": 100})
        tornado.up("--skip-preview")
        url = str(tornado.outputs()["url"])
        with gathered(iter(lambda: answered(url), None), 20) as users, opened(url) as stays:
            tornado.config(versions={"v1": theirs, "v2": ours("one")}, weights={"v1": 0, "v2": 100})
            tornado.up("--skip-preview")
            # It stays where it began.
            assert echoed(stays) == "tornado"
            # Its pods roll, each with a sidecar.
            tornado.config(versions={"v1": theirs, "v2": ours("two")})
            tornado.up("--skip-preview")
            tornado.config(versions={"v2": ours("two")}, weights={"v2": 100})
            tornado.up("--skip-preview")
        assert set(users) == {"tornado", "one", "two"}
