"""An admin interface such as Envoy's, by a port-forward through the API server."""

import http.client
import json
from typing import Any

from ..kubernetes.api import Api
from ..kubernetes.errors import GatewayError
from ..kubernetes.forward import PortForward
from .pods import ADMIN_PORT

ANSWER_SECONDS = 5


class EnvoyAdmin:
    """The admin interface of one pod's Envoy, or another one that answers with JSON."""

    def __init__(self, api: Api, namespace: str, pod: str, port: int = ADMIN_PORT) -> None:
        self._where = f"port {port} of pod {namespace}/{pod}"
        self._forward = PortForward(api, namespace, pod, port)

    def close(self) -> None:
        """Ends the port-forward."""
        self._forward.close()

    def get(self, target: str) -> Any:
        """The JSON at a path with its query. Raises GatewayError."""
        try:
            status, body = self._forward.get(target, {"Host": "envoy"}, ANSWER_SECONDS)
        except (OSError, http.client.HTTPException) as error:
            raise GatewayError(f"The admin interface at {self._where} does not answer: {error}") from error
        if status != http.client.OK:
            raise GatewayError(
                f"The admin interface at {self._where} refused {target}: {body.decode(errors='replace')}"
            )
        return json.loads(body)
