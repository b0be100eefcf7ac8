"""The ports at which requests come in: the gateway that the stack installs has to have them."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, cast

from .mistakes import Mistake
from .model import GATEWAY_PORTS, Istio, Settings


def mistakes(settings: Settings) -> Iterator[Mistake]:
    """The entrances that the gateway's Service would not have, which `up` finds only when it is there."""
    if not settings.istio.install:
        return
    entrances: dict[tuple[str | int, ...], int | None] = {("routing", "port"): settings.routing.port}
    known = _by_values(settings.istio)
    if known is None:
        # It gets each gatewayPort beside those of the chart.
        known = list(GATEWAY_PORTS.values())
    else:
        further = enumerate(settings.app.ports[1:], 1)
        entrances |= {("app", "ports", index, "gatewayPort"): one.gateway_port for index, one in further}
    for path, port in entrances.items():
        if port is not None and port not in known:
            wrong = f"the gateway's Service would not have {port}, only {', '.join(map(str, known))}"
            remedy = (
                "Write one of them, or all the Service's ports as istio.values.gateway.service.ports, "
                f"with {port}: docs/ports.md"
            )
            yield Mistake(path, wrong, remedy)


def _by_values(istio: Istio) -> Sequence[object] | None:
    """The ports of the list that replaces the chart's own; None: there is no such list."""
    service = (istio.values.get("gateway") or {}).get("service")
    given = cast("Mapping[str, object]", service).get("ports") if isinstance(service, Mapping) else None
    if not isinstance(given, list):
        return None
    ports = cast("Sequence[object]", given)
    return [cast("Mapping[str, Any]", one).get("port") for one in ports if isinstance(one, Mapping)]
