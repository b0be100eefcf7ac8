"""What the stack looks for before it makes an object, and what it says of somebody else's."""

import asyncio
import json
import threading
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace
from typing import Any, cast

import pulumi
import pytest

from components.kubernetes.errors import GatewayError
from components.manifests import routes, workload
from components.manifests.losses import clashes, lost
from components.option import IN_CONFIG
from components.ownership import (
    OWNER,
    ForeignObjectError,
    Ownership,
    clashing,
    find,
    marked,
    refusal,
    renamed,
    taken,
)
from components.pulumi_cli import stack as stacks
from components.settings.model import App, Probe, Probes, Routing, Version
from tests.unit.fake_cluster import fake_cluster

Hook = Callable[[pulumi.ResourceHookArgs], Awaitable[None]]
SERVICE: dict[str, Any] = {
    "apiVersion": "v1",
    "kind": "Service",
    "metadata": {"name": "myapp", "namespace": "default"},
}
URN = "urn:service"
SERVICE_PATH = "/api/v1/namespaces/default/services/myapp"


@pytest.fixture
def state(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """The resources in the state of the stack, which Pulumi's command would tell."""
    entries: list[dict[str, Any]] = []

    def exported(_stack: str) -> list[dict[str, Any]]:
        return entries

    monkeypatch.setattr(stacks, "resources", exported)
    return entries


@pytest.fixture
def hooks(monkeypatch: pytest.MonkeyPatch) -> list[Hook]:
    """The hooks that an Ownership has made."""
    kept: list[Hook] = []

    def keep(_name: str, hook: Hook, _options: object) -> None:
        kept.append(hook)

    monkeypatch.setattr(pulumi, "ResourceHook", keep)
    return kept


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
    ],
)
def test_the_refusal_names_the_object_and_both_ways_out(metadata: dict[str, Any], whose: str) -> None:
    found = SERVICE | {"metadata": SERVICE["metadata"] | metadata}
    first, *rest = refusal(
        found, "pulumi import THIS", IN_CONFIG.line("app.takeOwnership", "true")
    ).splitlines()
    assert first == f"Service default/myapp exists and is not this stack's{whose}. It was not touched."
    assert "    pulumi import THIS" in rest
    assert "    pulumi config set --path blue-green:app.takeOwnership true" in rest


def test_an_object_of_the_stacks_own_is_not_to_be_taken_over() -> None:
    """At the end of the same `up` it would be deleted, as that of the app's old name."""
    annotations = {OWNER: "acme/shop/prod/old-gateway"}
    said = renamed(SERVICE | {"metadata": SERVICE["metadata"] | {"annotations": annotations}})
    assert said.startswith("Service default/myapp is this stack's own, as old-gateway. It was not touched.")
    assert "set blue-green:app.name back" in said
    assert "takeOwnership" not in said


def annotated(owner: str | None) -> dict[str, Any]:
    annotations = {OWNER: owner} if owner else {}
    return SERVICE | {"metadata": SERVICE["metadata"] | {"annotations": annotations}}


async def look(hooks: list[Hook], kubeconfig: str, *, taken: bool = False) -> None:
    """The look of the stack acme/shop/prod at its Service."""
    provider = cast("pulumi.ProviderResource", SimpleNamespace(urn=pulumi.Output.from_input("urn")))
    guard = Ownership(kubeconfig, provider, "app.takeOwnership", taken=taken)
    guard.hooks("myapp-service", None)
    wanted = annotated("acme/shop/prod/myapp-service")
    await hooks[0](pulumi.ResourceHookArgs(URN, "", "myapp-service", "Service", new_inputs=wanted))


@pytest.mark.parametrize(
    ("owner", "taken", "says"),
    [
        ("acme/shop/prod/myapp-service", False, None),
        ("acme/shop/prod/old-service", False, "is this stack's own, as old-service"),
        ("acme/shop/prod/old-service", True, "is this stack's own, as old-service"),
        (None, False, "exists and is not this stack's"),
        (None, True, None),
        ("acme/shop/dev/myapp-service", False, "is acme/shop/dev/myapp-service's"),
        ("acme/shop/dev/myapp-service", True, "is acme/shop/dev/myapp-service's"),
    ],
)
def test_the_look_tells_the_stack_from_others(
    owner: str | None, taken: bool, says: str | None, hooks: list[Hook], state: list[dict[str, Any]]
) -> None:
    assert not state
    with fake_cluster(objects={SERVICE_PATH: annotated(owner)}) as cluster:
        if says is None:
            asyncio.run(look(hooks, cluster.kubeconfig, taken=taken))
        else:
            with pytest.raises(ForeignObjectError, match=says):
                asyncio.run(look(hooks, cluster.kubeconfig, taken=taken))


@pytest.mark.parametrize("taken", [False, True])
@pytest.mark.parametrize(
    ("entry", "refuses"),
    [
        ({}, True),
        ({"taint": True}, True),
        # Pulumi has deleted it, or has it twice while it makes it anew.
        ({"delete": True}, False),
        ({"pendingReplacement": True}, False),
        # The name in the cluster is another one now.
        ({"id": "default/before"}, False),
        ({"urn": "another"}, False),
    ],
)
def test_an_object_that_the_state_has_is_not_made_anew(
    entry: dict[str, Any], refuses: bool, taken: bool, hooks: list[Hook], state: list[dict[str, Any]]
) -> None:
    state.append({"urn": URN, "id": "default/myapp"} | entry)
    with fake_cluster(objects={SERVICE_PATH: annotated("acme/shop/prod/myapp-service")}) as cluster:
        if not refuses:
            asyncio.run(look(hooks, cluster.kubeconfig, taken=taken))
            return
        with pytest.raises(ForeignObjectError, match="its replacement would delete it") as raised:
            asyncio.run(look(hooks, cluster.kubeconfig, taken=taken))
    assert ("pulumi state untaint 'urn:service'" in str(raised.value)) is ("taint" in entry)


def test_a_stack_that_moved_to_another_project_is_told_how_to_move_the_mark() -> None:
    found = {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {
            "name": "a-v1",
            "namespace": "shop",
            "annotations": {OWNER: "acme/old/prod/a-v1-deployment"},
        },
    }
    said = marked(found, "acme/new/prod/a-v1-deployment", "kubectl --context prod").splitlines()
    mark = "blue-green/owner=acme/new/prod/a-v1-deployment"
    assert f"    kubectl --context prod annotate --overwrite deployment.apps a-v1 -n shop {mark}" in said


def test_the_look_needs_no_thread_that_the_registrations_hold(hooks: list[Hook]) -> None:
    """Each registration in flight holds one of the loop's threads, and may wait for this very look."""
    hold = threading.Event()

    async def look_meanwhile(kubeconfig: str) -> None:
        loop = asyncio.get_running_loop()
        loop.set_default_executor(ThreadPoolExecutor(1))
        registration = loop.run_in_executor(None, hold.wait)
        Ownership(kubeconfig, cast("pulumi.ProviderResource", None), "app.takeOwnership")
        args = pulumi.ResourceHookArgs("urn", "id", "myapp-service", "Service", new_inputs=SERVICE)
        try:
            await asyncio.wait_for(hooks[0](args), timeout=10)
        finally:
            hold.set()
            await registration

    with fake_cluster() as cluster:
        asyncio.run(look_meanwhile(cluster.kubeconfig))


def test_what_an_object_loses_is_said_field_by_field() -> None:
    wanted = routes.virtual_service(App("shop"), {"v1": 100}, Routing())
    there = wanted | {"spec": wanted["spec"] | {"http": [{"match": [{"uri": {"exact": "/old"}}]}], "tcp": []}}
    assert lost(wanted, wanted) == ()
    (line,) = lost(there, wanted)
    assert line.startswith('spec.http: [{"match": [{"uri": {"exact": "/old"}}]}] becomes [{"route": ')
    deployment = workload.deployment(App("shop"), "v1", Version("app:1", replicas=1))
    copy = json.loads(json.dumps(deployment))
    copy["spec"]["replicas"] = 2
    copy["spec"]["template"]["spec"]["containers"][0] |= {"image": "app:0", "tty": True}
    assert lost(copy, deployment) == (
        'spec.template.spec.containers.shop.image: "app:0" becomes "app:1"',
        "spec.replicas: 2 becomes 1",
    )
    assert taken(there, lost(there, wanted)).splitlines()[0] == (
        "VirtualService default/shop is taken over; it loses"
    )


def test_a_probe_that_asks_in_another_way_is_refused_with_what_to_write() -> None:
    def made(**probes: Probe) -> dict[str, Any]:
        version = Version("app:1", probes=Probes(**probes))
        return workload.deployment(App("shop"), "v1", version)

    plain, page = made(), made(readiness=Probe("/"), liveness=Probe("/live"))
    assert clashes(page, page) == ()
    # One that the other lacks is none too many; another page is a change as any other.
    assert clashes(made(readiness=Probe("/other")), page) == ()
    (line,) = clashes(page, plain)
    assert line == "shop.readinessProbe asks by httpGet, and the config by tcpSocket"
    assert clashing(page, (line,)).splitlines()[:2] == [
        "Deployment default/shop-v1 cannot be taken over as the config is. It was not touched.",
        f"  {line}.",
    ]
