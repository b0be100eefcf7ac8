"""The gateway's address out of its Service."""

import re
from typing import Any

import pulumi
import pytest

from components.ingress import ingress, url, where
from tests.unit.fake_cluster import FakeCluster, fake_cluster
from tests.unit.pulumi_run import run, value

PORTS = [{"name": "http2", "port": 80, "nodePort": 31000.0}]


def test_a_node_port_is_on_the_node() -> None:
    assert where({"spec": {"ports": PORTS}, "status": None}, 80) == (None, 31000)


@pytest.mark.parametrize(("entry", "host"), [({"ip": "1.2.3.4"}, "1.2.3.4"), ({"hostname": "lb.x"}, "lb.x")])
def test_a_load_balancer_goes_before_the_node(entry: dict[str, str], host: str) -> None:
    service: dict[str, Any] = {
        "spec": {"ports": PORTS},
        "status": {"loadBalancer": {"ingress": [entry]}},
    }
    assert where(service, 80) == (host, 80)


def test_a_port_that_is_not_there_says_what_to_set() -> None:
    with pytest.raises(pulumi.RunError, match=r"no port 8080, only 80.*blue-green:routing\.port"):
        where({"spec": {"ports": PORTS}, "status": {}}, 8080)


def test_without_a_node_port_it_is_a_balancer_of_somebody_elses() -> None:
    assert where({"spec": {"ports": [{"port": 80.0}]}}, 80) == (None, 80)


def node(name: str, *addresses: tuple[str, str], ready: bool = True) -> dict[str, Any]:
    return {
        "metadata": {"name": name},
        "status": {
            "conditions": [{"type": "Ready", "status": str(ready)}],
            "addresses": [{"type": kind, "address": address} for kind, address in addresses],
        },
    }


def found(
    cluster: FakeCluster, spec: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> tuple[str | None, str]:
    """The URL for a Service on the cluster without a given address, and what was logged."""
    urls: list[pulumi.Output[str | None]] = []

    def program() -> None:
        service: pulumi.Output[Any] = pulumi.Output.from_input({"spec": spec, "status": {}})
        urls.append(ingress(service, None, cluster.kubeconfig, 80, "http").url)

    run(program)
    return value(urls[0]), capsys.readouterr().err


@pytest.mark.parametrize(("made", "preview"), [(True, True), (True, False), (False, True)])
def test_a_preview_waits_for_no_port_that_the_stack_itself_makes(
    made: bool, preview: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pulumi.runtime, "is_dry_run", lambda: preview)
    urls: list[pulumi.Output[str | None]] = []

    def program() -> None:
        service: pulumi.Output[Any] = pulumi.Output.from_input({"spec": {"ports": PORTS}, "status": {}})
        address = pulumi.Output.from_input("10.0.0.1")
        urls.append(ingress(service, address, "", 9000, "http", key="app.ports", made=made).url)

    if made and preview:
        run(program)
        assert value(urls[0]) is None
    else:
        with pytest.raises(pulumi.RunError) as raised:
            run(program)
        assert re.search(r"no port 9000, only 80.*blue-green:app\.ports", str(raised.value.__cause__))


def test_a_nodes_address_is_found(capsys: pytest.CaptureFixture[str]) -> None:
    spec = {"type": "NodePort", "ports": PORTS}
    nodes = [
        node("a", ("ExternalIP", "5.6.7.8"), ready=False),
        node("b", ("InternalIP", "10.0.0.1")),
        node("c", ("Hostname", "c"), ("InternalIP", "10.0.0.2"), ("ExternalIP", "1.2.3.4")),
    ]
    with fake_cluster() as cluster:
        cluster.objects["/api/v1/nodes"] = {"items": nodes}
        assert found(cluster, spec, capsys)[0] == "http://1.2.3.4:31000"
        cluster.objects["/api/v1/nodes"] = {"items": nodes[:2]}
        assert found(cluster, spec, capsys)[0] == "http://10.0.0.1:31000"
        cluster.objects["/api/v1/nodes"] = {"items": nodes[:1]}
        assert found(cluster, spec, capsys)[0] is None
        cluster.forbidden = "/nodes"
        assert found(cluster, spec, capsys)[0] is None


def test_a_balancer_that_does_not_come_is_a_sentence(capsys: pytest.CaptureFixture[str]) -> None:
    with fake_cluster() as cluster:
        assert found(cluster, {"type": "LoadBalancer", "ports": PORTS}, capsys)[0] is None


def test_a_url_leaves_out_a_port_that_goes_without_saying() -> None:
    assert url("http", "a.b", 80) == "http://a.b"
    assert url("https", "a.b", 31000) == "https://a.b:31000"
    assert url("http", "fd00::1", 31000) == "http://[fd00::1]:31000"
