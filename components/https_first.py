"""Plain HTTP goes on until HTTPS answers: a Gateway that gets a certificate has both servers meanwhile."""

from collections.abc import Mapping, Sequence
from typing import Any

import pulumi

from .first_write import in_thread
from .gateway.admin import EnvoyAdmin
from .gateway.gateways import Gateways, serving
from .gateway.listeners import CERTS, in_use, listeners_path, listening_for, secrets_path
from .gateway.waiting import wait_until
from .hook_inputs import plain
from .kubernetes.api import Api
from .kubernetes.applied import write
from .kubernetes.errors import NotConvergedError
from .kubernetes.kubeconfig import Kubeconfig
from .manifests.manifest import object_path


class NoHttpsError(Exception):
    """The gateways do not listen for HTTPS; plain HTTP was not closed."""


def https_first(name: str, kubeconfig: pulumi.Input[Kubeconfig], seconds: float) -> pulumi.ResourceHook:
    """The hook of the Gateway, before it is written; `seconds` is how long a listener may take."""
    known = pulumi.Output.from_input(kubeconfig)

    async def look(args: pulumi.ResourceHookArgs) -> None:
        old, new = await plain(args.old_inputs), await plain(args.new_inputs)
        reached = await known.future()
        if reached is not None and opens(old, new):
            await in_thread(lambda: both(reached, new, seconds))

    return pulumi.ResourceHook(f"{name} https first", look)


def opens(old: Mapping[str, Any], new: Mapping[str, Any]) -> bool:
    """Whether a Gateway gets its first HTTPS server, on a port of its own."""
    before, after = ([dict(one) for one in item["spec"]["servers"]] for item in (old, new))
    ports = {one["port"]["number"] for one in before}
    return not any("tls" in one for one in before) and any(
        "tls" in one and one["port"]["number"] not in ports for one in after
    )


def both(kubeconfig: Kubeconfig, gateway: Mapping[str, Any], seconds: float) -> None:
    """Adds the servers on new ports to those that a Gateway has, until every one of its gateways listens.

    Where none of them serves and others are to have the Gateway, there is nobody to wait for. Raises
    NoHttpsError where they do not in time; the Gateway is then as it was. Raises GatewayError.
    """
    metadata, spec = gateway["metadata"], gateway["spec"]
    secrets = [one["tls"]["credentialName"] for one in spec["servers"] if "tls" in one]
    path = object_path(gateway)
    with Api(kubeconfig) as api:
        found = api.get(path)
    standing = found["spec"]["selector"]
    # Those of a new selector get the Gateway by Pulumi's own write alone.
    if serving(kubeconfig, standing, spec["selector"]) != standing:
        return
    with Gateways(kubeconfig, standing) as gateways:
        before: list[Mapping[str, Any]] = found["spec"]["servers"]
        taken = {one["port"]["number"] for one in before}
        added = [one for one in spec["servers"] if one["port"]["number"] not in taken]
        write(gateways.api, path, found, servers=[*before, *added])
        try:
            wait_until(
                lambda: gateways.missing(lambda admin: _missing(admin, metadata, secrets)), seconds, list
            )
        except NotConvergedError as error:
            write(gateways.api, path, found, servers=before)
            raise NoHttpsError(f"Plain HTTP goes on, as no HTTPS answers yet:\n  {error}") from error


def _missing(admin: EnvoyAdmin, metadata: Mapping[str, str], secrets: Sequence[str]) -> tuple[str, ...]:
    listens = listening_for(admin.get(listeners_path([""])), metadata)
    used = [in_use(admin.get(secrets_path(one)), admin.get(CERTS), one) for one in secrets]
    return (*listens, *(str(found) for one in used for found in one))
