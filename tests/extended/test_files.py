"""Files of a version: in place, changed under load, and kept for as long as a pod has them."""

from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from harness.labs import Lab, Program
from tests.lab.load import load
from tests.lab.observe import QUICK, VERSIONS, get, wait
from tests.lab.shop import HOST, ROUTING, second_stack

TEXT = "/etc/shop/text"
# The page is the file's text, and a container whose file is missing ends.
PIECE: Mapping[str, Any] = {"spec": {"containers": [{"name": "shop", "args": ["--text-file", TEXT]}]}}
OF_OTHERS = [
    {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "db"}, "stringData": {"password": "hush"}},
    {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "theirs"}, "data": {"text": "of others"}},
]


def versions(v1: object, v2: object = "two") -> dict[str, Any]:
    """Both versions with their texts."""
    texts = {"v1": v1, "v2": v2}
    return {
        name: {**VERSIONS[name], "podTemplate": PIECE, "files": {TEXT: text}} for name, text in texts.items()
    }


@pytest.fixture(scope="module")
def shop(program: Program, lab: Lab) -> Iterator[Program]:
    """All of the traffic to v1, and nothing retried."""
    with program.applied(*OF_OTHERS), second_stack(program, lab, "files") as made:
        made.config(versions=VERSIONS, weights={"v1": 100}, routing={**ROUTING, "retries": {"attempts": 0}})
        made.up("--skip-preview")
        yield made


def files_of(shop: Program, version: str) -> set[str]:
    """The ConfigMaps of a version's files."""
    found = get(shop, "configmaps", "-l", f"app=shop,version={version}")["items"]
    return {one["metadata"]["name"] for one in found}


def mounted(shop: Program, version: str) -> str:
    """The ConfigMap that the Deployment names."""
    pod = get(shop, "deployment", f"shop-{version}")["spec"]["template"]["spec"]
    (volume,) = (one for one in pod["volumes"] if one["name"] == "files")
    return volume["projected"]["sources"][0]["configMap"]["name"]


def stamp(shop: Program) -> str:
    """By what Kubernetes sees that the pods are to roll."""
    metadata = get(shop, "deployment", "shop-v1")["spec"]["template"]["metadata"]
    return metadata["annotations"]["blue-green/restart-on"]


def test_files_come_change_and_go_and_another_content_of_others_rolls_the_version_under_load(
    shop: Program,
) -> None:
    one = versions("one")
    one["v1"]["restartOn"] = [{"secret": "db"}, {"configMap": "theirs"}]
    with load(str(shop.outputs()["url"]), {"Host": HOST}) as answers:
        shop.config(versions=one)
        shop.up("--skip-preview")
        first, before = mounted(shop, "v1"), stamp(shop)
        # Another label is no other content.
        shop.kubectl("label", "secret/db", "example.com/seen=yes")
        shop.up("--skip-preview", "--expect-no-changes")
        shop.kubectl("patch", "secret/db", "-p", '{"stringData": {"password": "whist"}}')
        shop.up("--skip-preview")
        assert stamp(shop) != before
        assert mounted(shop, "v1") == first
        assert "whist" not in shop.run("pulumi", "stack", "export", "--show-secrets").stdout
        more = {
            TEXT: "another one",
            "/etc/shop/deep/text": {"configMap": "theirs", "key": "text"},
            "/run/password": {"secret": "db", "key": "password"},
        }
        shop.config(versions={**one, "v1": {**one["v1"], "files": more}})
        shop.up("--skip-preview")
        # Its last pod is gone, or on its way.
        assert files_of(shop, "v1") == {mounted(shop, "v1")} != {first}
        shop.config(versions=VERSIONS)
        shop.up("--skip-preview")
        assert files_of(shop, "v1") == set()
    assert [answer.text for answer in answers if not answer.ok] == []
    assert {answer.text for answer in answers} == {"V1", "one", "another one"}


def test_what_pods_still_have_stays(shop: Program) -> None:
    """An idle version whose new pods do not get ready is no failure, and its old ones serve on."""
    shop.config(versions=versions("one"))
    shop.up("--skip-preview")
    wait(lambda: get(shop, "deployment", "shop-v2")["status"].get("readyReplicas") == 1, "v2 is ready")
    before = mounted(shop, "v2")
    stuck = versions("one", "too late")
    lost = {"spec": {"containers": [{"name": "shop", "args": ["--text-file", "/nowhere"]}]}}
    stuck["v2"]["podTemplate"] = lost
    shop.config(versions=stuck, convergence=QUICK)
    done = shop.up("--skip-preview")
    said = done.stdout + done.stderr
    assert f"ConfigMap default/{before} stays, pod shop-v2-" in said
    assert f"-n default delete configmap {before}" in said
    assert files_of(shop, "v2") == {before, mounted(shop, "v2")}
    # A config that goes back finds it.
    shop.config(versions=versions("one"))
    shop.up("--skip-preview")
    assert mounted(shop, "v2") == before
    assert files_of(shop, "v2") == {before}


def test_an_object_of_others_that_is_not_there_is_said_by_the_preview(shop: Program) -> None:
    shop.config(versions={**VERSIONS, "v1": {**VERSIONS["v1"], "restartOn": [{"secret": "none"}]}})
    done = shop.preview(check=False)
    said = done.stdout + done.stderr
    assert "versions.v1.restartOn[0]: there is no Secret default/none." in said
    assert "Traceback" not in said
