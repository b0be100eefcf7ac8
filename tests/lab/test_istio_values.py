"""Helm values of the mesh as Helm takes them: null takes a default out, a large number keeps its digits."""

import json
from typing import Any

from harness.labs import Program
from tests.lab.observe import get


def container(program: Program, deployment: str) -> dict[str, Any]:
    """The one container of a Deployment of the mesh."""
    found = get(program, "deployment", deployment, "-n", "istio-system")
    (only,) = found["spec"]["template"]["spec"]["containers"]
    return only


def test_a_null_and_a_large_number_arrive(base: Program) -> None:
    assert "limits" in container(base, "istio-ingressgateway")["resources"]
    istio = json.loads(base.run("pulumi", "config", "get", "blue-green:istio").stdout)
    istio["values"]["gateway"]["resources"]["limits"] = None
    istio["values"]["istiod"]["env"]["LARGE"] = 1234567
    base.config(istio=istio)
    base.up("--skip-preview")
    assert container(base, "istio-ingressgateway")["resources"] == {
        "requests": istio["values"]["gateway"]["resources"]["requests"]
    }
    assert {"name": "LARGE", "value": "1234567"} in container(base, "istiod")["env"]
    base.up("--skip-preview", "--expect-no-changes")
