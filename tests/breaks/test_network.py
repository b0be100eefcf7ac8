"""A network that keeps the gateways from the pods, as a NetworkPolicy does; the lab's own enforces none."""

import pytest

from harness.labs import Lab, Program
from tests.breaks.conftest import VERSIONS
from tests.lab.observe import get
from tests.lab.packets import dropped


@pytest.mark.parametrize("weights", [{"v1": 60, "v2": 40}, {"v1": 50, "v2": 50}], ids=["moved", "new pods"])
def test_an_up_whose_requests_get_no_connection_fails(
    shop: Program, lab: Lab, weights: dict[str, int]
) -> None:
    (gateway,) = get(shop, "pods", "-n", "istio-system", "-l", "istio=ingressgateway")["items"]
    # To new pods no gateway has a connection yet.
    versions = {name: {**one, "env": {"MODE": "new"}} for name, one in VERSIONS.items()}
    try:
        shop.config(versions=versions, weights=weights)
        with dropped(lab, "-s", gateway["status"]["podIP"], "-p", "tcp", "--dport", "80"):
            done = shop.up("--skip-preview", check=False)
        assert done.returncode
        assert "The gateway gets no connection to their pods." in done.stdout + done.stderr
    finally:
        shop.config(versions=VERSIONS, weights={"v1": 50, "v2": 50})
        shop.up("--skip-preview")
