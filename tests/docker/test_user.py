"""The stack `dev` of a user who is not root and is in the group docker: a real Minikube, without --force."""

import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeAlias

import pytest

from harness.clones import stack_dev
from harness.labs import ROOT, Lab
from lab import docker
from tests.docker.conftest import FOLDER
from tests.lab import subnets
from tests.lab.second_lab import SecondLab
from tools.store import cache

pytestmark = pytest.mark.timeout(900)

HOME = FOLDER / "user"
USER, GROUP = "4711", "4712"
# Where root's home is closed to others, the user sees in its place what the clone, the tools and Python are.
AS_USER = f"""
home=$1 groups=$2 kept="$3 $4 $5"
shift 5
for one in $kept; do mkdir -p "/run/kept$one"; mount --rbind "$one" "/run/kept$one"; done
mount -t tmpfs -o mode=755 tmpfs "$home"
for one in $kept; do mkdir -p "$one"; mount --rbind "/run/kept$one" "$one"; done
exec setpriv --reuid={USER} --regid={USER} "$groups" -- "$@"
"""

Typed: TypeAlias = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture(scope="module")
def typed(lab: Lab) -> Iterator[Typed]:
    """Types a line into the user's shell, in a clone of the user's own on the lab's host."""
    shutil.rmtree(HOME, ignore_errors=True)
    # Another file's, or on a kept lab that of another run.
    lab.run("minikube", "delete", "--profile", "dev")
    made = stack_dev(HOME, lab)
    environment = {name: text for name, text in made.items() if not name.startswith(("KUBE", "MINIKUBE_"))}
    commands = HOME / "user" / "bin"
    for name, tool in (("minikube", "bin/minikube"), ("docker", "docker/docker")):
        (commands / name).unlink()
        (commands / name).symlink_to((ROOT / ".tools" / tool).resolve())
    # What cannot be downloaded here.
    downloads = Path(lab.environment["MINIKUBE_HOME"]) / "cache"
    shutil.copytree(downloads, HOME / "user" / ".minikube" / "cache", symlinks=True)
    subprocess.run(["chown", "--recursive", "--no-dereference", f"{USER}:{USER}", HOME], check=True)
    settings = docker.exports(SecondLab(FOLDER, subnets.SESSION, HOME).layout) + "unset MINIKUBE_FORCE\n"
    lab.inside("sh", "-c", f"id dev || useradd --uid={USER} --home-dir={HOME / 'user'} dev")
    # As Debian's package of Docker leaves it.
    lab.inside("chgrp", GROUP, "/run/docker.sock")

    def typed(
        script: str, *, check: bool = True, groups: str = f"--groups={GROUP}"
    ) -> subprocess.CompletedProcess[str]:
        return lab.inside(
            *("unshare", "--mount", "sh", "-euc", AS_USER, "as-user"),
            *(Path.home(), groups, ROOT, cache(), sys.base_prefix),
            *("env", "-i", *(f"{name}={text}" for name, text in environment.items())),
            *("bash", "-euo", "pipefail", "-c", f"{settings}cd {HOME / 'clone'}\n{script}"),
            check=check,
        )

    yield typed
    lab.run("docker", "rm", "--force", "--volumes", "dev", check=False)


def test_a_user_in_the_group_docker_has_the_stack(typed: Typed, lab: Lab) -> None:
    assert typed("id -u; id -G").stdout.split() == [USER, USER, GROUP]
    said = typed("make up STACK=dev").stdout
    assert "The app is at http://" in said
    assert "is what its config says" in typed("make verify STACK=dev").stdout
    typed("make down STACK=dev CONFIRM=dev")
    assert lab.run("docker", "container", "ls", "--all", "--quiet", "--filter=name=dev").stdout == ""


def test_a_user_who_may_not_use_docker_is_told_what_to_type(typed: Typed) -> None:
    refused = typed("make up STACK=dev", check=False, groups="--clear-groups")
    assert refused.returncode
    assert "you may not use it; type: sudo usermod -aG docker $USER && newgrp docker" in refused.stderr
