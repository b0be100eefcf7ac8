"""Versions that crash, never get ready, fail, or start late: what `up` says and does."""

from collections.abc import Mapping

import pytest

from harness.labs import Program
from tests.lab.observe import QUICK, VERSIONS, failing_up, routed

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
