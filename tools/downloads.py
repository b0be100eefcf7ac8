"""The makers' own releases: what is missing is fetched from them, checked by its sum, rather than built."""

import hashlib
import os
import platform
import queue
import shutil
import tarfile
import threading
import time
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO, cast

from lab import minikube
from tools import gobuild, pins
from tools.catalogue import KUBERNETES, MINIKUBE, PROVIDER_PLUGIN, PULUMI, PULUMI_KUBERNETES, GoTool
from tools.errors import ToolsError
from tools.modulefiles import PULUMI_SCRIPTS, ModuleFile
from tools.progress import Progress
from tools.store import ROOT, cache, keep, place

KUBERNETES_HOST = "https://dl.k8s.io/release"
GITHUB = "https://github.com"
# Sums that are pinned; one that is not is read where the makers publish it.
SUMS = ROOT / "tools" / "downloads.txt"
# A host that brings less than a piece in this time has none for us: at most ten seconds until it is built.
PATIENCE_SECONDS = 8.0
PIECE = 1 << 18
BUILD = "BUILD"


@dataclass(frozen=True)
class Release:
    """A file that the makers of tools publish for this machine's system.

    Attributes:
        url: where it is.
        sums: where they publish its SHA-256.
        files: the name of each tool or script that is in it, and its path there; of a file that is no
            archive, its one name.
    """

    url: str
    sums: str
    files: Mapping[str, str]

    @property
    def name(self) -> str:
        """Its file name."""
        return self.url.rpartition("/")[2]

    @property
    def kept(self) -> Path:
        """Where its files are kept, whether they are there yet or not."""
        return place("release", self.name, hashlib.sha256(self.url.encode()).hexdigest()[:16])


def releases() -> list[Release]:
    """Return what is published for this machine's system, of the versions that are pinned."""
    system = platform.system().lower()
    machine = minikube.architecture()
    pulumi = f"{GITHUB}/pulumi/pulumi/releases/download/{PULUMI}"
    provider = f"{GITHUB}/pulumi/pulumi-kubernetes/releases/download/v{PULUMI_KUBERNETES}"
    names = ("pulumi", "pulumi-language-python", *(script.name for script in PULUMI_SCRIPTS))
    found = [
        Release(
            f"{pulumi}/pulumi-{PULUMI}-{system}-{machine.replace('amd64', 'x64')}.tar.gz",
            f"{pulumi}/pulumi-{PULUMI.removeprefix('v')}-checksums.txt",
            {name: f"pulumi/{name}" for name in names},
        ),
        Release(
            f"{provider}/{PROVIDER_PLUGIN}-v{PULUMI_KUBERNETES}-{system}-{machine}.tar.gz",
            f"{provider}/pulumi-kubernetes_{PULUMI_KUBERNETES}_checksums.txt",
            {PROVIDER_PLUGIN: PROVIDER_PLUGIN},
        ),
        _binary(
            "minikube",
            f"{GITHUB}/kubernetes/minikube/releases/download/{MINIKUBE}/minikube-{system}-{machine}",
        ),
    ]
    return found if system != "linux" else found + _of_the_lab(machine)


def _of_the_lab(machine: str) -> list[Release]:
    kubernetes = f"{KUBERNETES_HOST}/{KUBERNETES}/bin/linux/{machine}"
    etcd = pins.version("cluster", "go.etcd.io/etcd/server/v3")
    etcd_url = f"{GITHUB}/etcd-io/etcd/releases/download/{etcd}"
    coredns = pins.version("cluster", "github.com/coredns/coredns")
    coredns_name = f"coredns_{coredns.removeprefix('v')}_linux_{machine}.tgz"
    coredns_url = f"{GITHUB}/coredns/coredns/releases/download/{coredns}/{coredns_name}"
    crictl = pins.version("crictl", "sigs.k8s.io/cri-tools")
    crictl_name = f"crictl-{crictl}-linux-{machine}.tar.gz"
    crictl_url = f"{GITHUB}/kubernetes-sigs/cri-tools/releases/download/{crictl}/{crictl_name}"
    names = (
        *("kubeadm", "kubelet", "kube-apiserver", "kube-controller-manager"),
        *("kube-scheduler", "kube-proxy"),
    )
    return [
        *(_binary(name, f"{kubernetes}/{name}") for name in names),
        Release(
            f"{etcd_url}/etcd-{etcd}-linux-{machine}.tar.gz",
            f"{etcd_url}/SHA256SUMS",
            {"etcd": f"etcd-{etcd}-linux-{machine}/etcd"},
        ),
        Release(coredns_url, f"{coredns_url}.sha256", {"coredns": "coredns"}),
        Release(crictl_url, f"{crictl_url}.sha256", {"crictl": "crictl"}),
    ]


def _binary(name: str, url: str) -> Release:
    return Release(url, f"{url}.sha256", {name: url.rpartition("/")[2]})


def kept(what: GoTool | ModuleFile) -> Path:
    """Return where a tool or script is kept: as it was built, else as its makers' release has it."""
    built = gobuild.built(what) if isinstance(what, GoTool) else what.kept
    if built.exists() or from_source():
        return built
    for release in releases():
        if what.name in release.files and release.kept.exists():
            return release.kept / what.name
    return built


def fetch(names: Collection[str]) -> None:
    """Fetch the makers' releases of these tools and scripts; those that cannot be had are left to be built.

    The first that cannot be had ends it: a host that hangs is waited for once.
    """
    wanted = [
        release for release in releases() if release.files.keys() & set(names) and not release.kept.exists()
    ]
    if from_source():
        print(f"{BUILD}=source: everything is built from source")
        return
    if not wanted:
        return
    try:
        with Progress("fetching the makers' own releases") as progress:
            for release in wanted:
                started = time.monotonic()
                _fetch(release, progress)
                progress.done(release.name, time.monotonic() - started)
    except _NotHadError as error:
        print(f"the makers' releases cannot be had ({error}): building from source instead", flush=True)


def from_source() -> bool:
    """Whether the user wants everything built here.

    Raises:
        ToolsError: the variable has another value.
    """
    said = os.environ.get(BUILD, "")
    if said not in ("", "source"):
        msg = f"{BUILD}={said} is not known: leave it out, or type {BUILD}=source to build everything here"
        raise ToolsError(msg)
    return said == "source"


class _NotHadError(Exception):
    """A release cannot be had; the text says why."""


def _fetch(release: Release, progress: Progress) -> None:
    scratch = cache() / "tmp" / f"{os.getpid()}-{release.name}"
    shutil.rmtree(scratch, ignore_errors=True)
    (scratch / "files").mkdir(parents=True)
    try:
        file = scratch / release.name
        digest, size = hashlib.sha256(), 0
        with file.open("wb") as into:
            for piece in _pieces(release.url):
                into.write(piece)
                digest.update(piece)
                size += len(piece)
                progress.say(f"{release.name}, {size >> 20} MB")
        if (has := digest.hexdigest()) != (pinned := _sum(release)):
            raise _NotHadError(f"{release.url} has the SHA-256 {has}, not {pinned}")
        _unpack(release, file, scratch / "files")
        keep(scratch / "files", release.kept)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def _unpack(release: Release, file: Path, folder: Path) -> None:
    """Take the files that are wanted, and no others, out of what was fetched."""
    if release.name in release.files.values():
        (name,) = release.files
        file.rename(folder / name)
    else:
        try:
            with tarfile.open(file) as archive:
                for name, path in release.files.items():
                    # None only of a folder.
                    with (
                        cast("IO[bytes]", archive.extractfile(path)) as member,
                        (folder / name).open("wb") as into,
                    ):
                        shutil.copyfileobj(member, into)
        except (KeyError, tarfile.TarError) as error:
            raise _NotHadError(f"{release.url}: {error}") from error
    for path in folder.iterdir():
        path.chmod(0o755)


def _sum(release: Release) -> str:
    """The SHA-256 that a release must have: the pinned one, else the one that is published beside it."""
    if pinned := _pinned().get(release.url):
        return pinned
    lines = b"".join(_pieces(release.sums)).decode(errors="replace").splitlines()
    for digest, *name in (line.split() for line in lines if line.strip()):
        if not name or Path(name[-1].lstrip("*")).name == release.name:
            return digest
    raise _NotHadError(f"{release.sums} does not name {release.name}")


def _pinned() -> dict[str, str]:
    lines = [line.split() for line in SUMS.read_text().splitlines() if not line.startswith("#")]
    return {url: digest for digest, url in lines}


def _pieces(url: str) -> Iterator[bytes]:
    """Yield what an address answers, piece by piece.

    Read in a thread of its own, as a look-up of a name knows no time limit.

    Raises:
        _NotHadError: it fails, is cut off, or brings less than a piece in `PATIENCE_SECONDS`.
    """
    pieces: queue.Queue[bytes | _NotHadError | None] = queue.Queue(maxsize=8)
    threading.Thread(target=_read, args=(url, pieces), daemon=True).start()
    while True:
        try:
            piece = pieces.get(timeout=PATIENCE_SECONDS)
        except queue.Empty:
            raise _NotHadError(f"{url} does not answer within {PATIENCE_SECONDS:g} s") from None
        if isinstance(piece, _NotHadError):
            raise piece
        if piece is None:
            return
        yield piece


def _read(url: str, pieces: queue.Queue[bytes | _NotHadError | None]) -> None:
    # Here, as no command but a build needs them.
    import http.client
    import urllib.request

    got = 0
    try:
        with urllib.request.urlopen(url, timeout=60) as answer:  # noqa: S310
            length = int(answer.headers.get("Content-Length") or 0)
            while piece := answer.read(PIECE):
                got += len(piece)
                pieces.put(piece)
        pieces.put(_NotHadError(f"{url} was cut off after {got} of {length} bytes") if got < length else None)
    except (OSError, http.client.HTTPException) as error:
        pieces.put(_NotHadError(f"{url}: {getattr(error, 'reason', None) or error}"))
