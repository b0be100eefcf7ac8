"""The command `init`: the first config of a stack, asked for, given by options, or read from what runs."""

import os
import re
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, cast

import typer
import yaml

from ..errors import RolloutError
from ..kubernetes.api import Api
from ..kubernetes.errors import ForbiddenError, GatewayError, KubeconfigError
from ..kubernetes.kubeconfig import read, reference
from ..pulumi_cli import project
from ..settings.mistakes import ConfigError
from ..settings.parse import parse
from ..settings.reference import flow
from .options import Format, Output, Stack, show
from .running import Proposal, propose

_LABEL = {"istio": "ingressgateway"}


def init(
    stack: Stack,
    app: Annotated[str | None, typer.Option(help="The app's name: that of its Service.")] = None,
    image: Annotated[str | None, typer.Option(help="The image of its first version.")] = None,
    port: Annotated[int | None, typer.Option(help="The port that it listens on.")] = None,
    host: Annotated[str | None, typer.Option(help="The host by which requests come; * for any.")] = None,
    context: Annotated[str | None, typer.Option(help="The kubeconfig's context of the cluster.")] = None,
    namespace: Annotated[str, typer.Option(help="The app's namespace.")] = "default",
    source: Annotated[
        str | None,
        typer.Option("--from", metavar="deployment/NAME", help="A Deployment that runs already."),
    ] = None,
    output: Format = Output.text,
) -> None:
    """Write the first config of a stack. Example: blue-green init --stack mine --from deployment/shop."""
    file = project.config_file(stack)
    before = project.written(stack)
    if any(key.startswith(f"{project.NAME}:") for key in before):
        msg = f"{file.name} has a config already. Edit it, or name another stack by --stack"
        raise RolloutError(msg)
    cluster = _context(context)
    notes: list[str] = []
    try:
        with Api(reference(None, cluster)) as api:
            running = None if source is None else _running(api, namespace, source, notes)
            istio, selector = _gateway(api, notes)
    except KubeconfigError as error:
        raise RolloutError(str(error)) from error
    except GatewayError as error:
        if source is not None:
            raise RolloutError(str(error)) from error
        notes.append(f"The cluster could not be asked, so the mesh is taken as installed. {error}")
        running, istio, selector = None, dict[str, object](install=False), dict[str, str]()
    config = _config(cluster, namespace, istio, selector, running, _answers(running, app, image, port, host))
    try:
        settings = parse(config, project.NAME, stack=stack)
    except ConfigError as error:
        raise RolloutError(str(error)) from error
    _write(file, before, config)
    notes += [*settings.warnings, *_said_of(running, namespace)]
    for note in notes:
        project.say(f"init: {note}")
    text = (
        f"{file.name} is written. Where this stack is new: pulumi stack init {stack}\n"
        f"Then: pulumi preview --stack {stack}"
    )
    show(output, {"file": str(file), "config": config, "notes": notes}, text)


def _context(given: str | None) -> str:
    """The context to write down: the given one, else the current one, which is asked for."""
    if given is not None:
        return given
    try:
        current = read(reference(None, None)).name
    except KubeconfigError as error:
        raise RolloutError(str(error)) from error
    return _asked("context", "The kubeconfig's context of the cluster", current)


def _answers(
    running: Proposal | None, app: str | None, image: str | None, port: int | None, host: str | None
) -> tuple[str, str, int | None, str]:
    """App, image, port and host: as given, else as what runs has them, else asked for."""
    if running is not None:
        asked = host or _asked("host", "The host by which requests come (* for any)", None)
        return app or running.app, image or str(running.config["image"]), port, asked
    return (
        app or _asked("app", "The app's name", None),
        image or _asked("image", "The image of its first version", None),
        port or int(_number(_asked("port", "The port that it listens on", "80"))),
        host or _asked("host", "The host by which requests come (* for any)", None),
    )


def _asked(option: str, question: str, default: str | None) -> str:
    """The answer of a person; without a terminal, the default."""
    if sys.stdin.isatty():
        return str(typer.prompt(question, default=default, err=True))
    if default is None:
        raise RolloutError(f"there is no terminal to ask at. Give --{option} too")
    return default


def _number(text: str) -> str:
    if not re.fullmatch(r"[0-9]{1,5}", text):
        raise RolloutError(f"{text} is no port. Type a number such as 8080")
    return text


def _running(api: Api, namespace: str, source: str, notes: list[str]) -> Proposal:
    kind, _, name = source.partition("/")
    if kind not in ("deployment", "deploy") or not name:
        raise RolloutError(f"--from takes a Deployment. Type: --from deployment/{name or kind}")
    found = api.find(f"/apis/apps/v1/namespaces/{namespace}/deployments/{name}")
    if found is None:
        msg = f"there is no deployment {name} in {namespace}. Type: {api.kubectl} get deployments -A"
        raise RolloutError(msg)
    return propose(found, _autoscaler(api, namespace, name, notes))


def _autoscaler(api: Api, namespace: str, deployment: str, notes: list[str]) -> str | None:
    """The name of the one that changes the number of a Deployment's pods; None: there is or is known none."""
    try:
        found = api.find(f"/apis/autoscaling/v2/namespaces/{namespace}/horizontalpodautoscalers")
    except ForbiddenError as error:
        notes.append(
            "Whether an autoscaler changes the number of pods is not known, so `replicas` is what runs now. "
            f"{error}"
        )
        return None
    for one in (found or {"items": ()})["items"]:
        target = one["spec"]["scaleTargetRef"]
        if (target["kind"], target["name"]) == ("Deployment", deployment):
            return one["metadata"]["name"]
    return None


def _gateway(api: Api, notes: list[str]) -> tuple[dict[str, object], Mapping[str, str]]:
    """The section `istio` for the mesh of the cluster, and the labels of its gateway's pods."""
    selector = ",".join(f"{key}={value}" for key, value in _LABEL.items())
    services: list[Mapping[str, Any]] = api.get("/api/v1/services", {"labelSelector": selector})["items"]
    if not services:
        notes.append("There is no Istio gateway in the cluster, so the stack would install the mesh.")
        return {}, {}
    metadata, spec = services[0]["metadata"], services[0]["spec"]
    defaults = {"service": "istio-ingressgateway", "namespace": "istio-system", "serviceType": "NodePort"}
    service = {"service": metadata["name"], "namespace": metadata["namespace"], "serviceType": spec["type"]}
    other = {key: value for key, value in service.items() if value != defaults[key] and value != "ClusterIP"}
    pods = cast("Mapping[str, str]", spec.get("selector") or {})
    found: dict[str, object] = {"install": False, **({"gateway": other} if other else {})}
    return found, dict[str, str]() if pods.items() >= _LABEL.items() else pods


def _config(
    context: str,
    namespace: str,
    istio: Mapping[str, object],
    selector: Mapping[str, str],
    running: Proposal | None,
    answers: tuple[str, str, int | None, str],
) -> dict[str, object]:
    app, image, port, host = answers
    version: dict[str, object] = {**(running.config if running else {}), "image": image}
    if port is not None:
        version["containerPort"] = port
    name = running.version if running else "v1"
    taken = {"takeOwnership": True} if running is not None and running.in_place else {}
    routing: dict[str, object] = {"hosts": [host], "gateway": f"{app}-gateway"}
    return {
        "cluster": {"kind": "kubeconfig", "context": context},
        "istio": dict(istio),
        "app": {"name": app, "namespace": namespace, **taken},
        "routing": {**routing, **({"gatewaySelector": dict(selector)} if selector else {})},
        "versions": {name: version},
        "weights": {name: 100},
    }


def _said_of(running: Proposal | None, namespace: str) -> list[str]:
    """What a person should know of a config that was read from what runs."""
    if running is None:
        return []
    notes = [f"Not in the config: {one}." for one in running.left]
    if running.in_place:
        notes.append("`pulumi preview` says what each object loses that is taken over; see docs/adopt.md.")
    else:
        notes.append(
            f"The stack makes {running.app}-{running.version} beside the Deployment that was read, which "
            f"stays as it is in namespace {namespace}: delete it when all traffic has moved."
        )
    return notes


def _write(file: Path, before: Mapping[str, Any], config: Mapping[str, object]) -> None:
    """Add the keys to a file whose own have these values."""
    lines: list[str] = []
    for key, value in config.items():
        if key == "versions":
            lines.append(f"  {project.NAME}:versions:")
            for name, version in cast("Mapping[str, Mapping[str, object]]", value).items():
                lines.append(f"    {name}:")
                lines += [f"      {one}: {flow(said)}" for one, said in version.items()]
        else:
            lines.append(f"  {project.NAME}:{key}: {flow(value)}")
    block = "".join(f"{line}\n" for line in lines)
    said = file.read_text(encoding="utf-8") if file.exists() else ""
    if re.search(r"^config:[ \t]*$", said, re.MULTILINE):
        text = re.sub(r"^config:[ \t]*\n", lambda _: f"config:\n{block}", said, count=1, flags=re.MULTILINE)
    else:
        text = f"{re.sub(r'^config:.*$', '', said, flags=re.MULTILINE)}config:\n{block}"
    if not _has(text, before.keys() | {f"{project.NAME}:{key}" for key in config}):
        msg = (
            f"{file.name}: no keys can be added to its config as it stands. Write `config:` in a line of its "
            "own, and its keys in lines below that begin with two spaces"
        )
        raise RolloutError(msg)
    schema = project.folder() / "docs" / "config.schema.json"
    if schema.is_file():
        place = os.path.relpath(schema, file.parent)
        text = f"# yaml-language-server: $schema={place}\n{text}"
    file.write_text(text)


def _has(text: str, keys: set[str]) -> bool:
    """Whether it is YAML with exactly these keys in its config."""
    try:
        return yaml.safe_load(text)["config"].keys() == keys
    except yaml.YAMLError:
        return False
