"""Asks the app through the gateway and tells which version answered."""

import re
import time
from collections.abc import Generator, Mapping
from dataclasses import dataclass

import httpx

from ..gateway.answered import GRPC_STATUSES
from ..manifests.routes import MARK
from ..settings.model import Check, Grpc
from .client import beginning, client

TIMEOUT_SECONDS = 5.0
VERSION_HEADER = "X-App-Version"
# Envoy adds it to what it got from elsewhere.
UPSTREAM_HEADER = "X-Envoy-Upstream-Service-Time"
_GRPC_HEADERS = {"Content-Type": "application/grpc", "TE": "trailers"}
_SERVING = "SERVING"
_MARKUP = re.compile(r"<(style|script|title)\b.*?</\1>|<[^>]*>", re.DOTALL | re.IGNORECASE)


@dataclass(frozen=True)
class Answer:
    """One answer, or the failure to get one.

    Attributes:
        at: seconds since the epoch when the request was sent.
        seconds: how long it took.
        version: the version that answered: the header `X-App-Version`, else the page's text.
        text: the page's visible text, or what failed.
        ok: a status that counts as an answer.
        status: the HTTP status; None where no answer came.
        by_app: whether the app answered, well or not: a gateway's own answer lacks a header of Envoy's.
        mark: what the split's own header says, where it has one.
    """

    at: float
    seconds: float
    version: str
    text: str
    ok: bool
    status: int | None = None
    by_app: bool = False
    mark: str | None = None


def ask(
    url: str,
    headers: Mapping[str, str] | None = None,
    check: Check | None = None,
    timeout_seconds: float = TIMEOUT_SECONDS,
) -> Generator[Answer]:
    """Yield answers without end, one request after the other on a kept connection; nothing is retried.

    An answer counts by its head: its body may be a stream without an end.

    Args:
        url: the gateway's address.
        headers: what the route asks for, such as Host.
        check: which statuses count as answers, or gRPC's health check; None means 2xx and 3xx.
        timeout_seconds: after so long without an answer it is a failure to get one; no body is read for
            much longer.
    """
    # TLS asks for the host that the route is for, whatever the address.
    host = (headers or {}).get("Host")
    check = check or Check()
    extensions = {"sni_hostname": host} if host else {}
    with client(headers or {}, timeout_seconds) as opened:
        while True:
            at, started = time.time(), time.monotonic()
            try:
                with opened.stream(
                    "POST" if check.grpc else "GET",
                    url,
                    headers=_GRPC_HEADERS if check.grpc else None,
                    content=_health_request(check.grpc) if check.grpc else None,
                    extensions=extensions,
                ) as response:
                    body = beginning(response, started + timeout_seconds)
            except httpx.HTTPError as error:
                failure = f"no answer: {error}" if str(error) else f"no answer: {type(error).__name__}"
                yield Answer(at, time.monotonic() - started, "none", failure, ok=False)
                continue
            said = _health(response, body) if check.grpc else None
            text = said or visible_text(body.decode(response.encoding or "utf-8", "replace"))
            version = response.headers.get(VERSION_HEADER, text)
            by_app = UPSTREAM_HEADER in response.headers
            status = response.status_code
            ok = said == _SERVING if check.grpc else check.accepts(status)
            said = said or (text if ok else f"HTTP {status}: {text}")
            seconds = time.monotonic() - started
            yield Answer(at, seconds, version, said, ok, status, by_app, response.headers.get(MARK))


def _health_request(grpc: Grpc) -> bytes:
    """The health check's request as gRPC frames it: not compressed, its length, and the name as field 1."""
    name = grpc.service.encode()
    message = b"\x0a" + bytes([len(name)]) + name if name else b""
    return b"\0" + len(message).to_bytes(4, "big") + message


def _health(response: httpx.Response, body: bytes) -> str:
    """What the health check says; a failure stands in the headers, since the answer has nothing else."""
    status = response.headers.get("grpc-status")
    if response.status_code != 200:
        return f"HTTP {response.status_code}"
    if status not in (None, "0"):
        name = GRPC_STATUSES.get(int(status), status)
        return f"gRPC status {name}: {response.headers.get('grpc-message', '')}"
    return _SERVING if body[5:] == b"\x08\x01" else "NOT_SERVING"


def visible_text(page: str) -> str:
    """Return the first line of a page's text, at most 40 characters of it."""
    lines = [line.strip() for line in _MARKUP.sub("\n", page).splitlines() if line.strip()]
    return lines[0][:40] if lines else ""
