"""All objects of an app as plain manifests; knows nothing of Pulumi."""

from ..settings.model import Settings
from . import routes, workload
from .manifest import Manifest


def objects(settings: Settings) -> tuple[Manifest, ...]:
    """Every object that the program makes of these settings in the app's namespace."""
    app, routing = settings.app, settings.routing
    # What somebody else has is not among them.
    found = [] if app.service else [workload.service(app)]
    for name, version in sorted(settings.versions.items()):
        if version.existing is not None:
            found.append(routes.destination_rule(app, name, version, routing))
            continue
        found += [
            workload.deployment(app, name, version),
            routes.destination_rule(app, name, version, routing),
        ]
        beside = (
            workload.disruption_budget(app, name, version),
            workload.autoscaler(app, name, version),
        )
        found += filter(None, beside)
    split = routes.virtual_service(
        app,
        settings.weights,
        routing,
        settings.test_routes,
        settings.mirror,
        marked=settings.convergence.by_requests,
    )
    found += [routes.gateway(app, routing), split]
    return tuple(found)
