"""Istio's own analysis of what a stack makes: `istioctl analyze` has nothing above Info."""

import json
from typing import Any

from harness.labs import Lab, Program
from tests.lab.observe import VERSIONS
from tests.lab.shop import ROUTING, second_stack
from tools import build

FURTHER = {
    "meshCallers": True,
    "paths": ["/"],
    "timeout": "5s",
    "retries": {"attempts": 2, "perTryTimeout": "2s"},
    "responseHeaders": {"x-served-by": "shop"},
    "trafficPolicy": {"connectionPool": {"tcp": {"maxConnections": 100}}},
}

# They cannot be combined.
STICKY = ({"stickySession": {"cookie": "pod", "ttl": "1h"}}, {"stickyVersion": {"header": "x-user"}})


def test_istios_own_analysis_has_nothing_above_info(program: Program, lab: Lab) -> None:
    istioctl = str(build.one("istioctl"))
    with second_stack(program, lab, "analyze") as shop:
        shop.config(
            versions={**VERSIONS, "v3": VERSIONS["v1"]},
            weights={"v1": 60, "v2": 40},
            testRoutes={"v3": {"header": {"x-version": "v3"}}},
            mirror={"version": "v3", "percent": 10},
        )

        def found() -> list[dict[str, Any]]:
            # It exits with an error for what is an error only.
            return json.loads(shop.run(istioctl, "analyze", "-A", "-o", "json", check=False).stdout)

        for sticky in STICKY:
            shop.config(routing=ROUTING | FURTHER | sticky)
            shop.up("--skip-preview")
            assert [one for one in found() if one["level"] != "Info"] == []
        # It reads these very objects.
        shop.kubectl("delete", "gateway.networking.istio.io", "shop-gateway")
        assert ("Error", "VirtualService default/shop") in {(one["level"], one["origin"]) for one in found()}
