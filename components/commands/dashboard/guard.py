"""Who may ask the page's server: the person with the token, by a browser on this machine."""

import secrets
from collections.abc import Mapping
from urllib.parse import parse_qs, urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import cookie_parser
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

_NAMES = frozenset({"127.0.0.1", "localhost", "::1"})
HEADERS: Mapping[str, str] = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Cache-Control": "no-store",
}


class Guard:
    """Refuses whoever has no business here, before the app hears of it, and keeps browsers strict."""

    def __init__(self, app: ASGIApp, token: str, ticket: str, cookie: str) -> None:
        """Guard an app by a token, which the first answer turns into a cookie of this name.

        The ticket is as good as the token, once.
        """
        self._app, self._token, self._cookie = app, token, cookie
        self._tickets = {ticket}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            return
        headers = Headers(scope=scope)
        given = parse_qs(scope["query_string"].decode("latin-1")).get("token", [""])[-1]

        refusal = self._refusal(scope["method"], headers, given)

        async def send_strictly(message: Message) -> None:
            if message["type"] == "http.response.start":
                answer = MutableHeaders(scope=message)
                answer.update(HEADERS)
                if given and not refusal:
                    answer["Set-Cookie"] = f"{self._cookie}={self._token}; HttpOnly; SameSite=Strict; Path=/"
            await send(message)

        answer = PlainTextResponse(refusal[1], refusal[0]) if refusal else self._app
        await answer(scope, receive, send_strictly)

    def _refusal(self, method: str, headers: Headers, given: str) -> tuple[int, str] | None:
        """The status and the sentence of a refusal; None for a request that may be answered."""
        host = headers.get("host", "")
        if _name(f"//{host}") not in _NAMES:
            return 403, "This page is for a browser on this machine: its address begins with http://127.0.0.1"
        if (origin := headers.get("origin")) is not None and origin != f"http://{host}":
            return 403, "Another site may not ask this page."
        site, mode = headers.get("sec-fetch-site", "none"), headers.get("sec-fetch-mode", "")
        if site not in {"none", "same-origin"} and mode != "navigate":
            return 403, "Another site may not ask this page."
        if given in self._tickets:
            self._tickets.remove(given)
        elif not self._is_token(given or cookie_parser(headers.get("cookie", "")).get(self._cookie, "")):
            return 403, "The address lacks its token: use the whole one that `blue-green dashboard` printed."
        if method not in {"GET", "HEAD"}:
            return 405, "This page only reads."
        return None

    def _is_token(self, given: str) -> bool:
        return secrets.compare_digest(given.encode(), self._token.encode())


def _name(address: str) -> str | None:
    """The host's name of an address, without its port; None of what is no address."""
    try:
        return urlsplit(address).hostname
    except ValueError:
        return None
