"""Istio's Helm releases: their source, and whose values win."""

import re

import pytest

from components.manifests.charts import STATS_ANNOTATION, STATS_CONFIG, STATS_PATTERN, releases
from components.settings.model import IngressGateway, Istio


@pytest.mark.parametrize(
    ("source", "chart", "repository", "version"),
    [
        ("https://charts.example/", "istiod", "https://charts.example", "1.29.1"),
        ("oci://charts.example/istio", "oci://charts.example/istio/istiod", None, "1.29.1"),
        (".tools/charts", ".tools/charts/istiod", None, None),
    ],
)
def test_charts_come_from_a_repository_or_a_folder(
    source: str, chart: str, repository: str | None, version: str | None
) -> None:
    istiod = releases(Istio(charts=source))[1]
    assert (istiod.chart, istiod.repository, istiod.version) == (chart, repository, version)


def test_the_users_values_win_key_by_key() -> None:
    annotations = {"podAnnotations": {"a": "b"}}
    values = {"gateway": {"service": {"annotations": {"a": "b"}}, "replicaCount": 2, **annotations}}
    gateway = releases(Istio(values=values))[2]
    assert gateway.values == {
        "service": {"type": "NodePort", "annotations": {"a": "b"}},
        "replicaCount": 2,
        "podAnnotations": {STATS_ANNOTATION: STATS_CONFIG, "a": "b"},
    }


@pytest.mark.parametrize(
    ("cluster", "kept"),
    [
        ("outbound|80|v2|myapp.default.svc.cluster.local;", True),
        ("outbound|80||myapp.default.svc.cluster.local;", False),
        ("xds-grpc;", False),
    ],
)
def test_gateway_counts_and_times_the_requests_of_subsets_alone(cluster: str, kept: bool) -> None:
    pattern = re.compile(STATS_PATTERN)
    assert bool(pattern.fullmatch(f"cluster.{cluster}.upstream_rq_time")) is kept
    assert bool(pattern.fullmatch(f"cluster.{cluster}.upstream_cx_none_healthy")) is kept
    assert not pattern.fullmatch(f"cluster.{cluster}.upstream_rq_total")


def test_a_fixed_node_port_keeps_the_other_ports() -> None:
    gateway = releases(Istio(gateway=IngressGateway(node_ports={"http2": 30080})))[2]
    service = gateway.values["service"]
    assert service == {
        "type": "NodePort",
        "ports": [
            {"name": "status-port", "port": 15021, "targetPort": 15021, "protocol": "TCP"},
            {"name": "http2", "port": 80, "targetPort": 80, "protocol": "TCP", "nodePort": 30080},
            {"name": "https", "port": 443, "targetPort": 443, "protocol": "TCP"},
        ],
    }


def test_another_namespace_of_the_mesh_is_told_to_every_chart() -> None:
    for release in releases(Istio(namespace="mesh")):
        assert release.values["global"] == {"istioNamespace": "mesh"}


def test_a_number_that_a_float_would_write_with_an_exponent_stays_what_it_is_in_a_variable() -> None:
    values = {"istiod": {"env": {"BIG": 1234567, "SMALL": 999999, "ON": True}}}
    assert releases(Istio(values=values))[1].values == {
        "env": {"BIG": "1234567", "SMALL": 999999, "ON": True}
    }
