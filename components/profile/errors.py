"""What Minikube's failures mean to the user: a sentence and the remedy for each reason that it gives.

Minikube names the reason of every exit (pkg/minikube/reason in its source), and often adds advice.
"""

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

from .profile import Profile

_TAIL_LINES = 20
_AGAIN = "Then run `pulumi up` again."

# Reason (a regular expression from its start): what is wrong, and what to do. The first that matches counts.
_REMEDIES = (
    (
        r"(PROVIDER|DRV)_DOCKER_NOT_RUNNING|PROVIDER_DOCKER_PIPE_NOT_FOUND|RT_DOCKER_UNAVAILABLE",
        "Docker is not running",
        f"Start it: Docker Desktop, or `sudo systemctl start docker`. {_AGAIN}",
    ),
    (
        r"PROVIDER_DOCKER_NEWGRP",
        "You may not use Docker",
        "Type: sudo usermod -aG docker $USER && newgrp docker",
    ),
    (
        r"DRV_AS_ROOT",
        "Minikube refuses this driver to root",
        "Work as a user in the group docker, or write `flags: [force]` beside `driver`",
    ),
    (
        r"PROVIDER_\w*NOT_FOUND|DRV_NOT_FOUND|DRV_NOT_DETECTED|PR_HYPERKIT_NOT_FOUND|PR_VBOXMANAGE_NOT_FOUND",
        "What this driver needs is not installed",
        "Install it, or choose another driver: https://minikube.sigs.k8s.io/docs/drivers/",
    ),
    (
        r"RSRC_(\w*MEMORY|KVM_OOM|SSH_OOM|SCP_OOM)",
        "There is too little memory",
        "Lower it: {memory}; or give the machine, or Docker, more",
    ),
    (
        r"RSRC_\w*CORES",
        "There are too few CPUs",
        "Lower them: {cpus}",
    ),
    (
        r"RSRC_\w*STORAGE|GUEST_PROVISION_NOSPACE",
        "The disk is full",
        "Make room (`docker system prune` removes what Docker does not use), or lower diskSize",
    ),
    (
        r"HOST_(VIRT|VTX|SVM)_\w+|PR_KVM_CAPABILITIES|PR_KVM_MSR|PR_VBOX_(80004005|HARDENING|HYPERV\w*)",
        "There is no virtualization for this driver",
        "Switch it on in the firmware (BIOS), or take driver docker, which needs none",
    ),
    (
        r"K8S_(OLD|NEW)_UNSUPPORTED",
        "This Minikube does not know the Kubernetes version",
        "Write one that `minikube config defaults kubernetes-version` lists, or install another Minikube",
    ),
    (
        r"K8S_DOWNGRADE_UNSUPPORTED",
        "The cluster's Kubernetes is newer than the one asked for",
        "Write that: {kubernetes}; or begin anew: `minikube delete --profile {profile}`, then `pulumi up`",
    ),
    (
        r"INET_\w+",
        "Minikube cannot reach the internet",
        "See to the network or the proxy: https://minikube.sigs.k8s.io/docs/handbook/vpn_and_proxy/",
    ),
    (
        r"GUEST_PROVISION_ACQUIRE_LOCK",
        "Another `minikube` is at work",
        f"Wait until it has ended. {_AGAIN}",
    ),
    (
        r"GUEST_\w+|HOST_CONFIG_LOAD|DRV_CORRUPT|K8S_(APISERVER|KUBELET|UNHEALTHY|INSTALL|FAIL)\w*",
        "The profile is broken, or its start failed",
        "Look at `minikube logs --profile {profile}`."
        " To begin anew: `minikube delete --profile {profile}`, then `pulumi up`",
    ),
)
# What the config can cause by itself; the rest is the machine's state, which is no mistake of a preview.
_MISTAKES = re.compile(
    r"MK_USAGE|MK_KVERSION_USAGE|RSRC_|K8S_(OLD|NEW)_UNSUPPORTED|DRV_UNSUPPORTED|unknown flag"
)

# What Docker says, where Minikube passes that on without a reason, and the reason that Minikube has for it.
_ENGINE_SAYS = (
    (r"permission denied while trying to connect to the Docker", "PROVIDER_DOCKER_NEWGRP"),
    (
        r"Cannot connect to the Docker daemon|failed to connect to the docker API",
        "PROVIDER_DOCKER_NOT_RUNNING",
    ),
    (r"(?i)no such container", "GUEST_NOT_FOUND"),
)


class MinikubeError(Exception):
    """Minikube is missing or failed: the reason, the remedy, and the end of its output."""


@dataclass(frozen=True)
class Failure:
    """The end of a `minikube` that failed. `reason` is Minikube's name for it, if it gave one."""

    status: int
    reason: str
    message: str
    advice: str
    tail: tuple[str, ...]

    @property
    def is_mistake(self) -> bool:
        """Whether the arguments are wrong, rather than the machine not ready."""
        return _MISTAKES.match(self.reason) is not None

    def sentence(self, profile: Profile) -> str:
        """What is wrong and what to do about it, without the end of the output."""
        said = self.message.strip().rstrip(".")
        for pattern, wrong, remedy in _REMEDIES:
            if re.match(pattern, self.reason):
                remedy = remedy.format(
                    profile=profile.name,
                    memory=profile.setting("memory", "MIB"),
                    cpus=profile.setting("cpus", "NUMBER"),
                    kubernetes=profile.setting("kubernetesVersion", "VERSION"),
                ).rstrip(".")
                return f"{wrong}. {remedy}. Minikube says: {said} ({self.reason})."
        advice = f" {self.advice.strip()}" if self.advice else ""
        name = f" ({self.reason})" if self.reason else ""
        return f"Minikube says: {said}{name}.{advice}"


def events(lines: Iterable[str]) -> list[Mapping[str, Any]]:
    """The CloudEvents among the lines of a `minikube … -o json`, each with its `type` and `data`."""
    return [found for line in lines if (found := event(line)) is not None]


def event(line: str) -> Mapping[str, Any] | None:
    """The CloudEvent of a line, or None where it is another text."""
    if not line.startswith("{"):
        return None
    try:
        found = cast("Mapping[str, Any]", json.loads(line))
    except ValueError:
        return None
    return found if isinstance(found.get("data"), dict) else None


def kind(found: Mapping[str, Any]) -> str:
    """An event's kind: step, info, warning, error, download or download.progress."""
    return str(found["type"]).removeprefix("io.k8s.sigs.minikube.")


def failure(status: int, out: Sequence[str], err: Sequence[str]) -> Failure:
    """What a failed `minikube` said: by its events, or in plain lines."""
    plain = [line.strip() for line in (*out, *err) if line.strip() and event(line) is None]
    said = events(out)
    messages = [str(one["data"].get("message", "")) for one in said]
    ends = [one["data"] for one in said if kind(one) == "error" and one["data"].get("name")]
    tail = tuple([*filter(None, messages), *plain][-_TAIL_LINES:])
    if ends:
        end = ends[-1]
        message = str(end.get("message", ""))
        if str(end["name"]) == "MK_USAGE":
            # Of a wrong value, the warning before says which, the error only what would be right.
            warnings = [str(one["data"].get("message", "")) for one in said if kind(one) == "warning"]
            message = ". ".join([*(text.rstrip(".") for text in warnings[-1:]), message])
        return Failure(status, str(end["name"]), message, str(end.get("advice", "")), tail)
    # Without -o json: "X Exiting due to REASON: message", with an emoji or a letter before.
    for line in reversed(plain):
        if match := re.search(r"Exiting due to (\w+): (.*)", line):
            return Failure(status, match[1], match[2], "", tail)
    for line in plain:
        if match := re.match(r"Error: (unknown flag.*)", line):
            return Failure(status, "unknown flag", match[1], "See `minikube start --help`.", tail)
        for pattern, reason in _ENGINE_SAYS:
            if re.search(pattern, line):
                return Failure(status, reason, line, "", tail)
    return Failure(status, "", plain[-1] if plain else f"exit status {status}", "", tail)
