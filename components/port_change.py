"""Another number of a port: the Service has both until every gateway sends requests to the new one.

Pulumi writes the Service before the routes, and takes the old number away while they still name it. What
cannot be told to be the same port is refused: another name with another number, or another port's number.
"""

import json
import time
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import Any

import pulumi
from pulumi.output import contains_unknowns

from . import later
from .first_write import in_thread
from .gateway import envoy
from .gateway.admin import EnvoyAdmin
from .gateway.envoy import Target
from .gateway.gateways import Gateways, serving
from .gateway.waiting import say, wait_until
from .hook_inputs import plain
from .kubernetes import istio
from .kubernetes.api import Api
from .kubernetes.applied import write
from .kubernetes.errors import NotConvergedError
from .kubernetes.kubeconfig import Kubeconfig
from .manifests.manifest import Manifest, object_path
from .option import IN_CONFIG, Options
from .settings.model import App, Convergence, Routing
from .settings.written import whole


class PortKeptError(Exception):
    """A port that has requests cannot get its new number; the Service and the routes are as they were."""


def port_change(
    kubeconfig: pulumi.Input[Kubeconfig],
    app: App,
    routing: Routing,
    convergence: Convergence,
    options: Options = IN_CONFIG,
) -> pulumi.ResourceHookBinding:
    """Return the hook of the app's Service, before it is written.

    It raises PortKeptError, and in a preview looks for what is refused alone. `options` say whose app it is.
    """
    asked = pulumi.Output.all(kubeconfig, dict(later.filled(routing.gateway_selector)))
    entrances = {routing.port, *app.more_entrances.values()}

    async def look(args: pulumi.ResourceHookArgs) -> None:
        old, new = await plain(args.old_inputs), await plain(args.new_inputs)
        if new.get("kind") != "Service" or new["metadata"]["name"] != app.name or contains_unknowns(new):
            return
        numbers = changed(old["spec"]["ports"], new["spec"]["ports"])
        gone = lost(old["spec"]["ports"], new["spec"]["ports"])
        known = await asked.future() if gone or numbers else None
        if known is None:
            return
        reached, selector = known
        if gone:
            await in_thread(lambda: refuse(reached, new, gone, entrances))
        if numbers and not pulumi.runtime.is_dry_run():
            await in_thread(lambda: move(reached, selector, old, new, numbers, convergence))

    name = options.hook("port change")
    hook = pulumi.ResourceHook(name, look, pulumi.ResourceHookOptions(on_dry_run=True))
    return pulumi.ResourceHookBinding(before_update=[hook])


def changed(old: Iterable[Manifest], new: Iterable[Manifest]) -> dict[int, int]:
    """By the old number, the new one of each of a Service's ports, which are told by their names.

    One that another port had is left out: two of a Service's ports cannot have one number.
    """
    before, after = _numbers(old), _numbers(new)
    pairs = ((before[name], number) for name, number in after.items() if name in before)
    return {was: is_ for was, is_ in pairs if was != is_ and is_ not in before.values()}


def lost(old: Sequence[Manifest], new: Sequence[Manifest]) -> dict[int, str]:
    """By their old numbers, the names of the ports that `changed` leaves out, and whose number goes.

    Of one that has another name now nothing tells which it is, unless its number is there as before.
    """
    before, after, moving = _numbers(old), _numbers(new), changed(old, new)
    return {
        number: name
        for name, number in before.items()
        if number not in moving
        and after.get(name) != number
        and (name in after or number not in after.values())
    }


def _numbers(ports: Iterable[Manifest]) -> dict[str, int]:
    """The numbers of a Service's ports, by their names."""
    return {one.get("name", ""): int(one["port"]) for one in ports}


def both(old: Iterable[Manifest], new: Sequence[Manifest], numbers: Iterable[int]) -> list[Manifest]:
    """The new ports, and those of the old ones with these numbers under another name."""
    kept = [one for one in old if int(one["port"]) in numbers]
    return whole([*new, *({**one, "name": f"{one['name']}-{int(one['port'])}"} for one in kept)])


def leading_to(rules: Sequence[Manifest], host: str, numbers: Mapping[int, int]) -> list[Manifest]:
    """A VirtualService's rules, with the new numbers in every destination of the host."""

    def moved(one: Manifest) -> Manifest:
        port: Mapping[str, int] = one.get("port", {})
        if one.get("host") != host or port.get("number") not in numbers:
            return one
        return {**one, "port": {"number": numbers[port["number"]]}}

    return json.loads(json.dumps(rules), object_hook=moved)


def refuse(
    kubeconfig: Kubeconfig, new: Mapping[str, Any], gone: Mapping[int, str], entrances: Collection[int]
) -> None:
    """Looks whether requests that come in at these ports of the gateways go to a number that is gone.

    Raises PortKeptError, GatewayError.
    """
    namespace, service = new["metadata"]["namespace"], new["metadata"]["name"]
    with Api(kubeconfig) as api:
        found = api.find(istio.virtual_service(namespace, service)) or {"spec": {}}
    rules = [one for one in found["spec"].get("http") or () if _comes_in(one, entrances)]
    for number, name in gone.items():
        if leading_to(rules, service, {number: 0}) != rules:
            raise PortKeptError(
                f"Requests go to {number}, the port {name} of the Service {service}, which would lose it, or "
                "give it to another port, before the routes move. It was not touched.\n  Take one step with "
                "each up: free the new number where another port has it; then give it to "
                f"{name}, by that name; then change the name: docs/ports.md."
            )


def _comes_in(rule: Mapping[str, Any], entrances: Collection[int]) -> bool:
    """Whether a rule has requests of the gateways; callers in the mesh come by the Service's own number."""
    ways: Sequence[Mapping[str, Any]] = rule.get("match") or [{}]
    ports = [one.get("port") for one in ways if "mesh" not in one.get("gateways", ())]
    return any(port is None or port in entrances for port in ports)


def move(
    kubeconfig: Kubeconfig,
    selector: Mapping[str, str],
    old: Mapping[str, Any],
    new: Mapping[str, Any],
    numbers: Mapping[int, int],
    convergence: Convergence,
) -> None:
    """Opens the new numbers beside the old ones, and leads the routes there. Raises PortKeptError.

    `selector` tells the gateways where the Gateway of the routes is not there, or none of its own serves.
    Where no gateway may be asked, each of these two steps gets `convergence.drain_seconds`.
    """
    namespace, name = new["metadata"]["namespace"], new["metadata"]["name"]
    routes, ports = istio.virtual_service(namespace, name), object_path(new)
    with Api(kubeconfig) as api:
        virtual_service = api.find(routes)
        if virtual_service is None:
            return
        # Those of another selector have no routes yet, and so none that lead to the old numbers.
        named: Sequence[str] = virtual_service["spec"].get("gateways") or ["mesh"]
        standing = api.find(istio.gateway(namespace, named[0]))
    asked = serving(kubeconfig, standing["spec"]["selector"], selector) if standing else selector
    with Gateways(kubeconfig, asked) as gateways:
        api = gateways.api
        service, before = api.get(ports), old["spec"]["ports"]
        rules: list[Any] = virtual_service["spec"]["http"]
        # No gateway sends requests to a port that has no way in.
        numbers = {was: is_ for was, is_ in numbers.items() if leading_to(rules, name, {was: is_}) != rules}
        if not numbers:
            return
        closing, opening = (
            [Target(namespace, name, name, (number,)) for number in each]
            for each in (numbers, numbers.values())
        )
        versions = _versions(rules, name)

        def wait(question: Callable[[EnvoyAdmin], Iterable[str]]) -> None:
            if convergence.by_requests:
                _give(convergence.drain_seconds)
            else:
                wait_until(lambda: gateways.missing(question), convergence.timeout_seconds, list)

        try:
            write(api, ports, service, ports=both(before, new["spec"]["ports"], numbers))
            wait(lambda admin: _unknown(admin, opening, versions))
            write(api, routes, virtual_service, http=leading_to(rules, name, numbers))
            wait(lambda admin: _routed(admin, closing))
            # Where somebody else has them too, Pulumi's own write would leave them there, without a name.
            api.merge(ports, {"spec": {"ports": [{"$patch": "delete", "port": was} for was in numbers]}})
        except NotConvergedError as error:
            write(api, routes, virtual_service, http=rules)
            write(api, ports, service, ports=whole(before))
            moves = ", ".join(f"{was} to {is_}" for was, is_ in numbers.items())
            raise PortKeptError(f"The port has not moved from {moves}:\n  {error}") from error


def _give(seconds: float) -> None:
    """Gives the gateways so long to follow what was written. Raises InterruptedWaitError."""
    over = time.monotonic() + seconds
    unknown = f"requests alone cannot tell when the gateways follow another port, so they get {seconds:g} s"
    say(unknown)
    wait_until(lambda: () if time.monotonic() >= over else (unknown,), seconds + 1)


def _versions(rules: Iterable[Mapping[str, Any]], host: str) -> frozenset[str]:
    """The versions that get requests by the rules."""
    destinations = (one["destination"] for rule in rules for one in rule.get("route") or ())
    return frozenset(one["subset"] for one in destinations if one["host"] == host and "subset" in one)


def _unknown(admin: EnvoyAdmin, targets: Iterable[Target], versions: Iterable[str]) -> tuple[str, ...]:
    """The versions that an Envoy cannot reach on the new ports."""
    return tuple(
        f"has no healthy endpoint of {version} on port {target.ports[0]}"
        for target in targets
        for dump in [admin.get(envoy.endpoints_target(target))]
        for version in versions
        if not envoy.healthy_endpoints(dump, target, version)
    )


def _routed(admin: EnvoyAdmin, targets: Iterable[Target]) -> tuple[str, ...]:
    """The old ports that an Envoy's routes still lead to."""
    dump = admin.get(envoy.routes_path(None))
    return tuple(
        f"still sends requests to port {target.ports[0]}"
        for target in targets
        if any(
            target.cluster(version).fullmatch(cluster)
            for route in envoy.routes(dump, target)
            for version, cluster in route.clusters.items()
        )
    )
