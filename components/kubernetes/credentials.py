"""How a kubeconfig's context reaches its API server: address, TLS, headers, proxy."""

import base64
import os
import ssl
import threading
from collections.abc import Generator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any
from urllib.parse import SplitResult, quote

from . import exec_plugin
from .connection import parsed, proxy_for
from .errors import KubeconfigError
from .kubeconfig import Context, content, data


@dataclass(frozen=True)
class Credentials:
    """An API server's address, and what a connection to it needs."""

    server: SplitResult
    tls: ssl.SSLContext | None
    tls_name: str | None
    headers: tuple[tuple[str, str], ...]
    proxy: SplitResult | None


def credentials(context: Context) -> Credentials:
    """For a kubeconfig's context, as client-go has it.

    Knows client certificates, tokens, token files, passwords, exec plugins and impersonation
    (Kubernetes' documentation, "Organizing Cluster Access Using kubeconfig Files", and
    client-go's `tools/clientcmd/api/v1`). Raises KubeconfigError.
    """
    cluster, user = context.cluster, context.user
    if user.get("auth-provider"):
        name = user["auth-provider"].get("name")
        raise KubeconfigError(
            f"The kubeconfig's user {context.user_name} has the auth provider {name}, which Kubernetes "
            "took out in 1.26. Make the kubeconfig anew by your provider's command."
        )
    plugin = user.get("exec")
    given: Mapping[str, str] = exec_plugin.user(plugin, cluster) if plugin else {}
    server = parsed(str(cluster["server"]), "http", "https")
    if server is None:
        raise KubeconfigError(f"The kubeconfig's cluster {context.cluster_name} has no URL as its server.")
    headers = (*_authorization({**user, **given}), *_impersonation(user))
    tls = _tls(cluster, user, given) if server.scheme == "https" else None
    return Credentials(
        server, tls, cluster.get("tls-server-name"), headers, proxy_for(server, cluster.get("proxy-url"))
    )


def forget(context: Context) -> None:
    """After a refusal: lets the context's plugin give other credentials than it has given."""
    plugin = context.user.get("exec")
    if plugin:
        exec_plugin.forget(plugin, context.cluster)


def _authorization(user: Mapping[str, Any]) -> tuple[tuple[str, str], ...]:
    if user.get("tokenFile"):
        text = content(user, "tokenFile").decode(errors="replace").strip()
        return (_bearer(text, f"tokenFile {user['tokenFile']}"),)
    if user.get("token"):
        return (_bearer(str(user["token"]), "token"),)
    if user.get("username"):
        pair = base64.b64encode(f"{user['username']}:{user.get('password', '')}".encode()).decode()
        return (("Authorization", f"Basic {pair}"),)
    return ()


def _bearer(token: str, what: str) -> tuple[str, str]:
    """Raises KubeconfigError."""
    if not (token.isascii() and token.isprintable()):
        raise KubeconfigError(f"The kubeconfig's {what} has characters that no token has. Write it anew.")
    return "Authorization", f"Bearer {token}"


def _impersonation(user: Mapping[str, Any]) -> tuple[tuple[str, str], ...]:
    """Kubernetes' documentation, "Authenticating", User impersonation."""
    groups: list[str] = user.get("as-groups") or []
    extra: Mapping[str, list[str]] = user.get("as-user-extra") or {}
    found = [
        ("Impersonate-User", user.get("as")),
        ("Impersonate-Uid", user.get("as-uid")),
        *(("Impersonate-Group", group) for group in groups),
        *((f"Impersonate-Extra-{quote(key.lower(), safe='')}", one) for key in extra for one in extra[key]),
    ]
    return tuple((name, str(value)) for name, value in found if value)


def _tls(cluster: Mapping[str, Any], user: Mapping[str, Any], given: Mapping[str, str]) -> ssl.SSLContext:
    authority = data(cluster, "certificate-authority")
    try:
        context = ssl.create_default_context(cadata=authority.decode() if authority else None)
    except (ssl.SSLError, ValueError) as error:
        raise KubeconfigError(f"The kubeconfig's certificate-authority is no certificate: {error}") from error
    # Python 3.13 asks CAs for extensions that clusters' own, such as EKS', have not; Go does not.
    context.verify_flags &= ~ssl.VERIFY_X509_STRICT
    if cluster.get("insecure-skip-tls-verify"):
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    certificate = (
        given["certificate"].encode() if "certificate" in given else data(user, "client-certificate")
    )
    key = given["key"].encode() if "key" in given else data(user, "client-key")
    if certificate and key:
        with _readable(certificate) as certificate_path, _readable(key) as key_path:
            try:
                context.load_cert_chain(certificate_path, key_path, password=_no_password)
            except (ssl.SSLError, ValueError) as error:
                message = f"The kubeconfig's client certificate and key do not work: {error}"
                raise KubeconfigError(message) from error
    return context


def _no_password() -> str:
    """Without it OpenSSL would ask at the terminal."""
    raise ValueError("the key has a password")


@contextmanager
def _readable(secret: bytes) -> Generator[str]:
    """A path from which OpenSSL, which loads a key from a file only, reads it once; it is on no disk."""
    reader, writer = os.pipe()

    def write() -> None:
        with suppress(BrokenPipeError):
            os.write(writer, secret)
        os.close(writer)

    thread = threading.Thread(target=write, daemon=True)
    thread.start()
    try:
        yield f"/dev/fd/{reader}"
    finally:
        os.close(reader)
        thread.join()
