"""Objects that exist before the stack comes: refused, imported, or taken over by the option."""

import json
import re
import shlex
from collections.abc import Iterator
from typing import Any

import pytest

from components.manifests import routes, workload
from components.settings.model import App, Routing, Version
from harness.labs import Lab, Program
from tests.lab.observe import VERSIONS
from tests.lab.shop import second_stack

APP = App("shop")
ROUTING = Routing(gateway="shop-gateway", hosts=("shop.example",))
EXISTING = ("service/shop", "deployment/shop-v1", "virtualservice/shop")
EXCLUDES = ("--exclude", "**::shop-service", "--exclude", "**::shop-v1-deployment")


@pytest.fixture(scope="module")
def shop(program: Program, lab: Lab) -> Iterator[Program]:
    with second_stack(program, lab, "adopt") as made:
        # The Deployment below has the probe that a version without one gets.
        made.config(versions=VERSIONS)
        yield made


@pytest.fixture(autouse=True)
def made_by_somebody_else(shop: Program) -> Iterator[None]:
    """A Service, a Deployment and a VirtualService of the stack's names, as kubectl makes them."""
    objects = [
        workload.service(APP),
        workload.deployment(APP, "v1", Version("janakiramm/myapp:v1")),
        routes.virtual_service(APP, {"v1": 100}, ROUTING),
    ]
    for one in objects:
        del one["metadata"]["annotations"]
    shop.apply(*objects)
    yield
    shop.config(app={"name": "shop"})
    shop.run("pulumi", "destroy", "--yes", "--non-interactive", "--skip-preview")
    shop.kubectl("delete", *EXISTING, "--ignore-not-found")


def metadata(shop: Program, field: str) -> list[str]:
    items: list[Any] = json.loads(shop.kubectl("get", *EXISTING, "-o", "json").stdout)["items"]
    return [item["metadata"][field] for item in items]


def refused(shop: Program, *options: str) -> str:
    done = shop.up(*options, check=False)
    said = done.stdout + done.stderr
    assert done.returncode, said
    assert "Traceback" not in said
    return said


@pytest.mark.parametrize("options", [(), ("--skip-preview",)])
def test_without_a_word_nothing_of_it_is_touched(shop: Program, options: tuple[str, ...]) -> None:
    # Not the Deployment's: its status changes by itself.
    before = metadata(shop, "resourceVersion")[::2]
    said = refused(shop, *options)
    assert "Service default/shop exists and is not this stack's. It was not touched." in said
    assert "kubernetes:core/v1:Service shop-service default/shop" in said
    assert f"pulumi config set --stack {shop.stack} --path blue-green:app.takeOwnership true" in said
    assert metadata(shop, "resourceVersion")[::2] == before


def test_it_is_imported_by_the_lines_that_the_error_prints(shop: Program) -> None:
    uids = metadata(shop, "uid")
    for excludes in (EXCLUDES, ("--exclude", "**::shop-virtualservice")):
        said = refused(shop)
        shop.up("--skip-preview", *excludes, "--exclude-dependents")
        lines = set(re.findall(r"^\s+(pulumi import .*)$", said, re.MULTILINE))
        assert len(lines) == len(excludes) / 2
        for line in lines:
            shop.run(*shlex.split(line), "--yes", "--non-interactive")
    shop.up()
    shop.up("--skip-preview", "--expect-no-changes")
    assert metadata(shop, "uid") == uids


def test_it_is_taken_over_by_the_option(shop: Program) -> None:
    uids = metadata(shop, "uid")
    shop.run("pulumi", "config", "set", "--path", "blue-green:app.takeOwnership", "true")
    shop.config(versions={**VERSIONS, "v1": {**VERSIONS["v1"], "probes": {"readiness": {"path": "/"}}}})
    previewed = shop.preview(check=False)
    said = previewed.stdout + previewed.stderr
    assert "shop.readinessProbe asks by tcpSocket, and the config by httpGet." in said
    assert "Traceback" not in said
    shop.config(versions=VERSIONS)
    shop.up()
    assert metadata(shop, "uid") == uids
    # From then on the option is no longer needed.
    shop.config(app={"name": "shop"})
    shop.up("--skip-preview", "--expect-no-changes")
    resources = json.loads(shop.run("pulumi", "stack", "export").stdout)["deployment"]["resources"]
    (urn,) = [one["urn"] for one in resources if one["urn"].endswith("::shop-virtualservice")]
    # As after a SIGKILL between the cluster's answer and the entry in the state: it is the stack's own.
    shop.run("pulumi", "state", "delete", "--yes", "--target-dependents", urn)
    shop.up()


def test_a_deployment_with_another_selector_is_refused_and_stays(shop: Program) -> None:
    shop.kubectl("delete", "deployment/shop-v1")
    shop.kubectl("create", "deployment", "shop-v1", "--image=janakiramm/myapp:v1")
    uids = metadata(shop, "uid")
    shop.run("pulumi", "config", "set", "--path", "blue-green:app.takeOwnership", "true")
    assert "field is immutable" in refused(shop)
    shop.config(app={"name": "shop"})
    said = refused(shop)
    shop.up("--skip-preview", *EXCLUDES, "--exclude-dependents")
    for line in set(re.findall(r"^\s+(pulumi import .*)$", said, re.MULTILINE)):
        shop.run(*shlex.split(line), "--yes", "--non-interactive")
    for options in ((), ("--skip-preview",)):
        assert "`selector` does not match template `labels`" in refused(shop, *options)
    assert metadata(shop, "uid") == uids
