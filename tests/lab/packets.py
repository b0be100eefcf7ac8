"""Packets between the pods of a lab that come to nothing, as where a network or a policy keeps them."""

from collections.abc import Generator
from contextlib import contextmanager

from harness.labs import Lab


@contextmanager
def dropped(lab: Lab, *which: str) -> Generator[None]:
    """Drop what iptables matches by these options, until the block ends."""

    def iptables(does: str) -> None:
        lab.inside("iptables", does, "FORWARD", *which, "-j", "DROP")

    iptables("-I")
    try:
        yield
    finally:
        iptables("-D")
