"""What the lab's Docker needs: Debian's Docker, unpacked and not installed, and an image of a Minikube node.

The image is made of Debian's packages and the files of Minikube's own kicbase: it does what that one does
with containerd, and has not its bytes.
"""

import hashlib
import io
import json
import os
import shlex
import subprocess
import tarfile
from collections.abc import Sequence
from pathlib import Path

from lab import minikube
from lab.docker import NODE_IMAGE
from tools import debian, downloads, golang, modulefiles
from tools.catalogue import GO_TOOLS
from tools.errors import ToolsError
from tools.progress import timed
from tools.store import ROOT, cache, keep, link, locked, place

_FILES = ROOT / "tools" / "nodefiles"
_ENGINE = {
    "docker": "usr/bin/docker",
    "dockerd": "usr/sbin/dockerd",
    "docker-proxy": "usr/sbin/docker-proxy",
    "docker-init": "usr/bin/tini-static",
    "lz4": "usr/bin/lz4",
}
_SUITE = "bookworm"
_ENVIRONMENT = ("PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "container=docker")


def bring_up_to_date() -> None:
    """Make what is missing, and link `.tools/docker` to it.

    Raises:
        ToolsError: a package cannot be had, or the image cannot be made.
    """
    with locked():
        unpacked = debian.unpacked("docker", ("docker.io", "tini", "lz4", "mmdebstrap"))
        kicbase = modulefiles.KICBASE
        if not kicbase.kept.exists():
            modulefiles.fetch(golang.find(), kicbase)
        crictl = downloads.kept(next(tool for tool in GO_TOOLS if tool.name == "crictl"))
        image = place("node", "node.tar", _key(kicbase.kept, crictl))
        if not image.exists():
            with timed("node image, of Debian's packages"):
                _make(unpacked / "usr/bin/mmdebstrap", kicbase.kept, crictl, image)
    link("docker", {name: unpacked / path for name, path in _ENGINE.items()} | {"node.tar": image})


def _key(*sources: Path) -> str:
    """Differs for other packages, by their names, and for other files; not for Debian's newer builds."""
    digest = hashlib.sha256(repr((NODE_IMAGE, _SUITE, _ENVIRONMENT, sources)).encode())
    for file in sorted(_FILES.iterdir()):
        digest.update(file.read_bytes())
    # Not for amd64, the only one at first: what is kept of it stays.
    if minikube.architecture() != "amd64":
        digest.update(minikube.architecture().encode())
    return digest.hexdigest()[:16]


def _make(mmdebstrap: Path, kicbase: Path, crictl: Path, image: Path) -> None:
    root = cache() / "tmp" / f"{os.getpid()}-node-root.tar"
    root.parent.mkdir(parents=True, exist_ok=True)
    packages = [line.strip() for line in (_FILES / "packages.txt").read_text().splitlines()]
    included = ",".join(line for line in packages if line and not line.startswith("#"))
    hook = shlex.join([str(path) for path in (_FILES / "install.sh", kicbase, _FILES, crictl)])
    command = [
        *("unshare", "--mount", mmdebstrap, "--quiet", "--mode=root", "--variant=minbase"),
        *('--aptopt=APT::Install-Recommends "false"', f"--include={included}"),
        *(f'--customize-hook={hook} "$1"', "--skip=output/dev", _SUITE, root),
    ]
    try:
        _run(command)
        fresh = root.with_suffix(".image")
        _write(root, fresh)
        keep(fresh, image)
    finally:
        root.unlink(missing_ok=True)


def _run(command: Sequence[str | Path]) -> None:
    # Files get no later time than this one, so that the same packages make the same image.
    run = subprocess.run(command, env=os.environ | {"SOURCE_DATE_EPOCH": "0"}, capture_output=True, text=True)
    if run.returncode:
        msg = f"the node image could not be made:\n{run.stderr[-1000:]}"
        raise ToolsError(msg)


def _write(root: Path, archive: Path) -> None:
    """Write a root file system as an image of one layer, as `docker load` reads it."""
    with root.open("rb") as file:
        layer = hashlib.file_digest(file, "sha256").hexdigest()
    config: dict[str, object] = {
        "architecture": minikube.architecture(),
        "os": "linux",
        "config": {
            "Env": list(_ENVIRONMENT),
            "Entrypoint": ["/usr/local/bin/lab-entrypoint", "/sbin/init"],
            "ExposedPorts": {"22/tcp": {}},
            "StopSignal": "SIGRTMIN+3",  # with which systemd ends
        },
        "rootfs": {"type": "layers", "diff_ids": [f"sha256:{layer}"]},
    }
    manifest = [{"Config": "config.json", "RepoTags": [NODE_IMAGE], "Layers": ["layer.tar"]}]
    described: dict[str, object] = {"config.json": config, "manifest.json": manifest}
    with tarfile.open(archive, "w", format=tarfile.USTAR_FORMAT) as tar:
        for name, value in described.items():
            text = json.dumps(value, sort_keys=True).encode()
            entry = tarfile.TarInfo(name)
            entry.size = len(text)
            tar.addfile(entry, io.BytesIO(text))
        entry = tarfile.TarInfo("layer.tar")
        entry.size = root.stat().st_size
        with root.open("rb") as file:
            tar.addfile(entry, file)
