"""A stack as it was first made, and the way back to that: an `up` only where something has changed."""

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import yaml

from harness.labs import ROOT, Program

# How a state marks a secret, which is encrypted anew each time (pulumi/sdk, resource.SigKey).
SIGNATURE = "4dabf18193072939515e22adb298388d"
KINDS = "namespaces,pods,deployments,services,virtualservices,destinationrules,gateways.networking.istio.io"


@dataclass(frozen=True)
class Baseline:
    """What a test may find a stack to be.

    Attributes:
        program: the stack.
        config: the text of its config file.
        mark: a file with the digest of the stack as it was last put back.
    """

    program: Program
    config: str
    mark: Path

    def with_config(self, **values: object) -> "Baseline":
        """Another one of the same stack, with whole config values replaced."""
        whole = yaml.safe_load(self.config)
        whole["config"] |= {f"blue-green:{key}": value for key, value in values.items()}
        text = yaml.safe_dump(whole)
        name = hashlib.sha256(text.encode()).hexdigest()[:8]
        return Baseline(self.program, text, self.mark.with_name(f"{self.mark.name}-{name}"))

    def restore(self) -> None:
        """Put the stack back to what it was; where nothing has changed, that takes a fifth of a second."""
        self.program.config_file.write_text(self.config)
        for note in self.program.folder.glob(".rollout-*.json"):
            note.unlink()
        known = self.mark.exists() and self.program.checkpoint.exists()
        if known and self.mark.read_text() == self._digest():
            return
        done = self.program.up("--skip-preview", check=False)
        if done.returncode:
            said = done.stdout + done.stderr
            # An `up` that was killed leaves its lock; a quick config may be too quick for pods that start.
            assert "pulumi cancel" in said or "could not take it within" in said, said
            self.program.run("pulumi", "cancel", "--yes")
            self.program.up("--skip-preview")
        self.mark.write_text(self._digest())

    def _digest(self) -> str:
        """State, the cluster's objects and the code, without what changes by itself."""
        listed = self.program.kubectl("get", KINDS, "-A", "-o", "json", check=False).stdout
        objects = list(filter(None, map(_known, json.loads(listed or '{"items": []}')["items"])))
        code = max(file.stat().st_mtime for file in (ROOT / "components").rglob("*.py"))
        parts = [_state(self.program.checkpoint), objects, code]
        return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()


def _known(one: dict[str, Any]) -> list[object] | None:
    """What a test may not find changed in an object: another cluster, and other gateways, are a change."""
    named = [one["kind"], one["metadata"].get("namespace"), one["metadata"]["name"]]
    match one["kind"]:
        case "Namespace":
            return [*named, one["metadata"]["uid"]] if one["metadata"]["name"] == "kube-system" else None
        case "Pod":
            return named if one["metadata"].get("labels", {}).get("istio") == "ingressgateway" else None
        case _:
            return [*named, one["spec"]]


def _state(checkpoint: Path) -> object:
    latest: dict[str, Any] = json.loads(checkpoint.read_text())["checkpoint"]["latest"]
    resources = [
        {key: _public(one.get(key)) for key in ("urn", "id", "inputs", "initErrors")}
        # They are in the order in which the engine was done with them.
        for one in sorted(latest.get("resources") or (), key=lambda one: one["urn"])
    ]
    return [resources, latest.get("pending_operations")]


def _public(value: object) -> object:
    if isinstance(value, dict):
        pairs = cast("dict[str, object]", value)
        return SIGNATURE if SIGNATURE in pairs else {key: _public(one) for key, one in pairs.items()}
    return [_public(one) for one in cast("list[object]", value)] if isinstance(value, list) else value
