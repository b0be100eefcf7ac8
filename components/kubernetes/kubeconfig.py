"""Kubeconfigs: one context of a file, alone and complete."""

import base64
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

import yaml

# A kubeconfig's fields that name a file, each with the one that holds its content instead.
_FILES = {
    "certificate-authority": "certificate-authority-data",
    "client-certificate": "client-certificate-data",
    "client-key": "client-key-data",
}


class KubeconfigError(Exception):
    """A kubeconfig or one of its contexts is not there; the message says where and what to do."""


def files() -> tuple[Path, ...]:
    """The user's kubeconfig files, as kubectl finds them."""
    listed = [Path(part) for part in os.environ.get("KUBECONFIG", "").split(os.pathsep) if part]
    return tuple(listed) or (Path.home() / ".kube" / "config",)


def minified(paths: tuple[Path, ...], context: str | None) -> str:
    """The context (None: the current one) of the first file that has it, as YAML.

    Like `kubectl config view --minify --flatten`: certificates are embedded, so it works
    anywhere. Raises KubeconfigError.
    """
    names = ", ".join(map(str, paths))
    for path in paths:
        try:
            content: object = yaml.safe_load(path.read_text()) or {}
        except FileNotFoundError:
            continue
        except OSError as error:
            raise KubeconfigError(f"The kubeconfig {path} cannot be read: {error.strerror}") from error
        except (UnicodeDecodeError, yaml.YAMLError) as error:
            # Its own words quote the line, which may hold a token.
            mark = error.problem_mark if isinstance(error, yaml.MarkedYAMLError) else None
            line = f", see line {mark.line + 1}" if mark else ""
            raise KubeconfigError(f"The kubeconfig {path} is no YAML{line}.") from None
        if not isinstance(content, dict):
            raise KubeconfigError(f"The kubeconfig {path} is none: it has no contexts.")
        config = cast("Mapping[str, Any]", content)
        wanted: str | None = context or config.get("current-context")
        found = _entry(config, "contexts", wanted)
        if found is None:
            continue
        where = found["context"]
        cluster = _entry(config, "clusters", where.get("cluster"))
        user = _entry(config, "users", where.get("user"))
        if cluster is None or user is None:
            raise KubeconfigError(
                f"The context {wanted} of {path} names a cluster or a user that is not in it."
            )
        single: dict[str, Any] = {
            "apiVersion": "v1",
            "kind": "Config",
            "current-context": wanted,
            "contexts": [{"name": wanted, "context": where}],
            "clusters": [_embedded(cluster, "cluster", path.parent)],
            "users": [_embedded(user, "user", path.parent)],
        }
        return yaml.safe_dump(single, sort_keys=True)
    what = f"context {context}" if context else "current context"
    raise KubeconfigError(f"There is no {what} in {names}. Type: kubectl config get-contexts")


def _entry(config: Mapping[str, Any], kind: str, name: str | None) -> Mapping[str, Any] | None:
    entries: list[Mapping[str, Any]] = config.get(kind) or []
    return next((entry for entry in entries if entry["name"] == name), None)


def _embedded(entry: Mapping[str, Any], kind: str, folder: Path) -> dict[str, Any]:
    """The entry with the files that it names read into it; relative ones are from `folder`."""
    body: dict[str, Any] = {k: v for k, v in entry[kind].items() if k not in _FILES}
    for key, data in _FILES.items():
        name = entry[kind].get(key)
        if name:
            try:
                content = (folder / name).read_bytes()
            except OSError as error:
                message = f"The kubeconfig's {key} {name} cannot be read: {error.strerror}"
                raise KubeconfigError(message) from error
            body[data] = base64.b64encode(content).decode()
    # Minikube notes there when it last wrote: that is no property of the cluster.
    body.pop("extensions", None)
    return {"name": entry["name"], kind: body}
