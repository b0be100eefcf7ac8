"""The veth pair that joins the lab's host to the machine: link-local to the two, no forwarding."""

from __future__ import annotations

import contextlib
import json
from ipaddress import IPv4Network
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lab import command, wait
from lab.errors import LabError

if TYPE_CHECKING:
    from lab.layout import Lab

# There is no way out, and a pod is told so at once; without that, one that asks for a Service before
# kube-proxy knows it sends into the void. The API server's own Service is there from the beginning, by
# Minikube's defaults: CoreDNS, the first pod, asks for it at once, and the kubelet looks again after 10 s.
_RULES = """
table ip blue-green-lab {{
    chain forward {{
        type filter hook forward priority filter
        oifname eth0 ip daddr != {subnet} reject
    }}
    chain prerouting {{
        type nat hook prerouting priority dstnat + 10
        ip daddr 10.96.0.1 tcp dport 443 dnat to {address}:8443
    }}
}}
"""


def networks() -> dict[str, list[IPv4Network]]:
    """For each of the machine's links: the IPv4 networks that it has an address in or a route to.

    Default routes are left out: every subnet lies within them. So are those as wide, by which a VPN
    takes the default route's place.
    """
    found: dict[str, list[IPv4Network]] = {}
    addresses: list[dict[str, Any]] = json.loads(command.run("ip", "-json", "-4", "address"))
    for link in addresses:
        for address in link.get("addr_info", []):
            network = IPv4Network(f"{address['local']}/{address['prefixlen']}", strict=False)
            found.setdefault(link["ifname"], []).append(network)
    routes: list[dict[str, Any]] = json.loads(
        command.run("ip", "-json", "-4", "route", "show", "table", "main")
    )
    for route in routes:
        if route["dst"] not in {"default", "0.0.0.0/1", "128.0.0.0/1"}:
            found.setdefault(route.get("dev", "a route"), []).append(IPv4Network(route["dst"]))
    return found


def join(lab: Lab, pid: int) -> None:
    """Make the pair: one end here, the other the `eth0` of the host whose first process is `pid`.

    The pair is made by one command and dies with the host's network namespace.
    """
    _ip(
        command.for_lab(lab),
        f"link add {lab.link} type veth peer name eth0 netns {pid}",
        f"address add {lab.gateway} dev {lab.link}",
    )
    ipv6 = Path("/proc/sys/net/ipv6/conf", lab.link, "disable_ipv6")
    if ipv6.exists():
        ipv6.write_text("1")  # nothing is to be announced on the link
    _ip(command.for_lab(lab), f"link set {lab.link} up")
    _ip(
        command.inside(lab),
        "link set lo up",
        f"address add {lab.node} dev eth0",
        "link set eth0 up",
        f"route add default via {lab.gateway.ip}",
    )
    command.run(
        *command.inside(lab, "tee", "/proc/sys/net/ipv4/ip_forward"),
        stdin="1\n",
    )
    rules = _RULES.format(subnet=lab.subnet, address=lab.address)
    command.run(*command.inside(lab, "nft", "-f", "-"), stdin=rules)


def lead_to_containers(lab: Lab) -> None:
    """Give the machine a route to the containers of the host's Docker; it goes with the link."""
    _ip(command.for_lab(lab), f"route add {lab.halves[1]} via {lab.address} dev {lab.link}")


def _ip(prefix: tuple[str | Path, ...], *lines: str) -> None:
    command.run(*prefix, "ip", "-batch", "-", stdin="".join(f"{line}\n" for line in lines))


def part(lab: Lab) -> None:
    """Remove the pair, if it is (still) there, and wait until the kernel has."""
    link = Path("/sys/class/net", lab.link)
    if link.exists():
        with contextlib.suppress(LabError):  # the kernel, ending the namespace, was first
            command.run("ip", "link", "delete", lab.link, timeout=10)
    wait.until(f"removing the link {lab.link}", lambda: not link.exists(), timeout=10)
