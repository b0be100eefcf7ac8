"""Versions that crash, never get ready, fail, or start late: what `up` says and does."""

import json
import re
from collections.abc import Mapping
from typing import Any

import pytest

from harness.labs import Program
from tests.lab.observe import PATIENT, QUICK, VERSIONS, failing_up_that_says, get, routed

ROOT_PAGE = {"readiness": {"path": "/", "periodSeconds": 1}}
# Each with what its own pod must say. The tags: tools/images.py.
SICK: Mapping[str, tuple[Mapping[str, Any], str]] = {
    "closed": ({"image": "janakiramm/myapp:v2", "probes": {"readiness": {"port": 81}}}, "probe failed: dial"),
    "crash": ({"image": "janakiramm/myapp:crash", "probes": ROOT_PAGE}, "exit code 1"),
    "error": ({"image": "janakiramm/myapp:error", "probes": ROOT_PAGE}, "failed with statuscode: 500"),
    "map": (
        {"image": "janakiramm/myapp:v2", "files": {"/etc/map": {"configMap": "map-7", "key": "a"}}},
        'configmap "map-7" not found',
    ),
    "missing": ({"image": "janakiramm/myapp:missing"}, "myapp:missing"),
    "unready": ({"image": "janakiramm/myapp:unready", "probes": ROOT_PAGE}, "failed with statuscode: 503"),
}


pytestmark = pytest.mark.usefixtures("quick")


def sound(program: Program) -> Mapping[str, Any]:
    """The versions as they are: beside the sick ones no pod starts that would be late as well."""
    return json.loads(program.run("pulumi", "config", "get", "blue-green:versions").stdout)


def test_sick_versions_get_no_traffic_and_block_no_way_back(program: Program) -> None:
    sick = {name: version for name, (version, _) in SICK.items()}
    program.config(
        versions={**sound(program), **sick}, weights={"v1": 30, "v2": 10, **dict.fromkeys(sick, 10)}
    )
    said = failing_up_that_says(program, *(reason for _, reason in SICK.values()))
    waited = f"could not take it within {QUICK['timeoutSeconds']} s."
    assert f"Traffic has not moved: versions {', '.join(SICK)} {waited}" in said
    for name, (_, reason) in SICK.items():
        # A pod may have said something else before.
        lines = [line for line in said.splitlines() if f"pod default/myapp-{name}-" in line]
        assert any(reason in line for line in lines), said
    assert routed(program) == [({"v1": 50, "v2": 50},)]
    # Setting the weights back is enough; the sick ones stay at 0, and are only warned of.
    program.config(weights={"v1": 100}, convergence=PATIENT)
    done = program.up("--skip-preview")
    for name in SICK:
        assert f"version {name} gets no traffic and is not ready yet" in done.stdout + done.stderr
    assert routed(program) == [({"v1": 100},)]
    # Nor do they keep a node from being drained.
    of_them = ("--selector=kubernetes.io/os=linux", f"--pod-selector=version in ({','.join(SICK)})")
    drained = program.kubectl("drain", *of_them, "--dry-run=server", "--ignore-daemonsets", "--timeout=20s")
    assert drained.stdout.count("(server dry run)") > len(SICK)


def test_an_up_rolls_out_a_version_that_somebody_paused(program: Program) -> None:
    program.kubectl("rollout", "pause", "deployment/myapp-v2")
    program.config(
        versions={**VERSIONS, "v2": {**VERSIONS["v2"], "env": {"MODE": "new"}}}, convergence=PATIENT
    )
    program.up("--skip-preview")
    assert "paused" not in get(program, "deployment", "myapp-v2")["spec"]


def test_a_version_that_starts_late_gets_all_traffic_once_it_is_there(program: Program) -> None:
    late = {"image": "janakiramm/myapp:late", "probes": ROOT_PAGE}
    program.config(
        versions={**VERSIONS, "late": late},
        weights={"late": 100},
        convergence=PATIENT,
    )
    program.up("--skip-preview")
    assert routed(program) == [({"late": 100},)]


def test_a_version_that_answers_5xx_gets_no_traffic_though_its_port_is_open(program: Program) -> None:
    sick = {"unready": {"image": "janakiramm/myapp:unready"}}
    program.config(versions={**sound(program), **sick}, weights={"v1": 50, "v2": 40, "unready": 10})
    said = failing_up_that_says(program, "answered HTTP 503")
    waited = f"could not take it within {QUICK['timeoutSeconds']} s."
    assert f"Traffic has not moved: version unready {waited}" in said
    assert re.search(r"pod default/myapp-unready-\S+ was asked for / on port 80 and answered HTTP 503", said)
    assert routed(program) == [({"v1": 50, "v2": 50},)]
    program.config(convergence={**QUICK, "check": "none"})
    program.up("--skip-preview")
    assert routed(program) == [({"v1": 50, "v2": 40, "unready": 10},)]
