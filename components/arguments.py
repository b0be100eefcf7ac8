"""The arguments of BlueGreen: the stack config's sections in Python's words; some may be Outputs.

They are read by the reader of the stack config, so its rules and defaults hold here as well.
"""

import re
from collections.abc import Awaitable, Mapping, Sequence
from dataclasses import fields, is_dataclass
from typing import Any, NotRequired, TypedDict, cast, get_args, get_origin, get_type_hints, is_typeddict

import pulumi

from . import later
from .carrier import in_plugin
from .settings import model
from .settings.forms import camel
from .settings.mistakes import ConfigError
from .settings.model import Settings
from .settings.parse import parse


class ArgumentsError(pulumi.RunError):
    """Arguments that BlueGreen cannot take; each of `mistakes` begins with the argument's path."""

    def __init__(self, name: str, mistakes: Sequence[str], *, late: bool = False) -> None:
        self.mistakes = mistakes
        count = "one mistake" if len(mistakes) == 1 else f"{len(mistakes)} mistakes"
        end = "." if late else "; nothing was touched."
        super().__init__("\n  ".join((f"The arguments of BlueGreen {name} have {count}{end}", *mistakes)))


class SecretKey(TypedDict):
    """One key of a Kubernetes Secret in the app's namespace."""

    secret: pulumi.Input[str]
    """The Secret's name."""
    key: pulumi.Input[str]
    """The key in it."""


class Resources(TypedDict):
    """What a version's container asks for, and may use at most: Kubernetes quantities by cpu and memory."""

    requests: NotRequired[Mapping[str, str]]
    """What the scheduler keeps for it."""
    limits: NotRequired[Mapping[str, str]]
    """What it may use at most."""


class Probe(TypedDict):
    """A Kubernetes probe: HTTP GET of the path, or without one a TCP connect."""

    path: NotRequired[str]
    """The page to get."""
    port: NotRequired[int]
    """Another port than the container's."""
    initial_delay_seconds: NotRequired[int]
    """How long to wait before the first one."""
    period_seconds: NotRequired[int]
    """How often to ask."""
    timeout_seconds: NotRequired[int]
    """How long to wait for an answer."""
    failure_threshold: NotRequired[int]
    """How many failures in a row count."""


class Probes(TypedDict):
    """The probes of one version; without a readiness probe its port must accept connections."""

    readiness: NotRequired[Probe]
    """Whether a pod gets requests."""
    liveness: NotRequired[Probe]
    """Whether a pod is started again."""
    startup: NotRequired[Probe]
    """Whether a pod has started."""


class Version(TypedDict):
    """One version's workload, deployed for as long as it is named."""

    image: pulumi.Input[str]
    """The image, such as registry.example.com/cart:1.0."""
    replicas: NotRequired[int]
    """How many pods; without it Kubernetes or an autoscaler has the number."""
    container_port: NotRequired[int]
    """The port that the container listens on; 80."""
    resources: NotRequired[Resources]
    """What the container asks for."""
    env: NotRequired[Mapping[str, pulumi.Input[str]]]
    """Environment variables; a value may be a secret, which then stands in the Deployment."""
    secret_env: NotRequired[Mapping[str, SecretKey]]
    """Environment variables out of Kubernetes Secrets."""
    probes: NotRequired[Probes]
    """How Kubernetes asks the pods."""
    labels: NotRequired[Mapping[str, pulumi.Input[str]]]
    """Labels of the pods, beside our own."""
    image_pull_policy: NotRequired[str]
    """Always, IfNotPresent or Never."""
    image_pull_secrets: NotRequired[Sequence[pulumi.Input[str]]]
    """The names of Secrets with registry credentials."""
    pod_security: NotRequired[str]
    """baseline, or restricted as the Pod Security Standards have it."""
    traffic_policy: NotRequired[Mapping[str, Any]]
    """Istio's TrafficPolicy of this version's subset."""
    pod_template: NotRequired[Mapping[str, Any]]
    """A piece of a pod template, laid over this version's own after the app's."""
    min_ready_seconds: NotRequired[int]
    """How long a pod has to be ready to count; 0."""
    progress_deadline_seconds: NotRequired[int]
    """After how many seconds Kubernetes says that a roll-out is stuck; 600."""
    revision_history_limit: NotRequired[int]
    """How many old ReplicaSets are kept; 10."""


class App(TypedDict):
    """The app that all versions are versions of."""

    name: NotRequired[str]
    """Its name in the cluster; without it the component's."""
    namespace: NotRequired[pulumi.Input[str]]
    """The namespace of all of its objects; default."""
    port: NotRequired[int]
    """The port of its Service; 80."""
    labels: NotRequired[Mapping[str, pulumi.Input[str]]]
    """Labels of all of its objects, beside our own."""
    create_namespace: NotRequired[bool]
    """Make the namespace where it is missing; nothing ever deletes it."""
    pod_template: NotRequired[Mapping[str, Any]]
    """A piece of a pod template, laid over that of all versions."""
    take_ownership: NotRequired[bool]
    """Take over objects of the app's names that exist already."""


class Retries(TypedDict):
    """Istio's HTTPRetry; 0 attempts switch retries off."""

    attempts: int
    """How many."""
    per_try_timeout: NotRequired[str]
    """How long each may take, such as 2s."""
    retry_on: NotRequired[str]
    """Envoy's conditions, such as connect-failure,5xx."""


class StickySession(TypedDict):
    """Keeps a client on one pod within each version, by a cookie or by a request header.

    The version itself is drawn anew for each request, as the weights say.
    """

    cookie: NotRequired[str]
    """The cookie's name."""
    ttl: NotRequired[str]
    """How long the cookie lives, such as 1h."""
    header: NotRequired[str]
    """The header's name."""


class Check(TypedDict):
    """The GET by which the app is asked whether it answers."""

    path: NotRequired[str]
    """The page; without it the route's first path."""
    headers: NotRequired[Mapping[str, str]]
    """Its headers."""
    accept: NotRequired[Sequence[str]]
    """Statuses (401) and classes of them (2xx) that count as answers."""


class Routing(TypedDict):
    """How requests reach the app; the defaults take every request on port 80."""

    hosts: NotRequired[Sequence[pulumi.Input[str]]]
    """Host names."""
    paths: NotRequired[Sequence[str]]
    """Path prefixes."""
    headers: NotRequired[Mapping[str, str]]
    """Headers that a request must have."""
    response_headers: NotRequired[Mapping[str, str]]
    """Headers that every answer gets."""
    gateway: NotRequired[str]
    """The name of the Gateway object; without it NAME-gateway, by the app's name."""
    gateway_selector: NotRequired[Mapping[str, str]]
    """The labels of the gateway's pods; istio: ingressgateway."""
    port: NotRequired[int]
    """The port of the gateway's Service; 80, or 443 with tls_secret."""
    tls_secret: NotRequired[pulumi.Input[str]]
    """The Secret with the certificate, in the namespace of the gateway's pods."""
    timeout: NotRequired[str]
    """How long a request may take, such as 10s."""
    retries: NotRequired[Retries]
    """What is tried again."""
    sticky_session: NotRequired[StickySession]
    """Keeps a client on one pod."""
    traffic_policy: NotRequired[Mapping[str, Any]]
    """Istio's TrafficPolicy of every version's subset."""
    mesh_callers: NotRequired[bool]
    """The weights hold for callers with a sidecar inside the mesh as well."""
    check: NotRequired[Check]
    """The request that asks the app."""


class Convergence(TypedDict):
    """How long `up` waits."""

    timeout_seconds: NotRequired[int]
    """For gateways to follow; 60."""
    drain_seconds: NotRequired[int]
    """For requests in flight to end; 30."""
    evidence: NotRequired[str]
    """gateways, or requests where nobody may ask the gateways' Envoys."""


class Gateway(TypedDict):
    """The Service of the mesh's gateway pods."""

    service: NotRequired[str]
    """Its name; istio-ingressgateway."""
    namespace: NotRequired[str]
    """Its namespace; istio-system."""


class Cluster(TypedDict):
    """The cluster that exists: the text of a kubeconfig, or where one is read from."""

    kubeconfig: NotRequired[pulumi.Input[str]]
    """The text, as of a cluster that the same program makes; its current context counts."""
    path: NotRequired[str]
    """A file; without it those that kubectl would read."""
    context: NotRequired[str]
    """The context; without it the current one."""
    ingress_address: NotRequired[pulumi.Input[str]]
    """The address of the gateway, where it is neither its Service's load balancer nor a node."""


class BlueGreenArgs(TypedDict):
    """An app in several versions on a cluster that exists, and how its traffic is split."""

    versions: Mapping[str, Version]
    """The versions by name."""
    weights: Mapping[str, int]
    """Whole percentages by version, together 100; a version without one gets 0."""
    weights_key: NotRequired[str]
    """The key of the stack's config from which the program takes the weights; commands write them there."""
    app: NotRequired[App]
    """The app."""
    routing: NotRequired[Routing]
    """How requests reach it."""
    convergence: NotRequired[Convergence]
    """How long `up` waits."""
    cluster: NotRequired[Cluster]
    """The cluster; without it the current context of the user's kubeconfig."""
    gateway: NotRequired[Gateway]
    """The mesh's gateway."""


def settings(name: str, args: BlueGreenArgs) -> Settings:
    """The arguments of the BlueGreen `name`, checked, with stand-ins for Outputs. Raises ArgumentsError.

    What an Output comes to is checked by the same rules when it is known.
    """
    reader = _Reader(name)
    own = ("cluster", "weights_key")
    values = reader.read("", {key: value for key, value in args.items() if key not in own}, BlueGreenArgs)
    given = args.get("cluster", {})
    where = {key: value for key, value in given.items() if key != "kubeconfig"}
    if "kubeconfig" in given and where.keys() & {"path", "context"}:
        reader.wrong.append("cluster: it has a kubeconfig and where to read one. Take one of them out.")
    app = {"name": name, **values.pop("app", {})}
    for version in values.get("versions", {}).values():
        if "secretEnv" in version:
            version["env"] = {**version.get("env", {}), **version.pop("secretEnv")}
    reader.config = {
        **values,
        "app": app,
        "routing": {"gateway": f"{app['name']}-gateway", **values.pop("routing", {})},
        "cluster": {**reader.read("cluster", where, Cluster), "kind": "kubeconfig"},
        "istio": {"install": False, "gateway": values.pop("gateway", {})},
    }
    if reader.wrong:
        raise ArgumentsError(name, reader.wrong)
    try:
        found = parse(reader.config, name)
    except ConfigError as error:
        raise ArgumentsError(name, _told(name, error)) from None
    reader.sound = True
    for warning in found.warnings:
        # An image that is not known yet is not known to have no tag.
        if not later.has(warning):
            pulumi.log.warn(_words(name, warning))
    return found


class _Reader:
    """Turns the arguments into what the reader of the stack config takes, and notes what cannot be that."""

    def __init__(self, name: str) -> None:
        self._name = name
        self.wrong: list[str] = []
        self.config: dict[str, Any] = {}
        self.sound = False

    def read(self, path: str, value: Any, hint: Any) -> Any:
        """One argument, by its type's annotation."""
        if isinstance(value, pulumi.Output | Awaitable):
            return self._output(path, cast("pulumi.Input[str]", value), hint)
        origin, inner = get_origin(hint), get_args(hint)
        if isinstance(value, Mapping):
            pairs = cast("Mapping[str, Any]", value)
            hints = of_section(hint) if is_typeddict(hint) else None
            of_each = inner[1] if origin is Mapping else Any
            return {
                camel(key) if hints is not None and camel(key) in _SNAKE else key: self.read(
                    f"{path}.{key}".removeprefix("."), one, of_each if hints is None else hints.get(key, Any)
                )
                for key, one in pairs.items()
            }
        if isinstance(value, list | tuple):
            items = cast("Sequence[Any]", value)
            of_each = inner[0] if origin is Sequence else Any
            return [self.read(f"{path}[{index}]", one, of_each) for index, one in enumerate(items)]
        return value

    def _output(self, path: str, value: pulumi.Input[str], hint: Any) -> str:
        if any(get_origin(one) is pulumi.Output for one in get_args(hint)):
            return later.stand_in(lambda text: self._checked(path, text, value))
        remedy = "Write a plain value: it decides what is made"
        if path.startswith("weights"):
            remedy = "Write plain weights: a preview says where traffic goes, and a command can move it"
        self.wrong.append(f"{path}: it is an Output, which is known too late. {remedy}.")
        return ""

    def _checked(self, path: str, stand_in: str, value: pulumi.Input[str]) -> pulumi.Output[str]:
        """The Output, which fails where its value breaks a rule."""
        output = pulumi.Output.from_input(value)

        def check(pair: Sequence[Any]) -> str:
            text, secret = pair
            # Of arguments that are wrong without it that is said, and not as its fault.
            if not self.sound:
                return text
            try:
                parse(_with(self.config, stand_in, text), self._name)
            except ConfigError as error:
                found = _told(self._name, error)
                # The config's own sentences quote the value.
                wrong = [f"{path}: its value, a secret, is not of the form of this argument."]
                raise ArgumentsError(self._name, wrong if secret else found, late=True) from None
            return text

        return pulumi.Output.all(output, output.is_secret()).apply(check)


def of_section(typed_dict: type) -> Mapping[str, Any]:
    """The annotations of a section; `pulumi.Input` names Output by a text, which has to be evaluated."""
    return get_type_hints(typed_dict, localns={"Output": pulumi.Output, "T": Any})


def _with(value: Any, stand_in: str, text: object) -> Any:
    """The config with what a stand-in stands for."""
    if isinstance(value, dict):
        return {key: _with(one, stand_in, text) for key, one in cast("dict[str, Any]", value).items()}
    if isinstance(value, list):
        return [_with(one, stand_in, text) for one in cast("list[Any]", value)]
    return text if value == stand_in else value


def _told(name: str, error: ConfigError) -> list[str]:
    """The mistakes that the reader of the config found, in the words of the arguments."""
    return [_words(name, line.strip()) for line in str(error).splitlines()[1:]]


def _words(name: str, sentence: str) -> str:
    """A sentence of the config's reader: with an argument's path for a key, and no command to type."""
    typed = rf"Type: pulumi config set --path '?{re.escape(name)}:([^' ]+)'? ([^,.]+)"
    sentence = re.sub(typed, r"Write \1: \2", sentence).replace(f"{name}:", "")
    if in_plugin():
        return sentence
    return re.sub(r"\b[a-z]+[A-Z]\w*\b", lambda word: _SNAKE.get(word[0], word[0]), sentence)


_SNAKE = {
    camel(one.name): one.name
    for section in vars(model).values()
    if is_dataclass(section)
    for one in fields(section)
} | {"secretEnv": "secret_env"}
