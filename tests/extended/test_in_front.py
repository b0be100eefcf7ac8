"""Another team's routes on the same gateway: `up` says where requests go, and its own requests say so too."""

import re
import time
from collections import Counter
from collections.abc import Generator
from contextlib import contextmanager
from typing import Any

import httpx
import pytest

from harness.labs import Lab, Program
from tests.lab.observe import PATIENT, QUICK, VERSIONS, failing_up, routed, updated, wait
from tests.lab.others import theirs
from tests.lab.shop import existing_cluster, second_stack

V1 = {"destination": {"host": "myapp", "subset": "v1", "port": {"number": 80}}}


@pytest.fixture(autouse=True)
def half_and_half(base: Program) -> None:
    # Without another change, so that no pod starts.
    base.config(convergence=QUICK)


@contextmanager
def older(program: Program, **match: Any) -> Generator[None]:
    """A VirtualService with the host of ours, made before ours is made anew; v1 answers all that it takes."""
    rule = {"route": [V1], **({"match": [match]} if match else {})}
    spec = {"hosts": ["*"], "gateways": ["app-gateway"], "http": [rule]}
    with program.applied(theirs("VirtualService", "a-older", spec)):
        made = time.monotonic()
        program.kubectl("delete", "virtualservice", "myapp")
        wait(lambda: not any(routed(program)), "the gateway has no route of ours")
        # Istio orders by the time of creation, which has whole seconds.
        wait(lambda: time.monotonic() > made + 1, "a second is over")
        yield


def answers(program: Program, count: int = 100) -> Counter[str]:
    with httpx.Client() as client:
        url = str(program.outputs()["url"])
        return Counter(client.get(url).headers.get("X-App-Version", "none") for _ in range(count))


def test_an_older_route_that_takes_every_request_fails_up_and_is_named(program: Program) -> None:
    with older(program):
        program.config(weights={"v2": 100}, convergence=PATIENT)
        started = time.monotonic()
        said = failing_up(program, "--refresh")
        # Not after the whole time.
        assert time.monotonic() - started < PATIENT["timeoutSeconds"]
        # As before this was looked at: the state says 0/100, and v1 answers all.
        assert answers(program) == {"v1": 100}
        assert "sends every request for host *, path / to the VirtualService default/a-older" in said
        assert re.search(r"kubectl --context \S+ -n default edit virtualservice a-older", said)
        # It fails on every `up` until it is true.
        assert "myapp-converged" in updated(program)
        failing_up(program)
    program.up("--skip-preview")
    assert answers(program) == {"v2": 100}


def test_a_route_that_takes_some_requests_is_said_and_no_failure(program: Program) -> None:
    with older(program, uri={"prefix": "/other-team"}):
        done = program.up("--skip-preview", "--refresh")
        note = "sends some of the split's requests elsewhere: path prefix /other-team to the Virtual"
        assert note in done.stdout + done.stderr
        done = program.up("--skip-preview", "--expect-no-changes")
        assert note in done.stdout + done.stderr


def test_a_route_that_nothing_here_decides_is_proved_by_requests_or_not_at_all(program: Program) -> None:
    with older(program, uri={"regex": "/v[0-9]+"}):
        program.up("--skip-preview", "--refresh")
        program.up("--skip-preview", "--expect-no-changes")
    with older(program, uri={"regex": ".*"}):
        program.config(weights={"v2": 100})
        said = failing_up(program, "--refresh")
        assert answers(program) == {"v1": 100}
        assert "default/a-older" in said


def test_a_gateway_that_refuses_every_request_is_named_and_not_the_app(program: Program) -> None:
    spec: dict[str, Any] = {
        "selector": {"matchLabels": {"istio": "ingressgateway"}},
        "action": "DENY",
        "rules": [{}],
    }
    program.config(weights={"v1": 40, "v2": 60})
    url = str(program.outputs()["url"])
    deny = theirs("AuthorizationPolicy", "deny", spec, namespace="istio-system", group="security")
    with program.applied(deny):
        wait(lambda: httpx.get(url).status_code == 403, "the gateway refuses")
        said = failing_up(program)
        assert "came to the versions with traffic; the answer was: HTTP 403: RBAC: access denied" in said
        assert "The gateway itself refuses them, not the app." in said
    wait(lambda: httpx.get(url).status_code == 200, "the gateway lets them pass")
    program.up("--skip-preview")


def test_where_the_gateway_cannot_be_reached_one_line_says_so(program: Program, lab: Lab) -> None:
    with second_stack(program, lab, "unreachable") as shop:
        cluster = {**existing_cluster(program), "ingressAddress": "127.0.0.1"}
        shop.config(cluster=cluster, versions=VERSIONS, weights={"v1": 30, "v2": 70})
        done = shop.up("--skip-preview")
    assert "The proof sent no requests of its own: http://127.0.0.1:" in done.stdout + done.stderr
