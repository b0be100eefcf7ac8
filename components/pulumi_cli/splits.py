"""The TrafficSplits in the state of a stack, whatever program made it: what the commands know of them.

A stack of this program has its own config instead, which says what is to be before the first `up`.
"""

import json
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, cast

from ..errors import RolloutError
from ..settings.mistakes import ConfigError
from ..settings.model import KubeconfigCluster, Settings
from ..settings.parse import parse
from ..settings.written import whole
from . import project

TYPE = "blue-green:index:TrafficSplit"
# What Pulumi writes around a secret in a state, encrypted or not (pulumi/sdk, resource.SigKey).
_MARK = "4dabf18193072939515e22adb298388d"
_named: list[str] = []


@dataclass(frozen=True)
class TextCluster(KubeconfigCluster):
    """A cluster by the text of a kubeconfig, as a program had it from elsewhere."""

    text: str = ""


@dataclass(frozen=True)
class Split:
    """A TrafficSplit as the last `up` left it.

    Attributes:
        name: its logical name.
        settings: what it was made of; `weights` are those that the gateways were proved to have.
        url: the gateway's address, where it is known.
        weights_key: the whole key of the stack's config that has its weights; None: the program names none.
    """

    name: str
    settings: Settings
    url: str | None
    weights_key: str | None


def choose(name: str | None) -> None:
    """Let the commands of this process work on the split of that name."""
    _named[:] = [] if name is None else [name]


def named() -> str | None:
    """Return the name that was chosen; None: the stack has one split alone."""
    return _named[0] if _named else None


def options(stack: str) -> str:
    """Return the options of a command on the split that was chosen, typable as printed."""
    return options_of(stack, named())


def options_of(stack: str, split: str | None) -> str:
    """Return the options of a command on a split, typable as printed; None: the stack has one alone."""
    return f"--stack {stack}" + (f" --split {shlex.quote(split)}" if split is not None else "")


def chosen(stack: str) -> Split:
    """Return the split that the commands work on.

    Raises:
        RolloutError: Pulumi cannot tell; or there is none, or none of the name, or several and no name; or
            the state does not say what it is made of.
    """
    exported: Any = project.ask_json("stack", "export", "--show-secrets", "--stack", stack)
    state: Sequence[Mapping[str, Any]] = exported["deployment"].get("resources") or []
    splits = [one for one in state if one["type"] == TYPE and "settings" in (one.get("outputs") or {})]
    found = {_name(split): split for split in splits}
    names = ", ".join(sorted(found))
    if not found:
        msg = (
            f"stack {stack} has neither versions in its config nor a TrafficSplit in its state yet. "
            f"Type: pulumi up --stack {stack}"
        )
        raise RolloutError(msg)
    name = _named[0] if _named else names
    if name not in found:
        msg = (
            f"stack {stack} has no split {name}, only {names}"
            if _named
            else f"stack {stack} has {len(found)} splits: add --split with one of {names}"
        )
        raise RolloutError(msg)
    return _split(stack, found[name], state)


def _name(resource: Mapping[str, Any]) -> str:
    return resource["urn"].rpartition("::")[2]


def _split(stack: str, resource: Mapping[str, Any], state: Sequence[Mapping[str, Any]]) -> Split:
    name = _name(resource)
    registered = whole(_plain(resource["outputs"]))
    wanted: Mapping[str, Any] = registered["settings"]
    asked, proved = (_inputs(resource["urn"], kind, state) for kind in ("SplitReady", "SplitConverged"))
    # Of one resource, so that they are of one time: an `up` that fails leaves some old and some new.
    made_of: Mapping[str, Any] | None = proved.get("config")
    if made_of is not None:
        weights = dict.fromkeys(made_of["versions"], 0) | proved["weights"]
    else:
        # An `up` of an earlier release registered both at its end.
        made_of, weights = wanted.get("config"), registered["weights"]
    if made_of is None or not asked:
        msg = (
            f"the state of stack {stack} does not say what the split {name} is made of, as after a destroy "
            f"that was stopped. Type: pulumi up --stack {stack}"
        )
        raise RolloutError(msg)
    rest = {"istio": {"install": False}, "weights": weights, "cluster": {"kind": "kubeconfig"}}
    try:
        settings = parse({**made_of, **rest}, name)
    except ConfigError as error:
        msg = f"the split {name} was made by another release of blue-green than this command: {error}"
        raise RolloutError(msg) from error
    reference: Mapping[str, str] = asked["kubeconfig"]
    cluster = (
        TextCluster(text=reference["text"])
        if "text" in reference
        else KubeconfigCluster(reference.get("path"), reference.get("context"))
    )
    key = wanted.get("weightsKey")
    prefix = "" if key is None or ":" in key else f"{project.project_file()['name']}:"
    return Split(name, replace(settings, cluster=cluster), wanted.get("url"), key and f"{prefix}{key}")


def _inputs(parent: str, kind: str, state: Sequence[Mapping[str, Any]]) -> Mapping[str, Any]:
    """The inputs of a split's own resource of that class; none where it is not in the state."""
    found = (one["inputs"] for one in state if one.get("parent") == parent and kind in one["type"])
    return whole(_plain(next(found, dict[str, Any]())))


def _plain(value: Any) -> Any:
    """A value of a state with its secrets in the clear."""
    if isinstance(value, dict):
        pairs = cast("dict[str, Any]", value)
        if _MARK in pairs:
            return _plain(json.loads(pairs["plaintext"]))
        return {key: _plain(one) for key, one in pairs.items()}
    if isinstance(value, list):
        return [_plain(one) for one in cast("list[Any]", value)]
    return value
