"""What the stack looks for before it makes an object, and what it says of somebody else's."""

import asyncio
import json
import threading
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace
from typing import Any, cast

import pulumi
import pytest
from pulumi.output import UNKNOWN

from components.kubernetes.errors import GatewayError
from components.manifests import routes, workload
from components.manifests.losses import clashes, lost
from components.option import IN_CONFIG, Options
from components.ownership import (
    OWNER,
    ForeignObjectError,
    MissingNamespaceError,
    Ownership,
    clashing,
    find,
    marked,
    of_app,
    of_the_state,
    owner_of,
    refusal,
    renamed,
    replaced,
    require,
    stack_of,
    taken,
)
from components.pulumi_cli import stack as stacks
from components.settings.model import App, Probe, Probes, Routing, Version
from tests.unit.fake_cluster import fake_cluster
from tests.unit.fake_engine import Hook, kept_callbacks

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
def said(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The warnings that Pulumi has shown."""
    warnings: list[str] = []
    monkeypatch.setattr(pulumi.log, "warn", warnings.append)
    return warnings


@pytest.fixture
def hooks(monkeypatch: pytest.MonkeyPatch) -> list[Hook]:
    """The hooks that an Ownership has made."""
    return kept_callbacks(monkeypatch)


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
    typed = f"pulumi config set --stack {pulumi.get_stack()}"
    assert f"    {typed} --path blue-green:app.takeOwnership true" in rest


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


async def look(
    hooks: list[Hook], kubeconfig: str, *, taken: bool = False, namespace: str | None = None, **fields: object
) -> None:
    """The look of the stack acme/shop/prod at its Service, which has these fields too."""
    provider = cast("pulumi.ProviderResource", SimpleNamespace(urn=pulumi.Output.from_input("urn")))
    guard = Ownership(kubeconfig, provider, "app.takeOwnership", taken=taken, namespace=namespace)
    guard.hooks("myapp-service", None)
    wanted = annotated("acme/shop/prod/myapp-service") | fields
    await hooks[-1](pulumi.ResourceHookArgs(URN, "", "myapp-service", "Service", new_inputs=wanted))


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
        # Pulumi has deleted it, and makes it anew.
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


@pytest.mark.parametrize("taken", [False, True])
def test_an_object_that_this_up_would_delete_at_its_end_is_not_gone_back_to(
    taken: bool, hooks: list[Hook], state: list[dict[str, Any]]
) -> None:
    """The `up` that gave it another name failed: Pulumi deletes what the state marks, by its name."""
    state.append({"urn": URN, "id": "default/front"})
    state.append({"urn": URN, "id": "default/myapp", "delete": True})
    with (
        fake_cluster(objects={SERVICE_PATH: annotated("acme/shop/prod/myapp-service")}) as cluster,
        pytest.raises(ForeignObjectError) as raised,
    ):
        asyncio.run(look(hooks, cluster.kubeconfig, taken=taken))
    first, *rest = str(raised.value).splitlines()
    assert first.startswith("Service default/myapp is still to be deleted, for an `up` that gave it")
    assert first.endswith("It was not touched.")
    assert 'choose "default/myapp" (Pending Deletion)' in "".join(rest)
    assert f"    pulumi state delete --stack {pulumi.get_stack()} 'urn:service'" in rest


def test_an_object_that_pulumi_only_lets_go_of_is_gone_back_to(
    hooks: list[Hook], state: list[dict[str, Any]]
) -> None:
    """As the ConfigMap of the files that a version had before."""
    state.append({"urn": URN, "id": "default/myapp", "delete": True, "retainOnDelete": True})
    with fake_cluster(objects={SERVICE_PATH: annotated("acme/shop/prod/myapp-service")}) as cluster:
        asyncio.run(look(hooks, cluster.kubeconfig))


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


@pytest.mark.usefixtures("state")
def test_the_line_to_type_imports_the_object_as_the_program_has_it(hooks: list[Hook]) -> None:
    """With the parent and the provider of the program, so that the next `up` finds nothing to change."""

    async def ask(kubeconfig: str, *, child: bool) -> None:
        provider, parent = (
            cast("pulumi.ProviderResource", SimpleNamespace(urn=pulumi.Output.from_input(urn)))
            for urn in ("urn:provider", "urn:parent")
        )
        Ownership(kubeconfig, provider, "app.takeOwnership").hooks("myapp-service", parent if child else None)
        wanted = annotated("acme/shop/prod/myapp-service")
        await hooks[-1](pulumi.ResourceHookArgs(URN, "", "myapp-service", "v1:Service", new_inputs=wanted))

    for child, way in ((True, "--parent parent=urn:parent "), (False, "")):
        with (
            fake_cluster(objects={SERVICE_PATH: SERVICE}) as cluster,
            pytest.raises(ForeignObjectError) as raised,
        ):
            asyncio.run(ask(cluster.kubeconfig, child=child))
        flags = "--protect=false --generate-code=false"
        command = f"pulumi import {flags} v1:Service myapp-service default/myapp"
        line = f"    {command} {way}--provider provider=urn:provider"
        assert line in str(raised.value).splitlines()


@pytest.mark.usefixtures("state")
def test_what_is_taken_over_is_warned_of_with_its_losses(hooks: list[Hook], said: list[str]) -> None:
    there = SERVICE | {"spec": {"type": "NodePort"}}
    with fake_cluster(objects={SERVICE_PATH: there}) as cluster:
        asyncio.run(look(hooks, cluster.kubeconfig, taken=True, spec={"type": "ClusterIP"}))
    (line,) = said
    assert line.splitlines() == [
        "Service default/myapp is taken over; it loses",
        '  spec.type: "NodePort" becomes "ClusterIP"',
    ]


@pytest.mark.usefixtures("state")
def test_a_secret_in_what_is_taken_over_is_not_told(hooks: list[Hook], said: list[str]) -> None:
    """Pulumi's SDK hands over all of the spec as one secret."""
    app = App("myapp")
    there, wanted = (
        workload.deployment(app, "v1", Version("app:1", env={"PASSWORD": password}))
        for password in ("old-secret", "new-secret")
    )
    wanted["metadata"]["annotations"][OWNER] = "acme/shop/prod/myapp-v1-deployment"

    async def take(kubeconfig: str) -> None:
        Ownership(kubeconfig, cast("pulumi.ProviderResource", None), "app.takeOwnership", taken=True)
        new = wanted | {"spec": pulumi.Output.secret(wanted["spec"])}
        await hooks[-1](pulumi.ResourceHookArgs(URN, "", "myapp-v1", "Deployment", new_inputs=new))

    path = "/apis/apps/v1/namespaces/default/deployments/myapp-v1"
    with fake_cluster(objects={path: there}) as cluster:
        asyncio.run(take(cluster.kubeconfig))
    (line,) = said
    assert line.splitlines() == [
        "Deployment default/myapp-v1 is taken over; it loses",
        "  spec.template.spec.containers.myapp.env.PASSWORD.value: not shown, as spec has a secret in it",
    ]


@pytest.mark.parametrize("unknown", ["name", "namespace"])
def test_a_preview_looks_for_no_object_whose_name_it_does_not_know(unknown: str, hooks: list[Hook]) -> None:
    """As that of the ConfigMap of files whose texts come out of another resource."""
    metadata = SERVICE["metadata"] | {unknown: UNKNOWN}
    with fake_cluster() as cluster:
        asyncio.run(look(hooks, cluster.kubeconfig, namespace="shop", metadata=metadata))


@pytest.mark.usefixtures("state")
def test_a_preview_takes_over_what_it_does_not_know_all_of(hooks: list[Hook], said: list[str]) -> None:
    there = SERVICE | {"spec": {"type": "NodePort"}}
    with fake_cluster(objects={SERVICE_PATH: there}) as cluster:
        asyncio.run(look(hooks, cluster.kubeconfig, taken=True, spec={"type": UNKNOWN}))
    (line,) = said
    assert line.splitlines()[1:] == ['  spec.type: "NodePort" becomes "known later"']


def test_a_preview_before_the_cluster_looks_at_nothing(hooks: list[Hook]) -> None:
    unknown = cast("str", None)
    asyncio.run(look(hooks, unknown))


def test_the_namespace_has_to_be_there_before_the_first_object_is_made(hooks: list[Hook]) -> None:
    with fake_cluster() as cluster:
        with pytest.raises(MissingNamespaceError) as raised:
            asyncio.run(look(hooks, cluster.kubeconfig, namespace="shop"))
        # One that is to be made is not asked for.
        asyncio.run(look(hooks, cluster.kubeconfig))
        cluster.objects["/api/v1/namespaces/shop"] = {}
        asyncio.run(look(hooks, cluster.kubeconfig, namespace="shop"))
    first, _, make, _, let = str(raised.value).splitlines()
    assert first == "There is no namespace shop in the cluster. Nothing was made in it."
    assert make.endswith(" create namespace shop")
    typed = f"pulumi config set --stack {pulumi.get_stack()}"
    assert let == f"    {typed} --path blue-green:app.createNamespace true"


def test_who_may_not_look_at_namespaces_is_not_held_up() -> None:
    with fake_cluster() as cluster:
        cluster.forbidden = "/namespaces/shop"
        require(cluster.kubeconfig, "shop")


def test_a_component_names_its_own_arguments() -> None:
    with fake_cluster() as cluster, pytest.raises(MissingNamespaceError) as raised:
        require(cluster.kubeconfig, "shop", Options("BlueGreen cart"))
    assert str(raised.value).endswith("create_namespace: true, in the arguments of BlueGreen cart")


@pytest.mark.parametrize("failures", [0, 1, 4])
def test_a_state_that_an_engine_is_writing_is_read_again(
    failures: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    slept: list[float] = []
    monkeypatch.setattr("time.sleep", slept.append)
    left = [KeyError()] * failures

    def read() -> str:
        if left:
            raise left.pop()
        return "resources"

    assert of_the_state(read, KeyError) == "resources"
    assert len(slept) == failures
    with pytest.raises(ZeroDivisionError):
        of_the_state(lambda: 1 / 0, KeyError)
    assert len(slept) == failures


def test_a_state_that_cannot_be_read_is_an_error_after_a_second(monkeypatch: pytest.MonkeyPatch) -> None:
    slept: list[float] = []
    monkeypatch.setattr("time.sleep", slept.append)
    with pytest.raises(ZeroDivisionError):
        of_the_state(lambda: 1 / 0, ZeroDivisionError)
    assert sum(slept) < 1


def test_an_object_without_annotations_is_nobodys() -> None:
    for metadata in ({}, {"annotations": None}, {"annotations": {"a": "b"}}):
        found: Mapping[str, Any] = {"metadata": metadata}
        assert (owner_of(found), stack_of(found)) == (None, None)


@pytest.mark.parametrize(
    ("kind", "line"),
    [
        ("Deployment", "  kubectl -x rollout restart deployment/myapp -n default"),
        ("Service", "  pulumi up --refresh"),
    ],
)
def test_what_serves_is_started_or_written_anew_in_another_way(kind: str, line: str) -> None:
    said = replaced(SERVICE | {"kind": kind}, {"urn": URN}, "kubectl -x").splitlines()
    assert said[0].startswith(f"{kind} default/myapp serves, and its replacement would delete it.")
    assert said[-1] == f"  {line}"
    assert not [one for one in said if "untaint" in one]


def test_another_stacks_mark_on_what_is_in_no_namespace_is_moved_without_one() -> None:
    found = {
        "apiVersion": "v1",
        "kind": "Namespace",
        "metadata": {"name": "shop", "annotations": {OWNER: "acme/old/prod/a"}},
    }
    said = marked(found, "acme/new/prod/a", "kubectl").splitlines()
    assert said[0] == "Namespace shop is acme/old/prod/a's. It was not touched."
    assert "    kubectl annotate --overwrite namespace shop blue-green/owner=acme/new/prod/a" in said


def test_an_object_whose_probes_clash_is_not_taken_over(
    hooks: list[Hook], state: list[dict[str, Any]]
) -> None:
    assert not state
    app = App("myapp")
    asks = Version("app:1", probes=Probes(Probe("/")))
    there, wanted = (workload.deployment(app, "v1", one) for one in (asks, Version("app:1")))
    wanted["metadata"]["annotations"][OWNER] = "acme/shop/prod/myapp-v1-deployment"

    async def take(kubeconfig: str) -> None:
        Ownership(kubeconfig, cast("pulumi.ProviderResource", None), "app.takeOwnership", taken=True)
        await hooks[-1](pulumi.ResourceHookArgs(URN, "", "myapp-v1", "Deployment", new_inputs=wanted))

    path = "/apis/apps/v1/namespaces/default/deployments/myapp-v1"
    with (
        fake_cluster(objects={path: there}) as cluster,
        pytest.raises(ForeignObjectError, match="asks by httpGet, and the config by tcpSocket"),
    ):
        asyncio.run(take(cluster.kubeconfig))


def test_the_state_is_read_once_for_all_objects(hooks: list[Hook], monkeypatch: pytest.MonkeyPatch) -> None:
    """What this very `up` adds to it, it does not make twice."""
    read: list[str] = []

    def resources(stack: str) -> list[dict[str, Any]]:
        read.append(stack)
        return []

    monkeypatch.setattr(stacks, "resources", resources)
    wanted = annotated("acme/shop/prod/myapp-service")

    async def twice(kubeconfig: str) -> None:
        Ownership(kubeconfig, cast("pulumi.ProviderResource", None), "app.takeOwnership")
        for _ in range(2):
            await hooks[-1](pulumi.ResourceHookArgs(URN, "", "myapp-service", "Service", new_inputs=wanted))

    with fake_cluster(objects={SERVICE_PATH: wanted}) as cluster:
        asyncio.run(twice(cluster.kubeconfig))
    assert len(read) == 1


def test_what_is_taken_over_without_a_loss_is_said_as_such() -> None:
    assert taken(SERVICE, ()) == "Service default/myapp is taken over as it is"


def test_a_preview_refuses_what_an_up_would(monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[pulumi.ResourceHookOptions] = []

    def keep(_name: str, _hook: Hook, options: pulumi.ResourceHookOptions) -> None:
        made.append(options)

    monkeypatch.setattr(pulumi, "ResourceHook", keep)

    async def make() -> None:
        Ownership("kubeconfig", cast("pulumi.ProviderResource", None), "app.takeOwnership")

    asyncio.run(make())
    (options,) = made
    assert options.on_dry_run


@pytest.mark.parametrize(("made_by_the_stack", "refused"), [(False, True), (True, False)])
def test_an_app_goes_into_a_namespace_that_is_there_or_that_the_stack_makes(
    made_by_the_stack: bool, refused: bool, hooks: list[Hook]
) -> None:
    app = App("myapp", "shop", create_namespace=made_by_the_stack)

    async def make(kubeconfig: str) -> None:
        of_app(kubeconfig, cast("pulumi.ProviderResource", None), app, Options("BlueGreen cart"), None)
        await hooks[-1](
            pulumi.ResourceHookArgs(URN, "", "myapp", "Service", new_inputs=workload.service(app))
        )

    with fake_cluster() as cluster:
        if not refused:
            asyncio.run(make(cluster.kubeconfig))
            return
        with pytest.raises(MissingNamespaceError, match="in the arguments of BlueGreen cart"):
            asyncio.run(make(cluster.kubeconfig))


@pytest.mark.usefixtures("state")
def test_an_app_that_takes_over_does_so(hooks: list[Hook], said: list[str]) -> None:
    wanted = annotated("acme/shop/prod/myapp-service")

    async def make(kubeconfig: str) -> None:
        app = App("myapp", take_ownership=True)
        of_app(kubeconfig, cast("pulumi.ProviderResource", None), app, IN_CONFIG, None)
        await hooks[-1](pulumi.ResourceHookArgs(URN, "", "myapp-service", "Service", new_inputs=wanted))

    with fake_cluster(objects={SERVICE_PATH: SERVICE}) as cluster:
        asyncio.run(make(cluster.kubeconfig))
    assert said == ["Service default/myapp is taken over as it is"]


@pytest.mark.parametrize(
    ("organization", "name"), [("organization", "prod"), ("acme", "acme/blue-green/prod")]
)
def test_a_line_to_type_names_the_stack_with_its_organization(
    organization: str, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Pulumi takes a short name for one of the default organization."""
    for asked, answer in (
        ("get_organization", organization), ("get_project", "blue-green"), ("get_stack", "prod")
    ):  # fmt: skip
        monkeypatch.setattr(pulumi, asked, lambda answer=answer: answer)
    assert IN_CONFIG.line("app.name", "cart").startswith(f"pulumi config set --stack {name} --path ")
