"""Files of the Debian machine that go into images: the packet filters' tools and shared libraries."""

import re
import subprocess
from collections.abc import Iterable
from pathlib import Path

from tools.errors import ToolsError

SBIN = Path("/usr/sbin")
PACKET_FILTERS = (
    "nft",
    "iptables",
    "iptables-save",
    "iptables-restore",
    "ip6tables",
    "ip6tables-save",
    "ip6tables-restore",
)


def packet_filters() -> dict[str, Path]:
    """Return the tools that kube-proxy runs, with the extensions that iptables loads by name.

    Raises:
        ToolsError: a Debian package is missing.
    """
    tools = {f"/usr/sbin/{name}": SBIN / name for name in PACKET_FILTERS}
    missing = [name for name, path in tools.items() if not path.exists()]
    if missing:
        msg = f"{', '.join(missing)} missing: apt-get install nftables iptables"
        raise ToolsError(msg)
    extensions = next(Path("/usr/lib").glob("*-linux-gnu/xtables"))
    return tools | {str(path): path for path in sorted(extensions.glob("*.so"))}


def linked_by(files: Iterable[Path]) -> dict[str, Path]:
    """Return the shared libraries that the files link, and the loader, by the path where each is looked fo

    Raises:
        ToolsError: a library is missing on this machine.
    """
    found: dict[str, Path] = {}
    for file in files:
        # ldd fails on a static file, and says so.
        run = subprocess.run(["ldd", file.resolve()], capture_output=True, text=True)
        if "not found" in run.stdout:
            msg = f"{file} links libraries that are not here:\n{run.stdout}"
            raise ToolsError(msg)
        for path in re.findall(r"(/\S+) \(0x", run.stdout):
            found[path] = Path(path)
    return found
