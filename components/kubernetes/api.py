"""The few questions to a Kubernetes API server that this package asks, and the one way in which it writes."""

import http.client
import json
import re
import socket
import ssl
import time
from collections.abc import Mapping
from functools import cached_property
from types import TracebackType
from typing import Any, Self
from urllib.parse import urlencode

from websockets.exceptions import InvalidHandshake, InvalidStatus

from . import kubeconfig as kubeconfigs
from .clock import Clock, told
from .connection import connect
from .credentials import Credentials, credentials, forget
from .errors import ChangedMeanwhileError, ForbiddenError, GatewayError, RefusedError, UnreachableError
from .kubeconfig import Kubeconfig
from .stream import Stream

CONNECT_SECONDS = 5
_APPLY, _MERGE = "application/apply-patch+yaml", "application/strategic-merge-patch+json"
_METADATA = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1"
# What a rehearsal answers where the object itself may be wrong.
_OF_AN_OBJECT = {
    http.client.BAD_REQUEST,
    http.client.UNPROCESSABLE_ENTITY,
    http.client.INTERNAL_SERVER_ERROR,
}
_NO_REHEARSAL = "does not support dry run"
# Of an apply alone, without a status of its own: a list with a key twice, a text that is no time.
_UNTYPED_BEGIN = ("failed to create typed patch object", "failed to convert new object")
_UNTYPED = re.compile(r"(?m)(?:^\s*|\): )\.(\S+): (.+)$")


class Api:
    """One connection to the API server of a kubeconfig; for one thread at a time.

    Credentials are read now, and again when the server refuses them. Raises KubeconfigError.

    Attributes:
        clock: that of the server, as its last answer has told it.
    """

    def __init__(self, kubeconfig: Kubeconfig) -> None:
        self._kubeconfig = kubeconfig
        self._context = kubeconfigs.read(kubeconfig)
        self._credentials = credentials(self._context)
        self._connection = _Connection(self._credentials)
        self.clock = Clock()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._connection.close()

    @cached_property
    def kubectl(self) -> str:
        """That command for this cluster, for hints."""
        return kubeconfigs.kubectl(self._kubeconfig, self._context)

    def get(self, path: str, query: Mapping[str, str] | None = None) -> Mapping[str, Any]:
        """The object or list at a path such as /api/v1/pods. Raises GatewayError."""
        status, body = self._get(path, query)
        if status != http.client.OK:
            raise _refusal(("get", "list"), path, status, body)
        return json.loads(body)

    def find(self, path: str, query: Mapping[str, str] | None = None) -> Mapping[str, Any] | None:
        """The object or list at a path; None: none, or the cluster lacks its kind. Raises GatewayError."""
        status, body = self._get(path, query)
        if status == http.client.NOT_FOUND:
            return None
        if status != http.client.OK:
            raise _refusal(("get", "list"), path, status, body)
        return json.loads(body)

    def metadata(self, path: str, query: Mapping[str, str]) -> Mapping[str, Any]:
        """A list whose items have their metadata alone, a tenth of the whole. Raises GatewayError."""
        status, body = self._send("GET", path, query, accept=_METADATA)
        if status != http.client.OK:
            raise _refusal(("list",), path, status, body)
        return json.loads(body)

    def apply(self, path: str, manifest: Mapping[str, Any], manager: str) -> None:
        """Writes what a manifest names as a field manager, whoever had it: server-side apply.

        What the manager had and the manifest does not name goes. Raises GatewayError; as
        ChangedMeanwhileError where the manifest's resourceVersion is not that of the object any more.
        """
        query = {"fieldManager": manager, "force": "true"}
        status, body = self._send("PATCH", path, query, _yaml(manifest), _APPLY)
        if status == http.client.CONFLICT:
            raise ChangedMeanwhileError(f"{path} was written by somebody else at the same time")
        if status not in {http.client.OK, http.client.CREATED}:
            raise _refusal(("patch",), path, status, body)

    def merge(self, path: str, change: Mapping[str, Any]) -> None:
        """Lays a change over an object by strategic merge, whoever wrote its fields. Raises GatewayError."""
        status, body = self._send("PATCH", path, None, json.dumps(change).encode(), _MERGE)
        if status != http.client.OK:
            raise _refusal(("patch",), path, status, body)

    def delete(self, path: str) -> None:
        """Deletes an object; one that is gone already is no error. Raises GatewayError."""
        status, body = self._send("DELETE", path, None)
        if status not in {http.client.OK, http.client.ACCEPTED, http.client.NOT_FOUND}:
            raise _refusal(("delete",), path, status, body)

    def rehearse(self, path: str, manifest: Mapping[str, Any]) -> tuple[tuple[str, str], ...]:
        """Why the API server would not take an object at a free path, applied as Pulumi does; it makes none.

        Each is a field, empty where none is named, and what is wrong with it. What is refused for other
        reasons than the object's own, a right or a quota, is no reason. Raises GatewayError.
        """
        query = {"dryRun": "All", "fieldManager": "rehearsal", "fieldValidation": "Strict"}
        status, body = self._send("PATCH", path, query, _yaml(manifest), _APPLY)
        if status not in _OF_AN_OBJECT:
            return ()
        try:
            answer: Mapping[str, Any] = json.loads(body)
            message: str = answer["message"]
        except (ValueError, KeyError, TypeError):
            # Not the API server's: that of a proxy before it.
            return ()
        untyped = tuple((field, wrong) for field, wrong in _UNTYPED.findall(message))
        if status == http.client.INTERNAL_SERVER_ERROR and message.startswith(_UNTYPED_BEGIN):
            return untyped or (("", message),)
        # A webhook with side effects cannot be asked so.
        if status == http.client.INTERNAL_SERVER_ERROR or _NO_REHEARSAL in message:
            return ()
        details: Mapping[str, Any] = answer.get("details") or {}
        causes: list[Mapping[str, str]] = details.get("causes") or []
        return tuple((cause["field"], cause["message"]) for cause in causes if "field" in cause) or (
            ("", message),
        )

    def _get(self, path: str, query: Mapping[str, str] | None = None) -> tuple[int, bytes]:
        return self._send("GET", path, query)

    def _send(
        self,
        method: str,
        path: str,
        query: Mapping[str, str] | None,
        body: bytes = b"",
        form: str = "",
        accept: str = "application/json",
    ) -> tuple[int, bytes]:
        """Status and body of an answer, none that refuses the credentials. Raises GatewayError."""
        status, answer = self._answer(method, path, query, body, form, accept)
        if status == http.client.UNAUTHORIZED:
            self._renew()
            status, answer = self._answer(method, path, query, body, form, accept)
        if status == http.client.UNAUTHORIZED:
            raise self._refused()
        return status, answer

    def _answer(
        self, method: str, path: str, query: Mapping[str, str] | None, body: bytes, form: str, accept: str
    ) -> tuple[int, bytes]:
        target = f"{self._credentials.server.path.rstrip('/')}{path}"
        if query:
            target += f"?{urlencode(query)}"
        headers = [("Accept", accept), *self._credentials.headers]
        if body:
            headers += [("Content-Type", form), ("Content-Length", str(len(body)))]
        asked = time.time()
        try:
            self._connection.putrequest(method, target)
            # Impersonation names a header more than once.
            for name, value in headers:
                self._connection.putheader(name, value)
            self._connection.endheaders(body or None)
            response = self._connection.getresponse()
            self.clock = told(response.getheader("Date"), asked)
            return response.status, response.read()
        except (OSError, http.client.HTTPException) as error:
            self._connection.close()
            raise self._unreachable(error) from error

    def stream(self, path: str, query: Mapping[str, str], protocol: str) -> Stream:
        """A WebSocket, such as a port-forward. Raises GatewayError."""
        try:
            return self._stream(path, query, protocol)
        except InvalidStatus as refused:
            status, body = refused.response.status_code, bytes(refused.response.body or b"")
            if status == http.client.UNAUTHORIZED:
                raise self._refused() from refused
            # A WebSocket is opened by GET; since Kubernetes 1.35 that needs the right to create as well.
            raise _refusal(("get", "create"), path, status, body) from refused
        except (OSError, InvalidHandshake) as error:
            raise GatewayError(f"{path} cannot be opened: {error}") from error

    def _stream(self, path: str, query: Mapping[str, str], protocol: str) -> Stream:
        known = self._credentials
        scheme = "ws" if known.tls is None else "wss"
        url = f"{scheme}://{known.server.netloc}{known.server.path.rstrip('/')}{path}?{urlencode(query)}"
        return Stream(url, _opened(known), known.headers, protocol, CONNECT_SECONDS)

    def _renew(self) -> None:
        """Reads the credentials again: a token may be a new one by now."""
        forget(self._context)
        self._context = kubeconfigs.read(self._kubeconfig)
        self._credentials = credentials(self._context)
        self._connection.close()
        self._connection = _Connection(self._credentials)

    def _refused(self) -> RefusedError:
        where, context = self._credentials.server.netloc, self._context
        return RefusedError(
            f"The cluster's API server {where} refused the credentials of the context {context.name}, user "
            f"{context.user_name}. Log in to the cluster again, or write new ones into the kubeconfig."
        )

    def _unreachable(self, error: Exception) -> UnreachableError:
        where, proxy = self._credentials.server.netloc, self._credentials.proxy
        through = f" through the proxy {proxy.scheme}://{proxy.hostname}" if proxy else ""
        if isinstance(error, ssl.SSLCertVerificationError):
            return UnreachableError(
                f"The certificate of the cluster's API server {where}{through} is not trusted: "
                f"{error.verify_message}. Look at the cluster {self._context.cluster_name} of the kubeconfig."
            )
        return UnreachableError(f"The cluster's API server {where} cannot be reached{through}: {error}")


class _Connection(http.client.HTTPConnection):
    """HTTP over the connection that the credentials describe."""

    def __init__(self, known: Credentials) -> None:
        # Its Host header leaves out the port that goes without saying.
        self.default_port = http.client.HTTPS_PORT if known.tls else http.client.HTTP_PORT
        # Where none is given, http.client takes the end of an IPv6 address for one.
        port = known.server.port or self.default_port
        super().__init__(known.server.hostname or "", port, timeout=CONNECT_SECONDS)
        self._known = known

    def connect(self) -> None:
        """Opens it; http.client calls this when it has to."""
        self.sock = _opened(self._known)


def _yaml(manifest: Mapping[str, Any]) -> bytes:
    """As the server reads what is applied; YAML has no pairs of escaped surrogates."""
    return json.dumps(manifest, ensure_ascii=False).encode()


def _opened(known: Credentials) -> socket.socket:
    return connect(known.server, known.proxy, known.tls, known.tls_name, CONNECT_SECONDS)


def _refusal(verbs: tuple[str, ...], path: str, status: int, body: bytes) -> GatewayError:
    """A sentence for an answer that is no success; for a missing right, with the rule to add."""
    try:
        reason = json.loads(body)["message"]
    except (ValueError, KeyError, TypeError):
        reason = body.decode(errors="replace").strip() or f"HTTP status {status}"
    if status != http.client.FORBIDDEN:
        return GatewayError(str(reason))
    group, resource = _resource(path)
    rule = f'{{apiGroups: ["{group}"], resources: ["{resource}"], verbs: {json.dumps(verbs)}}}'
    return ForbiddenError(f"{reason}. Add this rule to a role of the kubeconfig's user: {rule}")


def _resource(path: str) -> tuple[str, str]:
    """API group and resource of /api/v1/… or /apis/GROUP/VERSION/…, as RBAC rules name them."""
    parts = path.strip("/").split("/")
    group, rest = ("", parts[2:]) if parts[0] == "api" else (parts[1], parts[3:])
    if rest[0] == "namespaces" and len(rest) > 2:
        rest = rest[2:]
    return group, "/".join([rest[0], *rest[2:]])
