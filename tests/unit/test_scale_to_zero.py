"""A version that requests reach keeps its pods: `replicas: 0` is refused until the routes have moved."""

import asyncio
from typing import Any

import pulumi
import pytest

from components import scale_to_zero
from components.manifests import routes, workload
from components.option import Options
from components.scale_to_zero import ServesError, way_in
from components.settings.model import App, Mirror, Port, RequestMark, Routing, Version
from tests.unit.fake_cluster import fake_cluster
from tests.unit.fake_engine import known_hooks

SHOP = App("shop")
BESIDE = App("shop", ports=(Port("http", 80), Port("api", 81, gateway_port=9000)))
DEPLOYMENT = "/apis/apps/v1/namespaces/default/deployments/shop-v1"
ROUTES = "/apis/networking.istio.io/v1/namespaces/default/virtualservices/shop"


def running(replicas: int | None) -> dict[str, Any]:
    """The Deployment of v1 as the API server has it."""
    return workload.deployment(SHOP, "v1", Version("shop:1", replicas=replicas))


def virtual_service(v1: int, app: App = SHOP, **beside: Any) -> dict[str, Any]:
    return routes.virtual_service(app, {"v1": v1, "v2": 100 - v1}, Routing(), **beside)


def asked(deployment: dict[str, Any] | None, written: dict[str, Any] | None) -> str | None:
    objects = {path: one for path, one in ((DEPLOYMENT, deployment), (ROUTES, written)) if one is not None}
    with fake_cluster(objects=objects) as cluster:
        found = way_in(cluster.kubeconfig, "default", "shop", "v1")
    return found and f"{found[0]}: {found[1]}"


@pytest.mark.parametrize(
    ("written", "way"),
    [
        (virtual_service(100), "100 % of the traffic"),
        (virtual_service(1, BESIDE), "1 % of the traffic"),
        (
            virtual_service(0, test_routes={"v1": RequestMark({"x-version": "v1"})}),
            "requests beside the split",
        ),
        (virtual_service(0, mirror=Mirror("v1")), "requests beside the split"),
    ],
)
def test_a_version_that_requests_reach_keeps_its_pods(written: dict[str, Any], way: str) -> None:
    assert asked(running(3), written) == f"{way}: 3"
    # Kubernetes' own number, where the object has none yet.
    assert asked(running(None), written) == f"{way}: 1"


def test_a_version_without_requests_or_without_pods_is_scaled() -> None:
    assert asked(running(3), virtual_service(0)) is None
    assert asked(running(3), virtual_service(0, test_routes={"v2": RequestMark({"x-version": "v2"})})) is None
    # A weight of 0 that somebody wrote by hand.
    by_hand = virtual_service(50)
    for one, weight in zip(by_hand["spec"]["http"][0]["route"], (0, 100), strict=True):
        one["weight"] = weight
    assert asked(running(3), by_hand) is None
    assert asked(running(3), None) is None
    assert asked(running(0), virtual_service(100)) is None
    assert asked(None, virtual_service(100)) is None


def test_the_refusal_names_the_number_to_keep_and_comes_in_a_preview_too(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    kept = known_hooks(monkeypatch)

    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    with fake_cluster(objects={DEPLOYMENT: running(3), ROUTES: virtual_service(100)}) as cluster:
        options = Options("BlueGreen shop")
        binding = scale_to_zero.scale_to_zero(cluster.kubeconfig, SHOP, "v1", options)
        (hook,) = kept
        assert binding.before_create == binding.before_update == [hook]
        assert hook.opts is not None
        assert hook.opts.on_dry_run
        said: Any = hook.callback(pulumi.ResourceHookArgs("", "", "shop-v1-deployment", ""))
        with pytest.raises(ServesError) as raised:
            loop.run_until_complete(said)
    loop.close()
    assert str(raised.value).splitlines() == [
        "v1 has 100 % of the traffic, and its pods would end before the routes move. They were not touched.",
        "  Keep them for the up that moves the traffic away, and write 0 for the next one. To keep them:",
        "    versions.v1.replicas: 3, in the arguments of BlueGreen shop",
    ]
