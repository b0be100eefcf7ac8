"""A resource that Pulumi is asked to make anew: its object serves on, and the refusal says what to type."""

import json
import re
import shlex
from collections.abc import Iterator

import pytest

from harness.labs import Lab, Program
from tests.lab.load import load
from tests.lab.observe import get
from tests.lab.shop import HOST, second_stack

KINDS = {
    "shop-service": "service/shop",
    "shop-v1-deployment": "deployment/shop-v1",
    "shop-v1-disruptionbudget": "pdb/shop-v1",
    "shop-v1-rule": "destinationrule/shop-v1",
    "shop-gateway": "gateways.networking.istio.io/shop-gateway",
    "shop-virtualservice": "virtualservice/shop",
}


@pytest.fixture(scope="module")
def shop(program: Program, lab: Lab) -> Iterator[Program]:
    with second_stack(program, lab, "replace") as made:
        made.config(
            versions={name: {"image": f"janakiramm/myapp:{name}", "replicas": 2} for name in ("v1", "v2")}
        )
        made.up("--skip-preview")
        yield made


def urn(shop: Program, name: str) -> str:
    exported = json.loads(shop.run("pulumi", "stack", "export").stdout)["deployment"]["resources"]
    (found,) = [one["urn"] for one in exported if one["urn"].endswith(f"::{name}")]
    return found


def refused(shop: Program, *command: str) -> str:
    done = shop.run("pulumi", *command, "--non-interactive", check=False)
    said = done.stdout + done.stderr
    assert done.returncode, said
    assert "Traceback" not in said
    assert "its replacement would delete it. It was not touched." in said
    return said


def typed(said: str, command: str) -> list[str]:
    """The line of the message that begins with the command, as a shell reads it."""
    (line,) = set(re.findall(rf"^\s+({command} .*)$", said, re.MULTILINE))
    return shlex.split(line)


@pytest.mark.parametrize("name", KINDS)
def test_what_serves_is_not_made_anew(shop: Program, name: str) -> None:
    uid = get(shop, KINDS[name])["metadata"]["uid"]
    with load(str(shop.outputs()["url"]), {"Host": HOST}) as answers:
        refused(shop, "up", "--yes", "--skip-preview", "--replace", f"**::{name}")
    assert [answer.text for answer in answers if not answer.ok] == []
    assert get(shop, KINDS[name])["metadata"]["uid"] == uid


def test_a_preview_refuses_it_too(shop: Program) -> None:
    refused(shop, "preview", "--replace", "**::shop-virtualservice")


def test_the_mark_for_a_replacement_is_taken_off_by_the_line_that_the_refusal_prints(shop: Program) -> None:
    with load(str(shop.outputs()["url"]), {"Host": HOST}) as answers:
        shop.run("pulumi", "state", "taint", "--yes", urn(shop, "shop-virtualservice"))
        said = refused(shop, "up", "--yes", "--skip-preview")
        shop.run(*typed(said, "pulumi state untaint"), "--yes")
        shop.up("--skip-preview", "--expect-no-changes")
    assert [answer.text for answer in answers if not answer.ok] == []


def test_pods_are_made_anew_by_the_line_that_the_refusal_prints(shop: Program) -> None:
    said = refused(shop, "preview", "--replace", "**::shop-v1-deployment")
    with load(str(shop.outputs()["url"]), {"Host": HOST}) as answers:
        shop.run(*typed(said, "kubectl --kubeconfig"))
        shop.run("kubectl", "rollout", "status", "deployment/shop-v1")
    assert [answer.text for answer in answers if not answer.ok] == []


def test_a_replaced_provider_or_question_replaces_nothing_else(shop: Program) -> None:
    names = ("kubernetes", "shop-ready", "shop-converged", "shop-v1-drain", "istio-ingress")
    with load(str(shop.outputs()["url"]), {"Host": HOST}) as answers:
        shop.up("--skip-preview", *(option for name in names for option in ("--replace", f"**::{name}")))
        shop.up("--skip-preview", "--expect-no-changes")
    assert [answer.text for answer in answers if not answer.ok] == []
