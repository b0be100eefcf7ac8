"""Workloads and a Service that somebody else has: behind the split with no change to them, under load."""

from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from harness.labs import Lab, Program
from tests.lab.load import load
from tests.lab.observe import failing_up, get
from tests.lab.shop import HOST, ROUTING, second_stack

SERVICE = {
    "apiVersion": "v1",
    "kind": "Service",
    "metadata": {"name": "cart", "namespace": "default"},
    "spec": {"selector": {"group": "cart"}, "ports": [{"name": "http", "port": 80, "targetPort": 80}]},
}
VERSIONS: Mapping[str, Any] = {
    "v1": {"deployment": "cart-one"},
    "v2": {"workload": {"kind": "StatefulSet", "name": "cart-two"}},
}
ANOTHER = {**SERVICE, "metadata": {"name": "cart-too", "namespace": "default"}}
ROLLBACK = ("python", "-m", "rollout", "rollback")
OF_THEIRS = ("deployment/cart-one", "statefulset/cart-two", "service/cart", "service/cart-too")


def workload(kind: str, name: str, tag: str, **spec: object) -> Mapping[str, object]:
    """As its owner writes it."""
    labels = {"group": "cart", "part": name}
    container = {
        "name": "web",
        "image": f"janakiramm/myapp:{tag}",
        "readinessProbe": {"tcpSocket": {"port": 80}, "periodSeconds": 1},
        "lifecycle": {"preStop": {"sleep": {"seconds": 5}}},
    }
    template = {"metadata": {"labels": labels}, "spec": {"containers": [container]}}
    return {
        "apiVersion": "apps/v1",
        "kind": kind,
        "metadata": {"name": name, "namespace": "default"},
        "spec": {"selector": {"matchLabels": {"part": name}}, "template": template, "replicas": 2, **spec},
    }


@pytest.fixture(scope="module")
def shop(program: Program, lab: Lab) -> Iterator[Program]:
    """The owner's objects, and a stack that is not up yet."""
    theirs = [
        SERVICE,
        ANOTHER,
        workload("Deployment", "cart-one", "v1"),
        workload("StatefulSet", "cart-two", "v2", serviceName="cart"),
    ]
    with program.applied(*theirs), second_stack(program, lab, "existing") as made:
        made.config(
            app={"name": "shop", "service": "cart"},
            routing={**ROUTING, "retries": {"attempts": 0}},
            versions={"v1": VERSIONS["v1"]},
            weights={"v1": 100},
        )
        yield made


def test_they_come_move_are_rolled_by_their_owner_and_go_under_load(shop: Program) -> None:
    shop.kubectl("rollout", "status", "deployment/cart-one", "--timeout=120s")
    shop.kubectl("rollout", "status", "statefulset/cart-two", "--timeout=120s")
    shop.up("--skip-preview")
    with load(str(shop.outputs()["url"]), {"Host": HOST}) as answers:
        shop.config(versions=VERSIONS, weights={"v1": 50, "v2": 50})
        shop.up("--skip-preview")
        shop.run("python", "-m", "rollout", "verify")
        shop.up("--skip-preview", "--expect-no-changes")
        # Their owner rolls one, and the split moves meanwhile.
        shop.kubectl("set", "env", "deployment/cart-one", "A=b")
        shop.config(weights={"v1": 10, "v2": 90})
        said = shop.run("python", "-m", "rollout", "preview").stdout
        assert "| v2 | 50 % | 90 % | `StatefulSet cart-two` |" in said
        shop.up("--skip-preview")
        shop.kubectl("rollout", "status", "deployment/cart-one", "--timeout=120s")
        # Both ways back lead to what is somebody else's.
        assert "routes by v1 50 %, v2 50 % again" in shop.run(*ROLLBACK).stdout
        shop.config(weights={"v1": 10, "v2": 90})
        shop.up("--skip-preview")
        assert "routes by v1 50 %, v2 50 % again" in shop.run(*ROLLBACK, "--now").stdout
        shop.up("--skip-preview", "--expect-no-changes")
        shop.config(versions={"v2": VERSIONS["v2"]}, weights={"v2": 100})
        shop.up("--skip-preview")
        # Other pods under its name, or by another Service, would get all of it at once: neither is written.
        shop.config(versions={"v2": VERSIONS["v1"]})
        said = failing_up(shop)
        assert "would lead it from the pods with part=cart-two to those with part=cart-one, all at" in said
        shop.config(versions={"v2": VERSIONS["v2"]}, app={"name": "shop", "service": "cart-too"})
        done = shop.preview(check=False)
        assert done.returncode
        assert "by the Service cart, and its rule would lead to cart-too" in done.stdout + done.stderr
        shop.config(app={"name": "shop", "service": "cart"})
        shop.up("--skip-preview", "--expect-no-changes")
    assert [answer.text for answer in answers if not answer.ok] == []
    assert {answer.version for answer in answers} == {"v1", "v2"}
    rules = get(shop, "destinationrules")["items"]
    assert [one["metadata"]["name"] for one in rules if one["spec"]["host"] == "cart"] == ["shop-v2"]
    for one in get(shop, *OF_THEIRS)["items"]:
        assert "blue-green/owner" not in one["metadata"].get("annotations", {})
    assert "shop" not in shop.kubectl("get", "deployments,services", "-o", "name").stdout


@pytest.mark.parametrize(
    ("versions", "sentence"),
    [
        (
            {**VERSIONS, "v1": {"deployment": "cart-one", "subset": {"labels": {"group": "cart"}}}},
            "versions.v1: its label group=cart is on the pods of v2 too",
        ),
        (
            {**VERSIONS, "v1": {"deployment": "cart-one", "subset": {"labels": {"part": "x"}}}},
            "versions.v1.subset.labels: its own pods have not part=x",
        ),
        ({**VERSIONS, "v1": {"deployment": "none"}}, "versions.v1: there is no Deployment default/none"),
        (
            {**VERSIONS, "v3": {"image": "janakiramm/myapp:v3"}},
            "versions.v3: the Service cart selects group=cart, which its pods have not",
        ),
    ],
)
def test_what_cannot_be_split_is_said_by_the_preview(
    shop: Program, versions: dict[str, Any], sentence: str
) -> None:
    shop.config(versions=versions, weights={"v2": 100})
    done = shop.preview(check=False)
    said = done.stdout + done.stderr
    assert done.returncode
    assert sentence in said
    assert "Traceback" not in said
