"""Helm values of the mesh as Helm takes them: a large number keeps its digits."""

import json

from harness.labs import Program
from tests.lab.observe import get


def test_a_large_number_keeps_its_digits(base: Program) -> None:
    istio = json.loads(base.run("pulumi", "config", "get", "blue-green:istio").stdout)
    istio["values"]["istiod"]["env"]["LARGE"] = 1234567
    base.config(istio=istio)
    base.up("--skip-preview")
    found = get(base, "deployment", "istiod", "-n", "istio-system")
    (istiod,) = found["spec"]["template"]["spec"]["containers"]
    assert {"name": "LARGE", "value": "1234567"} in istiod["env"]
    base.up("--skip-preview", "--expect-no-changes")
