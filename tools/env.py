"""The environment in which `pulumi` works by hand: our tools, a local state, a lab-only passphrase."""

import os
import pwd
import shlex
from collections.abc import Iterator, Mapping
from pathlib import Path

from components.pulumi_cli import environment
from lab import minikube
from lab.layout import OWN
from tools import stacks
from tools.catalogue import PROVIDER_PLUGIN, PULUMI_KUBERNETES
from tools.store import LINKS, ROOT, cache

# It protects nothing but a lab that lives and dies on this machine; it is no secret.
LAB_PASSPHRASE = "blue-green-lab"  # noqa: S105
# Pulumi's own variables: where the user has set them, they are the user's wish.
BACKEND = stacks.BACKEND
PASSPHRASE, PASSPHRASE_FILE = stacks.PASSPHRASES
STATE = ROOT / ".lab" / "pulumi"


def variables(stack: str, own_state: Path | None = None) -> dict[str, str]:
    """Return the variables for one stack; PATH has our tools first.

    The state stands below `.lab/pulumi`, apart from the user's Pulumi login, unless `PULUMI_BACKEND_URL`
    already names another backend, or the stack is on a cluster of the user's own. What `make env` has set
    in this shell for another stack counts for nothing.

    Args:
        stack: the stack's name.
        own_state: the folder of a state apart from the user's, whatever the user has set.
    """
    theirs = environment.undone(os.environ)
    path = [str(LINKS / "bin"), str(ROOT / ".venv" / "bin")]
    not_theirs = {*path, str(OWN.bin)}
    others = [folder for folder in theirs.get("PATH", "").split(os.pathsep) if folder not in not_theirs]
    ours = {
        "PATH": os.pathsep.join([*path, *others]),
        "PULUMI_STACK": stack,
        "PULUMI_SKIP_UPDATE_CHECK": "true",
    }
    state = own_state or STATE
    home = state / "home"
    is_ours = not stacks.needs_own_backend(stack) and theirs.get(BACKEND) in (None, f"file://{state}")
    if own_state or is_ours:
        home.mkdir(parents=True, exist_ok=True)
        # Pulumi writes it for all to read, and everybody knows the passphrase.
        state.chmod(0o700)
        ours |= {BACKEND: f"file://{state}", "PULUMI_HOME": str(home)}
        ours |= {PASSPHRASE: LAB_PASSPHRASE} if own_state else _passphrase_file(state, theirs)
    if not _is_from_path("pulumi"):
        ours |= {"PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION": "true"}
        _install_provider(Path(ours["PULUMI_HOME"]) if "PULUMI_HOME" in ours else pulumi_home(theirs))
    return ours


def refuse(stack: str) -> None:
    """Refuse a stack that there is not, or whose state would not be the user's own where it must be.

    Raises:
        ToolsError: it is refused; the text says what to type.
    """
    theirs = environment.undone(os.environ)
    stacks.refuse_shared_state(stack, theirs, pulumi_home(theirs))


def export_lines(stack: str) -> Iterator[str]:
    """Yield the lines that a POSIX shell evaluates, for the lab's stack with those of its Minikube.

    They replace whatever an earlier `make env` has set there.

    Raises:
        ToolsError: there is no such stack, or it needs a backend of the user's own.
    """
    refuse(stack)
    theirs = environment.undone(os.environ)
    ours = variables(stack)
    if stack == "lab":
        ours |= minikube.environment(OWN) | {"PATH": f"{OWN.bin}{os.pathsep}{ours['PATH']}"}
    before = {name: theirs.get(name) for name in ours if name != "PATH"}
    wanted = theirs | ours | {environment.MARK: environment.mark(stack, before, ours)}
    for name in sorted(wanted.keys() | os.environ.keys()):
        if name not in wanted:
            yield f"unset {name}"
        elif name in ours or wanted[name] != os.environ.get(name):
            yield f"export {name}={shlex.quote(wanted[name])}"


def pulumi_home(environment: Mapping[str, str]) -> Path:
    """Return the folder of Pulumi's plugins and login, as Pulumi finds it.

    HOME has no say in it but for a user without a name, as in a container that was started with `--user`.
    """
    if home := environment.get("PULUMI_HOME"):
        return Path(home)
    try:
        of_user = pwd.getpwuid(os.getuid()).pw_dir
    except KeyError:
        of_user = environment.get("HOME", "/")
    return Path(of_user) / ".pulumi"


def _install_provider(home: Path) -> None:
    """Put the Kubernetes provider that we built among Pulumi's plugins, unless the user has one there."""
    plugin = home / "plugins" / f"resource-kubernetes-v{PULUMI_KUBERNETES}" / PROVIDER_PLUGIN
    built = (LINKS / "plugins" / PROVIDER_PLUGIN).resolve()
    is_ours = plugin.is_symlink() and plugin.readlink().is_relative_to(cache().resolve())
    if plugin.exists() and (not is_ours or plugin.readlink() == built):
        return
    plugin.parent.mkdir(parents=True, exist_ok=True)
    fresh = plugin.with_suffix(f".{os.getpid()}")
    fresh.symlink_to(built)
    fresh.replace(plugin)


def _passphrase_file(state: Path, theirs: Mapping[str, str]) -> dict[str, str]:
    file = state / "passphrase"
    if PASSPHRASE in theirs or theirs.get(PASSPHRASE_FILE, str(file)) != str(file):
        return {}
    file.touch(mode=0o600)
    file.write_text(LAB_PASSPHRASE)
    return {PASSPHRASE_FILE: str(file)}


def _is_from_path(name: str) -> bool:
    """Tell whether the linked command is the user's own, not our build."""
    return not (LINKS / "bin" / name).resolve().is_relative_to(cache().resolve())
