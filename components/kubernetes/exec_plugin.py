"""Credential plugins of kubeconfigs (client.authentication.k8s.io, KEP-541), as `aws eks get-token`."""

import base64
import datetime
import json
import os
import subprocess
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, cast

from .errors import KubeconfigError
from .kubeconfig import data

_SECONDS = 60
# client-go asks again when the time has come, not before; a request may be on its way for a while.
_MARGIN = datetime.timedelta(seconds=10)
_CLUSTER_CONFIG = "client.authentication.k8s.io/exec"

_lock = threading.Lock()
_given: dict[str, "_Given"] = {}


@dataclass(frozen=True)
class _Given:
    """What a plugin gave, and until when."""

    user: Mapping[str, str]
    expires: datetime.datetime | None

    @property
    def holds(self) -> bool:
        return self.expires is None or datetime.datetime.now(datetime.UTC) < self.expires - _MARGIN


def user(plugin: Mapping[str, Any], cluster: Mapping[str, Any]) -> Mapping[str, str]:
    """What the plugin gives, by the names of a kubeconfig's user: token, or certificate and key as PEM.

    It runs once in this process, until what it gave expires; nothing of it is written to disk.
    Raises KubeconfigError.
    """
    info = _info(plugin, cluster)
    key = _key(plugin, info)
    with _lock:
        found = _given.get(key)
        if found is None or not found.holds:
            found = _given[key] = _run(plugin, info)
        return found.user


def forget(plugin: Mapping[str, Any], cluster: Mapping[str, Any]) -> None:
    """Lets the plugin run again, since the API server refused what it gave."""
    with _lock:
        _given.pop(_key(plugin, _info(plugin, cluster)), None)


def _key(plugin: Mapping[str, Any], info: Mapping[str, Any]) -> str:
    return json.dumps([plugin, info], sort_keys=True)


def _info(plugin: Mapping[str, Any], cluster: Mapping[str, Any]) -> dict[str, Any]:
    """The request that the plugin finds in its environment."""
    spec: dict[str, Any] = {"interactive": False}
    if plugin.get("provideClusterInfo"):
        authority = data(cluster, "certificate-authority")
        extensions: list[Mapping[str, Any]] = cluster.get("extensions") or []
        config = next((one["extension"] for one in extensions if one.get("name") == _CLUSTER_CONFIG), None)
        told = {
            "server": cluster["server"],
            "tls-server-name": cluster.get("tls-server-name"),
            "insecure-skip-tls-verify": cluster.get("insecure-skip-tls-verify"),
            "certificate-authority-data": authority and base64.b64encode(authority).decode(),
            "proxy-url": cluster.get("proxy-url"),
            "config": config,
        }
        spec["cluster"] = {key: value for key, value in told.items() if value}
    return {"apiVersion": plugin.get("apiVersion"), "kind": "ExecCredential", "spec": spec}


def _run(plugin: Mapping[str, Any], info: Mapping[str, Any]) -> _Given:
    command = str(plugin.get("command"))
    if plugin.get("interactiveMode") == "Always":
        # As client-go without a terminal, such as that of Pulumi's Kubernetes provider.
        raise KubeconfigError(
            f"The kubeconfig's command {command} wants a terminal (interactiveMode: Always), and Pulumi has "
            "none for it. Write interactiveMode: IfAvailable there, and log in by any kubectl command first."
        )
    extra: list[Mapping[str, str]] = plugin.get("env") or []
    try:
        done = subprocess.run(
            [command, *(plugin.get("args") or ())],
            env={
                **os.environ,
                **{item["name"]: item["value"] for item in extra},
                "KUBERNETES_EXEC_INFO": json.dumps(info),
            },
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=_SECONDS,
        )
    except FileNotFoundError as error:
        hint = plugin.get("installHint")
        more = f" {hint.strip()}" if hint else ""
        raise KubeconfigError(f"The kubeconfig's command {command} is not on this machine.{more}") from error
    except subprocess.TimeoutExpired as error:
        # Of a command that was ended, these are bytes.
        said = (error.stderr or b"").decode(errors="replace").strip()
        raise KubeconfigError(
            f"The kubeconfig's command {command} gave nothing in {_SECONDS} s. Where it waits for a login, "
            f"log in by any kubectl command first.{f' It said: {said}' if said else ''}"
        ) from error
    except OSError as error:
        raise KubeconfigError(
            f"The kubeconfig's command {command} cannot be run: {error.strerror}"
        ) from error
    if done.returncode:
        reason = done.stderr.strip() or f"exit status {done.returncode}"
        raise KubeconfigError(f"The kubeconfig's command {command} failed: {reason}")
    return _read(command, done.stdout)


def _read(command: str, text: str) -> _Given:
    try:
        status = cast("Mapping[str, str]", json.loads(text)["status"])
        expires = status.get("expirationTimestamp")
        until = datetime.datetime.fromisoformat(expires) if expires else None
    except (ValueError, KeyError, TypeError, AttributeError):
        # Its output may hold a token.
        raise KubeconfigError(
            f"What the kubeconfig's command {command} printed is no ExecCredential."
        ) from None
    if until is not None and until.tzinfo is None:
        until = until.replace(tzinfo=datetime.UTC)
    names = {"token": "token", "clientCertificateData": "certificate", "clientKeyData": "key"}
    return _Given({ours: status[theirs] for theirs, ours in names.items() if status.get(theirs)}, until)
