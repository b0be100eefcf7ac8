"""A kubeconfig's user who may not ask the gateways is told which rule to add, and that is enough."""

import json
import re
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import yaml

from harness.labs import Lab, Program
from tests.lab.shop import existing_cluster, second_stack

# All that an `up` of the app needs, but `pods/portforward`.
RULES = [
    {
        "apiGroups": ["", "apps", "networking.istio.io"],
        "resources": ["services", "deployments", "gateways", "destinationrules", "virtualservices"],
        "verbs": ["*"],
    },
    {"apiGroups": [""], "resources": ["pods", "events"], "verbs": ["get", "list"]},
]


@contextmanager
def deployer(program: Program, folder: Path) -> Generator[str]:
    """The kubeconfig of a service account with these rights alone."""
    role = {"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRole"}
    file = folder / "role.json"
    file.write_text(json.dumps(role | {"metadata": {"name": "deployer"}, "rules": RULES}))
    program.kubectl("create", "-f", str(file))
    program.kubectl("create", "serviceaccount", "deployer")
    bound = ("--clusterrole=deployer", "--serviceaccount=default:deployer")
    program.kubectl("create", "clusterrolebinding", "deployer", *bound)
    try:
        view = program.kubectl("config", "view", "--raw", "--minify", "--flatten", "-o", "json").stdout
        kubeconfig: dict[str, Any] = json.loads(view)
        kubeconfig["users"][0]["user"] = {"token": program.kubectl("create", "token", "deployer").stdout}
        path = folder / "kubeconfig"
        path.write_text(json.dumps(kubeconfig))
        yield str(path)
    finally:
        program.kubectl("delete", "clusterrolebinding/deployer", "clusterrole/deployer")
        program.kubectl("delete", "serviceaccount/deployer")


def test_the_rule_that_the_error_names_is_what_was_missing(
    program: Program, lab: Lab, tmp_path: Path
) -> None:
    with (
        deployer(program, tmp_path) as kubeconfig,
        second_stack(program, lab, "rights") as shop,
    ):
        shop.config(
            cluster=existing_cluster(program, kubeconfig),
            versions={"v1": {"image": "janakiramm/myapp:v1"}},
            weights={"v1": 100},
            convergence={"timeoutSeconds": 8, "drainSeconds": 1},
        )
        done = shop.up("--skip-preview", check=False)
        assert done.returncode
        rule = re.search(r"Add this rule to a role of the kubeconfig's user: (\{.*\})", done.stdout)
        assert rule, done.stdout
        patch = [{"op": "add", "path": "/rules/-", "value": yaml.safe_load(rule[1])}]
        program.kubectl("patch", "clusterrole", "deployer", "--type=json", "-p", json.dumps(patch))
        shop.up("--skip-preview")
