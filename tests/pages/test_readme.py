"""README's way from nothing to nothing, typed as it is printed, in its order, into a clone of its own."""

import re
from pathlib import Path

import pytest

from harness.labs import ROOT
from harness.pace import pace
from tests import documented
from tests.lab import subnets
from tests.lab.clones import clone, typed

__all__ = ["clone"]

# The tools of everybody on this machine.
NOT_TYPED = ("make clean-cache",)
# What runs until Ctrl-C, which comes after so many seconds.
ENDLESS = re.compile(r"make (watch|dashboard)|kubectl port-forward")
SECONDS = round(15 * pace())
SAYS = {
    "make up": r"The app is at http://\S+:31380\. What next:",
    "pulumi up -s lab": r"v2: 0\.?0? ?=>|Resources:",
    "make watch": r"^vNext$",
    "make dashboard": r"http://127\.0\.0\.1:\d+/\?token=",
    "kubectl get pods -A": r"default +myapp-v2-\S+ +1/1 +Running",
    "kubectl port-forward deployment/myapp-v1 8080:80": "Forwarding from 127.0.0.1:8080",
    "kubectl port-forward deployment/myapp-v2 8081:80": "Forwarding from 127.0.0.1:8081",
    "kubectl get virtualservice,destinationrule,gateway": r"destinationrule\S+/myapp-v2",
    "make url": r"^http://\S+:31380$",
    "minikube profile list": "containerd",
    "python3 -m lab status": r"Minikube +minikube",
    "python3 -m lab logs kubelet": r"^[IWEF]\d{4} ",
    "make down": "what stays for the next `make up`",
}

pytestmark = pytest.mark.timeout(900)


def test_readme_from_nothing_to_nothing(clone: Path) -> None:
    commands = documented.typed(ROOT / "README.md")
    exports, missed = "", dict(SAYS)
    for command in commands[commands.index("make up") :]:
        if command in NOT_TYPED:
            continue
        if command.startswith("eval "):
            exports = f"{command}; "
            continue
        # The session's other labs stand where README's would; and there is nobody to answer.
        asked = command.replace("make up", f"make up LAB_SUBNET={subnets.THIRD}")
        asked = asked.replace("pulumi up", "pulumi up --yes --skip-preview")
        if ENDLESS.match(command):
            asked = f"timeout --signal=INT {SECONDS} {asked} || true"
        said = typed(clone, exports + asked)
        assert re.search(missed.pop(command, ""), said, re.MULTILINE), f"{command}\n{said}"
        if command == "pulumi up -s lab":
            typed(clone, f"{exports}{asked} --expect-no-changes")
    assert missed == {}
