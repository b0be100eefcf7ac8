"""The client of our own requests through a gateway, and how much of an answer it reads."""

import time
from collections.abc import Mapping
from http.cookiejar import CookieJar, DefaultCookiePolicy

import httpx

# A longer page costs its connection: the next request needs another one.
_MOST = 256 * 1024
_EVENTS = "text/event-stream"


def client(headers: Mapping[str, str], timeout_seconds: float) -> httpx.Client:
    """A client whose requests have these headers; SSL_CERT_FILE may name the CA of a gateway.

    It keeps no cookies: those of a session would bring all later requests to the version of the first one.
    """
    return httpx.Client(
        timeout=timeout_seconds,
        headers=dict(headers),
        cookies=CookieJar(DefaultCookiePolicy(allowed_domains=[])),
        trust_env=False,
        verify=httpx.create_ssl_context(),
    )


def beginning(response: httpx.Response, deadline: float) -> bytes:
    """The body, or as much of it as comes until a time of time.monotonic(): it may have no end.

    Nothing of server-sent events. Raises httpx.HTTPError where less comes than its head has promised.
    """
    body = b""
    if response.headers.get("Content-Type", "").lower().startswith(_EVENTS):
        return body
    try:
        for piece in response.iter_bytes():
            body += piece
            if len(body) >= _MOST or time.monotonic() >= deadline:
                break
    except httpx.ReadTimeout:
        if "Content-Length" in response.headers:
            raise
    return body
