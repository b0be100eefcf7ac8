"""A `minikube` on PATH that answers as it is told, and notes what it was asked."""

import json
from dataclasses import dataclass
from pathlib import Path

RUNNING = {"Name": "dev", "Host": "Running", "Kubelet": "Running", "APIServer": "Running"}
STOPPED = {"Name": "dev", "Host": "Stopped", "Kubelet": "Stopped", "APIServer": "Stopped"}
NO_PROFILE = 85
KUBECONFIG = """
contexts: [{name: dev, context: {cluster: dev, user: dev}}]
clusters: [{name: dev, cluster: {server: "https://10.0.0.1:8443"}}]
users: [{name: dev, user: {token: t}}]
"""


def event(kind: str, **data: str) -> str:
    """A line of `minikube -o json`."""
    return json.dumps({"specversion": "1.0", "type": f"io.k8s.sigs.minikube.{kind}", "data": data})


def ended(reason: str, message: str = "it went wrong", **data: str) -> str:
    """The event with which Minikube ends for a reason of its own."""
    return event("error", name=reason, message=message, exitcode="1", **data)


@dataclass(frozen=True)
class FakeMinikube:
    """The command's folder: an answer for each subcommand, and the calls in order."""

    folder: Path

    def answers(self, command: str, *lines: str, status: int = 0, error: str = "") -> None:
        """From now on `minikube COMMAND` prints these lines and exits so. `dry-run` is one of `start`."""
        (self.folder / f"{command}.err").write_text(error)
        (self.folder / f"{command}.out").write_text("".join(f"{line}\n" for line in lines))
        (self.folder / f"{command}.rc").write_text(str(status))

    def serves_at(self, url: str) -> None:
        """The profile's API server is this one."""
        kubeconfig = self.folder / "kubeconfig"
        kubeconfig.write_text(KUBECONFIG.replace("https://10.0.0.1:8443", url))

    def is_running(self) -> None:
        """The profile runs."""
        self.answers("status", json.dumps(RUNNING))

    def is_gone(self) -> None:
        """There is no profile."""
        self.answers("status", event("info", message='Profile "dev" not found.'), status=NO_PROFILE)

    def calls(self) -> list[str]:
        """The subcommands that change something, in order."""
        noted = self.folder / "calls"
        asked = noted.read_text().split() if noted.exists() else []
        return [call for call in asked if call not in {"status", "ip", "dry-run"}]


def passed_on(said: str) -> str:
    """What `minikube status` prints to standard error where Docker says something else than a state."""
    state = 'unknown state "dev": docker container inspect dev --format={{.State.Status}}: exit status 1'
    return (
        f"E1124 1:2:3.4 5 status.go:122] status error: host: state: {state}\nstdout:\n\n\nstderr:\n{said}\n"
    )


SCRIPT = """#!/bin/sh
cd {folder}
command=$1
case "$*" in *--dry-run*) command=dry-run;; addons*) command=addons-$2;; esac
echo "$command" >>calls
[ ! -e "$command.out" ] || cat "$command.out"
[ ! -e "$command.err" ] || cat "$command.err" >&2
[ ! -e "$command.rc" ] || exit "$(cat "$command.rc")"
"""
