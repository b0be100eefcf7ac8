"""`lab up`: make the host, or repair it, or find it well."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from lab import (
    cgroups,
    checks,
    command,
    containerd,
    docker,
    down,
    host,
    imagestore,
    layout,
    minikube,
    network,
    record,
)
from lab.errors import LabError
from lab.lock import held
from lab.progress import console, step
from lab.record import Record

if TYPE_CHECKING:
    from lab.layout import Lab


# The host has its own in its place (see files/init.sh).
REPLACED = Path("/var/lib")
_TOP_FOLDER_PARTS = 2


def check(lab: Lab) -> None:
    """Raise LabError with the reason why this machine cannot have `lab`, unless it is there already."""
    checks.root_on_linux()
    if record.read(lab) is None and not host.exists(lab):
        checks.machine(lab)


def up(lab: Lab) -> None:
    """Make `lab` run and be ready for `minikube start`.

    Where it runs already this changes nothing, but a containerd that ended is started again and
    missing images are imported. Raises LabError, having removed what it made, where that fails.
    """
    checks.root_on_linux()
    with held(lab):
        host.refuse_moved(lab)
        written = record.read(lab)
        if written is not None and written.complete and host.running(lab) is not None:
            _refuse_other_options(lab, written)
            _repair(lab, written)
            return
        if written is not None or host.exists(lab):
            with step("removing an unfinished or ended host"):
                down.remove(lab)
        with step("checking the machine"):
            checks.machine(lab)
            checks.built(lab)
        modules = checks.missing_modules()
        if modules:
            with step(f"loading {' and '.join(modules)} into the kernel"):
                command.run("modprobe", "--all", *modules)
        try:
            _make(lab, modules)
        except BaseException:
            with step("removing what was made"):
                down.remove(lab)
            raise
    console.print(f"the host is ready at {lab.address}; `minikube start` makes the cluster")


def _refuse_other_options(lab: Lab, written: Record) -> None:
    if (written.subnet, written.tools, written.docker) != (str(lab.subnet), str(lab.tools), lab.docker):
        engine = "with" if written.docker else "without"
        raise LabError(
            f"{lab.directory} runs with --subnet {written.subnet} --tools {written.tools}, {engine} Docker; "
            f"to change that: {lab.to_type('down')}"
        )


def _repair(lab: Lab, written: Record) -> None:
    if not containerd.answers(lab):
        with step("starting containerd again"):
            containerd.start(lab)
    if lab.docker and not docker.answers(lab):
        with step("starting Docker again"):
            docker.start(lab)
    missing = [a for a in containerd.archives(lab) if str(a.resolve()) not in written.images]
    if missing:
        _import(lab, missing)
    _complete(lab, written, missing)
    console.print(f"the host is running at {lab.address}")


def _make(lab: Lab, modules: tuple[str, ...]) -> None:
    found = cgroups.hierarchies()
    enabled = {str(file): names for file, names in cgroups.controllers_to_enable(found).items()}
    written = Record(
        str(lab.subnet), str(lab.tools), controllers=enabled, modules=[*modules], docker=lab.docker
    )
    record.write(lab, written)
    lab.logs.mkdir()
    archives = containerd.archives(lab)
    with step("namespaces, cgroups, file system"):
        containerd.write_settings(lab)
        (lab.host / "crictl").symlink_to((lab.tools / "bin" / "crictl").resolve())
        restored = imagestore.restore(lab, archives)
        pid = host.start(lab, found, kept_paths(lab))
    with step(f"network {lab.subnet}"):
        network.join(lab, pid)
    with step("containerd"):
        containerd.start(lab)
    if not restored:
        _import(lab, archives)
        with step("keeping the imported images for the next time"):
            imagestore.keep(lab, archives)
    if lab.docker:
        _add_docker(lab, archives)
    _complete(lab, written, archives)


def _add_docker(lab: Lab, archives: list[Path]) -> None:
    with step("the images as a preload of Minikube"):
        packed = imagestore.preload(lab, archives)
        docker.install_preload(lab, packed, minikube.kubernetes_version(lab), minikube.architecture())
    with step(f"Docker, and a way to its containers in {lab.halves[1]}"):
        docker.start(lab)
        network.lead_to_containers(lab)
    with step("the node image"):
        docker.load(lab)


def _import(lab: Lab, archives: list[Path]) -> None:
    with step(f"importing {len(archives)} image archives"):
        for archive in archives:
            containerd.import_images(lab, archive)


def _complete(lab: Lab, written: Record, imported: list[Path]) -> None:
    """Put Minikube's command and cache in place, and record that the host is complete."""
    with step("Minikube's command and cache"):
        minikube.install(lab)
    images = sorted({*written.images, *(str(archive.resolve()) for archive in imported)})
    record.write(lab, replace(written, images=images, complete=True))


def kept_paths(lab: Lab) -> list[Path]:
    """Directories that are the machine's own inside the host too, none below another.

    What is written there inside is written on the machine: so only the lab's, the repository and the
    user's home. Tools elsewhere are seen without that, but in the directory that the host replaces.
    """
    links = [*(lab.tools / "bin").iterdir(), *(lab.tools / "docker").glob("*"), *containerd.archives(lab)]
    targets = {path.resolve().parent for path in links}
    wanted = {path for path in targets if REPLACED in path.parents}
    wanted |= {lab.directory, layout.FILES.parent.parent}
    # A home such as / or /opt would be no directory of one user's.
    if len(Path.home().parts) > _TOP_FOLDER_PARTS:
        wanted.add(Path.home())
    return sorted(path for path in wanted if path.is_dir() and not wanted.intersection(path.parents))
