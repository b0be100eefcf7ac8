"""A clone of the project with an environment of its own, so that what is typed in it changes nothing here."""

import os
import subprocess
import sys
from pathlib import Path

import yaml

from harness.labs import ROOT, Lab
from tools.catalogue import PROVIDER_PLUGIN, PULUMI_KUBERNETES


def clone(folder: Path) -> None:
    """Copy the files that Git knows into a new folder, and give it the Python packages that are here."""
    folder.mkdir(parents=True)
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True).stdout
    subprocess.run(["cp", "--parents", "-t", folder, *listed.split(b"\0")[:-1]], cwd=ROOT, check=True)
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", folder / ".venv"], check=True)
    (packages,) = (folder / ".venv" / "lib").glob("python3*/site-packages")
    here = [path for path in sys.path if path.endswith("-packages")]
    (packages / "packages.pth").write_text("".join(f"{path}\n" for path in here))
    # `make setup` then finds nothing to install.
    made_from = "{ cat requirements.lock tools/bootstrap.sh | cksum; .venv/bin/python -V; } >.venv/.made-from"
    subprocess.run(["sh", "-c", made_from], cwd=folder, check=True)


def stack_dev(folder: Path, lab: Lab) -> dict[str, str]:
    """Clone into `folder/clone`; the environment of a user with the lab's Docker and tools on PATH.

    Nothing is in that user's cache.
    """
    made, user = folder / "clone", folder / "user"
    clone(made)
    fit_here(made / "Pulumi.dev.yaml")
    commands = user / "bin"
    commands.mkdir(parents=True)
    for name in ("docker", "minikube"):
        (commands / name).symlink_to(lab.folder / "bin" / name)
    for name in ("pulumi", "kubectl"):
        (commands / name).symlink_to((ROOT / ".tools" / "bin" / name).resolve())
    # Pulumi's own CLI puts it there, where it reaches its maker.
    plugins = made / ".lab" / "pulumi" / "home" / "plugins" / f"resource-kubernetes-v{PULUMI_KUBERNETES}"
    plugins.mkdir(parents=True)
    (plugins / PROVIDER_PLUGIN).symlink_to((ROOT / ".tools" / "plugins" / PROVIDER_PLUGIN).resolve())
    return {
        **{name: text for name, text in lab.environment.items() if name.startswith(("KUBE", "MINIKUBE_"))},
        "PATH": f"{commands}{os.pathsep}/usr/sbin:/usr/bin:/sbin:/bin",
        "HOME": str(user),
        "XDG_CACHE_HOME": str(user / "cache"),
    }


def fit_here(file: Path) -> None:
    """Make the file of the stack `dev` fit this machine: two CPUs, Istio's charts and images of the lab."""
    config = yaml.safe_load(file.read_text())
    config["config"]["blue-green:cluster"]["cpus"] = 2
    istio = yaml.safe_load((ROOT / "Pulumi.lab.yaml").read_text())["config"]["blue-green:istio"]
    config["config"]["blue-green:istio"] = istio | {"charts": str(ROOT / ".tools" / "charts")}
    file.write_text(yaml.safe_dump(config))
