"""When plain HTTP has to stay until HTTPS answers."""

import asyncio
from collections.abc import Mapping
from typing import Any

import pulumi
import pytest

from components import https_first
from components.gateway.gateways import Gateways
from components.https_first import opens
from components.kubernetes.kubeconfig import Kubeconfig
from components.manifests import routes
from components.manifests.manifest import object_path
from components.settings.model import App, Routing
from tests.unit.fake_cluster import FakeGateway, fake_cluster
from tests.unit.fake_engine import known_hooks

HTTP: dict[str, Any] = {"port": {"number": 80, "name": "http", "protocol": "HTTP"}, "hosts": ["*"]}
HTTPS: dict[str, Any] = {
    "port": {"number": 443, "name": "https", "protocol": "HTTPS"},
    "hosts": ["*"],
    "tls": {"mode": "SIMPLE", "credentialName": "tls"},
}


@pytest.mark.parametrize(
    ("before", "after", "both"),
    [
        (HTTP, HTTPS, True),
        (HTTPS, HTTP, False),
        # The listener itself goes on by the old certificate until it has the new one.
        (HTTPS, HTTPS | {"tls": {"mode": "SIMPLE", "credentialName": "other"}}, False),
        (HTTP, HTTP | {"hosts": ["shop.example"]}, False),
        # One port cannot speak both.
        (HTTP, HTTPS | {"port": HTTPS["port"] | {"number": 80}}, False),
    ],
)
def test_both_servers_stand_where_a_gateway_gets_its_first_certificate(
    before: dict[str, Any], after: dict[str, Any], *, both: bool
) -> None:
    old, new = ({"spec": {"servers": [one]}} for one in (before, after))
    assert opens(old, new) is both


@pytest.mark.parametrize("serves", [True, False])
def test_the_gateways_that_have_the_gateway_now_are_asked(
    monkeypatch: pytest.MonkeyPatch, *, serves: bool
) -> None:
    """Those of another selector get it with Pulumi's own write alone; of none that serves nobody waits."""
    asked, written = list[Mapping[str, str]](), list[Any]()

    def gateways(kubeconfig: Kubeconfig, selector: Mapping[str, str]) -> Gateways:
        asked.append(selector)
        return Gateways(kubeconfig, selector)

    def write(_api: object, _path: str, _found: object, *, servers: object) -> None:
        written.append(servers)

    def wait(*_: object) -> None:
        pass

    monkeypatch.setattr(https_first, "Gateways", gateways)
    monkeypatch.setattr(https_first, "write", write)
    monkeypatch.setattr(https_first, "wait_until", wait)
    https: dict[str, Any] = {"tls_secret": "tls", "port": 443}
    new = routes.gateway(App("shop"), Routing(gateway_selector={"istio": "new"}, **https))
    standing = routes.gateway(App("shop"), Routing(gateway_selector={"istio": "old"}))
    running = [FakeGateway("a", {})] if serves else []
    with fake_cluster(*running, objects={object_path(new): standing}) as cluster:
        https_first.both(cluster.kubeconfig, new, 60)
    assert asked == ([{"istio": "old"}] if serves else [])
    assert written == ([[*standing["spec"]["servers"], *new["spec"]["servers"]]] if serves else [])


def test_a_host_that_is_a_secret_hides_no_certificate(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pulumi's SDK hands over all of the spec as one secret."""
    kept, waited = known_hooks(monkeypatch), list[Any]()

    def waits(_kubeconfig: object, new: object, _seconds: float) -> None:
        waited.append(new)

    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    monkeypatch.setattr(https_first, "both", waits)
    https_first.https_first("shop", "kubeconfig", 60)
    old, new = ({"spec": {"servers": [one]}} for one in (HTTP, HTTPS))
    secret = {"spec": pulumi.Output.secret(new["spec"])}
    args = pulumi.ResourceHookArgs("", "", "shop-gateway", "", old_inputs=old, new_inputs=secret)
    write: Any = kept[-1].callback(args)
    loop.run_until_complete(write)
    loop.close()
    assert waited == [new]
