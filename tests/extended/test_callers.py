"""docs/callers.md: who gets the split, and who gets past it."""

from typing import Any, cast

import httpx
import pytest
import yaml

from harness.labs import ROOT, Program
from proof import callers
from tests.lab.api_server import api_server
from tests.lab.baseline import Baseline
from tests.lab.observe import PATIENT, VERSIONS, wait

CALLS = 40


@pytest.fixture(autouse=True)
def v2_gets_nothing(baseline: Baseline) -> None:
    baseline.with_config(weights={"v1": 100}).restore()


def path_of(service: str) -> str:
    return f"/api/v1/namespaces/default/services/{service}:http/proxy/"


def calls(api: httpx.Client, service: str) -> set[str]:
    """Which versions answer a caller without a sidecar: the API server, by the Service's endpoints."""
    pages = [api.get(path_of(service)).raise_for_status().text for _ in range(CALLS)]
    return {"v2" if "vNext" in page else "v1" for page in pages}


def test_a_caller_without_a_sidecar_gets_past_the_weights_and_a_service_of_one_version_holds_it(
    program: Program,
) -> None:
    text = (ROOT / "docs" / "callers.md").read_text()
    service = yaml.safe_load(text.partition("```yaml\n")[2].partition("```")[0])
    name = service["metadata"]["name"]
    with program.applied(service), api_server(program) as api:
        # v2 may have been made anew a moment ago.
        wait(lambda: calls(api, "myapp") == {"v1", "v2"}, "both versions answer by the Service")
        wait(lambda: api.get(path_of(name)).is_success, "the Service has endpoints")
        assert calls(api, name) == {"v1"}


def test_up_warns_of_an_idle_version_that_such_a_caller_reaches(program: Program) -> None:
    program.config(versions=VERSIONS)
    said = program.up("--skip-preview").stdout
    assert "callers inside the cluster without a sidecar reach v2" in said
    program.config(versions={**VERSIONS, "v2": {**VERSIONS["v2"], "probes": {"readiness": {"path": "/"}}}})
    assert "reach v2" not in program.up("--skip-preview").stdout


def test_nothing_of_callers_in_the_mesh_is_dropped_while_the_split_moves(program: Program) -> None:
    """Closed loops through the sidecars of two namespaces, nothing retried; `make proof` has ten."""
    program.config(convergence=PATIENT)
    try:
        callers.added(2)(program)
        for weights in ({"v1": 0, "v2": 100}, {"v1": 60, "v2": 30, "v3": 10}, {"v1": 50, "v2": 50}):
            said = callers.moved(2, weights, tuple(weights))(program)
            assert said is not None
            assert "2 of 2 sidecars read, 2 of 2 acknowledged to istiod" in str(said)
        assert any(
            one.startswith("callers in the mesh, sampled: 2 of 2")
            for one in cast("dict[str, Any]", program.outputs()["lastProof"])
        )
    finally:
        callers.stop(program, 2)
