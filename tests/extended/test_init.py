"""`blue-green init --from` on a Deployment that runs: the config that it writes takes the Deployment over."""

from collections.abc import Iterator
from typing import Any

import pytest

from components.manifests import workload
from components.settings.model import App, Version
from harness.labs import Lab, Program
from tests.lab.observe import get
from tests.lab.shop import HOST, second_stack


@pytest.fixture
def shop(program: Program, lab: Lab) -> Iterator[Program]:
    """A project without a config, and a Deployment with a file of its own that somebody else made."""
    files = {"kind": "ConfigMap", "apiVersion": "v1", "metadata": {"name": "shop-files"}, "data": {"a": "b"}}
    made: dict[str, Any] = workload.deployment(App("shop"), "v1", Version("janakiramm/myapp:v1"))
    del made["metadata"]["annotations"]
    spec = made["spec"]["template"]["spec"]
    spec["volumes"] = [{"name": "files", "configMap": {"name": "shop-files"}}]
    spec["containers"][0]["volumeMounts"] = [{"name": "files", "mountPath": "/etc/shop"}]
    with program.applied(files, made), second_stack(program, lab, "init") as project:
        salt = [
            line for line in project.config_file.read_text().splitlines() if line.startswith("encryption")
        ]
        project.config_file.write_text("\n".join([*salt, ""]))
        yield project


def test_what_runs_is_taken_over_by_the_config_that_init_writes(shop: Program) -> None:
    before = get(shop, "deployment", "shop-v1")
    context = shop.kubectl("config", "current-context").stdout.strip()
    command = ["python", "-m", "rollout", "init", "--from", "deployment/shop-v1"]
    shop.run(*command, "--host", HOST, "--context", context)
    # It ends well only where requests really come to the version.
    shop.up("--skip-preview")
    after = get(shop, "deployment", "shop-v1")
    assert after["metadata"]["uid"] == before["metadata"]["uid"]
    for key in ("volumes", "containers"):
        assert after["spec"]["template"]["spec"][key] == before["spec"]["template"]["spec"][key]
    shop.up("--skip-preview", "--expect-no-changes")
