"""Kubeconfigs: which files there are, merged as kubectl merges them, and one context of them.

A state keeps a Reference where it can: credentials are then read when they are used, and whoever has
a context of that name can go on with the stack.
"""

import base64
import os
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, TypeAlias, TypedDict, cast

import yaml

from .errors import KubeconfigError

# The fields that name a file, each with the one that holds its content instead (None: there is none).
_FILES = {
    "certificate-authority": "certificate-authority-data",
    "client-certificate": "client-certificate-data",
    "client-key": "client-key-data",
    "tokenFile": None,
}
_KINDS = {"contexts": "context", "clusters": "cluster", "users": "user"}


class Reference(TypedDict, total=False):
    """Where a context is read from, as a state has it.

    `path` is a file, `~` is the home; without it they are the user's own, those of KUBECONFIG. Without
    `context` it is the current one. `text` is instead of both, for one that is in no file.
    """

    path: str
    context: str
    text: str


# The text of a kubeconfig, or where to read it.
Kubeconfig: TypeAlias = str | Reference


@dataclass(frozen=True)
class Context:
    """A context with its cluster and its user; the files that they name are absolute.

    `relative` are those that the kubeconfig names relative to itself.
    """

    name: str
    context: Mapping[str, Any]
    cluster: Mapping[str, Any]
    cluster_name: str
    user: Mapping[str, Any]
    user_name: str
    relative: tuple[str, ...]


def reference(path: str | None, context: str | None) -> Reference:
    """The reference with what is given."""
    found = Reference()
    if path is not None:
        found["path"] = path
    if context is not None:
        found["context"] = context
    return found


def files() -> tuple[Path, ...]:
    """The user's kubeconfig files, as kubectl finds them."""
    listed = [Path(part) for part in os.environ.get("KUBECONFIG", "").split(os.pathsep) if part]
    return tuple(dict.fromkeys(listed)) or (Path.home() / ".kube" / "config",)


def referred(kubeconfig: Kubeconfig) -> Reference:
    """The kubeconfig as a reference."""
    return Reference(text=kubeconfig) if isinstance(kubeconfig, str) else kubeconfig


def read(kubeconfig: Kubeconfig) -> Context:
    """The context, read now. Raises KubeconfigError."""
    where = referred(kubeconfig)
    if "text" in where:
        return _context([(Path(), _parsed(where["text"], "The kubeconfig"))], None, "the kubeconfig")
    path = where.get("path")
    paths = files() if path is None else (Path(path).expanduser(),)
    names = ", ".join(map(str, paths))
    parts = [(one.parent, content) for one in paths if (content := _content(one)) is not None]
    if not parts:
        ways = "name another in cluster.path" if path else "export KUBECONFIG=FILE"
        raise KubeconfigError(f"There is no kubeconfig {names}. Write it there, or {ways}.")
    return _context(parts, where.get("context"), names)


def minified(kubeconfig: Kubeconfig) -> str:
    """The context alone, as YAML, with its certificates in it, so that it works anywhere.

    Like `kubectl config view --minify --flatten`. Raises KubeconfigError.
    """
    found = read(kubeconfig)
    single: dict[str, Any] = {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": found.name,
        "contexts": [{"name": found.name, "context": dict(found.context)}],
        "clusters": [{"name": found.cluster_name, "cluster": _embedded(found.cluster)}],
        "users": [{"name": found.user_name, "user": _embedded(found.user)}],
    }
    # Minikube notes there when it last wrote: that is no property of the cluster.
    single["clusters"][0]["cluster"].pop("extensions", None)
    return yaml.safe_dump(single, sort_keys=True)


def kubectl(kubeconfig: Kubeconfig, known: Context | None = None) -> str:
    """The kubectl command for this cluster, as a hint begins; for a text of no file of the user's, with FILE.

    `known` is its context, where that has been read. Raises KubeconfigError.
    """
    where = referred(kubeconfig)
    # In a state that is exported, a text is a secret.
    if not where.keys() <= {"path", "context"} and not _is_users(where.get("text")):
        return "kubectl --kubeconfig FILE"
    path = where.get("path")
    # A shell knows no quoted ~.
    file = ["--kubeconfig", str(Path(path).expanduser())] if path else []
    return shlex.join(["kubectl", *file, "--context", (known or read(kubeconfig)).name])


def _is_users(text: object) -> bool:
    """Whether the user's own files have the context of a text for the same cluster, as for a Minikube."""
    if not isinstance(text, str):
        return False
    try:
        its = read(text)
        return _place(its) == _place(read(reference(None, its.name)))
    except (KubeconfigError, ValueError):
        return False


def _place(context: Context) -> tuple[object, bytes | None]:
    return context.cluster.get("server"), data(context.cluster, "certificate-authority")


def data(section: Mapping[str, Any], name: str) -> bytes | None:
    """What a field such as `client-key` holds, in itself or in the file that it names.

    The data goes before the file, as in client-go. Raises KubeconfigError.
    """
    embedded = section.get(f"{name}-data")
    if embedded:
        try:
            return base64.b64decode(embedded)
        except (ValueError, TypeError):
            what = f"The kubeconfig's {name}-data is no base64"
            raise KubeconfigError(f"{what}. Write it there whole, or make the kubeconfig anew.") from None
    return content(section, name) if section.get(name) else None


def content(section: Mapping[str, Any], name: str) -> bytes:
    """What is in the file that a field names. Raises KubeconfigError."""
    path = Path(section[name])
    try:
        return path.read_bytes()
    except OSError as error:
        raise KubeconfigError(f"The kubeconfig's {name} {path} cannot be read: {error.strerror}") from error


def _content(path: Path) -> Mapping[str, Any] | None:
    try:
        text = path.read_text()
    except FileNotFoundError:
        return None
    except UnicodeDecodeError:
        raise KubeconfigError(f"The kubeconfig {path} is no YAML.") from None
    except OSError as error:
        raise KubeconfigError(f"The kubeconfig {path} cannot be read: {error.strerror}") from error
    return _parsed(text, f"The kubeconfig {path}")


# Every connection reads it twice, and PyYAML is slow.
@lru_cache(maxsize=4)
def _parsed(text: str, what: str) -> Mapping[str, Any]:
    try:
        parsed: object = yaml.safe_load(text) or {}
    except yaml.YAMLError as error:
        # Its own words quote the line, which may hold a token.
        mark = error.problem_mark if isinstance(error, yaml.MarkedYAMLError) else None
        line = f", see line {mark.line + 1}" if mark else ""
        raise KubeconfigError(f"{what} is no YAML{line}.") from None
    if not isinstance(parsed, dict):
        raise KubeconfigError(f"{what} has no contexts, so it is no kubeconfig.")
    return cast("Mapping[str, Any]", parsed)


def _context(parts: Sequence[tuple[Path, Mapping[str, Any]]], wanted: str | None, names: str) -> Context:
    """The wanted or the current context; of what several files have, the first one counts, as for kubectl."""
    current = wanted or next((one["current-context"] for _, one in parts if one.get("current-context")), None)
    what = f"context {wanted}" if wanted else f"current context {current}" if current else "current context"
    _, found = _entry(parts, "contexts", current)
    if current is None or found is None:
        raise KubeconfigError(f"There is no {what} in {names}. Type: kubectl config get-contexts")
    cluster_name, user_name = found.get("cluster"), found.get("user")
    cluster_folder, cluster = _entry(parts, "clusters", cluster_name)
    user_folder, user = _entry(parts, "users", user_name)
    if cluster is None or (user is None and user_name):
        missing = f"cluster {cluster_name}" if cluster is None else f"user {user_name}"
        raise KubeconfigError(f"The {what} of {names} names the {missing}, which is not there.")
    if not cluster.get("server"):
        raise KubeconfigError(f"The cluster {cluster_name} of {names} has no server.")
    cluster, relative_of_cluster = _absolute(cluster, cluster_folder)
    user, relative_of_user = _absolute(user or {}, user_folder)
    relative = (*relative_of_cluster, *relative_of_user)
    return Context(current, found, cluster, str(cluster_name), user, str(user_name), relative)


def _entry(
    parts: Sequence[tuple[Path, Mapping[str, Any]]], kind: str, name: str | None
) -> tuple[Path, Mapping[str, Any] | None]:
    """The entry's body, and the folder of its file."""
    for folder, config in parts:
        entries: list[Mapping[str, Any]] = config.get(kind) or []
        for entry in entries:
            if entry.get("name") == name:
                return folder, entry.get(_KINDS[kind]) or {}
    return Path(), None


def _absolute(section: Mapping[str, Any], folder: Path) -> tuple[dict[str, Any], tuple[str, ...]]:
    """The section with the files that it names relative to its own folder, and which those are."""
    body = dict(section)
    relative: list[str] = []
    for key in _FILES:
        if body.get(key) and not Path(body[key]).is_absolute():
            relative.append(f"{key} {body[key]}")
            body[key] = str((folder / body[key]).absolute())
    plugin: Mapping[str, Any] = body.get("exec") or {}
    command = str(plugin.get("command", ""))
    # A plain name is found on PATH.
    if os.sep in command and not Path(command).is_absolute():
        relative.append(f"command {command}")
        body["exec"] = {**plugin, "command": str((folder / command).absolute())}
    return body, tuple(relative)


def _embedded(section: Mapping[str, Any]) -> dict[str, Any]:
    """The section with the files that it names read into it."""
    body = dict(section)
    for name, embedded in _FILES.items():
        if body.get(name) and embedded:
            body[embedded] = base64.b64encode(data(body, name) or b"").decode()
            del body[name]
    return body
