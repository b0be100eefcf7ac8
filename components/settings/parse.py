"""Turns the raw config into Settings; every mistake of it in one ConfigError."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import fields, replace
from functools import cache
from typing import TYPE_CHECKING, Any, TypeAlias, cast, get_type_hints

from . import members
from .checks import mistakes, warnings
from .forms import camel
from .mistakes import ConfigError, Mistake, kind, nearest, of_stack
from .model import App, Grpc, Istio, KubeconfigCluster, MinikubeCluster, Routing, Settings

if TYPE_CHECKING:
    from pydantic import TypeAdapter
    from pydantic_core import ErrorDetails

# The keys of a stack, and the fields that they are read into.
FIELDS = {camel(one.name): one.name for one in fields(Settings) if one.name != "warnings"}
KEYS = tuple(FIELDS)

Cluster: TypeAlias = MinikubeCluster | KubeconfigCluster
Path: TypeAlias = tuple[str | int, ...]
# What Kubernetes has and a version may not.
_ROLLS = "a version rolls over with maxSurge 1 and maxUnavailable 0, since a pod less would drop requests"
_LEFT_OUT = dict.fromkeys(("strategy", "maxUnavailable", "maxSurge"), _ROLLS)
# pydantic's own words: for an error of a key, and for what is no object.
_OF_KEY = "[key]"
_NO_OBJECT = ("dataclass_type", "dict_type", "mapping_type")


def parse(
    config: Mapping[str, object],
    project: str = "blue-green",
    sections: Collection[str] = KEYS,
    stack: str | None = None,
) -> Settings:
    """Checks the config, given by key without its `blue-green:`. Raises ConfigError.

    Of a config that has some of the `sections` alone, these are checked, and the others are of no meaning.
    What a mistake says to type is for the `stack`.
    """
    unknown = sorted(set(config) - set(sections))
    found = [
        Mistake((name,), "there is no such key", nearest(name, sections, f"{project}:")) for name in unknown
    ]
    read = {field: _read(name, config.get(name), found) for name, field in FIELDS.items()}
    settings = _completed(Settings(**cast("Any", read)), config)
    # What is wrong already is not judged a second time together with other keys.
    found += [one for one in mistakes(settings, project) if not any(old.touches(one.path) for old in found)]
    _refuse([one for one in found if one.path[0] in (*sections, *unknown)], project, stack)
    ours = tuple(f"{project}:{name}" for name in sections)
    said = tuple(one for one in warnings(settings, project) if one.startswith(ours))
    return replace(settings, warnings=said)


def parse_parts(config: Mapping[str, object], project: str = "blue-green") -> tuple[Cluster, App]:
    """Checks `cluster` and `app` alone, whatever is wrong elsewhere. Raises ConfigError."""
    found: list[Mistake] = []
    cluster = cast("Cluster", _read("cluster", config.get("cluster"), found))
    app = cast("App", _read("app", config.get("app"), found))
    _refuse(found, project)
    return cluster, _app(app, cluster, config)


def _refuse(found: Iterable[Mistake], project: str, stack: str | None = None) -> None:
    order = {name: place for place, name in enumerate(KEYS)}
    lines = [one.sentence(project) for one in sorted(found, key=lambda one: order.get(str(one.path[0]), -1))]
    if lines:
        count = "one mistake" if len(lines) == 1 else f"{len(lines)} mistakes"
        said = "\n  ".join([f"The stack config has {count}; nothing was touched.", *lines])
        raise ConfigError(of_stack(said, stack))


def _completed(settings: Settings, config: Mapping[str, object]) -> Settings:
    """With the defaults that depend on other keys, and a weight for every version."""
    istio = settings.istio
    if not _written(config, "istio", "gateway", "namespace"):
        istio = replace(istio, gateway=replace(istio.gateway, namespace=istio.namespace))
    versions = dict(sorted(settings.versions.items()))
    return replace(
        settings,
        istio=istio,
        app=_app(settings.app, settings.cluster, config),
        versions=versions,
        weights={**dict.fromkeys(versions, 0), **settings.weights},
        routing=_routing(settings.routing, istio, settings.app, config),
    )


def _app(app: App, cluster: Cluster, config: Mapping[str, object]) -> App:
    # A cluster of the stack's own has only what the stack makes.
    own = isinstance(cluster, MinikubeCluster)
    if app.ports and not _written(config, "app", "port"):
        app = replace(app, port=app.ports[0].port)
    return app if _written(config, "app", "createNamespace") else replace(app, create_namespace=own)


def _routing(routing: Routing, istio: Istio, app: App, config: Mapping[str, object]) -> Routing:
    default = Routing()
    if routing.tls_secret is not None and not _written(config, "routing", "port"):
        routing = replace(routing, port=443)
    # The gateway chart labels its pods so, by the release's name.
    installed = {"istio": istio.gateway.service.removeprefix("istio-")}
    return replace(
        routing,
        hosts=routing.hosts or default.hosts,
        gateway_selector=(_written(config, "routing", "gatewaySelector") and routing.gateway_selector)
        or (installed if istio.install else default.gateway_selector),
        check=replace(
            routing.check,
            accept=routing.check.accept or default.check.accept,
            grpc=routing.check.grpc or (Grpc() if app.served[0].protocol == "grpc" else None),
        ),
    )


def _written(config: Mapping[str, object], *path: str) -> bool:
    """Whether the config itself has a value at the path."""
    here: object = config
    for part in path:
        here = cast("Mapping[str, object]", here).get(part) if isinstance(here, dict) else None
    return here is not None


def _read(name: str, value: object, found: list[Mistake]) -> object:
    """One section of the config; its mistakes are noted, then mended, so that the rest can be judged."""
    from pydantic import ValidationError

    # A section that is not there has its defaults, unless it may be left out as a whole.
    member = members.of(Settings)[name]
    empty: dict[str, object] | None = {} if member.required or member.default is not None else None
    box: dict[str, object] = {name: empty if value is None else _copied(value)}
    first = True
    while True:
        try:
            return _adapter(name).validate_python(box[name])
        except ValidationError as error:
            errors = error.errors(include_url=False)
        if first:
            found += [_mistake(name, one) for one in errors]
        first = False
        for one in reversed(errors):
            _mend(box, name, one)


@cache
def _adapter(name: str) -> "TypeAdapter[Any]":
    from pydantic import TypeAdapter

    return TypeAdapter(get_type_hints(Settings, include_extras=True)[FIELDS[name]])


def _copied(value: object) -> object:
    """A copy that may be mended; its keys are texts, as Pulumi hands them over."""
    if isinstance(value, dict):
        return {str(key): _copied(one) for key, one in cast("Mapping[object, object]", value).items()}
    return [_copied(one) for one in cast("list[object]", value)] if isinstance(value, list) else value


def _path(name: str, error: "ErrorDetails") -> Path:
    """Where an error is, by the keys of the config."""
    found: list[str | int] = [name, *error["loc"]]
    at = error.get("ctx", {}).get("at")
    if at is not None:
        found.append(at)
    elif error["type"] == "form" and found[-1] == _OF_KEY:
        found.pop()
    return tuple(part for part in found if isinstance(part, str) or part >= 0)


def _mistake(name: str, error: "ErrorDetails") -> Mistake:
    """What an error of pydantic's says to a person."""
    path, value, type_ = _path(name, error), error["input"], error["type"]
    if type_ == "form":
        said = error.get("ctx", {})
        return Mistake(path, said["wrong"], said["remedy"])
    *above, last = (name, *error["loc"])
    if type_ == "missing":
        member = members.at(Settings, (*above, last))
        form = getattr(member and member.form, "form", "it")
        return Mistake(path, "it is missing", f"Write {form}")
    if type_ == "unexpected_keyword_argument":
        section = members.at(Settings, above)
        if last in _LEFT_OUT:
            return Mistake(path, _LEFT_OUT[last], "Take it out")
        return Mistake(path, "there is no such key", nearest(str(last), section.members() if section else ()))
    if type_ == "tuple_type":
        member = members.at(Settings, (*above, last))
        item = member and member.item()
        form = getattr(item and item.form, "form", "…")
        return Mistake(path, f"it is {kind(value)}, not a list", f"Write a list: [{form}]")
    return Mistake(path, f"it is {kind(value)}, not an object", "Write it as name: value")


def _mend(box: dict[str, object], name: str, error: "ErrorDetails") -> None:
    """Takes what is wrong out of the config; what has to be there becomes an example of it."""
    path = _path(name, error)
    here = cast("Any", box)
    for part in path[:-1]:
        if here[part] is None:
            here[part] = {}
        here = here[part]
    if error["type"] == "missing":
        member = members.at(Settings, (name, *error["loc"]))
        here[path[-1]] = member and member.example
    elif error["type"] in _NO_OBJECT:
        here[path[-1]] = {}
    elif not isinstance(here, dict) or path[-1] in here:
        del here[path[-1]]
