"""A Minikube profile, and which Minikube it is of: the user's own, or the one that the config names."""

import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..kubernetes import kubeconfig
from ..kubernetes.kubeconfig import Reference


@dataclass(frozen=True)
class Profile:
    """A profile of one Minikube; paths are relative to the project's folder, `~` is the user's home.

    Attributes:
        name: the profile's name.
        command: the `minikube` to run, or None for the one on PATH.
        home: its MINIKUBE_HOME, or None for the shell's.
        kubeconfig: its KUBECONFIG, or None for the shell's.
        component: whose arguments it is made of, such as Minikube dev; None: of the stack's config.
        stack: whose config that is; None: not known.
    """

    name: str
    command: str | None = None
    home: str | None = None
    kubeconfig: str | None = None
    component: str | None = None
    stack: str | None = None

    @classmethod
    def of(cls, props: Mapping[str, Any]) -> "Profile":
        """The profile of a resource's inputs; a state of the first release names no Minikube."""
        named: Mapping[str, str] = props.get("minikube") or {}
        stack = str(props.get("owner") or "").rpartition("/")[2]
        return cls(props["profile"], **named, component=props.get("component"), stack=stack or None)

    def setting(self, key: str, value: str) -> str:
        """How the user sets one of its inputs: the line to type, or the argument."""
        if self.component is None:
            whose = f" --stack {self.stack}" if self.stack else ""
            return f"pulumi config set{whose} --path --plaintext 'blue-green:cluster.{key}' {value}"
        return f"{key}: {value}, in {self.source}"

    @property
    def source(self) -> str:
        """Where its inputs stand."""
        return "blue-green:cluster" if self.component is None else f"the arguments of {self.component}"

    @property
    def program(self) -> str | None:
        """The path of its `minikube`, or None where there is none."""
        return shutil.which("minikube" if self.command is None else _absolute(self.command))

    @property
    def missing(self) -> str:
        """What to do where there is no `minikube`."""
        if self.command is None:
            return "There is no minikube on PATH. Install it: https://minikube.sigs.k8s.io/docs/start/"
        if self.component is not None:
            return f"There is no {self.command}, which minikube.command names."
        return (
            f"There is no {self.command}, which cluster.minikube names. "
            "Where it is the lab's, the lab is down: make up"
        )

    @property
    def environment(self) -> dict[str, str]:
        """What its `minikube` runs with, whatever shell it is run from."""
        named = {"MINIKUBE_HOME": self.home, "KUBECONFIG": self.kubeconfig}
        return os.environ | {name: _absolute(path) for name, path in named.items() if path is not None}

    @property
    def folder(self) -> Path:
        """Where Minikube keeps the profile, there or not; found as Minikube does (pkg/minikube/localpath)."""
        named = self.environment.get("MINIKUBE_HOME")
        base = Path(named) if named else Path.home()
        home = base if named and base.name == ".minikube" else base / ".minikube"
        return home / "profiles" / self.name

    @property
    def reference(self) -> Reference:
        """Where the profile's credentials are."""
        path = None if self.kubeconfig is None else _absolute(self.kubeconfig)
        return kubeconfig.reference(path, self.name)


def _absolute(path: str) -> str:
    return str(Path(path).expanduser().absolute())
