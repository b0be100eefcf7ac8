"""The listener's link: its certificate and port. What no gateway can use changes nothing."""

import json
import subprocess
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from harness.labs import Lab, Program
from harness.pace import pace
from tests.lab.observe import PATIENT, failing_up, reached, wait
from tests.lab.shop import HOST, ROUTING, second_stack

NAME = "shop-tls"
CLOSED = {"timeoutSeconds": round(10 * pace()), "drainSeconds": 5}


@pytest.fixture
def shop(program: Program, lab: Lab) -> Iterator[Program]:
    with second_stack(program, lab, "certificate") as made:
        made.config(convergence=PATIENT)
        made.up("--skip-preview")
        made.config(convergence=CLOSED)
        yield made


def status(url: str) -> int:
    # The certificate is the test's own.
    with httpx.Client(verify=False) as client:  # noqa: S501
        return client.get(url, headers={"Host": HOST}, extensions={"sni_hostname": HOST}).status_code


def put(shop: Program, folder: Path, namespace: str, *options: str, host: str = HOST) -> None:
    """A Secret with a new certificate, in place of the one that is there."""
    key, certificate = folder / "key.pem", folder / "certificate.pem"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", f"/CN={host}", *options,
         "-keyout", key, "-out", certificate],
        check=True,
        capture_output=True,
    )  # fmt: skip
    remove(shop, namespace)
    files = (f"--cert={certificate}", f"--key={key}")
    shop.kubectl("-n", namespace, "create", "secret", "tls", NAME, *files)


def with_another_key(shop: Program, folder: Path) -> None:
    """The Secret's certificate with a key that is not its own; kubectl would not make one of type tls."""
    certificate, other = folder / "certificate.pem", folder / "other.pem"
    subprocess.run(["openssl", "genrsa", "-out", other, "2048"], check=True, capture_output=True)
    remove(shop, "istio-system")
    files = (f"--from-file=tls.crt={certificate}", f"--from-file=tls.key={other}")
    shop.kubectl("-n", "istio-system", "create", "secret", "generic", NAME, *files)


def remove(shop: Program, namespace: str) -> None:
    shop.kubectl("-n", namespace, "delete", "secret", NAME, "--ignore-not-found")


def _active(listeners: dict[str, Any] | None) -> set[str]:
    return {one["name"] for one in (listeners or {}).get("configs") or () if "active_state" in one}


@contextmanager
def target_port(shop: Program, number: int) -> Generator[None]:
    """The gateway's Service as most charts have it, with another targetPort for 443; then as it was."""
    both = {f"0.0.0.0_{one}" for one in (443, number)}
    secure = str(shop.outputs()["url"])

    def put(target: int) -> None:
        port = {"spec": {"ports": [{"port": 443, "targetPort": target}]}}
        shop.kubectl("-n", "istio-system", "patch", "service", "istio-ingressgateway", "-p", json.dumps(port))
        wait(lambda: listens(target) and answers(), f"every gateway takes requests for 443 on port {target}")

    def listens(target: int) -> bool:
        with reached(shop) as gateways:
            dumps = gateways.ask(lambda admin: admin.get("/config_dump?resource=dynamic_listeners"))
        return all(both & _active(dump.value) == {f"0.0.0.0_{target}"} for dump in dumps)

    def answers() -> bool:
        # The node follows the Service in its own time.
        try:
            return status(secure) == 200
        except httpx.TransportError:
            return False

    try:
        put(number)
        yield
    finally:
        put(443)


def test_a_certificate_that_the_gateways_cannot_use_leaves_plain_http_on(
    shop: Program, tmp_path: Path
) -> None:
    plain = str(shop.outputs()["url"])
    shop.config(routing=ROUTING | {"tlsSecret": NAME})
    try:
        put(shop, tmp_path, "default")
        said = failing_up(shop)
        assert f"Secret istio-system/{NAME} is not there, in the namespace of the gateway's pods" in said
        assert f" -n istio-system create secret tls {NAME}" in said
        put(shop, tmp_path, "istio-system", host="other.example")
        assert f"Secret istio-system/{NAME} is for other.example, not for {HOST}" in failing_up(shop)
        past = ("-not_before", "20200101000000Z", "-not_after", "20200102000000Z")
        try:
            put(shop, tmp_path, "istio-system", *past)
        except subprocess.CalledProcessError:
            pass  # openssl before 3.4 makes none that has expired; the unit tests hold that part
        else:
            assert f"Secret istio-system/{NAME} has expired, at 2020-01-02T00:00:00Z" in failing_up(shop)
        shop.kubectl("-n", "istio-system", "delete", "secret", NAME)
        shop.kubectl("-n", "istio-system", "create", "secret", "generic", NAME, "--from-literal=a=b")
        assert f"Secret istio-system/{NAME} of type Opaque holds no tls.crt with a tls.key" in failing_up(
            shop
        )
        assert status(plain) == 200
        put(shop, tmp_path, "istio-system")
        with_another_key(shop, tmp_path)
        # The Secret has all that it needs, and no Envoy takes it.
        said = failing_up(shop)
        assert "Plain HTTP goes on, as no HTTPS answers yet" in said
        assert f"ends each TLS connection: it could not load the certificate {NAME}" in said
        assert status(plain) == 200
        put(shop, tmp_path, "istio-system")
        shop.up("--skip-preview")
        secure = str(shop.outputs()["url"])
        assert status(secure) == 200
        with target_port(shop, 8443):
            shop.up("--skip-preview")
            assert status(secure) == 200
        shop.config(routing=ROUTING | {"tlsSecret": NAME, "gateway": "another"})
        previewed = shop.preview(check=False)
        assert previewed.returncode
        for said in (previewed.stdout + previewed.stderr, failing_up(shop)):
            assert f"the Gateway shop-gateway has host {HOST} on port 443 of the gateway istio=" in said
            line = f"pulumi config set --stack {shop.stack} --path blue-green:routing.gateway shop-gateway"
            assert line in said
        assert status(secure) == 200
        shop.config(routing=ROUTING | {"tlsSecret": NAME})
        remove(shop, "istio-system")
        said = failing_up(shop)
        assert f"Secret istio-system/{NAME} is not there" in said
    finally:
        remove(shop, "default")
        remove(shop, "istio-system")
