"""A resource that Pulumi is asked to make anew: its object serves on, and the refusal says what to type."""

import json
import re
import shlex
from collections.abc import Iterator

import pytest

from harness.labs import Lab, Program
from harness.pace import pace
from tests.lab.load import load
from tests.lab.observe import failing_up, get
from tests.lab.packets import dropped
from tests.lab.shop import HOST, ROUTING, second_stack

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


def test_the_way_back_from_another_name_that_failed_deletes_nothing(shop: Program, lab: Lab) -> None:
    before = shop.config_file.read_text()
    (pod,) = get(shop, "pods", "-n", "istio-system", "-l", "istio=ingressgateway")["items"]
    with load(str(shop.outputs()["url"]), {"Host": HOST}) as answers:
        # The Gateway of the new name is made, and no Envoy hears of the route that names it.
        shop.config(routing={**ROUTING, "gateway": "front"}, convergence={"timeoutSeconds": 5})
        with dropped(lab, "-p", "tcp", "--sport", "15012", "-d", pod["status"]["podIP"]):
            failing_up(shop)
        assert get(shop, "gateways.networking.istio.io/front")
        shop.config_file.write_text(before)
        for command in (("preview",), ("up", "--yes", "--skip-preview")):
            done = shop.run("pulumi", *command, "--non-interactive", check=False)
            assert done.returncode
            assert "Gateway default/shop-gateway is still to be deleted" in done.stdout + done.stderr
        # The line that it prints asks at a terminal which of the two; here the state is written.
        state = json.loads(shop.run("pulumi", "stack", "export").stdout)
        resources = state["deployment"]["resources"]
        state["deployment"]["resources"] = [one for one in resources if not one.get("delete")]
        (shop.folder / "state.json").write_text(json.dumps(state))
        shop.run("pulumi", "stack", "import", "--file", "state.json")
        # A connection that was silent for so long comes back after a while.
        shop.config(convergence={"timeoutSeconds": round(60 * pace())})
        shop.up("--skip-preview")
        shop.config_file.write_text(before)
        shop.up("--skip-preview")
    assert [answer.text for answer in answers if not answer.ok] == []
    names = [one["metadata"]["name"] for one in get(shop, "gateways.networking.istio.io")["items"]]
    assert "shop-gateway" in names
    assert "front" not in names


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
