"""What is done with a Minikube profile, by its command; knows nothing of Pulumi."""

import functools
import json
import re
import sys
import time
from collections.abc import Mapping, Sequence
from typing import Any, Literal, cast

from ..kubernetes import kubeconfig, nodes
from ..kubernetes.api import Api
from ..kubernetes.errors import GatewayError, KubeconfigError
from . import engine, reach
from . import errors as minikube_errors
from . import owner as minikube_owner
from .errors import MinikubeError
from .profile import Profile
from .run import error, output, run

# A first start downloads a VM or an image; Minikube itself gives up on the rest after 6 minutes.
START_SECONDS = 1800
# A node that has joined is ready once its network plugin runs, which may have to download an image.
NODES_SECONDS = 120
# What Minikube warns of at every start with driver `none`, which nobody asks for who does not know it.
_OF_DRIVER_NONE = (
    "'none' driver",
    "minikube bare metal machine",
    "minikube configuration will be stored in",
    "as your own user",
)
# ExGuestNotFound of Minikube's exit codes: there is no profile of the name.
_NO_PROFILE = 85
# How Minikube calls a machine that runs and whose disk is full to 99 %.
_FULL = "InsufficientStorage"

# Minikube leads to its API server by a port of this machine where a node's address is not reached, such as
# that of a container in Docker Desktop (pkg/minikube/driver, NeedsPortForward).
_FORWARDED = re.compile(r"server: https://(127\.|localhost)")
_UNREACHED = (
    "warning: this machine does not reach the node's address, nor its node ports. Type, in a terminal of its "
    "own: minikube tunnel --profile {profile}; and set istio.gateway.serviceType: LoadBalancer. Or, for an "
    "address by hand: minikube service istio-ingressgateway -n istio-system --url --profile {profile}"
)

Status = Literal["Running", "Stopped", "Paused", "Broken", "Deleted"]


def start_arguments(args: Mapping[str, Any]) -> list[str]:
    """`minikube start` for the inputs of a profile, by their config names."""
    command = ["start", "--profile", args["profile"]]
    if args.get("driver"):
        command.append(f"--driver={args['driver']}")
    # Driver none takes the machine as it is, and warns of a size.
    if args.get("driver") != "none":
        command += [f"--cpus={_whole(args['cpus'])}", f"--memory={_whole(args['memory'])}"]
        command += [f"--disk-size={args['diskSize']}"] if args.get("diskSize") else []
    if _whole(args.get("nodes") or 1) > 1:
        command.append(f"--nodes={_whole(args['nodes'])}")
    for key, flag in (
        ("kubernetesVersion", "kubernetes-version"),
        ("containerRuntime", "container-runtime"),
        ("cni", "cni"),
    ):
        if args.get(key):
            command.append(f"--{flag}={args[key]}")
    if args.get("mount"):
        command += ["--mount", f"--mount-string={args['mount']}"]
    command += [f"--extra-config={value}" for value in args.get("extraConfig") or ()]
    command += [f"--{flag}" for flag in args.get("flags") or ()]
    return command


def start(args: Mapping[str, Any]) -> None:
    """Starts the profile, or brings the one that is there to these arguments. Raises MinikubeError.

    Prints Minikube's steps and warnings to standard error, which Pulumi shows.
    """
    profile = Profile.of(args)
    command = [*start_arguments(args), "--output=json"]
    failed = run(profile, command, START_SECONDS, lambda line: _tell(profile.name, line)).failed
    if failed is not None:
        raise error(profile, command, failed)


def mistake(args: Mapping[str, Any]) -> str | None:
    """What Minikube finds wrong with the arguments, by its own dry run; None where it takes them.

    That the machine is not ready, such as Docker not running, is no mistake. Raises MinikubeError.
    """
    profile = Profile.of(args)
    known = profile.folder.exists()
    failed = run(profile, [*start_arguments(args), "--dry-run", "--output=json"], 120).failed
    if not known:
        # The dry run logs its events there, and `minikube profile list` would show a broken profile.
        minikube_owner.remove_traces(profile)
    if failed is not None and failed.is_mistake:
        return failed.sentence(profile)
    wanted = set(args.get("addons") or ())
    unknown = wanted - addons(profile) if wanted else set[str]()
    if unknown:
        return f"Minikube has no addon {', '.join(sorted(unknown))}. Type: minikube addons list."
    return None


def addons(profile: Profile) -> set[str]:
    """The names of the addons that this Minikube has. Raises MinikubeError."""
    return set(
        json.loads(output(profile, ["addons", "list", "--profile", profile.name, "--output=json"], 60))
    )


def set_addons(profile: Profile, wanted: Sequence[str], before: Sequence[str]) -> None:
    """Enables what is wanted and was not, and disables what was and is not. Raises MinikubeError."""
    for verb, names in (("disable", set(before) - set(wanted)), ("enable", set(wanted) - set(before))):
        for name in sorted(names):
            say(profile.name, f"addon {name}: {verb}")
            output(profile, ["addons", verb, name, "--profile", profile.name], 600)


def unpause(profile: Profile) -> None:
    """Lets a paused cluster go on: its machines, where their engine has paused them, and Kubernetes.

    Raises MinikubeError.
    """
    say(profile.name, "going on from the pause")
    found = _nodes(run(profile, _status_command(profile), 120).lines)
    engine.unpause(profile, [node["Name"] for node in found if node["Host"] == "Paused"])
    if status(profile) == "Paused":
        output(profile, ["unpause", "--profile", profile.name], 300)


def delete(profile: Profile) -> None:
    """Deletes the profile and what it left; nothing if there is none. Raises MinikubeError."""
    say(profile.name, "deleting it")
    output(profile, ["delete", "--profile", profile.name], 600)
    minikube_owner.remove(profile)


def status(profile: Profile) -> Status:
    """How the profile is, as Minikube says. Raises MinikubeError where it cannot tell."""
    command = _status_command(profile)
    failed, lines = run(profile, command, 120)
    found = _nodes(lines)
    if failed is not None and not found:
        if failed.status == _NO_PROFILE:
            return "Deleted"
        if failed.reason.startswith(("HOST_CONFIG_LOAD", "GUEST_")):
            return "Broken"
        # To look at a container, Minikube goes by its address too, and says only that it did not answer.
        if not failed.reason and engine.name(profile) and (lost := reach.lost(profile)):
            raise MinikubeError(lost)
        raise error(profile, command, failed)
    hosts = {node.get("Host") for node in found}
    if _FULL in hosts:
        say_once(profile.name, f"warning: its disk is full. Look at: minikube ssh -p {profile.name} df /var")
        hosts = hosts - {_FULL} | {"Running"}
    servers = {node.get("APIServer") for node in found} - {"Irrelevant"}
    if hosts & {"Starting", "Stopping"}:
        raise MinikubeError(
            f"Minikube {profile.name} is starting or stopping now. When it has ended, try again."
        )
    if hosts - {"Running", "Stopped", "Saved", "Paused"}:
        return "Broken"
    if "Paused" in hosts and engine.name(profile):
        return "Paused"
    if hosts == {"Running"} and servers == {"Paused"}:
        return "Paused"
    if hosts == {"Running"} and servers == {"Running"}:
        return "Running"
    return "Stopped"


def wait_for_nodes(profile: Profile) -> None:
    """Waits until each node is ready, and says meanwhile why one is not. Raises MinikubeError."""
    deadline = time.monotonic() + NODES_SECONDS
    try:
        with Api(profile.reference) as api:
            while unready := nodes.unready(api):
                reasons = "; ".join(f"node {name} is not ready: {why}" for name, why in unready.items())
                if time.monotonic() > deadline:
                    raise MinikubeError(
                        f"After {NODES_SECONDS} s, {reasons}. Look at: {api.kubectl} describe nodes"
                    )
                say_once(profile.name, reasons)
                time.sleep(1)
    except GatewayError as unanswered:
        raise MinikubeError(str(unanswered)) from unanswered


def outputs(profile: Profile) -> dict[str, str]:
    """The kubeconfig of this profile alone, and its node's address. Raises MinikubeError."""
    try:
        config = kubeconfig.minified(profile.reference)
    except KubeconfigError as missing:
        raise MinikubeError(str(missing)) from missing
    if _FORWARDED.search(config):
        say_once(profile.name, _UNREACHED.format(profile=profile.name))
    return {"kubeconfig": config, "ip": output(profile, ["ip", "--profile", profile.name], 60).strip()}


def say(profile: str, line: str) -> None:
    """Tells the user something: Pulumi shows what a provider prints to standard error.

    A dynamic provider has no other way (pulumi/pulumi #6065).
    """
    print(f"minikube {profile}: {line}", file=sys.stderr, flush=True)


@functools.cache
def say_once(profile: str, line: str) -> None:
    """As `say`, where Pulumi asks or Minikube says the same more than once."""
    say(profile, line)


def _tell(profile: str, line: str) -> None:
    """Passes on an event of a start: its steps, and warnings."""
    found = minikube_errors.event(line)
    if found is None:
        return
    data, kind = found["data"], minikube_errors.kind(found)
    if kind == "step":
        say(profile, f"step {data.get('currentstep')} of {data.get('totalsteps')}: {data.get('message')}")
    elif kind == "warning":
        message = str(data.get("message"))
        if any(known in message for known in _OF_DRIVER_NONE):
            return
        remedy = f" Type: minikube kubectl --profile {profile} --" if "incompatibilities" in message else ""
        say_once(profile, f"warning: {message}{remedy}")


def _status_command(profile: Profile) -> list[str]:
    return ["status", "--profile", profile.name, "--output=json"]


def _nodes(lines: Sequence[str]) -> list[Mapping[str, Any]]:
    """The nodes of `minikube status -o json`: one object, or a list of several."""
    for line in lines:
        try:
            found = json.loads(line)
        except ValueError:
            continue
        nodes = cast("list[object]", found if isinstance(found, list) else [found])
        # Of a machine whose driver does not answer, Minikube says null.
        if all(isinstance(node, dict) and "Host" in node for node in nodes):
            return cast("list[Mapping[str, Any]]", nodes)
    return []


def _whole(number: float) -> int:
    """Pulumi hands over every number as a float."""
    return int(number)
