"""The subnets of one run's labs: two checkouts on one machine set LAB_TEST_SUBNET, and do not meet."""

import os
from ipaddress import IPv4Network

ALL = IPv4Network(os.environ.get("LAB_TEST_SUBNET", "192.168.50.0/24"))
# pytest-xdist's number of this process: each has a lab for its session and others for single tests.
WORKER = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
_MINE = [str(one) for one in ALL.subnets(new_prefix=28)][4 * WORKER : 4 * WORKER + 4]
if len(_MINE) < 4:
    msg = (
        f"LAB_TEST_SUBNET={ALL} is too small for process {WORKER + 1}: take a wider one, such as 10.49.0.0/16"
    )
    raise ValueError(msg)
SESSION, OWN, OTHER, THIRD = _MINE


def host(subnet: str) -> str:
    """The address of the lab's host in it."""
    return str(IPv4Network(subnet)[3])
