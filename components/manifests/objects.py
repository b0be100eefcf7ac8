"""All objects of an app as plain manifests; knows nothing of Pulumi."""

from ..settings.model import Settings
from . import routes, workload
from .manifest import Manifest


def objects(settings: Settings) -> tuple[Manifest, ...]:
    """Every object that the program makes of these settings in the app's namespace."""
    app, routing = settings.app, settings.routing
    found = [workload.service(app)]
    for name, version in sorted(settings.versions.items()):
        found += [
            workload.deployment(app, name, version),
            routes.destination_rule(app, name, version, routing),
        ]
        budget = workload.disruption_budget(app, name, version)
        found += [budget] if budget else []
    marked = settings.convergence.evidence == "requests"
    split = routes.virtual_service(app, settings.weights, routing, marked=marked)
    found += [routes.gateway(app, routing), split]
    return tuple(found)
