"""The few questions to a Kubernetes API server that this package asks, and the one way in which it writes."""

import http.client
import json
from collections.abc import Mapping
from types import TracebackType
from typing import Any, Self
from urllib.parse import urlencode

from websockets.exceptions import InvalidHandshake, InvalidStatus

from .credentials import credentials
from .errors import ChangedMeanwhileError, ForbiddenError, GatewayError
from .stream import Stream

CONNECT_SECONDS = 5


class Api:
    """One connection to the API server of a kubeconfig; for one thread at a time."""

    def __init__(self, kubeconfig: str) -> None:
        self._credentials = credentials(kubeconfig)
        server = self._credentials.server
        host, port = server.hostname or "", server.port
        self._connection = (
            http.client.HTTPConnection(host, port, timeout=CONNECT_SECONDS)
            if self._credentials.tls is None
            else http.client.HTTPSConnection(
                host, port, timeout=CONNECT_SECONDS, context=self._credentials.tls
            )
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._connection.close()

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

    def apply(self, path: str, manifest: Mapping[str, Any], manager: str) -> None:
        """Writes what a manifest names as a field manager, whoever had it: server-side apply.

        What the manager had and the manifest does not name goes. Raises GatewayError; as
        ChangedMeanwhileError where the manifest's resourceVersion is not that of the object any more.
        """
        query = {"fieldManager": manager, "force": "true"}
        status, body = self._send("PATCH", path, query, json.dumps(manifest).encode())
        if status == http.client.CONFLICT:
            raise ChangedMeanwhileError(f"{path} was written by somebody else at the same time")
        if status not in {http.client.OK, http.client.CREATED}:
            raise _refusal(("patch",), path, status, body)

    def _get(self, path: str, query: Mapping[str, str] | None = None) -> tuple[int, bytes]:
        return self._send("GET", path, query)

    def _send(
        self, method: str, path: str, query: Mapping[str, str] | None, body: bytes | None = None
    ) -> tuple[int, bytes]:
        """Status and body of an answer. Raises GatewayError without one."""
        target = f"{self._credentials.server.path.rstrip('/')}{path}"
        if query:
            target += f"?{urlencode(query)}"
        headers = {"Accept": "application/json", **self._credentials.headers}
        if body is not None:
            headers["Content-Type"] = "application/apply-patch+yaml"
        try:
            self._connection.request(method, target, body, headers)
            response = self._connection.getresponse()
            return response.status, response.read()
        except (OSError, http.client.HTTPException) as error:
            self._connection.close()
            where = self._credentials.server.netloc
            raise GatewayError(f"The cluster's API server {where} does not answer: {error}") from error

    def stream(self, path: str, query: Mapping[str, str], protocol: str) -> Stream:
        """A WebSocket, such as a port-forward. Raises GatewayError."""
        server = self._credentials.server
        scheme = "ws" if self._credentials.tls is None else "wss"
        url = f"{scheme}://{server.netloc}{server.path.rstrip('/')}{path}?{urlencode(query)}"
        try:
            return Stream(url, self._credentials.tls, self._credentials.headers, protocol, CONNECT_SECONDS)
        except InvalidStatus as error:
            body = bytes(error.response.body or b"")
            # A WebSocket is opened by GET; since Kubernetes 1.35 that needs the right to create as well.
            raise _refusal(("get", "create"), path, error.response.status_code, body) from error
        except (OSError, InvalidHandshake) as error:
            raise GatewayError(f"{path} cannot be opened: {error}") from error


def _refusal(verbs: tuple[str, ...], path: str, status: int, body: bytes) -> GatewayError:
    """The error for an answer that is no success; for a missing right, with the rule to add."""
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
