"""The environment in which `pulumi` works by hand: our tools, a local state, a lab-only passphrase."""

import os
import pwd
import shlex
from collections.abc import Iterator
from pathlib import Path

from tools.catalogue import PROVIDER_PLUGIN, PULUMI_KUBERNETES
from tools.store import LINKS, ROOT, cache

# It protects nothing but a lab that lives and dies on this machine; it is no secret.
LAB_PASSPHRASE = "blue-green-lab"  # noqa: S105
# Pulumi's own variables: where the user has set them, they are the user's wish.
BACKEND = "PULUMI_BACKEND_URL"
PASSPHRASE = "PULUMI_CONFIG_PASSPHRASE"  # noqa: S105
PASSPHRASE_FILE = "PULUMI_CONFIG_PASSPHRASE_FILE"  # noqa: S105
STATE = ROOT / ".lab" / "pulumi"


def variables(stack: str, own_state: Path | None = None) -> dict[str, str]:
    """Return the variables for one stack; PATH has our tools first.

    The user's Pulumi login is neither read nor changed: the state stands below `.lab/pulumi`,
    unless `PULUMI_BACKEND_URL` already names another backend.

    Args:
        stack: the stack's name.
        own_state: the folder of a state apart from the user's, whatever the user has set.
    """
    path = [str(LINKS / "bin"), str(ROOT / ".venv" / "bin")]
    others = [folder for folder in os.environ.get("PATH", "").split(os.pathsep) if folder not in path]
    ours = {
        "PATH": os.pathsep.join([*path, *others]),
        "PULUMI_STACK": stack,
        "PULUMI_SKIP_UPDATE_CHECK": "true",
    }
    state = own_state or STATE
    home = state / "home"
    if own_state or os.environ.get(BACKEND, f"file://{state}") == f"file://{state}":
        home.mkdir(parents=True, exist_ok=True)
        # Pulumi writes it for all to read, and everybody knows the passphrase.
        state.chmod(0o700)
        ours |= {BACKEND: f"file://{state}", "PULUMI_HOME": str(home)}
        ours |= {PASSPHRASE: LAB_PASSPHRASE} if own_state else _passphrase_file(state)
    if not _is_from_path("pulumi"):
        ours |= {"PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION": "true"}
        _install_provider(Path(ours["PULUMI_HOME"]) if "PULUMI_HOME" in ours else pulumi_home())
    return ours


def export_lines(stack: str) -> Iterator[str]:
    """Yield the lines that a POSIX shell evaluates."""
    for name, value in variables(stack).items():
        yield f"export {name}={shlex.quote(value)}"


def pulumi_home() -> Path:
    """Return the folder of Pulumi's plugins and login, as Pulumi finds it: HOME has no say in it."""
    return Path(os.environ.get("PULUMI_HOME") or Path(pwd.getpwuid(os.getuid()).pw_dir) / ".pulumi")


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


def _passphrase_file(state: Path) -> dict[str, str]:
    file = state / "passphrase"
    if PASSPHRASE in os.environ or os.environ.get(PASSPHRASE_FILE, str(file)) != str(file):
        return {}
    file.touch(mode=0o600)
    file.write_text(LAB_PASSPHRASE)
    return {PASSPHRASE_FILE: str(file)}


def _is_from_path(name: str) -> bool:
    """Tell whether the linked command is the user's own, not our build."""
    return not (LINKS / "bin" / name).resolve().is_relative_to(cache().resolve())
