"""What the forms of single values do not tell: what keys say together, section by section."""

import itertools
from collections.abc import Iterator, Mapping
from typing import cast

from . import characters, entrances, pod_template, sticky_version, versions
from .mistakes import Mistake, key, nearest, shown
from .model import (
    GRPC_HEALTH,
    Check,
    MinikubeCluster,
    RequestMark,
    Routing,
    Settings,
    Version,
)

_SET = "pulumi config set --path"
# A Service's port has a name of 63 at most: NAME-65535 beside another number, app-NAME at the gateway.
_PORT_NAME = 57


def mistakes(settings: Settings, project: str) -> list[Mistake]:
    """Everything that is wrong with settings whose values have their forms."""
    return [
        *_cluster(settings),
        *_istio(settings),
        *_app(settings),
        *_ports(settings),
        *entrances.mistakes(settings),
        *versions.mistakes(settings, project),
        *characters.mistakes(settings),
        *_weights(settings, project),
        *_routing(settings),
        *sticky_version.mistakes(settings),
        *_test_routes(settings, project),
        *_mirror(settings, project),
    ]


def warnings(settings: Settings, project: str) -> tuple[str, ...]:
    """What is allowed, and worth a sentence."""
    return (
        *_movable_images(settings, project),
        *_unasked(settings, project),
        *_reached_inside(settings, project),
        *_dropped_nulls(settings, project),
        *_unmeasured(settings, project),
        *sticky_version.warnings(settings, project),
    )


def _cluster(settings: Settings) -> Iterator[Mistake]:
    cluster = settings.cluster
    if not isinstance(cluster, MinikubeCluster):
        return
    # https://minikube.sigs.k8s.io/docs/reference/drivers/none/
    if cluster.driver == "none" and cluster.profile != "minikube":
        wrong = f"driver none knows one profile, not {shown(cluster.profile)}"
        yield Mistake(("cluster", "profile"), wrong, "Write minikube")
    if cluster.driver == "none" and cluster.minikube is None and not cluster.this_machine:
        yield Mistake(
            ("cluster", "driver"),
            "none makes this very machine the node: as root, it writes to /etc/kubernetes, /var/lib and "
            "/usr/bin, and runs a kubelet and all pods here",
            "If that is what you want, write thisMachine: true; for the lab, write minikube as in "
            "Pulumi.lab.yaml",
        )
    if cluster.adopt and cluster.recreate:
        wrong = "recreate would delete what it takes over"
        yield Mistake(("cluster", "adopt"), wrong, "Take one of them out")


def _istio(settings: Settings) -> Iterator[Mistake]:
    path = ("istio", "gateway", "nodePorts")
    for (_, before), (name, port) in itertools.combinations(settings.istio.gateway.node_ports.items(), 2):
        if before == port:
            yield Mistake((*path, name), f"{port} is there twice", "Give each its own port")


def _app(settings: Settings) -> Iterator[Mistake]:
    app, istio = settings.app, settings.istio
    yield from versions.selecting(("app", "labels"), app.labels)
    if (
        istio.install
        and app.namespace != "default"
        and app.namespace in (istio.namespace, istio.gateway.namespace)
    ):
        wrong = f"Istio is installed in {app.namespace}"
        yield Mistake(("app", "namespace"), wrong, "Give the app another one")


def _ports(settings: Settings) -> Iterator[Mistake]:
    """The ports' names and numbers are their own, on the Service and on the gateway."""
    app, path = settings.app, ("app", "ports")
    if not app.ports:
        return
    if app.port != app.ports[0].port:
        yield Mistake(("app", "port"), f"app.ports says {app.ports[0].port}", "Take one of them out")
    if app.ports[0].gateway_port is not None:
        wrong = "the first port comes in at routing.port"
        yield Mistake((*path, 0, "gatewayPort"), wrong, "Take it out")
    if app.more_entrances and settings.convergence.by_requests:
        wrong = "convergence.evidence: requests proves the first port alone"
        yield Mistake(path, wrong, "Take every gatewayPort out")
    for index, one in enumerate(app.ports):
        if len(one.name) > _PORT_NAME:
            wrong = f"it has {len(one.name)} characters, too many for the names made of it"
            yield Mistake((*path, index, "name"), wrong, f"Take at most {_PORT_NAME}")
    entrances = [settings.routing.port, *(one.gateway_port for one in app.ports[1:])]
    columns = {
        "name": [one.name for one in app.ports],
        "port": [one.port for one in app.ports],
        "gatewayPort": entrances,
    }
    for name, values in columns.items():
        for index, value in enumerate(values):
            if value is not None and value in values[:index]:
                yield Mistake((*path, index, name), f"{value} is there twice", "Give each port its own")


def _weights(settings: Settings, project: str) -> Iterator[Mistake]:
    if not settings.versions:
        return
    unknown = [name for name in settings.weights if name not in settings.versions]
    for name in unknown:
        known = nearest(name, settings.versions).replace("Known are", "There are")
        yield Mistake(("weights", name), f"there is no version {shown(name)}", known)
    total = sum(settings.weights.values())
    if not unknown and total != 100:
        wrong = f"they add up to {total}, not 100" if total else "there are none"
        yield Mistake(("weights",), wrong, _remedy(f"{project}:weights", settings.weights))
    for name, version in settings.versions.items():
        if version.replicas == 0 and settings.weights[name]:
            wrong = f"{settings.weights[name]} % of the traffic would go to 0 replicas"
            remedy = f"Type: {_SET} '{project}:versions.{name}.replicas' 1"
            yield Mistake(("weights", name), wrong, remedy)


def _remedy(key: str, weights: Mapping[str, int]) -> str:
    """What to type for a sum of 100: the last version takes the rest, if that can be."""
    *others, last = weights
    rest = 100 - sum(weights[name] for name in others)
    if rest >= 0:
        return f"Type: {_SET} '{key}.{last}' {rest}"
    return f"Type: {_SET} '{key}.VERSION' WEIGHT, until they do"


def _routing(settings: Settings) -> Iterator[Mistake]:
    routing, name = settings.routing, settings.app.host
    yield from _overlaps(routing.hosts)
    if routing.mesh_callers and "*" in routing.hosts:
        # Istio refuses the host * for the gateway `mesh`.
        remedy = "Write the app's hosts in routing.hosts"
        yield Mistake(("routing", "meshCallers"), "it needs hosts other than *", remedy)
    if routing.mesh_callers and name in routing.hosts:
        yield Mistake(("routing", "hosts"), f"meshCallers adds {name} by itself", f"Take {name} out")
    retries, session = routing.retries, routing.sticky_session
    if retries is not None and not retries.attempts:
        for key, value in (("perTryTimeout", retries.per_try_timeout), ("retryOn", retries.retry_on)):
            if value is not None:
                remedy = "Take it out, or raise attempts"
                yield Mistake(("routing", "retries", key), "there are 0 attempts", remedy)
    if session is not None and (session.cookie is None) == (session.header is None):
        yield Mistake(("routing", "stickySession"), "it needs a cookie or a header", "Write one of them")
    yield from versions.balancing(("routing",), routing.traffic_policy, routing)
    yield from _check(routing.check, routing)


def _overlaps(hosts: tuple[str, ...]) -> Iterator[Mistake]:
    """Istio refuses a VirtualService with a host that a wildcard beside it covers."""
    for index, host in enumerate(hosts):
        covering = [
            other
            for other in hosts
            if other != host and other.startswith("*") and host.endswith(other.removeprefix("*"))
        ]
        if covering:
            wrong = f"{shown(host)} is covered by {shown(covering[0])}"
            yield Mistake(("routing", "hosts", index), wrong, "Take one of them out")


def _test_routes(settings: Settings, project: str) -> Iterator[Mistake]:
    marks = settings.test_routes
    if marks and settings.convergence.by_requests:
        wrong = "convergence.evidence: requests proves the split alone"
        yield Mistake(("testRoutes",), wrong, "Take one of them out")
    for name, mark in marks.items():
        path = ("testRoutes", name)
        if name not in settings.versions:
            known = nearest(name, settings.versions).replace("Known are", "There are")
            yield Mistake(path, f"there is no version {shown(name)}", known)
            continue
        if len(mark.header) + len(mark.cookie) != 1:
            yield Mistake(path, "it needs one header or one cookie", f"Write header: {{x-version: {name}}}")
        if any(other < name and _same(mark, one) for other, one in marks.items()):
            yield Mistake(path, f"another version has the same mark, {mark}", "Give each version its own")
        if mark.strip and not mark.header:
            yield Mistake((*path, "strip"), "a cookie stays where it is", "Take it out, or write a header")
        if "cookie" in mark.header:
            yield Mistake((*path, "header"), "it is a cookie", "Write cookie: {NAME: VALUE}")
        # A rule of the route can match a header once.
        own = {"cookie"} if mark.cookie else set(mark.header)
        for taken in sorted(settings.routing.headers.keys() & own):
            yield Mistake(path, f"routing.headers has {taken} already", "Take another header")
        if settings.versions[name].replicas == 0:
            remedy = f"Type: {_SET} '{project}:versions.{name}.replicas' 1"
            yield Mistake(path, f"{name} has 0 replicas to test", remedy)


def _mirror(settings: Settings, project: str) -> Iterator[Mistake]:
    mirror = settings.mirror
    if mirror is None:
        return
    if settings.convergence.by_requests:
        wrong = "convergence.evidence: requests proves the split alone"
        yield Mistake(("mirror",), wrong, "Take one of them out")
    name = mirror.version
    if name not in settings.versions:
        known = nearest(name, settings.versions).replace("Known are", "There are")
        yield Mistake(("mirror", "version"), f"there is no version {shown(name)}", known)
        return
    if settings.weights[name]:
        yield Mistake(
            ("mirror", "version"),
            f"{name} has {settings.weights[name]} % of the traffic, from which its copies could not be told",
            f"Type: pulumi config rm {project}:mirror",
        )
    if settings.versions[name].replicas == 0:
        remedy = f"Type: {_SET} '{project}:versions.{name}.replicas' 1"
        yield Mistake(("mirror", "version"), f"{name} has 0 replicas to answer", remedy)


def _same(one: RequestMark, other: RequestMark) -> bool:
    return (one.header, one.cookie) == (other.header, other.cookie)


def _check(check: Check, routing: Routing) -> Iterator[Mistake]:
    """The check's request has to be one of the route's."""
    if check.grpc is not None:
        if check.path is not None:
            yield Mistake(("routing", "check", "grpc"), "there is a path as well", "Take one of them out")
        if routing.paths and not GRPC_HEALTH.startswith(routing.paths):
            wrong = f"the app is asked by {GRPC_HEALTH}, which is below none of them"
            yield Mistake(("routing", "paths"), wrong, "Add /grpc.health.v1.Health/")
        return
    if check.path is not None and routing.paths and not check.path.startswith(routing.paths):
        wrong = f"{shown(check.path)} is below none of the route's paths"
        yield Mistake(("routing", "check", "path"), wrong, f"Begin it with {' or '.join(routing.paths)}")
    for name in sorted(check.headers.keys() & routing.headers.keys()):
        if check.headers[name] != routing.headers[name]:
            wrong = f"the route takes {shown(routing.headers[name])} only"
            remedy = "Leave it out: the check sends the route's headers"
            yield Mistake(("routing", "check", "headers", name), wrong, remedy)


def _movable_images(settings: Settings, project: str) -> Iterator[str]:
    for name, version in settings.versions.items():
        if version.image and "@" not in version.image and ":" not in version.image.rpartition("/")[2]:
            yield (
                f"{project}:versions.{name}.image: {version.image} has no tag and no digest, "
                "so it can change behind your back. Write name:tag or name@sha256:digest."
            )


def _unasked(settings: Settings, project: str) -> Iterator[str]:
    """A sentence for each version with traffic whose readiness is not the app's own word."""
    for name, version in settings.versions.items():
        if settings.weights[name] and _serves_unasked(settings, name, version):
            yield (
                f"{project}:versions.{name}.probes.readiness: {name} gets traffic as soon as its port "
                "accepts connections, whether it can answer or not. Write the path of a page that only a "
                "ready app has, or grpc: {}."
            )


def _reached_inside(settings: Settings, project: str) -> Iterator[str]:
    """The weights hold at the gateway: a sentence for each idle version that others reach unasked."""
    for name, version in settings.versions.items():
        idle = not settings.routing.mesh_callers and not settings.weights[name]
        if idle and _serves_unasked(settings, name, version):
            yield (
                f"{project}:versions.{name}: callers inside the cluster without a sidecar reach {name} by "
                "the Service, whatever its weight, as soon as its port accepts connections. Write the path "
                "of a page that only a ready app has as probes.readiness.path; see docs/callers.md."
            )


def _serves_unasked(settings: Settings, name: str, version: Version) -> bool:
    # Of what somebody else has nothing is known here.
    serves = version.existing is None and version.replicas != 0
    return serves and not pod_template.asks_the_app(settings.app, name, version)


def _unmeasured(settings: Settings, project: str) -> Iterator[str]:
    """Kubernetes measures the use of a resource against what is requested of it."""
    for name, version in settings.versions.items():
        pieces = (settings.app.pod_template, version.pod_template)
        for resource in ("cpu", "memory"):
            aim = version.autoscaling and getattr(version.autoscaling, resource)
            # What a pod template or a LimitRange requests is not judged here.
            if aim and resource not in version.resources.requests and not any(pieces):
                yield (
                    f"{project}:versions.{name}.autoscaling.{resource}: it is a share of what is requested, "
                    f"and resources.requests has no {resource}. Write it there, unless a LimitRange does."
                )


def _dropped_nulls(settings: Settings, project: str) -> Iterator[str]:
    """Helm takes a chart's default out by null; none passes the Check of Pulumi's provider (4.27)."""
    for path in _nulls(("istio", "values"), settings.istio.values):
        yield (
            f"{project}:{key(path)}: null does not take the chart's own value out, as Pulumi's provider "
            "drops it. Write the value that you want in its place."
        )


def _nulls(path: tuple[str, ...], values: Mapping[str, object]) -> Iterator[tuple[str, ...]]:
    for name, value in values.items():
        if value is None:
            yield (*path, name)
        elif isinstance(value, dict):
            yield from _nulls((*path, name), cast("Mapping[str, object]", value))
