"""No split comes to ask for the requests of another: it is refused before anything is touched.

Istio gives them to the older of two VirtualServices, so the younger one is served by nobody. A split that
stands already is warned: it can still be moved, taken back and destroyed. In another namespace a split would
be the younger one beside itself, so it keeps its own. By TLS, Istio does the same with two Gateways, so that
of a split keeps its name.
"""

from collections.abc import Mapping

import pulumi

from . import first_write, later
from .gateway import claims
from .kubernetes.errors import GatewayError
from .kubernetes.kubeconfig import Kubeconfig
from .manifests import routes
from .manifests.manifest import Manifest
from .option import IN_CONFIG, Options
from .ownership import owned, owner_of, stack_of, this_stack
from .settings.model import App, Routing


class ClaimedError(Exception):
    """Another split asks for the same requests, or the stack's own of before has them; what to do."""


def claim(
    name: str,
    kubeconfig: pulumi.Input[Kubeconfig],
    app: App,
    routing: Routing,
    options: Options = IN_CONFIG,
) -> pulumi.ResourceHookBinding:
    """Return the hooks of every object of the split `name`; they raise ClaimedError where its claim is new.

    `options` say where its hosts stand.
    """
    own = owned(f"{name}-virtualservice", routes.virtual_service(app, {}, routing))
    pair = [routes.gateway(app, routing), own]
    asked = pulumi.Output.all(kubeconfig, *later.filled(pair))

    async def look() -> None:
        known = await asked.future()
        # Before there is a cluster, a preview knows no kubeconfig; then there is no other split either.
        if known is None:
            return
        reached, gateway, virtual_service = known
        try:
            others = await first_write.in_thread(lambda: claims.read(reached))
        except GatewayError as error:
            pulumi.log.warn(f"whether another split asks for the same requests is unknown: {error}")
            return
        before = moved(gateway, virtual_service, others)
        if before is not None:
            raise ClaimedError(move_refusal(virtual_service, *before, options))
        stack = this_stack()
        renamed = renamed_gateway(gateway, virtual_service, others, stack)
        if renamed is not None:
            raise ClaimedError(rename_refusal(*renamed, options))
        found = shared(gateway, virtual_service, others, stack)
        if not found:
            return
        if stands(gateway, virtual_service, others, stack):
            pulumi.log.warn(sentence(found))
        else:
            raise ClaimedError(refusal(found, options))

    return first_write.before(options.hook("claim"), look)


def shared(
    gateway: Manifest, virtual_service: Manifest, others: claims.Others, stack: str
) -> Mapping[str, str]:
    """By VirtualService and its stack, the requests for which another stack's split asks as well."""
    ours = claims.claim(virtual_service, [gateway])
    found: dict[str, str] = {}
    for one in others.virtual_services:
        theirs = stack_of(one)
        # The object of our own name has another mark after a rename; whose it is the ownership decides.
        if theirs in (None, stack) or claims.id_of(one) == claims.id_of(virtual_service):
            continue
        requests = ours.shared(claims.claim(one, others.gateways))
        if requests is not None:
            found[f"VirtualService {claims.id_of(one)} of the stack {theirs}"] = requests
    return found


def stands(gateway: Manifest, virtual_service: Manifest, others: claims.Others, stack: str) -> bool:
    """Whether the cluster has the stack's VirtualService with this very claim."""
    ours = claims.claim(virtual_service, [gateway])
    return any(
        claims.id_of(one) == claims.id_of(virtual_service)
        and stack_of(one) == stack
        and claims.claim(one, others.gateways) == ours
        for one in others.virtual_services
    )


def moved(
    gateway: Manifest, virtual_service: Manifest, others: claims.Others
) -> tuple[claims.Object, str] | None:
    """The split's own VirtualService elsewhere, and the requests that it keeps from the one to be made.

    Pulumi makes that one first, so it is the younger. One that is there already is not made.
    """
    if any(claims.id_of(one) == claims.id_of(virtual_service) for one in others.virtual_services):
        return None
    ours = claims.claim(virtual_service, [gateway])
    for one in others.virtual_services:
        if owner_of(one) == owner_of(virtual_service):
            requests = ours.shared(claims.claim(one, others.gateways))
            if requests is not None:
                return one, requests
    return None


def move_refusal(
    virtual_service: Manifest, before: claims.Object, requests: str, options: Options = IN_CONFIG
) -> str:
    """The sentence for an app that is to have another namespace or name under traffic, with the way out."""
    keys = [
        key for key in ("namespace", "name") if before["metadata"][key] != virtual_service["metadata"][key]
    ]
    return "\n  ".join(
        (
            f"VirtualService {claims.id_of(before)} is this stack's own and has these requests: {requests}. "
            "Istio gives them to the older VirtualService alone. Nothing was touched.",
            f"An app cannot get another {' or '.join(keys)} under traffic: give the new one a stack of its "
            f"own with hosts of its own ({options.name('routing.hosts')}), or set it back:",
            *(f"  {options.line(f'app.{key}', before['metadata'][key])}" for key in keys),
        )
    )


def renamed_gateway(
    gateway: Manifest, virtual_service: Manifest, others: claims.Others, stack: str
) -> tuple[str, str] | None:
    """The Gateway that serves the stack, and the TLS connections that it keeps from one of a new name.

    Pulumi makes the new one first, so it is the younger. One that is there already is no new one.
    """
    if any(claims.id_of(one) == claims.id_of(gateway) for one in others.gateways):
        return None
    for standing in others.virtual_services:
        if claims.id_of(standing) == claims.id_of(virtual_service) and stack_of(standing) == stack:
            for old in claims.entered_by(standing, others.gateways):
                requests = claims.same_tls(old, gateway)
                if requests is not None and stack_of(old) == stack:
                    return old["metadata"]["name"], requests
    return None


def rename_refusal(old: str, requests: str, options: Options = IN_CONFIG) -> str:
    """The sentence for a routing.gateway that is another one under HTTPS, with the way out."""
    return "\n  ".join(
        (
            f"{options.name('routing.gateway')} cannot be changed under HTTPS: the Gateway {old} has "
            f"{requests}, and Istio gives these to the older of two Gateways. Nothing was touched.",
            f"Give the new one hosts of its own ({options.name('routing.hosts')}), or set it back:",
            f"  {options.line('routing.gateway', old)}",
        )
    )


def sentence(found: Mapping[str, str]) -> str:
    """Who else asks for what, and what comes of it."""
    lines = [f"{who} asks for the same requests: {requests}." for who, requests in found.items()]
    return "\n  ".join([*lines, "Istio gives them to the older VirtualService alone."])


def refusal(found: Mapping[str, str], options: Options = IN_CONFIG) -> str:
    """The sentence for a claim that is another split's already, with the way out."""
    return "\n  ".join(
        (
            f"{sentence(found)} Nothing was touched.",
            "Give this stack a host of its own, here myapp.example.com, or paths of its own (routing.paths):",
            f"  {options.line('routing.hosts[0]', 'myapp.example.com')}",
        )
    )
