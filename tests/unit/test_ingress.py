"""The gateway's address out of its Service."""

from typing import Any

import pulumi
import pytest

from components.ingress import url, where

PORTS = [{"name": "http2", "port": 80, "nodePort": 31000.0}]


def test_a_node_port_is_on_the_node() -> None:
    assert where({"spec": {"ports": PORTS}, "status": None}, "10.0.0.1", 80) == ("10.0.0.1", 31000)


@pytest.mark.parametrize(("entry", "host"), [({"ip": "1.2.3.4"}, "1.2.3.4"), ({"hostname": "lb.x"}, "lb.x")])
def test_a_load_balancer_goes_before_the_node(entry: dict[str, str], host: str) -> None:
    service: dict[str, Any] = {
        "spec": {"ports": PORTS},
        "status": {"loadBalancer": {"ingress": [entry]}},
    }
    assert where(service, "10.0.0.1", 80) == (host, 80)


def test_no_way_in_says_what_to_set() -> None:
    with pytest.raises(pulumi.RunError, match=r"blue-green:cluster\.ingressAddress"):
        where({"spec": {"ports": PORTS}, "status": {}}, None, 80)
    with pytest.raises(pulumi.RunError, match=r"no port 8080, only 80.*blue-green:routing\.port"):
        where({"spec": {"ports": PORTS}, "status": {}}, "10.0.0.1", 8080)


def test_a_url_leaves_out_a_port_that_goes_without_saying() -> None:
    assert url("http", "a.b", 80) == "http://a.b"
    assert url("https", "a.b", 31000) == "https://a.b:31000"
    assert url("http", "fd00::1", 31000) == "http://[fd00::1]:31000"


def test_an_address_without_a_node_port_is_a_balancer_of_somebody_elses() -> None:
    assert where({"spec": {"ports": [{"port": 80.0}]}}, "lb.example.com", 80) == ("lb.example.com", 80)
