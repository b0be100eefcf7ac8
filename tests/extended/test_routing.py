"""What else the config says of the way to the app: paths, headers, sessions, TLS, callers in the mesh."""

import json
import subprocess
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, cast

import httpx
import pytest

from components.gateway import envoy
from harness.labs import Lab, Program
from harness.pace import pace
from tests.lab.observe import VERSIONS, failing_up, followed, wait
from tests.lab.shop import HOST, ROUTING, TARGET, second_stack

CALLERS = 8


@pytest.fixture(scope="module")
def shop(program: Program, lab: Lab) -> Iterator[Program]:
    with second_stack(program, lab, "routing") as made:
        yield made


def get(shop: Program, path: str = "/", **headers: str) -> httpx.Response:
    # The certificate is the test's own.
    with httpx.Client(verify=False) as client:  # noqa: S501
        named = {"Host": HOST} | headers
        url = f"{shop.outputs()['url']}{path}"
        return client.get(url, headers=named, extensions={"sni_hostname": HOST})


def test_only_what_matches_is_routed_and_a_client_stays_with_its_pod(shop: Program) -> None:
    matching = {
        "paths": ["/shop"],
        "headers": {"x-tester": "yes"},
        "responseHeaders": {"x-served-by": "shop"},
        "stickySession": {"cookie": "pod", "ttl": "1h"},
    }
    shop.config(routing=ROUTING | matching)
    shop.up("--skip-preview")
    answer = get(shop, "/shop/cart", **{"x-tester": "yes"})
    assert (answer.status_code, answer.headers["x-served-by"]) == (200, "shop")
    assert answer.headers["set-cookie"].startswith("pod=")
    assert get(shop, "/shop/cart").status_code == 404
    assert get(shop, "/", **{"x-tester": "yes"}).status_code == 404


def test_a_tls_secret_makes_it_https(shop: Program, tmp_path: Path) -> None:
    key, certificate = tmp_path / "key.pem", tmp_path / "certificate.pem"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "1",
         "-subj", f"/CN={HOST}", "-keyout", key, "-out", certificate],
        check=True,
        capture_output=True,
    )  # fmt: skip
    files = (f"--cert={certificate}", f"--key={key}")
    shop.kubectl("-n", "istio-system", "create", "secret", "tls", "shop-tls", *files)
    try:
        shop.config(routing=ROUTING | {"tlsSecret": "shop-tls"})
        shop.up("--skip-preview")
        assert str(shop.outputs()["url"]).startswith("https://")
        assert get(shop).status_code == 200
    finally:
        shop.kubectl("-n", "istio-system", "delete", "secret", "shop-tls")


def test_a_caller_in_the_mesh_follows_the_split_where_the_config_says_so(shop: Program) -> None:
    metadata = {"name": "caller", "labels": {"sidecar.istio.io/inject": "true"}}
    container = {"name": "caller", "image": "janakiramm/myapp:v1", "imagePullPolicy": "IfNotPresent"}
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": {"containers": [container]}}
    shop.kubectl("run", "caller", "--image=unused", "--overrides", json.dumps(pod))

    def routes() -> tuple[dict[str, int], ...]:
        ask = ("exec", "caller", "-c", "istio-proxy", "--", "pilot-agent", "request", "GET")
        dump = shop.kubectl(*ask, envoy.ROUTES.removeprefix("/"), check=False)
        # The agent may log a line before it.
        _, brace, rest = dump.stdout.partition("{")
        return () if dump.returncode else envoy.routed_weights(json.loads(brace + rest), TARGET)

    try:
        shop.kubectl("wait", "pod/caller", "--for=condition=Ready", f"--timeout={round(60 * pace())}s")
        shop.config(routing=ROUTING | {"meshCallers": True}, weights={"v1": 30, "v2": 70})
        said = shop.up("--skip-preview").stdout
        # The proof has read it: nothing is waited for any more.
        assert routes() == ({"v1": 30, "v2": 70},)
        assert "callers in the mesh, sampled: 1 of 1 sidecars read, 1 of 1 acknowledged to istiod" in said
        shop.config(routing=ROUTING)
        shop.up("--skip-preview")
        wait(lambda: routes() == (), "the sidecar has no route of the split")
    finally:
        shop.kubectl("delete", "pod", "caller", "--grace-period=0", "--force")


def test_each_of_several_hosts_is_proved(shop: Program) -> None:
    second = "second.example"
    shop.config(routing=ROUTING | {"hosts": [HOST, second]}, weights={"v1": 100, "v2": 0})
    shop.up("--skip-preview")
    url = str(shop.outputs()["url"])
    assert {httpx.get(url, headers={"Host": host}).status_code for host in (HOST, second)} == {200}
    with followed(shop):
        change = json.dumps({"spec": {"hosts": [HOST]}})
        shop.kubectl("patch", "virtualservice", "shop", "--type=merge", "-p", change)
    said = failing_up(shop, "--refresh=false")
    # To whom depends on which other stack there is.
    assert f"sends every request for host {second} to " in said
    shop.config(routing=ROUTING)
    shop.up("--skip-preview")


def test_each_of_several_gateways_with_the_selectors_label_is_proved(shop: Program) -> None:
    where = ("-n", "istio-system")
    one: dict[str, Any] = json.loads(
        shop.kubectl(*where, "get", "deployment/istio-ingressgateway", "-o", "json").stdout
    )
    spec = one["spec"]
    for labels in (spec["selector"]["matchLabels"], spec["template"]["metadata"]["labels"]):
        labels["app"] = "second-gateway"
    metadata = {"name": "second-gateway", "namespace": "istio-system"}
    shop.apply({**one, "metadata": metadata, "spec": spec, "status": None})
    try:
        shop.kubectl(*where, "rollout", "status", "deployment/second-gateway", "--timeout=180s")
        shop.config(weights={"v1": 40, "v2": 60})
        shop.up("--skip-preview")
        proofs = cast("dict[str, Any]", shop.outputs()["lastProof"])
        gateways = {pod.rsplit("-", 2)[0] for pod in proofs}
        assert gateways == {"istio-system/istio-ingressgateway", "istio-system/second-gateway"}
    finally:
        shop.kubectl(*where, "delete", "deployment/second-gateway", "--cascade=foreground")


def test_a_load_balancers_address_is_the_url(shop: Program) -> None:
    service: dict[str, Any] = {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": "shop-balancer", "namespace": "istio-system"},
        "spec": {
            "type": "LoadBalancer",
            "selector": {"istio": "ingressgateway"},
            "ports": [{"name": "http2", "port": 80}],
        },
    }
    with shop.applied(service):
        # What a cloud's controller would write.
        status = json.dumps({"status": {"loadBalancer": {"ingress": [{"ip": "127.0.0.77"}]}}})
        named = ("-n", "istio-system", "service", "shop-balancer")
        shop.kubectl("patch", *named, "--subresource=status", "--type=merge", "-p", status)
        gateway = {"service": "shop-balancer", "serviceType": "LoadBalancer"}
        shop.config(istio={"install": False, "gateway": gateway})
        shop.up("--skip-preview")
        assert shop.outputs()["url"] == "http://127.0.0.77"
        shop.config(istio={"install": False})
        shop.up("--skip-preview")


def test_slow_requests_of_a_version_that_is_removed_end_well(shop: Program) -> None:
    slow = {"slow": {"image": "janakiramm/myapp:slow"}}
    shop.config(routing=ROUTING, versions={**VERSIONS, **slow}, weights={"slow": 100})
    shop.up("--skip-preview")
    url, stop, begun = str(shop.outputs()["url"]), threading.Event(), threading.Semaphore(0)

    def call() -> list[tuple[int, str]]:
        answers: list[tuple[int, str]] = []
        with httpx.Client(timeout=30, headers={"Host": HOST}) as client:
            while not stop.is_set():
                answer = client.get(url)
                answers.append((answer.status_code, answer.headers.get("X-App-Version", "")))
                begun.release()
                stop.wait(0.05)
        return answers

    with ThreadPoolExecutor(CALLERS) as pool:
        calls = [pool.submit(call) for _ in range(CALLERS)]
        try:
            # So many answers of 2 s: every caller has its second request in flight, or is about to.
            for _ in calls:
                begun.acquire()
            shop.config(versions=VERSIONS, weights={"v1": 100})
            shop.up("--skip-preview")
        finally:
            stop.set()
        answers = [answer for one in calls for answer in one.result()]
    assert {status for status, _ in answers} == {200}
    # Each caller had a slow one in flight when the split moved.
    assert [version for _, version in answers].count("slow") >= CALLERS
    assert "slow" not in shop.kubectl("get", "deployments", "-o", "name").stdout
