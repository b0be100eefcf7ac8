"""How a kubeconfig's context reaches its API server."""

import base64
import json
import os
import ssl
import subprocess
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast
from urllib.parse import SplitResult, urlsplit

import yaml

from .errors import GatewayError

_EXEC_SECONDS = 60


@dataclass(frozen=True)
class Credentials:
    """An API server's address, and what a connection to it needs."""

    server: SplitResult
    tls: ssl.SSLContext | None
    headers: Mapping[str, str]


def credentials(kubeconfig: str) -> Credentials:
    """For the current context of a kubeconfig's text with its certificates embedded.

    Knows client certificates, tokens, passwords and exec plugins (Kubernetes' documentation,
    "Organizing Cluster Access Using kubeconfig Files"). Raises GatewayError.
    """
    config = cast("Mapping[str, Any]", yaml.safe_load(kubeconfig))
    context = _named(config, "contexts", config["current-context"])["context"]
    cluster: Mapping[str, Any] = _named(config, "clusters", context["cluster"])["cluster"]
    user = dict[str, Any](_named(config, "users", context["user"])["user"])
    if "exec" in user:
        user |= _from_plugin(user["exec"])
    server = urlsplit(cast("str", cluster["server"]))
    tls = _tls(cluster, user) if server.scheme == "https" else None
    return Credentials(server, tls, _headers(user))


def _named(config: Mapping[str, Any], kind: str, name: str) -> Mapping[str, Any]:
    entries: list[Mapping[str, Any]] = config[kind]
    return next(entry for entry in entries if entry["name"] == name)


def _headers(user: Mapping[str, Any]) -> dict[str, str]:
    if "tokenFile" in user:
        token = Path(user["tokenFile"]).read_text().strip()
        return {"Authorization": f"Bearer {token}"}
    if "token" in user:
        return {"Authorization": f"Bearer {user['token']}"}
    if "username" in user:
        pair = base64.b64encode(f"{user['username']}:{user['password']}".encode()).decode()
        return {"Authorization": f"Basic {pair}"}
    return {}


def _tls(cluster: Mapping[str, Any], user: Mapping[str, Any]) -> ssl.SSLContext:
    authority = cluster.get("certificate-authority-data")
    context = ssl.create_default_context(cadata=base64.b64decode(authority).decode() if authority else None)
    if cluster.get("insecure-skip-tls-verify"):
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    certificate, key = user.get("client-certificate-data"), user.get("client-key-data")
    if certificate and key:
        # Python loads a key from a file only; the folder is ours alone and gone at once.
        with tempfile.TemporaryDirectory() as folder:
            both = Path(folder) / "client.pem"
            both.touch(mode=0o600)
            both.write_bytes(base64.b64decode(certificate) + b"\n" + base64.b64decode(key))
            context.load_cert_chain(both)
    return context


def _from_plugin(plugin: Mapping[str, Any]) -> dict[str, str]:
    """Runs a credential plugin (KEP-541) and returns what it gave, as a kubeconfig has it."""
    command = [plugin["command"], *(plugin.get("args") or ())]
    extra: list[Mapping[str, str]] = plugin.get("env") or []
    request: dict[str, Any] = {"apiVersion": plugin["apiVersion"], "kind": "ExecCredential", "spec": {}}
    environment = {
        **os.environ,
        **{item["name"]: item["value"] for item in extra},
        "KUBERNETES_EXEC_INFO": json.dumps(request),
    }
    try:
        done = subprocess.run(
            command,
            env=environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=_EXEC_SECONDS,
            check=True,
        )
        status: Mapping[str, str] = json.loads(done.stdout)["status"]
    except subprocess.CalledProcessError as error:
        reason = cast("str", error.stderr).strip() or f"exit status {error.returncode}"
        raise GatewayError(f"The kubeconfig's `{command[0]}` failed: {reason}") from error
    except (OSError, subprocess.TimeoutExpired, ValueError, KeyError) as error:
        raise GatewayError(f"The kubeconfig's `{command[0]}` failed: {error}") from error
    found: dict[str, str] = {}
    if "token" in status:
        found["token"] = status["token"]
    for key, name in (
        ("clientCertificateData", "client-certificate-data"),
        ("clientKeyData", "client-key-data"),
    ):
        if key in status:
            found[name] = base64.b64encode(status[key].encode()).decode()
    return found
