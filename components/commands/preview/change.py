"""What a preview would change: the split, the pods, the resources; and what of it is a risk."""

import difflib
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias, cast

import yaml

from ...manifests.workload import own_container
from ...pulumi_cli.last_proof import digest
from .snapshot import Snapshot, Workload, of_resources

# What Pulumi prints, of a form that it knows and not Python's type checker.
Json: TypeAlias = Mapping[str, Any]
# More than this share of all traffic in one step deserves a second look.
LARGE_STEP = 50
_MASK = "[secret]"
_SECRET_KEYS = ("data", "stringData")
_SILENT = ("same", "read", "refresh")
# A pickled Python object, and Kubernetes' own bookkeeping.
_NOISE = ("__provider", "metadata.managedFields")


@dataclass(frozen=True)
class Resource:
    """One resource that changes.

    Attributes:
        operation: Pulumi's word: create, update, delete, replace…
        type: the last part of its type token, such as VirtualService.
        name: its logical name.
        is_object: whether it is one object in the cluster; a Helm release is many.
        paths: the properties that change.
        diff: the lines of a unified diff of its inputs, secrets masked.
    """

    operation: str
    type: str
    name: str
    is_object: bool
    paths: tuple[str, ...]
    diff: tuple[str, ...]


@dataclass(frozen=True)
class Change:
    """What one stack's preview says.

    Attributes:
        stack: the stack's name.
        before: what the state holds.
        after: what the config asks for.
        resources: what changes, in Pulumi's order; None where the engine could not tell.
        unknown: why the engine could not tell, for the reader.
        warnings: what the program warns of for the split.
        tests: by version with a test route, the command that reaches it.
    """

    stack: str
    before: Snapshot
    after: Snapshot
    resources: tuple[Resource, ...] | None
    unknown: str = ""
    warnings: tuple[str, ...] = ()
    tests: Mapping[str, str] = field(default_factory=dict[str, str])

    @property
    def versions(self) -> tuple[str, ...]:
        """Every version, of before and after, by name."""
        known = {*self.before.workloads, *self.after.workloads, *self.before.weights, *self.after.weights}
        return tuple(sorted(known))

    @property
    def moved(self) -> tuple[str, ...]:
        """The versions whose share changes, those that gain first."""
        changed = [v for v in self.versions if self.before.weight(v) != self.after.weight(v)]
        return tuple(sorted(changed, key=lambda v: (self.before.weight(v) - self.after.weight(v), v)))

    @property
    def restarted(self) -> tuple[str, ...]:
        """The versions whose running pods are replaced."""
        return tuple(
            version
            for version, workload in sorted(self.after.workloads.items())
            if version in self.before.workloads
            and self.before.workloads[version].template != workload.template
        )

    @property
    def is_nothing(self) -> bool:
        """Whether `up` would leave everything as it is."""
        if self.resources is not None:
            return not self.resources
        return self.before == self.after


def of_digest(stack: str, state: Iterable[Json], digest: Json) -> Change:
    """Read what `pulumi preview --json` printed; it leaves out what stays the same.

    Args:
        stack: the stack's name.
        state: the resources in the stack's state.
        digest: the printed object.
    """
    steps: list[Json] = digest.get("steps") or []
    before = {str(resource["urn"]): resource for resource in state}
    before |= {step["urn"]: step["oldState"] for step in steps if step.get("oldState")}
    after = before | {step["urn"]: step["newState"] for step in steps if step.get("newState")}
    for step in steps:
        if step["op"] == "delete":
            del after[step["urn"]]
    return Change(
        stack,
        of_resources(before.values()),
        of_resources(after.values()),
        tuple(_resources(steps)),
        warnings=tuple(_warnings(digest.get("diagnostics") or [])),
    )


def _warnings(diagnostics: Iterable[Json]) -> Iterator[str]:
    for entry in diagnostics:
        if entry["severity"] == "warning" and ":TrafficSplit::" in entry.get("urn", ""):
            yield entry["message"].strip()


def risks(change: Change, served: Mapping[str, Collection[str]]) -> Iterator[str]:
    """Yield a sentence for each risk of the change.

    Args:
        change: the change.
        served: by other stacks, the images that served there at their last proof, by name and by digest.
    """
    yield from change.warnings
    for version in change.moved:
        weight, workload = change.after.weight(version), change.after.workloads.get(version)
        gain = weight - change.before.weight(version)
        if workload is None or not workload.owned or gain <= 0:
            continue
        if weight == 100 and workload.replicas in {1, None}:
            yield f"All traffic goes to {version}, which has {_replicas(workload)}."
        if gain > LARGE_STEP and change.before.weights:
            yield f"{version} gains {gain} points in one step."
        if not _asks_the_app(workload.template):
            yield (
                f"{version} has no HTTP or gRPC readiness probe: it gets traffic as soon as its port accepts "
                f"connections. Write `probes: {{readiness: {{path: /…}}}}` or `{{grpc: {{}}}}` for it."
            )
        known = {workload.image, digest(workload.image)}
        if served and not any(known & set(images) for images in served.values()):
            others = ", ".join(sorted(served))
            yield f"No other stack ({others}) has served {version} (`{workload.image}`)."


def _asks_the_app(template: Json) -> bool:
    """Whether its readiness is the app's own word: a connect is answered by the kernel."""
    return not {"exec", "grpc", "httpGet"}.isdisjoint(own_container(template).get("readinessProbe") or {})


def _replicas(workload: Workload) -> str:
    return "one replica" if workload.replicas else "no number of replicas set: Kubernetes starts one"


def _resources(steps: list[Json]) -> Iterator[Resource]:
    seen: set[str] = set()
    for step in steps:
        operation, urn = step["op"], step["urn"]
        if operation in _SILENT or urn in seen:
            continue
        paths: Json = step.get("detailedDiff") or {}
        old: Json = step.get("oldState") or {}
        new: Json = step.get("newState") or {}
        kind: str = (new or old)["type"]
        if kind == "pulumi:pulumi:Stack":
            continue
        # A replacement is several steps of one resource; the first one names it.
        seen.add(urn)
        yield Resource(
            operation.removeprefix("create-").removesuffix("-replaced").removeprefix("delete-"),
            kind.rpartition(":")[2],
            urn.rpartition("::")[2],
            kind.startswith("kubernetes:") and not kind.endswith(":Release"),
            tuple(sorted(path for path in paths if not path.startswith(_NOISE))),
            tuple(_diff(_inputs(old), {} if operation == "delete" else _inputs(new))),
        )


def _inputs(state: Json) -> Json:
    """The inputs without noise; Pulumi masks its secrets, and here goes what a Kubernetes Secret holds."""
    given: Json = state.get("inputs") or {}
    inputs = {key: value for key, value in given.items() if key not in _NOISE}
    if inputs.get("kind") != "Secret":
        return inputs
    masked = {key: dict.fromkeys(cast("Json", inputs[key]), _MASK) for key in _SECRET_KEYS if key in inputs}
    return {**inputs, **masked}


def _diff(old: Json, new: Json) -> Iterator[str]:
    lines = difflib.unified_diff(_lines(old), _lines(new), lineterm="", n=3)
    return (line for line in lines if not line.startswith(("---", "+++")))


def _lines(inputs: Json) -> list[str]:
    return yaml.safe_dump(dict(inputs), width=100).splitlines() if inputs else []
