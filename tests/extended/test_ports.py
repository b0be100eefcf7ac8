"""Several ports of an app: each with the weights, all proved, and none in the way of another."""

import json
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

import httpx
import pytest

from components.observation.answers import Answer
from harness.labs import Program
from tests.lab.baseline import Baseline
from tests.lab.load import load
from tests.lab.observe import PATIENT, QUICK, VERSIONS, failing_up, followed, get, updated

PORTS: list[dict[str, Any]] = [{"name": "http", "port": 80}, {"name": "api", "port": 81, "gatewayPort": 9000}]


def version(tag: str) -> Mapping[str, Any]:
    """One whose second port is a second server, and which listens on another number as well."""
    beside = [
        {"name": f"api-{number}", "image": f"janakiramm/myapp:{tag}", "args": ["--address", f":{number}"]}
        for number in (81, 82)
    ]
    return {
        "image": f"janakiramm/myapp:{tag}",
        "probes": {"readiness": {"path": "/"}},
        "podTemplate": {"spec": {"containers": beside}},
    }


@pytest.fixture(scope="module")
def two_ports(baseline: Baseline) -> Iterator[Program]:
    """The whole program, so that the gateway's Service gets its port as well; traffic on v1 alone."""
    changed = baseline.with_config(
        versions={"v1": version("v1"), "v2": version("v2")}, weights={"v1": 100, "v2": 0}, convergence=PATIENT
    )
    changed.restore()
    yield changed.program


def answered(url: str, headers: Mapping[str, str] | None = None, count: int = 20) -> Counter[str]:
    """By version, the answers of requests with these headers."""
    with httpx.Client(headers=headers or {}) as client:
        return Counter(client.get(url).headers["X-App-Version"] for _ in range(count))


def api_url(program: Program) -> str:
    """Where the second port comes in."""
    urls: Any = program.outputs()["urls"]
    return urls["api"]


def failures(answers: list[Answer]) -> list[str]:
    return [one.text for one in answers if not one.ok]


def test_a_port_is_added_moved_changed_and_removed_under_load_and_nothing_is_dropped(
    two_ports: Program,
) -> None:
    program = two_ports
    url = str(program.outputs()["url"])
    with load(url) as users:
        program.config(app={"name": "myapp", "ports": PORTS})
        # With its preview, in which the gateway's Service has not the port yet.
        program.up()
        api = api_url(program)
        with load(api) as callers:
            program.config(weights={"v1": 50, "v2": 50})
            program.up("--skip-preview")
            assert set(answered(url, count=40)) == set(answered(api, count=40)) == {"v1", "v2"}
            program.up("--skip-preview", "--expect-no-changes")
            # What is said of all requests is said of both ports.
            program.config(testRoutes={"v2": {"header": {"x-version": "v2"}}}, weights={"v1": 100, "v2": 0})
            program.up("--skip-preview")
            for one in (url, api):
                assert answered(one, {"x-version": "v2"}) == {"v2": 20}
                assert answered(one) == {"v1": 20}
        program.run("pulumi", "config", "rm", "blue-green:testRoutes")
        program.config(app={"name": "myapp"})
        program.up("--skip-preview")
        program.up("--skip-preview", "--expect-no-changes")
    assert failures(users) == failures(callers) == []
    assert {one.version for one in callers} == {"v1", "v2"}
    with pytest.raises(httpx.ConnectError):
        httpx.get(api)


def test_the_proof_reads_the_routes_of_every_port(two_ports: Program) -> None:
    program = two_ports
    program.config(app={"name": "myapp", "ports": PORTS}, weights={"v1": 50, "v2": 50})
    program.up("--skip-preview")
    assert program.run("python", "-m", "rollout", "verify").returncode == 0
    api, split = get(program, "virtualservice", "myapp")["spec"]["http"]

    def write(*rules: Mapping[str, Any]) -> None:
        change = json.dumps({"spec": {"http": rules}})
        with followed(program):
            program.kubectl("patch", "virtualservice", "myapp", "--type=merge", "-p", change)

    write(api | {"route": json.loads(json.dumps(api["route"]).replace("81", "80"))}, split)
    assert "myapp-converged" in updated(program)
    program.config(convergence=QUICK)
    said = failing_up(program, "--refresh=false")
    assert "leads to outbound|80|v1|myapp.default.svc.cluster.local, and not to port 81" in said
    program.up("--skip-preview")
    assert set(answered(api_url(program), count=40)) == {"v1", "v2"}


def numbered(first: int, further: int) -> dict[str, Any]:
    """The app with these numbers of its ports."""
    numbers = {"http": first, "api": further}
    return {"name": "myapp", "ports": [{**one, "port": numbers[one["name"]]} for one in PORTS]}


def test_another_number_of_any_port_drops_nothing(two_ports: Program) -> None:
    program = two_ports
    versions = {name: {**version(name), "containerPort": 80} for name in VERSIONS}
    program.config(
        app=numbered(80, 81),
        versions=versions,
        weights={"v1": 50, "v2": 50},
        routing={"retries": {"attempts": 0}},
        convergence=PATIENT,
    )
    program.up("--skip-preview")
    # As after takeOwnership: who wrote the Service before has its ports as well.
    service = get(program, "service", "myapp")
    shared = {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": "myapp", "namespace": "default"},
        "spec": {"ports": service["spec"]["ports"]},
    }
    program.apply(shared, options=("--server-side", "--field-manager=helm"))
    with load(str(program.outputs()["url"])) as users, load(api_url(program)) as callers:
        for first, further in ((8080, 82), (80, 81)):
            program.config(app=numbered(first, further))
            program.up("--skip-preview")
            ports = get(program, "service", "myapp")["spec"]["ports"]
            assert [(one["name"], one["port"]) for one in ports] == [("http", first), ("api", further)]
        program.up("--skip-preview", "--expect-no-changes")
    assert failures(users) == failures(callers) == []
