"""What the stack looks for before it makes an object, and what it says of somebody else's."""

import asyncio
import threading
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, cast

import pulumi
import pytest

from components.ownership import OWNER, Ownership, find, refusal
from gateway.errors import GatewayError
from tests.unit.fake_cluster import fake_cluster

SERVICE: dict[str, Any] = {
    "apiVersion": "v1",
    "kind": "Service",
    "metadata": {"name": "myapp", "namespace": "default"},
}


@pytest.mark.parametrize(
    ("api_version", "kind", "namespace", "path"),
    [
        ("v1", "Namespace", None, "/api/v1/namespaces/myapp"),
        ("v1", "Service", "default", "/api/v1/namespaces/default/services/myapp"),
        (
            "networking.istio.io/v1",
            "VirtualService",
            "default",
            "/apis/networking.istio.io/v1/namespaces/default/virtualservices/myapp",
        ),
    ],
)
def test_an_object_is_looked_for_by_its_kind_and_name(
    api_version: str, kind: str, namespace: str | None, path: str
) -> None:
    metadata = {"name": "myapp"} | ({"namespace": namespace} if namespace else {})
    manifest = {"apiVersion": api_version, "kind": kind, "metadata": metadata}
    with fake_cluster(objects={path: manifest}) as cluster:
        assert find(cluster.kubeconfig, manifest) == manifest
    with fake_cluster() as cluster:
        assert find(cluster.kubeconfig, manifest) is None


def test_who_may_not_look_is_told_the_rule() -> None:
    with fake_cluster() as cluster:
        cluster.forbidden = "/services/myapp"
        with pytest.raises(GatewayError, match=r'apiGroups: \[""\], resources: \["services"\]'):
            find(cluster.kubeconfig, SERVICE)


@pytest.mark.parametrize(
    ("metadata", "whose"),
    [
        ({}, ""),
        ({"labels": {"app.kubernetes.io/managed-by": "Helm"}}, ", Helm manages it"),
        ({"annotations": {OWNER: "acme/shop/prod/shop-service"}}, ", it is acme/shop/prod/shop-service's"),
    ],
)
def test_the_refusal_names_the_object_and_both_ways_out(metadata: dict[str, Any], whose: str) -> None:
    found = SERVICE | {"metadata": SERVICE["metadata"] | metadata}
    first, *rest = refusal(found, "pulumi import THIS", "blue-green:app.takeOwnership").splitlines()
    assert first == f"Service default/myapp exists and is not this stack's{whose}. It was not touched."
    assert "    pulumi import THIS" in rest
    assert "    pulumi config set --path blue-green:app.takeOwnership true" in rest


def test_the_look_needs_no_thread_that_the_registrations_hold(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each registration in flight holds one of the loop's threads, and may wait for this very look."""
    hooks: list[Callable[[pulumi.ResourceHookArgs], Awaitable[None]]] = []

    def keep(
        _name: str, hook: Callable[[pulumi.ResourceHookArgs], Awaitable[None]], _options: object
    ) -> None:
        hooks.append(hook)

    monkeypatch.setattr(pulumi, "ResourceHook", keep)
    hold = threading.Event()

    async def look(kubeconfig: str) -> None:
        loop = asyncio.get_running_loop()
        loop.set_default_executor(ThreadPoolExecutor(1))
        registration = loop.run_in_executor(None, hold.wait)
        Ownership(kubeconfig, cast("pulumi.ProviderResource", None), "blue-green:app.takeOwnership")
        args = pulumi.ResourceHookArgs("urn", "id", "myapp-service", "Service", new_inputs=SERVICE)
        try:
            await asyncio.wait_for(hooks[0](args), timeout=10)
        finally:
            hold.set()
            await registration

    with fake_cluster() as cluster:
        asyncio.run(look(cluster.kubeconfig))
