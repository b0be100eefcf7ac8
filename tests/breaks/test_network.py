"""A network that keeps the gateways from the pods, as a NetworkPolicy does; the lab's own enforces none."""

from harness.labs import Lab, Program
from tests.breaks.conftest import VERSIONS
from tests.lab.observe import get
from tests.lab.packets import dropped


def test_an_up_whose_requests_get_no_connection_fails(shop: Program, lab: Lab) -> None:
    (gateway,) = get(shop, "pods", "-n", "istio-system", "-l", "istio=ingressgateway")["items"]
    # To new pods no gateway has a connection yet.
    versions = {name: {**one, "env": {"MODE": "new"}} for name, one in VERSIONS.items()}
    try:
        shop.config(versions=versions, weights={"v1": 60, "v2": 40})
        with dropped(lab, "-s", gateway["status"]["podIP"], "-p", "tcp", "--dport", "80"):
            done = shop.up("--skip-preview", check=False)
        assert done.returncode
        assert "The gateway gets no connection to their pods." in done.stdout + done.stderr
    finally:
        shop.config(versions=VERSIONS, weights={"v1": 50, "v2": 50})
        shop.up("--skip-preview")
