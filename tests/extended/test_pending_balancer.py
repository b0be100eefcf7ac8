"""A load balancer that has no address yet: a warning with what to type; the split is proved all the same."""

import json
from collections.abc import Iterator

import pytest

from harness.labs import Lab, Program
from tests.lab.observe import get
from tests.lab.shop import second_stack

NAME = "balanced"


@pytest.fixture
def shop(program: Program, lab: Lab) -> Iterator[Program]:
    """A stack whose gateway's Service waits for a balancer that this cluster has not."""
    service = get(program, "service", "istio-ingressgateway", "-n", "istio-system")
    manifest = {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": NAME, "namespace": "istio-system"},
        "spec": {
            "type": "LoadBalancer",
            "selector": service["spec"]["selector"],
            "ports": [{"name": "http2", "port": 80, "targetPort": 80}],
        },
    }
    with program.applied(manifest), second_stack(program, lab, NAME) as made:
        made.config(
            cluster={"kind": "kubeconfig", "path": program.environment["KUBECONFIG"]},
            istio={"install": False, "gateway": {"service": NAME, "serviceType": "LoadBalancer"}},
            versions={"v1": {"image": "janakiramm/myapp:v1"}},
            weights={"v1": 100},
        )
        yield made


def test_a_pending_balancer_is_a_warning_and_its_address_comes_later(program: Program, shop: Program) -> None:
    for done in (shop.preview(), shop.up("--skip-preview")):
        said = done.stdout + done.stderr
        assert "The gateway's address is not known: its Service has no load balancer yet." in said
        line = f"pulumi config set --stack {shop.stack} --path blue-green:cluster.ingressAddress ADDRESS"
        assert line in said
    outputs = shop.outputs()
    assert outputs["weights"] == {"v1": 100}
    assert outputs.get("url") is None
    status = json.dumps({"status": {"loadBalancer": {"ingress": [{"ip": "192.0.2.1"}]}}})
    program.kubectl(
        *(
            "patch",
            "service",
            NAME,
            "-n",
            "istio-system",
            "--subresource=status",
            "--type=merge",
            "-p",
            status,
        )
    )
    # Nobody answers at that address: one line of the proof says so.
    assert "The proof sent no requests of its own" in shop.up("--skip-preview").stdout
    assert shop.outputs()["url"] == "http://192.0.2.1"
