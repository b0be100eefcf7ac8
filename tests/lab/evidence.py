"""What one needs to know of a failed test, in one folder."""

import re
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path

from harness.labs import EVENTS, ROOT

FAILED = ROOT / ".lab" / "failed"
ISTIO = ("-n", "istio-system")
GATEWAYS = (*ISTIO, "-l", "istio=ingressgateway")
CONFIG_DUMP = ("pilot-agent", "request", "GET", "config_dump")
# The file, and the kubectl that fills it.
QUESTIONS = {
    "events.txt": ("get", "events", "-A", "--sort-by=.lastTimestamp"),
    "pods.txt": ("get", "pods", "-A", "-o", "wide"),
    "objects.yaml": (
        "get",
        "deployments,services,virtualservices,destinationrules,gateways.networking.istio.io",
        "-A",
        "-o",
        "yaml",
    ),
    "istiod.log": ("logs", *ISTIO, "-l", "app=istiod", "--tail=5000", "--prefix"),
    "gateways.log": ("logs", *GATEWAYS, "--tail=5000", "--prefix"),
}


def folder(test: str) -> Path:
    """Where a test's evidence is kept, by its id."""
    return FAILED / re.sub(r"[^\w.-]+", "-", test.removeprefix("tests/")).strip("-")


def forget(test: str) -> None:
    """Remove what an earlier failure of the test has left."""
    shutil.rmtree(folder(test), ignore_errors=True)


def keep(test: str, lab_folder: Path, environment: Mapping[str, str] | None) -> Path:
    """Copy a lab's logs and the engine's events, ask the cluster if there is one, and return the folder."""
    kept = folder(test)
    # Its teardown may fail after it.
    kept.mkdir(parents=True, exist_ok=True)
    if (logs := lab_folder / "logs").is_dir():
        shutil.copytree(logs, kept / "lab-logs", dirs_exist_ok=True)
    for events in lab_folder.glob(f"*/{EVENTS}"):
        project = events.parent
        shutil.copy(events, kept / f"pulumi-{project.name}.json")
        for config in project.glob("Pulumi.*.yaml"):
            shutil.copy(config, kept)
    if environment:
        for name, question in QUESTIONS.items():
            (kept / name).write_text(_kubectl(environment, *question))
        for pod in _kubectl(environment, "get", "pods", *GATEWAYS, "-o", "name").splitlines():
            if pod.startswith("pod/"):
                dump = _kubectl(environment, "exec", *ISTIO, pod, "--", *CONFIG_DUMP)
                (kept / f"config-dump-{pod.removeprefix('pod/')}.json").write_text(dump)
    return kept


def _kubectl(environment: Mapping[str, str], *arguments: str) -> str:
    """Return what it says, whatever it is: the test has failed for a reason of its own."""
    command = ("kubectl", "--request-timeout=20s", *arguments)
    try:
        done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=30)
    except subprocess.TimeoutExpired:
        return f"{' '.join(command)}: no answer within 30 s\n"
    return done.stdout or done.stderr
