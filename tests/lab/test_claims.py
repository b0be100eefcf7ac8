"""Two splits on one gateway: the second that asks for the same requests is refused, with nothing touched."""

from collections.abc import Iterator
from typing import Any

import pytest

from components.manifests import routes
from components.ownership import OWNER
from components.settings.model import App, Routing
from harness.labs import Lab, Program
from tests.lab.shop import HOST, ROUTING, second_stack

V1 = {"v1": {"image": "janakiramm/myapp:v1"}}
V1_V2 = {**V1, "v2": {"image": "janakiramm/myapp:v2"}}
OTHER = "organization/blue-green/other"


@pytest.fixture
def shop(program: Program, lab: Lab) -> Iterator[Program]:
    with second_stack(program, lab, "claims") as made:
        made.config(versions=V1, weights={"v1": 100})
        yield made


def said_by(shop: Program, *options: str) -> str:
    done = shop.up("--skip-preview", *options, check=False)
    said = done.stdout + done.stderr
    assert done.returncode, said
    assert "Traceback" not in said
    return said


def names(shop: Program) -> str:
    return shop.kubectl("get", "deployments,services,gateways,virtualservices", "-o", "name").stdout


def test_a_new_split_for_the_requests_of_another_is_refused_and_touches_nothing(shop: Program) -> None:
    before = names(shop)
    shop.config(routing={**ROUTING, "hosts": ["*"]})
    preview = shop.preview(check=False)
    assert preview.returncode
    for said in (preview.stdout + preview.stderr, said_by(shop)):
        assert "VirtualService default/myapp of the stack organization/blue-green/lab" in said
        assert "asks for the same requests: host *, any path, on port 80 of the gateway istio=" in said
        assert f"pulumi config set --stack {shop.stack} --path 'blue-green:routing.hosts[0]'" in said
    assert names(shop) == before


def test_a_split_that_stands_may_not_widen_to_anothers_host_and_goes_on_as_it_is(shop: Program) -> None:
    shop.up("--skip-preview")
    shop.config(routing={**ROUTING, "hosts": ["*"]}, versions=V1_V2)
    said = said_by(shop)
    assert "VirtualService default/myapp of the stack organization/blue-green/lab" in said
    assert "deployment.apps/shop-v2" not in names(shop)
    shop.config(routing=ROUTING)
    shop.up("--skip-preview")


def other_split(namespace: str, **routing: Any) -> list[dict[str, Any]]:
    """Another stack's Gateway and VirtualService."""
    # Of two that are made in one second, Istio takes the first by name for the older one; Gateways too.
    app, where = App("theirs", namespace), Routing(gateway="their-gateway", **routing)
    items = [routes.gateway(app, where), routes.virtual_service(app, {"v1": 100}, where)]
    for item in items:
        item["metadata"]["annotations"] = {OWNER: f"{OTHER}/other-{item['kind'].lower()}"}
    return items


def test_a_split_that_stands_is_told_of_another_and_can_still_be_moved_and_destroyed(shop: Program) -> None:
    shop.config(versions=V1_V2)
    shop.up("--skip-preview")
    with shop.applied(*other_split("default", hosts=(HOST,))):
        shop.config(weights={"v1": 50, "v2": 50})
        moved = shop.up("--skip-preview")
        assert f"VirtualService default/theirs of the stack {OTHER} asks for the same" in moved.stdout
        shop.config(weights={"v1": 100})
        shop.up("--skip-preview")
        shop.run("pulumi", "destroy", "--yes", "--non-interactive", "--skip-preview")


def test_disjoint_paths_of_one_host_are_fine(shop: Program) -> None:
    with shop.applied(*other_split("default", hosts=(HOST,), paths=("/other",))):
        shop.config(routing={**ROUTING, "paths": ["/shop"]})
        shop.up("--skip-preview")
        shop.config(routing={**ROUTING, "paths": ["/shop", "/other/cart"]})
        assert f"VirtualService default/theirs of the stack {OTHER}" in said_by(shop)
