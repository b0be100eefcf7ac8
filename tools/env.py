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
PASSPHRASE = ("PULUMI_CONFIG_PASSPHRASE", "PULUMI_CONFIG_PASSPHRASE_FILE")


def variables(stack: str, state: Path = ROOT / ".lab" / "pulumi") -> dict[str, str]:
    """Return the variables for one stack; PATH has our tools first.

    The user's Pulumi login is neither read nor changed: the state stands below `.lab/pulumi`,
    unless `PULUMI_BACKEND_URL` already names another backend.
    """
    path = [str(LINKS / "bin"), str(ROOT / ".venv" / "bin")]
    others = [folder for folder in os.environ.get("PATH", "").split(os.pathsep) if folder not in path]
    ours = {
        "PATH": os.pathsep.join([*path, *others]),
        "PULUMI_STACK": stack,
        "PULUMI_SKIP_UPDATE_CHECK": "true",
    }
    home = state / "home"
    if BACKEND not in os.environ or os.environ[BACKEND] == f"file://{state}":
        home.mkdir(parents=True, exist_ok=True)
        ours |= {BACKEND: f"file://{state}", "PULUMI_HOME": str(home)}
        ours |= _passphrase(state)
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
    """Put the Kubernetes provider that we built among Pulumi's plugins."""
    plugin = home / "plugins" / f"resource-kubernetes-v{PULUMI_KUBERNETES}" / PROVIDER_PLUGIN
    built = (LINKS / "plugins" / PROVIDER_PLUGIN).resolve()
    if plugin.is_symlink() and plugin.readlink() == built:
        return
    plugin.parent.mkdir(parents=True, exist_ok=True)
    fresh = plugin.with_suffix(f".{os.getpid()}")
    fresh.symlink_to(built)
    fresh.replace(plugin)


def _passphrase(state: Path) -> dict[str, str]:
    file = state / "passphrase"
    ours = str(file)
    if any(os.environ.get(name, ours) != ours for name in PASSPHRASE):
        return {}
    file.touch(mode=0o600)
    file.write_text(LAB_PASSPHRASE)
    return {"PULUMI_CONFIG_PASSPHRASE_FILE": ours}


def _is_from_path(name: str) -> bool:
    """Tell whether the linked command is the user's own, not our build."""
    return not (LINKS / "bin" / name).resolve().is_relative_to(cache().resolve())
