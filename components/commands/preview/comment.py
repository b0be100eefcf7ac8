"""Puts the preview into a pull request of GitHub: one comment, found again by its first line."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import httpx

from ...errors import RolloutError

_PAGE = 100
_SECONDS = 30
_FORBIDDEN = 403


@dataclass(frozen=True)
class PullRequest:
    """A pull request, as a GitHub Actions job knows it: API address, owner/name, number, token."""

    api: str
    repository: str
    number: int
    token: str


def of_environment(number: int, environment: Mapping[str, str] = os.environ) -> PullRequest:
    """Return the pull request of this job, by the variables that GitHub sets, and GITHUB_TOKEN.

    Raises:
        RolloutError: a variable is missing.
    """
    try:
        return PullRequest(
            environment.get("GITHUB_API_URL", "https://api.github.com"),
            environment["GITHUB_REPOSITORY"],
            number,
            environment["GITHUB_TOKEN"],
        )
    except KeyError as error:
        msg = f"{error.args[0]} is not set; GITHUB_REPOSITORY is owner/name, GITHUB_TOKEN may write comments"
        raise RolloutError(msg) from error


def post(request: PullRequest, body: str) -> str:
    """Write the comment, or replace the one of before with the same first line; return its address.

    Raises:
        RolloutError: GitHub refused.
    """
    headers = {"Authorization": f"Bearer {request.token}", "Accept": "application/vnd.github+json"}
    with httpx.Client(headers=headers, timeout=_SECONDS) as client:
        try:
            mine = _mine(client, request, body.partition("\n")[0])
            answer = (
                client.patch(mine, json={"body": body})
                if mine
                else client.post(_comments(request), json={"body": body})
            )
            answer.raise_for_status()
        except httpx.HTTPError as error:
            msg = f"GitHub did not take the comment: {error}"
            raise RolloutError(msg) from error
        return str(answer.json()["html_url"])


def _mine(client: httpx.Client, request: PullRequest, marker: str) -> str | None:
    """The comment of before, if the token's own user, or a bot, wrote it: anybody can write our marker."""
    me = client.get(f"{request.api}/user")
    # The token of a workflow or of an app may not ask; its comments are a bot's.
    may_ask = me.status_code != _FORBIDDEN
    key, ours = ("login", me.raise_for_status().json()["login"]) if may_ask else ("type", "Bot")
    page = 1
    while True:
        answer = client.get(_comments(request), params={"per_page": _PAGE, "page": page})
        answer.raise_for_status()
        found = answer.json()
        for comment in found:
            # A user who is gone is null.
            author: Mapping[str, Any] = comment["user"] or {}
            if author.get(key) == ours and comment["body"].startswith(marker):
                return str(comment["url"])
        if len(found) < _PAGE:
            return None
        page += 1


def _comments(request: PullRequest) -> str:
    return f"{request.api}/repos/{request.repository}/issues/{request.number}/comments"
