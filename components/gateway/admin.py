"""Envoy's admin interface, by a port-forward through the API server."""

import http.client
import json
from collections.abc import Mapping
from typing import Any

from ..kubernetes.api import Api
from ..kubernetes.errors import GatewayError
from ..kubernetes.forward import PortForward

# Istio's Envoys listen there, on the pod's own loopback only.
ADMIN_PORT = 15000
ANSWER_SECONDS = 5


class EnvoyAdmin:
    """The admin interface of one pod's Envoy."""

    def __init__(self, api: Api, namespace: str, pod: str) -> None:
        self._where = f"{namespace}/{pod}"
        self._forward = PortForward(api, namespace, pod, ADMIN_PORT)

    def close(self) -> None:
        """Ends the port-forward."""
        self._forward.close()

    def get(self, target: str) -> Mapping[str, Any]:
        """The JSON at a path with its query. Raises GatewayError."""
        try:
            status, body = self._forward.get(target, {"Host": "envoy"}, ANSWER_SECONDS)
        except (OSError, http.client.HTTPException) as error:
            raise GatewayError(f"The Envoy of pod {self._where} does not answer: {error}") from error
        if status != http.client.OK:
            raise GatewayError(
                f"The Envoy of pod {self._where} refused {target}: {body.decode(errors='replace')}"
            )
        return json.loads(body)
