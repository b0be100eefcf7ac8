"""Asks a version itself whether it can answer, past every gateway: by a port-forward to one of its pods."""

import http.client
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from .api import Api
from .forward import PortForward

_ANSWER_SECONDS = 5
# How much of a failing version's words is told.
_CHARACTERS = 80
_SWITCH = "; `convergence: {check: none}` in the config moves traffic without asking"


@dataclass(frozen=True)
class Question:
    """The GET that a pod of a version has to answer: on a port of its container, with these headers."""

    port: int
    path: str
    headers: Mapping[str, str]


def refusal(api: Api, namespace: str, labels: Mapping[str, str], question: Question) -> str | None:
    """Why the version's newest ready pod does not answer: a 5xx, a reset, nothing; None when it does.

    An answer counts by its head, as for the kubelet's probes: its body may be a stream without an end.
    Raises GatewayError where it cannot be asked.
    """
    pod = _newest_ready(api, namespace, labels)
    if pod is None:
        return f"no pod of {labels['version']} is ready to be asked for an answer"
    asked = f"pod {namespace}/{pod} was asked for {question.path} on port {question.port}"
    forward = PortForward(api, namespace, pod, question.port)
    try:
        answer = forward.ask(question.path, question.headers, _ANSWER_SECONDS)
        if answer.status < http.client.INTERNAL_SERVER_ERROR:
            return None
        said = _said(answer)
    except (OSError, http.client.HTTPException) as error:
        return f"{asked} and gave no answer: {error or type(error).__name__}{_SWITCH}"
    finally:
        forward.close()
    return f"{asked} and answered HTTP {answer.status}{f' ({said})' if said else ''}{_SWITCH}"


def _said(answer: http.client.HTTPResponse) -> str:
    """The first line of its body, as far as it comes."""
    most = _CHARACTERS * 4
    body = b""
    with suppress(OSError, http.client.HTTPException):
        while len(body) < most and (more := answer.read1(most)):
            body += more
    return body.decode(errors="replace").strip().partition("\n")[0][:_CHARACTERS]


def _newest_ready(api: Api, namespace: str, labels: Mapping[str, str]) -> str | None:
    selector = ",".join(f"{key}={value}" for key, value in labels.items())
    pods = api.get(f"/api/v1/namespaces/{namespace}/pods", {"labelSelector": selector})["items"]
    ready = [pod["metadata"] for pod in pods if _is_ready(pod)]
    newest = max(ready, key=lambda metadata: str(metadata["creationTimestamp"]), default=None)
    return None if newest is None else str(newest["name"])


def _is_ready(pod: Mapping[str, Any]) -> bool:
    conditions: list[Mapping[str, str]] = pod["status"].get("conditions") or []
    ready = any(one["type"] == "Ready" and one["status"] == "True" for one in conditions)
    return ready and "deletionTimestamp" not in pod["metadata"]
