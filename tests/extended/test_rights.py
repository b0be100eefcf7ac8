"""docs/rights: with exactly these everything works, and one that is missing is named with the rule to add."""

import json
from collections.abc import Generator, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, cast

import pytest
import yaml

from harness.labs import ROOT, Lab, Program
from harness.pace import pace
from tests.lab import observe
from tests.lab.load import load
from tests.lab.observe import get
from tests.lab.shop import HOST, ROUTING, existing_cluster, second_stack

ROLES = ("verify", "requests", "up", "preview")
USER = "deployer"
TWO: Mapping[str, Any] = {name: {"image": f"janakiramm/myapp:{name}", "replicas": 2} for name in ("v1", "v2")}
QUICK = {"timeoutSeconds": round(15 * pace()), "drainSeconds": 1}
# Where pods start.
PATIENT = {"timeoutSeconds": observe.PATIENT["timeoutSeconds"], "drainSeconds": 1}


def role(name: str) -> dict[str, Any]:
    return yaml.safe_load((ROOT / "docs" / "rights" / f"{name}.yaml").read_text())


@pytest.fixture(scope="module")
def kubeconfig(program: Program, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The kubeconfig of a service account; what it may do is what is bound to it."""
    folder = tmp_path_factory.mktemp("rights")
    program.kubectl("create", "serviceaccount", USER)
    for name in ROLES:
        program.kubectl("create", "-f", str(ROOT / "docs" / "rights" / f"{name}.yaml"))
    view = program.kubectl("config", "view", "--raw", "--minify", "--flatten", "-o", "json").stdout
    config: dict[str, Any] = json.loads(view)
    config["users"][0]["user"] = {"token": program.kubectl("create", "token", USER).stdout}
    path = folder / "kubeconfig"
    path.write_text(json.dumps(config))
    path.chmod(0o600)
    yield path
    program.kubectl("delete", f"serviceaccount/{USER}", *(f"clusterrole/blue-green-{name}" for name in ROLES))


@contextmanager
def bound(program: Program, *roles: str) -> Generator[None]:
    """The user has these roles alone."""
    names = [f"{USER}-{name}" for name in roles]
    for binding, name in zip(names, roles, strict=True):
        to = (f"--clusterrole=blue-green-{name}", f"--serviceaccount=default:{USER}")
        program.kubectl("create", "clusterrolebinding", binding, *to)
    try:
        yield
    finally:
        program.kubectl("delete", "clusterrolebinding", *names)


@contextmanager
def instead(program: Program, *roles: str) -> Generator[None]:
    """The user has these roles, and not those of the stack `shop`."""
    program.kubectl("delete", "clusterrolebinding", f"{USER}-up", f"{USER}-verify")
    try:
        with bound(program, *roles):
            yield
    finally:
        for name in ("up", "verify"):
            to = (f"--clusterrole=blue-green-{name}", f"--serviceaccount=default:{USER}")
            program.kubectl("create", "clusterrolebinding", f"{USER}-{name}", *to)


@contextmanager
def without(program: Program, name: str, resource: str, verb: str) -> Generator[None]:
    """A role lacks one right."""
    whole = role(name)
    rules: list[Mapping[str, Any]] = []
    for rule in whole["rules"]:
        if resource in rule["resources"]:
            rest = {"resources": [resource], "verbs": [one for one in rule["verbs"] if one != verb]}
            others = {"resources": [one for one in rule["resources"] if one != resource]}
            rules += [{**rule, **part} for part in (rest, others) if all(part.values())]
        else:
            rules.append(rule)
    change = json.dumps([{"op": "replace", "path": "/rules", "value": rules}])
    program.kubectl("patch", "clusterrole", f"blue-green-{name}", "--type=json", "-p", change)
    try:
        yield
    finally:
        whole_again = json.dumps([{"op": "replace", "path": "/rules", "value": whole["rules"]}])
        program.kubectl("patch", "clusterrole", f"blue-green-{name}", "--type=json", "-p", whole_again)


@pytest.fixture(scope="module")
def shop(program: Program, lab: Lab, kubeconfig: Path) -> Iterator[Program]:
    """A stack that has only the user's rights, up with exactly the documented ones."""
    with second_stack(program, lab, "rights") as made:
        made.config(
            cluster=existing_cluster(program, str(kubeconfig)),
            versions=TWO,
            weights={"v1": 100},
            convergence=PATIENT,
        )
        with bound(program, "verify", "up"):
            made.up("--skip-preview")
            made.config(convergence=QUICK)
            yield made
            made.run("pulumi", "destroy", "--yes", "--non-interactive", "--skip-preview")


def test_with_the_documented_rights_everything_works(shop: Program) -> None:
    shop.config(weights={"v1": 50, "v2": 50})
    shop.up("--skip-preview")
    shop.run("python", "-m", "rollout", "verify")
    scaled = {"image": TWO["v2"]["image"], "autoscaling": {"min": 2, "max": 3}, "files": {"/etc/a": "one"}}
    shop.config(versions={"v2": scaled}, weights={"v2": 100}, convergence=PATIENT)
    shop.up("--skip-preview")
    shop.run("python", "-m", "rollout", "verify")
    shop.config(versions=TWO, weights={"v1": 100})
    assert "forbidden" not in shop.up("--skip-preview").stdout
    assert get(shop, "configmaps,hpa", "-l", "app=shop")["items"] == []
    shop.config(convergence=QUICK)


def test_without_the_right_to_a_secret_no_content_of_it_is_known(shop: Program) -> None:
    watching = {**TWO["v1"], "restartOn": [{"secret": "db"}]}
    shop.config(versions={**TWO, "v1": watching})
    done = shop.preview(check=False)
    assert 'resources: ["secrets"], resourceNames: ["db"], verbs: ["get"]}' in done.stdout + done.stderr
    assert "Traceback" not in done.stdout + done.stderr
    shop.config(versions=TWO)


def test_a_preview_needs_no_right_to_write(program: Program, shop: Program) -> None:
    with instead(program, "verify", "preview"):
        shop.config(weights={"v1": 40, "v2": 60})
        said = shop.run("python", "-m", "rollout", "preview").stdout
        assert "v2: 0 % → 60 %" in said
        assert "compares the config with the stack's state" not in said
    shop.config(weights={"v1": 100})


def test_where_port_forwards_are_forbidden_requests_alone_are_the_proof(
    program: Program, shop: Program
) -> None:
    alone = QUICK | {"evidence": "requests", "drainSeconds": 5}
    once = ROUTING | {"retries": {"attempts": 0}}
    shop.config(convergence=alone, weights={"v1": 50, "v2": 50}, routing=once)
    with instead(program, "requests", "up"), load(str(shop.outputs()["url"]), {"Host": HOST}) as answers:
        assert "requests alone: 10 of 10 answers from http://" in shop.up("--skip-preview").stdout
        (proof,) = cast("dict[str, Any]", shop.outputs()["lastProof"])
        assert proof.startswith("requests alone, http://")
        assert "requests alone: 10 of 10" in shop.up("--skip-preview", "--expect-no-changes").stdout
        said = shop.run("python", "-m", "rollout", "verify").stdout
        assert "requests alone: 200 of 200 answers came by this split (v" in said
        said = shop.run("python", "-m", "rollout", "watch", "--plain", "--count", "20").stdout
        assert "requests alone: 20 of 20 answers came by this split (v" in said
        board = json.loads(shop.run("python", "-m", "rollout", "watch", "-o", "json", "--count", "20").stdout)
        assert (board["verdict"], board["requests"]) == ("converged", 20)
        refused = shop.run("python", "-m", "rollout", "shift", "v2", check=False)
        assert "shift goes by what the gateways count, and rights has convergence.evidence" in refused.stderr
        shop.config(app={"name": "shop", "port": 8080})
        said = shop.up("--skip-preview").stdout
        assert "requests alone cannot tell when the gateways follow another port, so they get 5 s" in said
        assert [one["port"] for one in get(shop, "service", "shop")["spec"]["ports"]] == [8080]
        # What leaves the config cannot be asked for its last requests, and gets the whole time.
        shop.config(versions={"v2": TWO["v2"]}, weights={"v2": 100})
        said = shop.up("--skip-preview").stdout
        assert "came by this split (v2 10); no gateway was asked" in said
        assert "requests alone cannot tell the last requests to v1, so they get 5 s" in said
    assert [answer.text for answer in answers if not answer.ok] == []
    with_files = TWO["v2"] | {"files": {"/etc/a": "one"}}
    patient = PATIENT | {"evidence": "requests"}
    shop.config(versions={"v2": with_files}, convergence=patient)
    with instead(program, "requests", "up"):
        shop.up("--skip-preview")
    with instead(program, "requests", "preview"):
        shop.preview()
    # Whoever may ask the gateways again goes back to them.
    shop.config(app={"name": "shop"}, convergence=PATIENT, routing=ROUTING, versions=TWO, weights={"v1": 100})
    shop.up("--skip-preview")
    shop.config(convergence=QUICK)
    assert not any("requests alone" in pod for pod in cast("dict[str, Any]", shop.outputs()["lastProof"]))


def test_without_the_right_to_its_namespace_the_cluster_is_known_by_its_authority_in_one_line(
    program: Program, shop: Program
) -> None:
    shop.config(weights={"v1": 60, "v2": 40})
    with without(program, "verify", "namespaces", "get"):
        said = shop.up("--skip-preview").stdout
    lines = {line.strip() for line in said.splitlines() if "certificate authority alone" in line}
    (line,) = {line[line.index("The cluster is known") :] for line in lines}
    assert 'Add this rule to a role of the kubeconfig\'s user: {apiGroups: [""], resources: ["names' in line


@pytest.mark.parametrize(
    ("name", "resource", "verb"),
    [
        ("verify", "pods", "list"),
        ("verify", "pods/portforward", "create"),
        ("verify", "deployments", "get"),
        ("up", "services", "get"),
        ("up", "virtualservices", "patch"),
        ("up", "destinationrules", "get"),
    ],
)
def test_a_missing_right_is_named(
    program: Program, shop: Program, name: str, resource: str, verb: str
) -> None:
    shop.config(weights={"v1": 70, "v2": 30})
    with without(program, name, resource, verb):
        done = shop.up("--skip-preview", check=False)
        said = done.stdout + done.stderr
        assert done.returncode, said
        assert "Traceback" not in said
        kind = resource.partition("/")[0]
        assert any(kind in line and "forbidden" in line for line in said.splitlines()), said
