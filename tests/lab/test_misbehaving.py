"""Versions that crash, never get ready, fail, or start late: what `up` says and does."""

import re
from collections.abc import Mapping

import pytest

from harness.labs import Program
from tests.lab.observe import BASE, QUICK, VERSIONS, failing_up, get, routed, updated

ROOT_PAGE = {"readiness": {"path": "/", "periodSeconds": 1}}
# Each with what its own pod must say. The tags: tools/images.py.
SICK: Mapping[str, tuple[str, str]] = {
    "crash": ("janakiramm/myapp:crash", "exit code 1"),
    "unready": ("janakiramm/myapp:unready", "HTTP probe failed with statuscode: 503"),
    "error": ("janakiramm/myapp:error", "HTTP probe failed with statuscode: 500"),
}


pytestmark = pytest.mark.usefixtures("quick")


def test_sick_versions_get_no_traffic_and_block_no_way_back(program: Program) -> None:
    sick = {name: {"image": image, "probes": ROOT_PAGE} for name, (image, _) in SICK.items()}
    program.config(versions={**VERSIONS, **sick}, weights={"v1": 60, "v2": 10, **dict.fromkeys(sick, 10)})
    said = failing_up(program)
    waited = f"could not take it within {QUICK['timeoutSeconds']} s."
    assert f"Traffic has not moved: versions crash, error, unready {waited}" in said
    for name, (_, reason) in SICK.items():
        lines = [line for line in said.splitlines() if f"pod default/myapp-{name}-" in line]
        assert lines, said
        assert all(reason in line for line in lines), lines
    assert routed(program) == [({"v1": 50, "v2": 50},)]
    # Setting the weights back is enough; the sick ones stay at 0, and are only warned of.
    program.config(weights={"v1": 50, "v2": 50})
    done = program.up("--skip-preview")
    for name in SICK:
        assert f"version {name} gets no traffic and is not ready yet" in done.stdout + done.stderr
    assert routed(program) == [({"v1": 50, "v2": 50},)]


def test_a_version_that_starts_late_gets_all_traffic_once_it_is_there(program: Program) -> None:
    late = {"image": "janakiramm/myapp:late", "probes": ROOT_PAGE}
    program.config(
        versions={**VERSIONS, "late": late},
        weights={"late": 100},
        convergence={"timeoutSeconds": 60, "drainSeconds": 5},
    )
    program.up("--skip-preview")
    assert routed(program) == [({"late": 100},)]


def test_a_version_that_answers_5xx_gets_no_traffic_though_its_port_is_open(program: Program) -> None:
    sick = {"unready": {"image": "janakiramm/myapp:unready"}}
    program.config(**BASE)
    program.up("--skip-preview")
    program.config(versions={**VERSIONS, **sick}, weights={"v1": 50, "v2": 40, "unready": 10})
    said = failing_up(program)
    waited = f"could not take it within {QUICK['timeoutSeconds']} s."
    assert f"Traffic has not moved: version unready {waited}" in said
    assert re.search(r"pod default/myapp-unready-\S+ was asked for / on port 80 and answered HTTP 503", said)
    assert routed(program) == [({"v1": 50, "v2": 50},)]
    program.config(convergence={**QUICK, "check": "none"})
    program.up("--skip-preview")
    assert routed(program) == [({"v1": 50, "v2": 40, "unready": 10},)]


def test_a_number_of_replicas_that_is_not_in_the_config_is_left_alone(program: Program) -> None:
    def replicas() -> int:
        return get(program, "deployment/myapp-v2")["spec"]["replicas"]

    program.config(**{**BASE, "versions": {**VERSIONS, "v2": {**VERSIONS["v2"], "replicas": 2}}})
    program.up("--skip-preview")
    program.config(**BASE)
    program.up("--skip-preview")
    assert replicas() == 2
    program.kubectl("scale", "deployment/myapp-v2", "--replicas=3")
    program.config(weights={"v1": 40, "v2": 60})
    program.up("--skip-preview")
    assert replicas() == 3
    assert updated(program) == set()
