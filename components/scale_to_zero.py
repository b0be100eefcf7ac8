"""A version that requests reach keeps its pods: `replicas: 0` waits for the `up` after the move.

Pulumi writes the Deployments before anybody asks whether the others can take the traffic, and the routes
after that.
"""

from collections.abc import Mapping
from typing import Any

import pulumi

from . import later
from .first_write import in_thread
from .kubernetes import istio, workloads
from .kubernetes.api import Api
from .kubernetes.kubeconfig import Kubeconfig
from .manifests import routes
from .option import Options
from .settings.model import App


class ServesError(Exception):
    """A version's last pods would end while requests reach them; they were not touched."""


def scale_to_zero(
    kubeconfig: pulumi.Input[Kubeconfig], app: App, version: str, options: Options
) -> pulumi.ResourceHookBinding:
    """Return the hooks of the Deployment of a version with 0 replicas, in a preview too.

    They raise ServesError. `options` say where its number stands.
    """
    asked = pulumi.Output.all(kubeconfig, later.filled(app.namespace))

    async def look(_args: pulumi.ResourceHookArgs) -> None:
        known = await asked.future()
        # Before there is a cluster, a preview knows no kubeconfig; then there are no pods either.
        if known is None:
            return
        reached, namespace = known
        found = await in_thread(lambda: way_in(reached, namespace, app.name, version))
        if found is not None:
            what, pods = found
            raise ServesError(
                f"{version} has {what}, and its pods would end before the routes move. They were not touched."
                "\n  Keep them for the up that moves the traffic away, and write 0 for the next one. To keep "
                f"them:\n    {options.line(f'versions.{version}.replicas', str(pods))}"
            )

    name = options.hook(f"{app.name} {version} serves")
    hook = pulumi.ResourceHook(name, look, pulumi.ResourceHookOptions(on_dry_run=True))
    return pulumi.ResourceHookBinding(before_create=[hook], before_update=[hook])


def way_in(kubeconfig: Kubeconfig, namespace: str, app: str, version: str) -> tuple[str, int] | None:
    """What reaches a version by the routes of now, and how many pods it has; None: nothing, or none.

    Raises GatewayError.
    """
    with Api(kubeconfig) as api:
        deployment = api.find(workloads.path(namespace, workloads.own(app, version)))
        pods = int(deployment["spec"].get("replicas", 1)) if deployment else 0
        found = api.find(istio.virtual_service(namespace, app)) if pods else None
    spec: Mapping[str, Any] = found["spec"] if found else {}
    share = routes.split(spec).get(version, 0)
    if share:
        return f"{share} % of the traffic", pods
    return ("requests beside the split", pods) if version in _reached(spec) else None


def _reached(spec: Mapping[str, Any]) -> set[str | None]:
    """The versions that a test route or the mirror leads to, or the split."""
    return {
        one["destination"].get("subset")
        for rule in spec.get("http") or ()
        for one in (*(rule.get("route") or ()), *(rule.get("mirrors") or ()))
        if one.get("weight") != 0
    }
