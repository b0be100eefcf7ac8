"""Each link of a request's way to the app as it is now, by the readers with which an `up` proves a split."""

from collections.abc import Mapping
from typing import Any

from ..gateway import chain
from ..gateway.beside import of_rule
from ..gateway.callers import of_split
from ..gateway.causes import causes, virtual_service
from ..gateway.certificates import unusable
from ..gateway.chain import Entrance, Split, Wanted
from ..gateway.envoy import Target
from ..gateway.finding import Finding, Link
from ..gateway.foreign import foreign
from ..gateway.gateways import Gateways
from ..manifests import routes, sticky_version
from ..settings.model import Settings
from .live import existing


def findings(gateways: Gateways, settings: Settings) -> tuple[Finding, ...]:
    """What of the chain is not as the config says, why, and what others wrote into the VirtualService.

    An update that an Envoy rejected is found also where the split's own routes are as wanted: then
    nobody's changes arrive at that gateway any more. Raises GatewayError.
    """
    app, routing = settings.app, settings.routing
    target = Target(
        app.namespace,
        app.name,
        app.host,
        (app.port, *(one.port for one in app.ports[1:] if one.gateway_port)),
        existing(gateways.api, settings),
    )
    entrance = Entrance(routing.gateway, routing.hosts, routing.tls_secret)
    manifest = routes.virtual_service(app, settings.weights, routing, settings.test_routes, settings.mirror)
    *beside, rule = manifest["spec"]["http"]
    for_callers = tuple(of_rule(one, for_callers=True) for one in beside)
    drawn_by = sticky_version.drawn_by(routing, settings.weights)
    wanted = Wanted(
        settings.weights, rule["name"], tuple(map(of_rule, beside)), app.port, for_callers, drawn_by
    )
    split = Split("", routing.gateway_selector, target, entrance)
    found = chain.judged(gateways, split, chain.look_at_all(gateways, split, wanted))
    if routing.mesh_callers:
        found = (*found, *of_split(gateways, split, wanted, 0).look().findings)
    why = causes(gateways, target, tuple(wanted.served), (*found, Finding(Link.UPDATE, "")))
    beside = _beside(gateways, target, manifest)
    return tuple(dict.fromkeys((*found, *unusable(gateways, entrance), *why, *beside)))


def _beside(gateways: Gateways, target: Target, manifest: Mapping[str, Any]) -> tuple[Finding, ...]:
    item = virtual_service(gateways.api, target)
    return foreign(item, manifest) if item else ()
