"""A stack as it was first made, and the way back to that: an `up` only where something has changed."""

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from harness.labs import ROOT, Program

# How a state marks a secret, which is encrypted anew each time (pulumi/sdk, resource.SigKey).
SIGNATURE = "4dabf18193072939515e22adb298388d"
KINDS = "deployments,services,virtualservices,destinationrules,gateways.networking.istio.io"
GATEWAYS = ("-n", "istio-system", "pods", "-l", "istio=ingressgateway", "-o", "name")


@dataclass(frozen=True)
class Baseline:
    """What a test may find a stack to be.

    Attributes:
        program: the stack, which is up.
        config: the text of its config file.
        mark: a file with the digest of the stack as it was last put back.
    """

    program: Program
    config: str
    mark: Path

    def restore(self) -> None:
        """Put the stack back to what it was; where nothing has changed, that takes a fifth of a second."""
        if (
            self.program.checkpoint.exists()
            and self.mark.exists()
            and self.mark.read_text() == self._digest()
        ):
            return
        self.program.config_file.write_text(self.config)
        for note in self.program.folder.glob(".rollout-*.json"):
            note.unlink()
        if self.program.up("--skip-preview", check=False).returncode:
            # An `up` that was killed leaves its lock.
            self.program.run("pulumi", "cancel", "--yes")
            self.program.up("--skip-preview")
        self.mark.write_text(self._digest())

    def _digest(self) -> str:
        """Config, state, the cluster's objects and the code, without what changes by itself."""
        parts: list[object] = [self.program.config_file.read_text(), _state(self.program.checkpoint)]
        listed = self.program.kubectl("get", KINDS, "-A", "-o", "json", check=False).stdout
        parts += [
            [one["kind"], one["metadata"]["namespace"], one["metadata"]["name"], one["spec"]]
            for one in json.loads(listed or '{"items": []}')["items"]
        ]
        parts.append(self.program.kubectl("get", *GATEWAYS, check=False).stdout)
        code = (ROOT / "__main__.py", *(ROOT / "components").rglob("*.py"))
        parts.append(max(file.stat().st_mtime for file in code))
        return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()


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
