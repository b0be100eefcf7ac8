"""Pieces of pod templates on a cluster: laid over ours under load, and refused before anything is written."""

from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from harness.labs import Lab, Program
from tests.lab.load import load
from tests.lab.observe import VERSIONS, failing_up, get, staying_pods
from tests.lab.shop import HOST, ROUTING, second_stack

SERVICE_ACCOUNT = {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "shop"}}
CONFIG_MAP = {
    "apiVersion": "v1",
    "kind": "ConfigMap",
    "metadata": {"name": "settings"},
    "data": {"app.yaml": "colour: green"},
}
APP: Mapping[str, Any] = {"name": "shop", "podTemplate": {"spec": {"serviceAccountName": "shop"}}}
SIDECAR = {"name": "sidecar", "image": "janakiramm/myapp:v1", "args": ["--address", ":81"]}
PIECE: Mapping[str, Any] = {
    "metadata": {"annotations": {"example.com/team": "web"}},
    "spec": {
        "volumes": [{"name": "settings", "configMap": {"name": "settings"}}],
        "containers": [
            {
                "name": "shop",
                "args": ["--text", "from the piece"],
                "volumeMounts": [{"name": "settings", "mountPath": "/etc/shop"}],
                "lifecycle": {"preStop": {"sleep": {"seconds": 6}}},
            },
            SIDECAR,
        ],
    },
}


def versions(**of_v2: object) -> dict[str, object]:
    return {**VERSIONS, "v2": {**VERSIONS["v2"], **of_v2}}


@pytest.fixture(scope="module")
def shop(program: Program, lab: Lab) -> Iterator[Program]:
    """Two versions, half of the traffic each, and nothing retried."""
    with second_stack(program, lab, "template") as made:
        made.config(
            versions=VERSIONS,
            weights={"v1": 50, "v2": 50},
            routing={**ROUTING, "retries": {"attempts": 0}},
        )
        made.up("--skip-preview")
        yield made


def template(shop: Program, version: str) -> Any:
    return get(shop, "deployment", f"shop-{version}")["spec"]["template"]


def test_a_template_comes_changes_and_goes_under_load(shop: Program) -> None:
    before = {version: template(shop, version) for version in VERSIONS}
    shop.apply(SERVICE_ACCOUNT, CONFIG_MAP)
    with load(str(shop.outputs()["url"]), {"Host": HOST}) as answers:
        shop.config(app=APP, versions=versions(podTemplate=PIECE, minReadySeconds=1))
        shop.up("--skip-preview")
        shop.kubectl("rollout", "status", "deployment/shop-v2", "--timeout=60s")
        assert template(shop, "v1")["spec"]["serviceAccountName"] == "shop"
        serving = staying_pods(shop, "app=shop,version=v2")
        for pod in serving:
            assert pod["metadata"]["annotations"]["example.com/team"] == "web"
            assert pod["spec"]["serviceAccountName"] == "shop"
            assert [one["name"] for one in pod["status"]["containerStatuses"] if one["ready"]] == [
                "shop",
                "sidecar",
            ]
            assert "/etc/shop" in {one["mountPath"] for one in pod["spec"]["containers"][0]["volumeMounts"]}
        shop.up("--skip-preview", "--expect-no-changes")
        shop.config(versions=versions(podTemplate={"spec": {"containers": [SIDECAR]}}))
        shop.up("--skip-preview")
        shop.config(app={"name": "shop"}, versions=VERSIONS)
        shop.up("--skip-preview")
        for version in VERSIONS:
            shop.kubectl("rollout", "status", f"deployment/shop-{version}", "--timeout=60s")
    assert [answer.text for answer in answers if not answer.ok] == []
    assert any(answer.text == "from the piece" for answer in answers)
    assert {version: template(shop, version) for version in VERSIONS} == before


def test_a_typo_is_a_sentence_of_the_preview_and_nothing_is_written(shop: Program) -> None:
    typo = {"spec": {"volums": [], "containers": [{**SIDECAR, "imagePullPolicy": "always"}]}}
    changed: dict[str, object] = {**VERSIONS, "v1": {**VERSIONS["v1"], "env": {"A": "b"}}}
    shop.config(versions={**changed, "v2": {**VERSIONS["v2"], "podTemplate": typo}})
    before = template(shop, "v1")
    preview = shop.preview(check=False)
    for said in (preview.stdout + preview.stderr, failing_up(shop)):
        assert "Traceback" not in said
        assert (
            "versions.v2.podTemplate.spec.volums: Kubernetes has no such field. Write volumes instead."
            in said
        )
        assert "imagePullPolicy: always is none of Always, IfNotPresent, Never. Write Always." in said
    # What the schema cannot tell, the API server does, before the first write.
    lost = {"spec": {"containers": [{"name": "shop", "volumeMounts": [{"name": "no", "mountPath": "/a"}]}]}}
    shop.config(versions={**changed, "v2": {**VERSIONS["v2"], "podTemplate": lost}})
    said = failing_up(shop)
    assert "The cluster would refuse what the config asks for; nothing was written." in said
    assert (
        "versions.v2.podTemplate.spec.containers.shop.volumeMounts.no.name: Deployment default/shop-v2 "
        'would be refused: Not found: "no". Correct it by what this says: kubectl '
    ) in said
    assert " explain deployment.spec.template.spec.containers.volumeMounts.name." in said
    assert template(shop, "v1") == before
    shop.config(versions=VERSIONS)
    shop.up("--skip-preview", "--expect-no-changes")
