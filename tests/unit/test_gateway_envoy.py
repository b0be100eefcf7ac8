"""What is read out of Envoy's dumps."""

from typing import Any

import pytest

from components.gateway.envoy import (
    NO_ADDRESS,
    WAYPOINT,
    Target,
    active_requests,
    endpoints_target,
    healthy_endpoints,
    routed_weights,
)

TARGET = Target("default", "myapp", "myapp")
HOST = "myapp.default.svc.cluster.local"


def route(action: dict[str, Any], virtual_service: str = "myapp") -> dict[str, Any]:
    config = f"/apis/networking.istio.io/v1/namespaces/default/virtual-service/{virtual_service}"
    return {"route": action, "metadata": {"filter_metadata": {"istio": {"config": config}}}}


def dump(*routes: dict[str, Any]) -> dict[str, Any]:
    """A dump in which every route has a listener of its own."""
    return {"configs": [{"route_config": {"virtual_hosts": [{"routes": [one]}]}} for one in routes]}


def weighted(**weights: int) -> dict[str, Any]:
    clusters = [
        {"name": f"outbound|80|{version}|{HOST}", "weight": weight} for version, weight in weights.items()
    ]
    return {"weighted_clusters": {"clusters": clusters}}


def test_one_cluster_has_all_the_weight() -> None:
    found = routed_weights(dump(route({"cluster": f"outbound|80|v2|{HOST}"})), TARGET)
    assert found == ({"v2": 100},)


def test_several_clusters_have_theirs_and_0_is_left_out() -> None:
    assert routed_weights(dump(route(weighted(v1=30, v2=70, v3=0))), TARGET) == ({"v1": 30, "v2": 70},)


def test_listeners_that_agree_are_one_split_and_others_are_two() -> None:
    same = dump(route(weighted(v1=30, v2=70)), route(weighted(v2=70, v1=30)))
    assert routed_weights(same, TARGET) == ({"v1": 30, "v2": 70},)
    other = dump(route(weighted(v1=30, v2=70)), route(weighted(v1=50, v2=50)))
    assert len(routed_weights(other, TARGET)) == 2


NOT_OURS: list[dict[str, Any]] = [
    {},
    {"configs": [{}]},
    dump({"match": {"prefix": "/"}}),
    dump(route(weighted(v1=100), virtual_service="myapp2")),
]


@pytest.mark.parametrize("config", NOT_OURS)
def test_what_is_not_ours_is_no_split(config: dict[str, Any]) -> None:
    assert routed_weights(config, TARGET) == ()


def endpoints(version: str, *hosts: tuple[str, str | None]) -> dict[str, Any]:
    items: list[dict[str, Any]] = []
    for address, health in hosts:
        item: dict[str, Any] = {"endpoint": {"address": {"socket_address": {"address": address}}}}
        items.append(item | ({"health_status": health} if health else {}))
    assignment = {
        "cluster_name": f"outbound|80|{version}|{HOST}",
        "endpoints": [{"lb_endpoints": items}],
    }
    return {"configs": [{"endpoint_config": assignment}]}


def test_only_healthy_endpoints_of_the_version_count() -> None:
    config = endpoints("v1", ("10.0.0.1", "HEALTHY"), ("10.0.0.2", "UNHEALTHY"), ("10.0.0.3", None))
    assert healthy_endpoints(config, TARGET, "v1") == {"10.0.0.1", "10.0.0.3"}
    assert healthy_endpoints(config, TARGET, "v2") is None
    assert healthy_endpoints(endpoints("v1"), TARGET, "v1") == frozenset()


@pytest.mark.parametrize(
    ("listener", "where", "found"),
    [
        ("connect_originate", "10.0.0.1:8080", "10.0.0.1"),
        ("connect_originate", "[fd00::1]:8080", "fd00::1"),
        ("connect_originate", "10.0.0.9:15008", WAYPOINT),
        # The gateway of another network, whose pods are not known here.
        ("inner_connect_originate", "192.0.2.1:15008", NO_ADDRESS),
        ("connect_originate", None, NO_ADDRESS),
    ],
)
def test_the_address_behind_a_tunnel_of_an_ambient_mesh(listener: str, where: str | None, found: str) -> None:
    internal = {"server_listener_name": listener, **({"endpoint_id": where} if where else {})}
    config = endpoints("v1", ("", None))
    (locality,) = config["configs"][0]["endpoint_config"]["endpoints"]
    locality["lb_endpoints"] = [{"endpoint": {"address": {"envoy_internal_address": internal}}}]
    assert healthy_endpoints(config, TARGET, "v1") == {found}


def test_a_name_is_no_pattern() -> None:
    assert healthy_endpoints(endpoints("v10", ("10.0.0.1", None)), TARGET, "v1") is None
    assert "myapp" in endpoints_target(TARGET)


def test_requests_in_flight_are_summed_over_the_versions_endpoints() -> None:
    def cluster(version: str, *active: str | None) -> dict[str, Any]:
        hosts = [
            {"stats": [{"name": "rq_total", "value": "9"}, {"name": "rq_active", "value": one}]}
            if one
            else {"stats": [{"name": "rq_active"}]}
            for one in active
        ]
        return {"name": f"outbound|80|{version}|{HOST}", "host_statuses": hosts}

    statuses = {"cluster_statuses": [cluster("v1", "2", None, "1"), cluster("v2", "5"), {"name": "agent"}]}
    assert active_requests(statuses, TARGET, "v1") == 3
