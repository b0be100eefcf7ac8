"""One stack for the app `shop`, which the tier breaks."""

import json
from collections.abc import Iterator

import pytest

from harness.labs import Lab, Program
from tests.breaks.others import OLDER, OLDER_RULE
from tests.breaks.table import OTHERS
from tests.lab.shop import second_stack

READY = {"readiness": {"path": "/", "periodSeconds": 1}}
VERSIONS = {
    "v1": {"image": "janakiramm/myapp:v1", "replicas": 2, "probes": READY, "env": {"MODE": "plain"}},
    "v2": {"image": "janakiramm/myapp:v2", "probes": READY},
}


@pytest.fixture(scope="package")
def shop(program: Program, lab: Lab) -> Iterator[Program]:
    """The stack that is broken: v1 with two pods, v2 with one and no number in the config, half each."""
    program.kubectl("create", "namespace", OTHERS)
    file = program.folder / "older.json"
    file.write_text(json.dumps({"apiVersion": "v1", "kind": "List", "items": [OLDER, OLDER_RULE]}))
    program.kubectl("create", "-f", str(file))
    with second_stack(program, lab, "breaks") as made:
        made.config(versions=VERSIONS, weights={"v1": 50, "v2": 50})
        made.up("--skip-preview")
        yield made
    program.kubectl("delete", "namespace", OTHERS, "--wait=false")
    program.kubectl("delete", "destinationrule/older")
