"""containerd on the lab's host: its settings, its service, and the images it holds."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from lab import command, host, layout, wait
from lab.errors import LabError

if TYPE_CHECKING:
    from lab.layout import Lab

NAMESPACE = "k8s.io"
_CAP_SYS_RESOURCE = 24


def write_settings(lab: Lab) -> None:
    """Write the containerd.toml that the host's first process puts into /etc/containerd."""
    template = (layout.FILES / "containerd.toml").read_text()
    restrict = "false" if may_lower_oom_scores() else "true"
    text = template.replace("@RESTRICT_OOM_SCORE_ADJ@", restrict)
    (lab.host / "containerd.toml").write_text(text)


def may_lower_oom_scores(status: Path = Path("/proc/self/status")) -> bool:
    """Whether we have CAP_SYS_RESOURCE; container engines and some VMs take it away from root."""
    for line in status.read_text().splitlines():
        if line.startswith("CapEff:"):
            return bool(int(line.split()[1], 16) & 1 << _CAP_SYS_RESOURCE)
    return True


def start(lab: Lab) -> None:
    """Start the service, as Minikube will restart it, and wait until it answers."""
    log = lab.logs / "containerd.log"
    command.run(*command.inside(lab, "service", "containerd", "start"), log=lab.logs / "host.log")

    def ended() -> str | None:
        if host.running(lab) is None:
            return "the host has gone"
        if not active(lab):
            return "containerd ended"
        return None

    wait.until("containerd", lambda: answers(lab), timeout=30, ended=ended, log=log)


def stop(lab: Lab) -> None:
    """Stop the service and wait until its process has ended."""
    command.run(*command.inside(lab, "service", "containerd", "stop"), log=lab.logs / "host.log")


def active(lab: Lab) -> bool:
    """Whether the service's process runs."""
    return _succeeds(lab, "service", "containerd", "status")


def answers(lab: Lab) -> bool:
    """Whether containerd answers on its socket."""
    return _succeeds(lab, "ctr", "--connect-timeout", "2s", "version")


def _succeeds(lab: Lab, *arguments: str) -> bool:
    try:
        command.run(*command.inside(lab, *arguments), timeout=10)
    except LabError:
        return False
    return True


def archives(lab: Lab) -> list[Path]:
    """The image archives that the tools provide."""
    return sorted((lab.tools / "images").glob("*.tar"))


def import_images(lab: Lab, archive: Path) -> None:
    """Import every image of an OCI archive, under the names in its index."""
    command.run(
        *command.inside(lab, "ctr", "-n", NAMESPACE, "images", "import", archive),
        timeout=120,
        log=lab.logs / "images.log",
    )


def tag(lab: Lab, image: str, name: str) -> None:
    """Give an image another name too."""
    command.run(*command.inside(lab, "ctr", "-n", NAMESPACE, "images", "tag", "--force", image, name))


def images(lab: Lab) -> list[str]:
    """The names of the images that containerd holds (without those that are mere digests)."""
    listed = command.run(*command.inside(lab, "ctr", "-n", NAMESPACE, "images", "list", "-q"))
    return [name for name in listed.split() if not name.startswith("sha256:")]
