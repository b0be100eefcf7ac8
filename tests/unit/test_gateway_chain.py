"""The links of the chain, as Envoy's dumps and the API server's objects have them."""

import base64
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from components.gateway import chain, envoy
from components.gateway.chain import Entrance, Split, Wanted
from components.gateway.envoy import Target
from components.gateway.finding import Finding, Grade, Link, failures
from components.gateway.listeners import in_use, listeners_path, listening, listening_for
from components.gateway.pods import gateway_pods
from components.kubernetes.api import Api
from components.kubernetes.certificate import certificate
from components.kubernetes.writers import last_written, writer
from tests.unit.fake_cluster import FakeGateway, fake_cluster
from tests.unit.test_certificate import made

TARGET = Target("default", "myapp", "myapp", (80,))
HOST = "myapp.default.svc.cluster.local"
V1 = f"outbound|80|v1|{HOST}"
SOURCE = "/apis/networking.istio.io/v1/namespaces/default/virtual-service/myapp"


def table(*routes: dict[str, Any], name: str = "http.80") -> dict[str, Any]:
    """A dump with one route table; the routes are the VirtualService's."""
    metadata = {"filter_metadata": {"istio": {"config": SOURCE}}}
    marked = [{"metadata": metadata, "name": "myapp-1"} | route for route in routes]
    return {"configs": [{"route_config": {"name": name, "virtual_hosts": [{"routes": marked}]}}]}


def causes_of(*routes: dict[str, Any], wanted: Wanted) -> list[str]:
    return [one.cause for one in chain.routing(envoy.routes(table(*routes), TARGET), wanted)]


PLAIN: dict[str, Any] = {"route": {"cluster": V1}}
BY_USER = [{"header": {"header_name": "x-user"}}]


def divided(hash_policy: list[dict[str, Any]], **how: bool) -> dict[str, Any]:
    """A route of two versions."""
    clusters = [{"name": f"outbound|80|{version}|{HOST}", "weight": 50} for version in ("v1", "v2")]
    return {"route": {"hash_policy": hash_policy, "weighted_clusters": {"clusters": clusters, **how}}}


@pytest.mark.parametrize(
    ("route", "drawn_by", "said"),
    [
        (divided(BY_USER, use_hash_policy=True), "the header x-user", None),
        (divided([{"cookie": {"name": "a"}}], use_hash_policy=True), "the cookie a", None),
        (divided([]), "", None),
        # A pod is drawn by it, and the version anew.
        (divided(BY_USER), "", None),
        (divided(BY_USER), "the header x-user", "anew for each request, and not by the header x-user"),
        (divided([]), "the header x-user", "anew for each request, and not by the header x-user"),
        (
            divided([], use_hash_policy=True),
            "the header x-user",
            "anew for each request, and not by the header x-user",
        ),
        (
            divided(BY_USER, use_hash_policy=True),
            "the cookie a",
            "by the header x-user, and not by the cookie a",
        ),
        (divided(BY_USER, use_hash_policy=True), "", "by the header x-user, and not anew for each request"),
        (
            divided(BY_USER * 2, use_hash_policy=True),
            "the header x-user",
            "by the header x-user and the header x-user, and not by the header x-user",
        ),
        (
            divided([{"cookie": {"name": "a", "ttl": "0s"}}], use_hash_policy=True),
            "the cookie a",
            'by {"cookie": {"name": "a", "ttl": "0s"}}, and not by the cookie a',
        ),
    ],
)
def test_by_what_a_version_is_drawn(route: dict[str, Any], drawn_by: str, said: str | None) -> None:
    wanted = Wanted({"v1": 50, "v2": 50}, "myapp-1", drawn_by=drawn_by)
    found = [*chain.routing(envoy.routes(table(route), TARGET), wanted)]
    assert [one.cause for one in found] == ([f"draws the version {said}"] if said else [])
    assert all("docs/sticky-version.md" in one.cure for one in found)


def test_without_a_word_on_it_the_version_is_drawn_anew_for_each_request() -> None:
    routes = envoy.routes(table(divided([])), TARGET)
    assert chain.routing(routes, Wanted({"v1": 50, "v2": 50}, "myapp-1")) == ()


FAULT: dict[str, Any] = PLAIN | {"typed_per_filter_config": {"envoy.filters.http.fault": {}}}


@pytest.mark.parametrize(
    ("route", "wanted", "said"),
    [
        (PLAIN, Wanted({"v1": 100, "v2": 0}, "myapp-1"), []),
        (PLAIN | {"name": "myapp-1.of-a-match"}, Wanted({"v1": 100}, "myapp-1"), []),
        (PLAIN, Wanted({"v2": 100}), ["still routes by v1 100 %"]),
        (
            PLAIN,
            Wanted({"v1": 100}, "myapp-2"),
            ["still has the routes from before the last update"],
        ),
        (FAULT, Wanted({"v1": 100}), ["has a fault on its route of the VirtualService"]),
        (
            {"redirect": {"path_redirect": "/x"}},
            Wanted({"v1": 100}),
            ["has a redirect on its route of the VirtualService"],
        ),
        (
            {"route": {"cluster": V1, "prefix_rewrite": "/x"}},
            Wanted({"v1": 100}),
            ["has a rewrite on its route of the VirtualService"],
        ),
        (
            {"direct_response": {"status": 503}},
            Wanted({"v1": 100}),
            ["has a directResponse on its route of the VirtualService"],
        ),
        (
            {"route": {"cluster_header": "x-cluster"}},
            Wanted({"v1": 100}),
            ["has a route of the VirtualService that names no cluster"],
        ),
    ],
)
def test_what_a_route_does_otherwise(route: dict[str, Any], wanted: Wanted, said: list[str]) -> None:
    assert causes_of(route, wanted=wanted) == said


def test_a_route_without_a_cluster_beside_one_that_splits_is_a_finding() -> None:
    routes = envoy.routes(table(PLAIN, {"route": {"cluster_header": "x-cluster"}}), TARGET)
    cause = "has a route of the VirtualService that names no cluster"
    assert chain.routing(routes, Wanted({"v1": 100})) == (Finding(Link.ROUTE, cause),)


@pytest.mark.parametrize(
    "cluster",
    [
        "outbound|9090|v1|myapp.default.svc.cluster.local",
        "outbound|80|v1|other.default.svc.cluster.local",
        "outbound|80|v1|myapp.prod.svc.cluster.local",
        "outbound|80||myapp.default.svc.cluster.local",
    ],
)
def test_a_cluster_of_another_port_or_host_is_no_version(cluster: str) -> None:
    (said,) = causes_of({"route": {"cluster": cluster}}, wanted=Wanted({"v1": 100}))
    assert said == f"still routes by {cluster} 100 %"


def test_the_clusters_that_the_routes_name_must_be_there_by_their_whole_names() -> None:
    routes = envoy.routes(table(PLAIN), TARGET)
    other_domain = V1.replace("cluster.local", "corp.example")
    assert chain.serving(routes, {V1: frozenset({"10.0.0.1"})}) == ()
    (lacking,) = chain.serving(routes, {other_domain: frozenset({"10.0.0.1"})})
    assert (lacking.link, lacking.cause) == (Link.CLUSTER, "has no cluster of v1")
    (lacking,) = chain.serving(routes, {V1: frozenset()})
    assert (lacking.link, lacking.cause) == (Link.ENDPOINTS, "has no healthy endpoint of v1")


def test_only_the_tables_of_the_entrance_are_asked_for() -> None:
    split = Split("", {}, TARGET, Entrance("app-gateway", ("*",)))
    assert split.routes_path.endswith("&name_regex=http%5C.%5Cd%2B.%2A")
    assert split.entrance is not None
    secure = replace(split, entrance=replace(split.entrance, tls_secret="tls"))  # noqa: S106
    assert secure.routes_path.endswith("&name_regex=https%5C.%5Cd%2B%5C..%2Aapp%5C-gateway%5C.default")
    assert replace(split, entrance=None).routes_path == envoy.ROUTES


def listener(state: str, route_table: str, secret: str | None = None) -> dict[str, Any]:
    manager = {"typed_config": {"rds": {"route_config_name": route_table}}}
    chain_: dict[str, Any] = {"filters": [{"typed_config": {}}, manager]}
    if secret is not None:
        certificates = [{"name": f"kubernetes://{secret}"}]
        config = {"common_tls_context": {"tls_certificate_sds_secret_configs": certificates}}
        chain_["transport_socket"] = {"typed_config": config}
    return {"configs": [{state: {"listener": {"filter_chains": [chain_]}}}]}


def test_a_listener_that_warms_is_no_proof_and_names_the_certificate_that_it_waits_for() -> None:
    name = "https.443.https.app-gateway.default"
    assert listening(listener("active_state", name, "tls"), {name}) == ()
    (warms,) = listening(listener("warming_state", name, "tls"), {name})
    assert warms.cause == "does not listen on port 443 yet: it waits for the certificate tls"
    (closed,) = listening(listener("draining_state", "http.80"), {"http.80"})
    assert closed == Finding(Link.LISTENER, "does not listen on port 80")
    assert listeners_path({"http.8080", "http.80"}).endswith("name_regex=.%2A_%2880%7C8080%29")


def test_a_certificate_that_the_envoy_rejected_is_not_in_use_though_its_listener_is_active(
    tmp_path: Path,
) -> None:
    pem = made(tmp_path)
    came = base64.b64encode(pem).decode()
    chain_ = {"tls_certificate": {"certificate_chain": {"inline_bytes": came}}}
    secrets = {"configs": [{"name": "kubernetes://tls", "secret": chain_}, {"name": "default"}]}
    found = certificate(pem)
    times = {
        "valid_from": f"{found.begins:%Y-%m-%dT%H:%M:%SZ}",
        "expiration_time": f"{found.ends:%Y-%m-%dT%H:%M:%SZ}",
    }
    other = {"valid_from": "2026-01-01T00:00:00Z", "expiration_time": "2027-01-01T00:00:00Z"}

    def loaded(*certificates: dict[str, str]) -> dict[str, Any]:
        return {"certificates": [{"ca_cert": []}, *({"cert_chain": [one]} for one in certificates)]}

    assert in_use(secrets, loaded(other, times), "tls") == ()
    for dump, certs, name in (
        (secrets, loaded(other), "tls"),
        ({}, loaded(times), "tls"),
        (secrets, loaded(times), "more-tls"),
    ):
        (one,) = in_use(dump, certs, name)
        assert one.cause == f"ends each TLS connection: it could not load the certificate {name}"


def test_a_gateway_listens_for_https_once_a_listener_of_its_own_table_is_active() -> None:
    gateway = {"name": "app-gateway", "namespace": "default"}
    name = "https.443.https.app-gateway.default"
    assert listening_for(listener("active_state", name, "tls"), gateway) == ()
    assert listening_for(listener("warming_state", name, "tls"), gateway) == (
        "does not listen on port 443 yet: it waits for the certificate tls",
    )
    for table in ("http.80", "https.443.https.app-gateway.prod"):
        assert listening_for(listener("active_state", table), gateway) == ("does not listen for HTTPS yet",)


def test_a_cure_is_told_for_its_cluster() -> None:
    found = Finding(Link.RULE, "a", "kubectl get pods | kubectl apply -f -", "written by kubectl at noon")
    assert found.told("kubectl --context c") == (
        "a (written by kubectl at noon). "
        "To mend it: kubectl --context c get pods | kubectl --context c apply -f -"
    )


def test_the_last_writer_of_a_field_is_named_with_the_time() -> None:
    wrote: list[dict[str, Any]] = [
        {"manager": "pulumi", "time": "2026-01-01T00:00:00Z", "fieldsV1": {"f:spec": {"f:http": {}}}},
        {"manager": "kubectl-edit", "time": "2026-01-02T00:00:00Z", "fieldsV1": {"f:spec": {"f:http": {}}}},
        {"manager": "istiod", "time": "2026-01-03T00:00:00Z", "fieldsV1": {"f:status": {}}},
    ]
    item: dict[str, Any] = {"metadata": {"managedFields": wrote}}
    assert writer(item, "http") == "written by kubectl-edit at 2026-01-02T00:00:00Z"
    assert last_written(item) == "2026-01-02T00:00:00Z"
    assert writer({"metadata": {}}, "http") is None


def test_the_first_cause_stands_first_and_a_note_fails_nothing() -> None:
    late, note = Finding(Link.UPDATE, "a"), Finding(Link.RULE, "b", grade=Grade.NOTE)
    for_good = Finding(Link.RULE, "c", grade=Grade.BROKEN)
    assert failures((note, late, for_good, late)) == (for_good, late)


# Istio's native sidecars are init containers.
@pytest.mark.parametrize("containers", ["containers", "initContainers"])
def test_what_istio_gave_a_gateway_is_read_from_its_pod(containers: str) -> None:
    gateway = FakeGateway("a", {}).pod()
    config = '{"proxyAdminPort": 15009, "discoveryAddress": "istiod-canary.mesh.svc:15012"}'
    gateway["spec"] = {"containers": [], containers: [{"env": [{"name": "PROXY_CONFIG", "value": config}]}]}
    gateway["metadata"]["annotations"] = {"istio.io/rev": "canary"}
    with fake_cluster() as cluster, Api(cluster.kubeconfig) as api:
        cluster.objects["/api/v1/pods"] = {"items": [gateway]}
        (pod,) = gateway_pods(api, {"istio": "ingressgateway"})
    assert (pod.admin_port, pod.control_plane, pod.revision) == (15009, "mesh", "canary")
