"""Turns the raw config into Settings; every mistake of it in one ConfigError."""

import difflib
from collections.abc import Mapping
from typing import Literal, TypeAlias, cast

from . import rules
from .model import (
    App,
    Check,
    Convergence,
    IngressGateway,
    Istio,
    KubeconfigCluster,
    MinikubeCluster,
    MinikubeProgram,
    Probe,
    Probes,
    Resources,
    Retries,
    Routing,
    SecretKey,
    Settings,
    StickySession,
    Version,
)
from .section import ConfigError, Mistakes, Section, kind, shown

KEYS = ("cluster", "istio", "app", "versions", "weights", "routing", "convergence")

Cluster: TypeAlias = MinikubeCluster | KubeconfigCluster

_SET = "pulumi config set --path"
_POLICY = "Istio's TrafficPolicy"


def parse(config: Mapping[str, object], project: str = "blue-green") -> Settings:
    """Checks the config, given by key without its `blue-green:`. Raises ConfigError."""
    mistakes = Mistakes()
    _unknown_keys(config, project, mistakes)
    sections = {name: Section(f"{project}:{name}", config.get(name), mistakes) for name in KEYS}
    cluster = _cluster(sections["cluster"])
    istio = _istio(sections["istio"])
    app = _app(sections["app"], cluster)
    versions = _versions(sections["versions"], app)
    weights = _weights(sections["weights"], versions)
    routing = _routing(sections["routing"], istio)
    convergence = _convergence(sections["convergence"])
    _together(sections, Settings(cluster, istio, app, versions, weights, routing, convergence))
    if mistakes.found:
        raise ConfigError(_message(mistakes.found))
    return Settings(
        cluster,
        istio,
        app,
        versions,
        weights,
        routing,
        convergence,
        (*_warnings(project, versions), *_reached_inside(project, versions, weights, routing)),
    )


def parse_parts(config: Mapping[str, object], project: str = "blue-green") -> tuple[Cluster, App]:
    """Checks `cluster` and `app` alone, whatever is wrong elsewhere. Raises ConfigError."""
    mistakes = Mistakes()
    cluster = _cluster(Section(f"{project}:cluster", config.get("cluster"), mistakes))
    app = _app(Section(f"{project}:app", config.get("app"), mistakes), cluster)
    if mistakes.found:
        raise ConfigError(_message(mistakes.found))
    return cluster, app


def _message(found: list[str]) -> str:
    count = "one mistake" if len(found) == 1 else f"{len(found)} mistakes"
    return "\n  ".join([f"The stack config has {count}; nothing was touched.", *found])


def _unknown_keys(config: Mapping[str, object], project: str, mistakes: Mistakes) -> None:
    for name in sorted(set(config) - set(KEYS)):
        near = difflib.get_close_matches(name, KEYS, n=1)
        remedy = f"Write {project}:{near[0]} instead" if near else f"Known are {', '.join(KEYS)}"
        mistakes.add(f"{project}:{name}", "there is no such key", remedy)


def _cluster(section: Section) -> Cluster:
    if section.choice("kind", ("minikube", "kubeconfig"), "minikube") == "kubeconfig":
        cluster = KubeconfigCluster(
            path=section.optional_text("path", rules.FILE),
            context=section.optional_text("context", rules.FILE),
            ingress_address=section.optional_text("ingressAddress", rules.ADDRESS),
        )
    else:
        cluster = MinikubeCluster(
            profile=section.required_text("profile", rules.WORD),
            driver=section.optional_text("driver", rules.WORD),
            minikube=_minikube(section),
            this_machine=section.boolean("thisMachine", default=MinikubeCluster.this_machine),
            cpus=section.integer("cpus", 1, 1024, MinikubeCluster.cpus),
            memory=section.integer("memory", 1800, 16_000_000, MinikubeCluster.memory),
            kubernetes_version=section.optional_text("kubernetesVersion", rules.KUBERNETES_VERSION),
            container_runtime=section.optional_text("containerRuntime", rules.WORD),
            cni=section.optional_text("cni", rules.CNI),
            disk_size=section.optional_text("diskSize", rules.DISK_SIZE),
            nodes=section.integer("nodes", 1, 100, MinikubeCluster.nodes),
            extra_config=section.texts("extraConfig", rules.EXTRA_CONFIG),
            addons=section.texts("addons", rules.WORD),
            mount=section.optional_text("mount", rules.MOUNT),
            flags=section.texts("flags", rules.FLAG),
            adopt=section.boolean("adopt", default=MinikubeCluster.adopt),
            recreate=section.boolean("recreate", default=MinikubeCluster.recreate),
            ingress_address=section.optional_text("ingressAddress", rules.ADDRESS),
        )
        # https://minikube.sigs.k8s.io/docs/reference/drivers/none/
        if cluster.driver == "none" and cluster.profile not in {"", "minikube"}:
            section.wrong(
                "profile",
                f"driver none knows one profile, not {shown(cluster.profile)}",
                "Write minikube",
            )
        if cluster.driver == "none" and cluster.minikube is None and not cluster.this_machine:
            section.wrong(
                "driver",
                "none makes this very machine the node: as root, it writes to /etc/kubernetes, /var/lib and "
                "/usr/bin, and runs a kubelet and all pods here",
                "If that is what you want, write thisMachine: true; for the lab, write minikube as in "
                "Pulumi.lab.yaml",
            )
        if cluster.adopt and cluster.recreate:
            section.wrong("adopt", "recreate would delete what it takes over", "Take one of them out")
    section.finish()
    return cluster


def _minikube(cluster: Section) -> MinikubeProgram | None:
    if not cluster.has("minikube"):
        return None
    section = cluster.section("minikube")
    program = MinikubeProgram(
        command=section.required_text("command", rules.FILE),
        home=section.optional_text("home", rules.FILE),
        kubeconfig=section.optional_text("kubeconfig", rules.FILE),
    )
    section.finish()
    return program


def _istio(section: Section) -> Istio:
    values = section.section("values")
    by_chart = {
        chart: _object(values, chart, "the chart's values") for chart in ("base", "istiod", "gateway")
    }
    values.finish()
    namespace = section.text("namespace", rules.DNS_LABEL, Istio.namespace)
    gateway = section.section("gateway")
    service_type = gateway.choice("serviceType", ("NodePort", "LoadBalancer"), IngressGateway.service_type)
    istio = Istio(
        version=section.text("version", rules.VERSION, Istio.version),
        install=section.boolean("install", default=Istio.install),
        namespace=namespace,
        charts=section.text("charts", rules.CHARTS, Istio.charts),
        values=by_chart,
        gateway=IngressGateway(
            service=gateway.text("service", rules.SERVICE_NAME, IngressGateway.service),
            namespace=gateway.text("namespace", rules.DNS_LABEL, namespace),
            service_type=cast("Literal['NodePort', 'LoadBalancer']", service_type),
            node_ports=_node_ports(gateway.section("nodePorts")),
        ),
        take_ownership=section.boolean("takeOwnership", default=Istio.take_ownership),
    )
    gateway.finish()
    section.finish()
    return istio


def _object(section: Section, name: str, what: str) -> dict[str, object]:
    """A member that goes to somebody else as it is: Helm checks a chart's values, Istio a policy."""
    value = section.raw(name)
    if value is None:
        return {}
    if not isinstance(value, dict):
        section.wrong(name, f"it is {kind(value)}, not an object", f"Write {what}")
        return {}
    return cast("dict[str, object]", value)


def _node_ports(section: Section) -> dict[str, int]:
    ports: dict[str, int] = {}
    for name in ("http2", "https", "status-port"):
        port = section.optional_integer(name, 1, 65535)
        if port is not None and port in ports.values():
            section.wrong(name, f"{port} is there twice", "Give each its own port")
        elif port is not None:
            ports[name] = port
    section.finish()
    return ports


def _app(section: Section, cluster: MinikubeCluster | KubeconfigCluster) -> App:
    app = App(
        name=section.required_text("name", rules.SERVICE_NAME),
        namespace=section.text("namespace", rules.DNS_LABEL, App.namespace),
        port=section.integer("port", 1, 65535, App.port),
        labels=_labels(section),
        # A cluster of the stack's own has only what the stack makes.
        create_namespace=section.boolean("createNamespace", default=isinstance(cluster, MinikubeCluster)),
        take_ownership=section.boolean("takeOwnership", default=App.take_ownership),
    )
    section.finish()
    return app


def _labels(section: Section) -> Mapping[str, str]:
    labels = section.text_map("labels", rules.LABEL_KEY, rules.LABEL_VALUE)
    for key in ("app", "version"):
        if key in labels:
            section.wrong(f"labels.{key}", "it selects the version's pods", "Take it out, it is set")
    return labels


def _versions(section: Section, app: App) -> Mapping[str, Version]:
    versions: dict[str, Version] = {}
    longest = 62 - len(app.name)
    for name in section.names():
        if not rules.DNS_LABEL.accepts(name):
            section.wrong(name, f"{shown(name)} is not {rules.DNS_LABEL.form}", "Rename it")
        elif len(name) > longest:
            wrong = f"{app.name}-{name} has more than 63 characters"
            section.wrong(name, wrong, f"Take at most {longest} characters")
        versions[name] = _version(section.section(name))
    if not versions:
        section.mistakes.add(
            section.key,
            "there is no version",
            f"Type: {_SET} '{section.key}.v1.image' IMAGE:TAG",
        )
    return versions


def _version(section: Section) -> Version:
    resources = section.section("resources")
    policies = ("Always", "IfNotPresent", "Never")
    pull_policy = section.choice("imagePullPolicy", policies, Version.image_pull_policy)
    security = section.choice("podSecurity", ("baseline", "restricted"), Version.pod_security)
    version = Version(
        image=section.required_text("image", rules.IMAGE),
        replicas=section.optional_integer("replicas", 0, 10_000),
        container_port=section.integer("containerPort", 1, 65535, Version.container_port),
        resources=_resources(resources),
        env=_env(section.section("env")),
        probes=_probes(section.section("probes")),
        labels=_labels(section),
        image_pull_policy=cast("Literal['Always', 'IfNotPresent', 'Never']", pull_policy),
        image_pull_secrets=section.texts("imagePullSecrets", rules.DNS_SUBDOMAIN),
        pod_security=cast("Literal['baseline', 'restricted']", security),
        traffic_policy=_object(section, "trafficPolicy", _POLICY),
    )
    section.finish()
    return version


def _resources(section: Section) -> Resources:
    amounts: dict[str, dict[str, str]] = {"requests": {}, "limits": {}}
    for name, found in amounts.items():
        part = section.section(name)
        for resource in ("cpu", "memory"):
            value = part.raw(resource)
            if isinstance(value, int) and not isinstance(value, bool):
                value = str(value)
            if value is None:
                continue
            if not isinstance(value, str) or not rules.QUANTITY.accepts(value):
                wrong = f"{shown(value)} is not {rules.QUANTITY.form}"
                part.wrong(resource, wrong, f"Write {rules.QUANTITY.form}")
            elif resource == "memory" and value.endswith("m"):
                part.wrong(resource, f"{value} is thousandths of a byte", "Write Mi for MiB")
            else:
                found[resource] = value
        part.finish()
    requests, limits = amounts["requests"], amounts["limits"]
    for resource in sorted(set(requests) & set(limits)):
        if rules.quantity(requests[resource]) > rules.quantity(limits[resource]):
            wrong = f"{requests[resource]} is more than its limit, {limits[resource]}"
            section.wrong(f"requests.{resource}", wrong, "Lower it, or raise the limit")
    section.finish()
    return Resources(requests, limits)


def _env(section: Section) -> Mapping[str, str | SecretKey]:
    env: dict[str, str | SecretKey] = {}
    for name in section.names():
        if not rules.ENV_NAME.accepts(name):
            wrong = f"{shown(name)} is not {rules.ENV_NAME.form}"
            section.wrong(name, wrong, "Rename it")
        elif isinstance(section.raw(name), dict):
            part = section.section(name)
            env[name] = SecretKey(
                part.required_text("secret", rules.DNS_SUBDOMAIN),
                part.required_text("key", rules.SECRET_KEY),
            )
            part.finish()
        elif section.has(name):
            env[name] = section.text(name, rules.ANY_TEXT, "")
        else:
            section.wrong(name, "it is empty", 'Write a text, or {secret: NAME, key: KEY}; "" if so')
    return env


def _probes(section: Section) -> Probes:
    probes = Probes(
        readiness=_probe(section.section("readiness"), Probes().readiness.period_seconds),
        liveness=_probe(section.section("liveness")) if section.has("liveness") else None,
        startup=_probe(section.section("startup")) if section.has("startup") else None,
    )
    section.finish()
    return probes


def _probe(section: Section, period: int = Probe.period_seconds) -> Probe:
    probe = Probe(
        path=section.optional_text("path", rules.HTTP_PATH),
        port=section.optional_integer("port", 1, 65535),
        initial_delay_seconds=section.integer("initialDelaySeconds", 0, 3600, Probe.initial_delay_seconds),
        period_seconds=section.integer("periodSeconds", 1, 3600, period),
        timeout_seconds=section.integer("timeoutSeconds", 1, 3600, Probe.timeout_seconds),
        failure_threshold=section.integer("failureThreshold", 1, 1000, Probe.failure_threshold),
    )
    section.finish()
    return probe


def _weights(section: Section, versions: Mapping[str, Version]) -> Mapping[str, int]:
    names = section.names()
    if not versions:
        return {}
    weights = dict.fromkeys(versions, 0)
    sound = True
    for name in names:
        weight = section.optional_integer(name, 0, 100)
        if name not in versions:
            near = difflib.get_close_matches(name, versions, n=1)
            remedy = f"Write {near[0]} instead" if near else f"There are {', '.join(versions)}"
            section.wrong(name, f"there is no version {shown(name)}", remedy)
            sound = False
        elif weight is None:
            sound = False
            if not section.has(name):
                section.wrong(name, "it is empty", "Write an integer from 0 to 100")
        else:
            weights[name] = weight
    total = sum(weights.values())
    if sound and total != 100:
        wrong = f"they add up to {total}, not 100" if names else "there are none"
        section.mistakes.add(section.key, wrong, _remedy(section.key, weights))
    return weights


def _remedy(key: str, weights: Mapping[str, int]) -> str:
    """What to type for a sum of 100: the last version takes the rest, if that can be."""
    *others, last = weights
    rest = 100 - sum(weights[name] for name in others)
    if rest >= 0:
        return f"Type: {_SET} '{key}.{last}' {rest}"
    return f"Type: {_SET} '{key}.VERSION' WEIGHT, until they do"


def _routing(section: Section, istio: Istio) -> Routing:
    default = Routing()
    # The gateway chart labels its pods so, by the release's name.
    installed = {"istio": istio.gateway.service.removeprefix("istio-")}
    selector = section.text_map("gatewaySelector", rules.LABEL_KEY, rules.LABEL_VALUE)
    tls_secret = section.optional_text("tlsSecret", rules.DNS_SUBDOMAIN)
    routing = Routing(
        hosts=section.texts("hosts", rules.HOST) or default.hosts,
        paths=section.texts("paths", rules.HTTP_PATH),
        headers=section.text_map("headers", rules.HEADER_NAME, rules.HEADER_VALUE),
        response_headers=section.text_map("responseHeaders", rules.HEADER_NAME, rules.HEADER_VALUE),
        gateway=section.text("gateway", rules.DNS_LABEL, Routing.gateway),
        gateway_selector=selector or (installed if istio.install else default.gateway_selector),
        port=section.integer("port", 1, 65535, 443 if tls_secret else Routing.port),
        tls_secret=tls_secret,
        timeout=section.optional_text("timeout", rules.DURATION),
        retries=_retries(section.section("retries")) if section.has("retries") else None,
        sticky_session=(
            _sticky_session(section.section("stickySession")) if section.has("stickySession") else None
        ),
        traffic_policy=_object(section, "trafficPolicy", _POLICY),
        mesh_callers=section.boolean("meshCallers", default=Routing.mesh_callers),
        check=_check(section.section("check")),
    )
    _overlaps(section, routing.hosts)
    if routing.mesh_callers and "*" in routing.hosts:
        # Istio refuses the host * for the gateway `mesh`.
        section.wrong("meshCallers", "it needs hosts other than *", "Write the app's hosts in routing.hosts")
    _checked(section.section("check"), routing)
    section.finish()
    return routing


def _check(section: Section) -> Check:
    check = Check(
        path=section.optional_text("path", rules.HTTP_PATH),
        headers=section.text_map("headers", rules.HEADER_NAME, rules.HEADER_VALUE),
        accept=section.texts("accept", rules.STATUS, numbers=True) or Check.accept,
    )
    section.finish()
    return check


def _checked(section: Section, routing: Routing) -> None:
    """The check's request has to be one of the route's."""
    path, headers = routing.check.path, routing.check.headers
    if path is not None and routing.paths and not path.startswith(routing.paths):
        wrong = f"{shown(path)} is below none of the route's paths"
        section.wrong("path", wrong, f"Begin it with {' or '.join(routing.paths)}")
    for name in sorted(headers.keys() & routing.headers.keys()):
        if headers[name] != routing.headers[name]:
            wrong = f"the route takes {shown(routing.headers[name])} only"
            section.wrong(f"headers.{name}", wrong, "Leave it out: the check sends the route's headers")


def _overlaps(section: Section, hosts: tuple[str, ...]) -> None:
    """Istio refuses a VirtualService with a host that a wildcard beside it covers."""
    for index, host in enumerate(hosts):
        covering = [
            other
            for other in hosts
            if other != host and other.startswith("*") and host.endswith(other.removeprefix("*"))
        ]
        if covering:
            wrong = f"{shown(host)} is covered by {shown(covering[0])}"
            section.wrong(f"hosts[{index}]", wrong, "Take one of them out")


def _retries(section: Section) -> Retries:
    if not section.has("attempts"):
        section.wrong("attempts", "it is missing", "Write how many, 0 for none")
    retries = Retries(
        attempts=section.integer("attempts", 0, 100, 0),
        per_try_timeout=section.optional_text("perTryTimeout", rules.DURATION),
        retry_on=section.optional_text("retryOn", rules.RETRY_ON),
    )
    if section.has("attempts") and not retries.attempts:
        for name in ("perTryTimeout", "retryOn"):
            if section.has(name):
                section.wrong(name, "there are 0 attempts", "Take it out, or raise attempts")
    section.finish()
    return retries


def _sticky_session(section: Section) -> StickySession:
    session = StickySession(
        cookie=section.optional_text("cookie", rules.COOKIE_NAME),
        ttl=section.text("ttl", rules.TTL, StickySession.ttl),
        header=section.optional_text("header", rules.HEADER_NAME),
    )
    if section.has("cookie") == section.has("header"):
        section.mistakes.add(section.key, "it needs a cookie or a header", "Write one of them")
    section.finish()
    return session


def _convergence(section: Section) -> Convergence:
    convergence = Convergence(
        timeout_seconds=section.integer("timeoutSeconds", 1, 3600, Convergence.timeout_seconds),
        drain_seconds=section.integer("drainSeconds", 0, 3600, Convergence.drain_seconds),
    )
    section.finish()
    return convergence


def _together(sections: Mapping[str, Section], settings: Settings) -> None:
    """Checks what two keys say together."""
    gateway = settings.istio.gateway
    namespace = settings.app.namespace
    if (
        settings.istio.install
        and namespace != "default"
        and namespace in (settings.istio.namespace, gateway.namespace)
    ):
        sections["app"].wrong("namespace", f"Istio is installed in {namespace}", "Give the app another one")
    if settings.routing.mesh_callers and settings.app.name in settings.routing.hosts:
        wrong = f"meshCallers adds {settings.app.name} by itself"
        sections["routing"].wrong("hosts", wrong, f"Take {settings.app.name} out")
    policies = [("routing", "trafficPolicy", settings.routing.traffic_policy)]
    policies += [
        ("versions", f"{name}.trafficPolicy", version.traffic_policy)
        for name, version in settings.versions.items()
    ]
    for where, path, policy in policies:
        if settings.routing.sticky_session is not None and "loadBalancer" in policy:
            wrong = "routing.stickySession is the load balancer already"
            sections[where].wrong(f"{path}.loadBalancer", wrong, "Take one of them out")
    for name, version in settings.versions.items():
        weight = settings.weights[name]
        if version.replicas == 0 and weight:
            sections["weights"].wrong(
                name,
                f"{weight} % of the traffic would go to 0 replicas",
                f"Type: {_SET} '{sections['versions'].path(name)}.replicas' 1",
            )


def _warnings(project: str, versions: Mapping[str, Version]) -> tuple[str, ...]:
    return tuple(
        f"{project}:versions.{name}.image: {version.image} has no tag and no digest, "
        "so it can change behind your back. Write name:tag or name@sha256:digest."
        for name, version in versions.items()
        if "@" not in version.image and ":" not in version.image.rpartition("/")[2]
    )


def _reached_inside(
    project: str, versions: Mapping[str, Version], weights: Mapping[str, int], routing: Routing
) -> tuple[str, ...]:
    """The weights hold at the gateway: a sentence for each idle version that others reach unasked."""
    if routing.mesh_callers:
        return ()
    return tuple(
        f"{project}:versions.{name}: callers inside the cluster without a sidecar reach {name} by the "
        "Service, whatever its weight, as soon as its port accepts connections. Write the path of a page "
        "that only a ready app has as probes.readiness.path; see docs/callers.md."
        for name, version in versions.items()
        if not weights[name] and version.probes.readiness.path is None and version.replicas != 0
    )
