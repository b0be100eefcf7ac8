"""The component TrafficSplit: the Gateway, each version's subset, the weights and their proof."""

import dataclasses
import hashlib
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

import pulumi

from . import later
from .existing import existing
from .files import deployment
from .first_write import in_thread, is_mocked
from .gateway.foreign import foreign, foreign_ports
from .https_first import https_first
from .kubernetes.api import Api
from .kubernetes.errors import GatewayError
from .kubernetes.kubeconfig import Kubeconfig
from .manifests import routes, workload
from .manifests.manifest import Manifest, object_path
from .observation import endpoint
from .ownership import Ownership
from .register import register
from .rollback_guard import rollback_guard
from .rule_exports import RuleExports
from .settings.model import App, Convergence, Mirror, RequestMark, Routing, Version
from .settings.written import whole, written
from .split_proof import (
    SplitConverged,
    SplitReady,
    VersionDrain,
    chain_inputs,
    crowded,
    idle_warnings,
    split_inputs,
)
from .sticky_filter import sticky_filter

# In percent: without convergence.room a preview warns of a version that would have less than half as many.
_CROWDED = 50


@dataclass(frozen=True)
class TrafficSplitArgs:
    """What a split is made of.

    `weights` has every version, 0 for one that gets nothing; together 100. `kubeconfig` is the
    text of one for the cluster, by which the gateways are asked. `deployments` are the versions'
    resources, which outlive their routes. `url` is the gateway's address, where the proof sends a few
    requests of its own; None: none. `weights_key` is the key of the stack's config from which the program
    takes the weights, so that commands can write them. `test_routes` are by version. `gateway_namespace` has
    the gateway's pods.
    """

    app: App
    versions: Mapping[str, Version]
    weights: Mapping[str, int]
    kubeconfig: pulumi.Input[Kubeconfig]
    deployments: Mapping[str, pulumi.Resource | Sequence[pulumi.Resource]] = field(
        default_factory=dict[str, pulumi.Resource | Sequence[pulumi.Resource]]
    )
    routing: Routing = field(default_factory=Routing)
    convergence: Convergence = field(default_factory=Convergence)
    ownership: Ownership | None = None
    url: pulumi.Input[str | None] = None
    weights_key: str | None = None
    test_routes: Mapping[str, RequestMark] = field(default_factory=dict[str, RequestMark])
    mirror: Mirror | None = None
    gateway_namespace: str = "istio-system"


class NotAskedError(Exception):
    """Traffic would move though nobody has asked whether the versions can take it."""


class TrafficSplit(pulumi.ComponentResource):
    """Splits the app's traffic by weight among its versions (T5 of the tutorial).

    The order in which it acts is in docs/order.md. `weights` is known once every gateway routes
    by them; `last_proof` has, by gateway pod, the weights and when they were read.
    """

    weights: pulumi.Output[Mapping[str, int]]
    last_proof: pulumi.Output[Mapping[str, Any]]

    def __init__(self, name: str, args: TrafficSplitArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("blue-green:index:TrafficSplit", name, None, opts)
        gateway = routes.gateway(args.app, args.routing)
        by_requests = args.convergence.by_requests
        virtual_service = _virtual_service(args, marked=by_requests)
        split = split_inputs(args.kubeconfig, gateway, virtual_service, args.app.host)
        if by_requests:
            split["evidence"] = "requests"
        if args.routing.mesh_callers:
            split["callers"] = True
        self._existing = existing(args.kubeconfig, args.app, args.versions)
        if self._existing is not None:
            split["existing"] = self._existing
        weights = {version: weight for version, weight in args.weights.items() if weight}
        asked = {
            **split,
            **chain_inputs(gateway, virtual_service),
            "timeoutSeconds": args.convergence.timeout_seconds,
            "weights": weights,
        }

        exports = RuleExports(name, args.kubeconfig, args.app, args.routing, args.versions, args.url)
        subsets = [self._subset(name, version, args, split, exports) for version in sorted(args.versions)]
        # Of other pods nobody has seen yet that the gateways' requests reach them.
        asked["workloads"] = _digests(args)
        ready = SplitReady(
            f"{name}-ready",
            {
                **asked,
                "questions": _questions(args),
                **({"room": args.convergence.room} if args.convergence.room else {}),
            },
            pulumi.ResourceOptions(parent=self, depends_on=subsets),
        )
        entrance = register(
            f"{name}-gateway",
            gateway,
            pulumi.ResourceOptions(parent=self, depends_on=[ready], hooks=_https_first(name, args)),
            args.ownership,
        )
        keeps = sticky_filter(
            f"{name}-sticky",
            virtual_service,
            args.app,
            args.routing,
            args.gateway_namespace,
            args.kubeconfig,
            pulumi.ResourceOptions(parent=self, depends_on=[ready]),
            args.ownership,
        )
        split_by = register(
            f"{name}-virtualservice",
            virtual_service,
            pulumi.ResourceOptions(
                parent=self,
                depends_on=[entrance, keeps] if keeps else [entrance],
                hooks=None if is_mocked() else _guards(name, ready, args),
            ),
            args.ownership,
        )
        config = _config(args)
        converged = SplitConverged(
            f"{name}-converged",
            {
                **asked,
                "route": virtual_service["spec"]["http"][-1]["name"],
                "images": {
                    version: args.versions[version].image
                    for version in weights
                    if args.versions[version].existing is None
                },
                "requests": _requests(args),
                **({"marks": later.then(virtual_service["spec"], routes.marks)} if by_requests else {}),
                **({"drawnBy": str(args.routing.sticky_version)} if keeps else {}),
                "config": config,
            },
            pulumi.ResourceOptions(parent=self, depends_on=[split_by]),
        )
        # An `up` that leaves the proof out has proved no other weights than before; a preview proves none.
        proved = converged.id.apply(lambda _: dict(args.weights))
        self.weights = (
            proved if pulumi.runtime.is_dry_run() else converged.weights.apply(_of_all(args.weights))
        )
        self.last_proof = converged.proof.apply(_by_pod)
        self._warn_of_idle(args, split, converged)
        self._warn_of_changes(args, {**split, "weights": weights}, virtual_service)
        settings: dict[str, Any] = {"weightsKey": args.weights_key, "url": args.url}
        # For a proof of an earlier release that an `up` leaves out. An Output may be a secret, which Pulumi's
        # SDK would write into its debug log.
        if not later.has(config):
            settings["config"] = config
        self.register_outputs({"weights": self.weights, "lastProof": self.last_proof, "settings": settings})

    def _warn_of_idle(
        self, args: TrafficSplitArgs, split: Mapping[str, Any], converged: SplitConverged
    ) -> None:
        """Says which versions without traffic are not ready; that stops nothing."""
        idle = tuple(version for version, weight in args.weights.items() if not weight)
        if not idle or pulumi.runtime.is_dry_run():
            return

        def warn(values: Sequence[Any]) -> None:
            for sentence in idle_warnings({**values[2], "kubeconfig": values[0]}, idle):
                pulumi.log.warn(sentence, self)

        names = {key: value for key, value in split.items() if key != "kubeconfig"}
        pulumi.Output.all(args.kubeconfig, converged.id, later.filled(names)).apply(warn)

    def _warn_of_changes(
        self, args: TrafficSplitArgs, asked: Mapping[str, Any], virtual_service: Manifest
    ) -> None:
        """Says what others wrote that Pulumi's own diff does not show; in a preview, what a change does."""
        dry_run = pulumi.runtime.is_dry_run()

        async def warn(values: Sequence[Any]) -> None:
            kubeconfig, props, service, its_split = values
            props = {**props, "kubeconfig": kubeconfig}
            wanted, room = its_split if dry_run else None, args.convergence.room
            for sentence in await in_thread(lambda: changes(props, service, wanted, room)):
                pulumi.log.warn(sentence, self)

        names = {key: value for key, value in asked.items() if key != "kubeconfig"}
        # One that somebody else has, and any of the app's name beside it, is its owner's alone.
        its_own = None if args.app.service else workload.service(args.app)
        rest = later.filled([names, its_own, virtual_service])
        pulumi.Output.all(args.kubeconfig, *rest).apply(warn)

    def _subset(
        self,
        name: str,
        version: str,
        args: TrafficSplitArgs,
        split: Mapping[str, Any],
        exports: RuleExports,
    ) -> pulumi.Resource:
        """A version's rule; it goes when the requests in flight have ended, its pods after it."""
        one, labels = args.versions[version], None
        if self._existing is not None and one.existing is not None:
            labels = self._existing.apply(lambda found: found[version]["labels"])
        rule = register(
            f"{name}-{version}-rule",
            exports.of(routes.destination_rule(args.app, version, one, args.routing, labels)),
            pulumi.ResourceOptions(
                parent=self,
                depends_on=args.deployments.get(version),
                hooks=None if is_mocked() else exports.hooks(),
            ),
            args.ownership,
        )
        return VersionDrain(
            f"{name}-{version}-drain",
            {**split, "version": version, "drainSeconds": args.convergence.drain_seconds},
            pulumi.ResourceOptions(parent=self, depends_on=[rule]),
        )


def _config(args: TrafficSplitArgs) -> Mapping[str, Any]:
    """What the commands read from the proof's inputs, as the config would have it (pulumi_cli/splits.py)."""
    parts = {
        "app": args.app,
        "versions": args.versions,
        "routing": args.routing,
        "convergence": args.convergence,
        **({"testRoutes": args.test_routes} if args.test_routes else {}),
        **({"mirror": args.mirror} if args.mirror else {}),
    }
    return written(parts)


def _virtual_service(args: TrafficSplitArgs, *, marked: bool) -> Manifest:
    """The VirtualService, its rules named and its answers marked by what is known only later, too."""
    manifest = routes.virtual_service(
        args.app, args.weights, args.routing, args.test_routes, args.mirror, marked=marked
    )
    spec = manifest["spec"]

    def named(known: Sequence[Any]) -> str:
        return routes.rule_name(args.app, args.routing, *known)

    # Copies: an Output of the rule it is written into would wait for itself.
    http = [{**rule, "name": later.then([spec, rule, args.app.namespace], named)} for rule in spec["http"]]
    if marked and later.has(spec):
        known = later.then(spec, routes.marks)
        for version, mark in routes.marks(spec).items():
            http = later.replaced(http, mark, known[version])
    return {**manifest, "spec": {**spec, "http": http}}


def _guards(name: str, ready: SplitReady, args: TrafficSplitArgs) -> pulumi.ResourceHookBinding:
    """What may stop an `up` just before it writes the VirtualService."""
    hooks = [_asked_first(name, ready, args.weights), rollback_guard(name, args.kubeconfig, args.app)]
    return pulumi.ResourceHookBinding(before_create=[*hooks], before_update=[*hooks])


def _https_first(name: str, args: TrafficSplitArgs) -> pulumi.ResourceHookBinding | None:
    """Keeps plain HTTP until HTTPS answers, where the gateways may be asked for that."""
    if is_mocked() or args.convergence.by_requests:
        return None
    hook = https_first(name, args.kubeconfig, args.convergence.timeout_seconds)
    return pulumi.ResourceHookBinding(before_update=[hook])


def _asked_first(name: str, ready: SplitReady, weights: Mapping[str, int]) -> pulumi.ResourceHook:
    """Stops an `up` that would move traffic without the question before it, as by --target."""

    async def look(_args: pulumi.ResourceHookArgs) -> None:
        asked = await ready.weights.future()
        # In a preview they are not known, where the question will be asked.
        if asked is not None and _of_all(weights)(asked) != weights:
            raise NotAskedError(
                f"Traffic has not moved: --target or --exclude leaves out {name}-ready, "
                "which asks whether the versions can take it.\n  To move it, type: pulumi up"
            )

    return pulumi.ResourceHook(f"{name} asked first", look, pulumi.ResourceHookOptions(on_dry_run=True))


def _of_all(versions: Iterable[str]) -> Callable[[Mapping[str, float]], dict[str, int]]:
    """Adds the versions without traffic to weights."""
    return lambda weights: dict.fromkeys(versions, 0) | whole(weights)


def changes(
    props: Mapping[str, Any], service: Manifest | None, virtual_service: Manifest | None, room: int | None
) -> Sequence[str]:
    """A sentence for each thing that others wrote into the stack's `service`, which no write takes away.

    And with the `virtual_service` that is to be: for each that its write takes away, and for each version
    that would get more with too few pods. A cluster that does not answer says nothing.
    """
    said: list[str] = []
    with suppress(GatewayError), Api(props["kubeconfig"]) as api:
        if service is not None and (found := _found(api, service)) is not None:
            said += (one.told(api.kubectl) for one in foreign_ports(found, service))
        stands = _found(api, virtual_service) if virtual_service is not None else None
        if virtual_service is not None and stands is not None:
            said += (f"a change takes away: {one}" for one in foreign(stands, virtual_service))
            end = "" if room else "; without convergence.room no up waits for them"
            few = crowded(api, props, routes.split(stands["spec"]), room or _CROWDED)
            said += (f"{one}{end}" for one in few)
    return said


def _found(api: Api, manifest: Manifest) -> Mapping[str, Any] | None:
    with suppress(GatewayError):
        return api.find(object_path(manifest))
    return None


def _digests(args: TrafficSplitArgs) -> dict[str, pulumi.Input[str]]:
    """A text for each version that requests reach that changes when its workload does."""
    beside = {*args.test_routes, *([args.mirror.version] if args.mirror else [])}
    digests: dict[str, pulumi.Input[str]] = {}
    for version, weight in args.weights.items():
        one = args.versions[version]
        if not weight and version not in beside:
            continue
        if one.existing is None:
            digests[version] = later.then(deployment(args.app, version, one), _digest)
        else:
            digests[version] = str(one.existing)
    return digests


def _digest(manifest: Manifest) -> str:
    return hashlib.sha256(json.dumps(manifest, sort_keys=True).encode()).hexdigest()[:16]


def _requests(args: TrafficSplitArgs) -> pulumi.Output[list[dict[str, Any]]] | None:
    """How each host of the split is asked by the proof."""
    if args.url is None:
        return None

    def asked(values: Sequence[Any]) -> list[dict[str, Any]]:
        url, hosts = values
        # A load balancer may be pending.
        if url is None:
            return []
        return [_recorded(endpoint.at(url, args.routing, host)) for host in hosts]

    return pulumi.Output.all(args.url, later.filled(args.routing.hosts)).apply(asked)


def _recorded(one: endpoint.Endpoint) -> dict[str, Any]:
    """An endpoint as an input; the states of earlier releases have no check by gRPC."""
    facts = dataclasses.asdict(one)
    if one.check.grpc is None:
        del facts["check"]["grpc"]
    return facts


def _questions(args: TrafficSplitArgs) -> dict[str, Any]:
    """What a version is asked before it gets more traffic: the page of its readiness probe, or the route's.

    One whose probe asks by gRPC has answered that, and may speak nothing else; of one that somebody else
    has, the page and its port are not known.
    """
    if args.convergence.check == "none" or args.convergence.by_requests:
        return {}
    # The question is HTTP/1.1.
    if args.app.served[0].protocol != "http":
        return {}
    routing = args.routing
    headers = {"Host": args.app.name, **routing.asked_headers(routing.hosts[0]), "Connection": "close"}
    questions: dict[str, Any] = {}
    for name, weight in args.weights.items():
        version, probe = args.versions[name], args.versions[name].probes.readiness
        if not weight or probe.grpc is not None or version.existing is not None:
            continue
        port, path = version.container_port, routing.asked_path()
        if probe.path is not None:
            port, path = probe.port or port, probe.path
        questions[name] = {"port": port, "path": path, "headers": headers}
    return questions


def _by_pod(proofs: list[Mapping[str, Any]]) -> dict[str, Any]:
    """Leaves out the images: Pulumi prints a stack's outputs at every `up`."""
    return {one["pod"]: {key: one[key] for key in ("at", "weights")} for one in proofs}
